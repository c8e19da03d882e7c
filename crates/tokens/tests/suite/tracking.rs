//! The index of deadlines.

use roomkey_core::{Op, Reply, Store, Ttl};
use roomkey_tokens::Tokens;

use crate::common::{HOUR, index, open, raw, tracking};

pub(crate) async fn without_tracking_nothing_is_left_behind<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let tokens = Tokens::new(vault.clone());
    tokens.store("access", "token", HOUR).await.unwrap();
    let ttl = raw(&store, Op::ttl(&index(&vault, "access", "token"))).await;
    assert_eq!(ttl, Reply::Ttl(Ttl::Missing));
    assert_eq!(tokens.cleanup_expired("access").await.unwrap(), 0);
}

pub(crate) async fn the_index_follows_tokens<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let tokens = tracking(vault.clone());
    tokens.store("access", "token", HOUR).await.unwrap();
    let count = async || raw(&store, Op::rank_count(&index(&vault, "access", "token"))).await;
    assert_eq!(count().await, Reply::Number(1));
    assert!(tokens.store("access", "token", HOUR).await.is_err());
    assert_eq!(count().await, Reply::Number(1));
    assert_eq!(tokens.cleanup_expired("access").await.unwrap(), 0, "a live token is left alone");
    assert!(tokens.is_valid("access", "token").await.unwrap());
    tokens.revoke("access", "token").await.unwrap();
    assert_eq!(count().await, Reply::Number(0));
}

pub(crate) async fn the_index_lives_as_long_as_its_longest_token<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let tokens = tracking(vault.clone());
    // Two tokens that share an index: search for one in the same partition as the first.
    let home = index(&vault, "access", "0");
    let other = (1..).map(|n: u32| n.to_string()).find(|n| index(&vault, "access", n) == home).unwrap();
    tokens.store("access", "0", HOUR * 10).await.unwrap();
    tokens.store("access", &other, HOUR).await.unwrap();
    let Reply::Ttl(Ttl::After(left)) = raw(&store, Op::ttl(&home)).await else { panic!("an index expires") };
    assert!(left > HOUR * 9, "a shorter token does not shorten it: {left:?}");
    assert_eq!(raw(&store, Op::rank_count(&home)).await, Reply::Number(2));
}

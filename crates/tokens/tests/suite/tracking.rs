//! The index of deadlines.

use std::time::Duration;

use roomkey_core::{Bound, Key, Kind, Op, Order, RankPut, Reply, Score, Store, Ttl};
use roomkey_tokens::{CleanupCursor, Issue, Policy, Tokens, TokensOptions, WhenFull};
use roomkey_vault::Vault;

use crate::common::{HOUR, index, keys_of, open, raw, tracking};

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

/// How many entries all indexes of a vault hold.
async fn entries<S: Store>(store: &S, vault: &Vault<S>) -> usize {
    let mut count = 0;
    for index in keys_of(vault, "x1", Kind::Ranking).await {
        let all = Op::rank_range(&index, Bound::Open, Bound::Open, Order::Lowest, 1_000);
        let Reply::Scored(entries) = raw(store, all).await else { panic!("a range replies members") };
        count += entries.len();
    }
    count
}

pub(crate) async fn the_index_follows_tokens_that_were_issued<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let options = TokensOptions::new()
        .policy("session", Policy::fixed(HOUR))
        .policy("refresh", Policy::refresh().access_type("access"))
        .policy("limited", Policy::fixed(HOUR).limit(2, WhenFull::EndOldest))
        .policy("families", Policy::refresh().limit(1, WhenFull::EndOldest))
        .track(true);
    let tokens = Tokens::with_options(vault.clone(), options).unwrap();
    let count = async || entries(&store, &vault).await;
    // One entry per token, or per family, and none once that has ended.
    let issued = tokens.issue("session", Issue::new("alice", ())).await.unwrap();
    assert_eq!(count().await, 1);
    tokens.revoke("session", issued.token.reveal()).await.unwrap();
    assert_eq!(count().await, 0);
    let issued = tokens.issue("session", Issue::new("alice", ())).await.unwrap();
    tokens.consume::<()>("session", issued.token.reveal()).await.unwrap().unwrap();
    assert_eq!(count().await, 0);
    let granted = tokens.grant("refresh", Issue::new("alice", ())).await.unwrap();
    let refreshed = tokens.refresh::<()>("refresh", granted.refresh.token.reveal()).await.unwrap();
    let (next, _) = refreshed.granted().unwrap();
    assert_eq!(count().await, 1, "a family is one session");
    tokens.revoke("refresh", next.refresh.token.reveal()).await.unwrap();
    assert_eq!(count().await, 0);
    for _ in 0..5 {
        tokens.issue("limited", Issue::new("alice", ())).await.unwrap();
        tokens.grant("families", Issue::new("alice", ())).await.unwrap();
    }
    assert_eq!(count().await, 3, "those that a limit ended are gone");
    for token_type in ["session", "refresh", "limited", "families"] {
        assert_eq!(tokens.cleanup_expired(token_type).await.unwrap(), 0, "live tokens are left alone");
    }
    assert_eq!(count().await, 3);
}

pub(crate) async fn a_cleanup_goes_in_bounded_steps_that_anyone_may_continue<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let tokens = tracking(vault.clone());
    tokens.store("access", "live", HOUR).await.unwrap();
    // More dead entries than one step takes, beside a live one.
    let full: Key = index(&vault, "access", "live");
    for batch in 0..12_u32 {
        let members: Vec<_> = (0..100_u32).map(|n| bytes::Bytes::from(format!("{batch} {n}"))).collect();
        raw(&store, RankPut::new(&full, members, Score::Is(1)).into()).await;
    }
    let (mut removed, mut steps, mut next) = (0, 0, None);
    loop {
        // Each step is another process, which has nothing but the text of the cursor.
        let process = tracking(vault.clone());
        let step = process.cleanup_step("access", next).await.unwrap();
        assert!(step.removed <= 500, "a step is bounded: {}", step.removed);
        removed += step.removed;
        steps += 1;
        let Some(cursor) = step.next else { break };
        assert!(next != Some(cursor) || step.removed == 500, "it goes on, or there was much");
        next = Some(cursor.to_string().parse::<CleanupCursor>().unwrap());
    }
    assert_eq!(removed, 1_200);
    assert!((8..=12).contains(&steps), "{steps} steps");
    assert!(tokens.is_valid("access", "live").await.unwrap());
    assert_eq!(raw(&store, Op::rank_count(&full)).await, Reply::Number(1));
    // A cursor that nobody gave is behind the end, or at some partition.
    let odd = tokens.cleanup_step("access", Some("65535".parse().unwrap())).await.unwrap();
    assert_eq!((odd.removed, odd.next), (0, None));
    let without = Tokens::new(vault).cleanup_step("access", None).await.unwrap();
    assert_eq!((without.removed, without.next), (0, None));
}

pub(crate) async fn nodes_that_clean_up_at_once_count_each_entry_once<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let tokens = tracking(vault.clone());
    for n in 0..300 {
        tokens.store("access", &format!("short {n}"), Duration::from_millis(1)).await.unwrap();
    }
    let left = entries(&store, &vault).await as u64;
    assert!(left > 100, "each store removes two expired ones of its partition only: {left}");
    // All have passed: a store reads its own clock, so the last one has when another millisecond has.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let nodes: Vec<_> = (0..4)
        .map(|_| {
            let tokens = tracking(vault.clone());
            tokio::spawn(async move { tokens.cleanup_expired("access").await.unwrap() })
        })
        .collect();
    let mut removed = 0;
    for node in nodes {
        removed += node.await.unwrap();
    }
    assert_eq!((removed, entries(&store, &vault).await), (left, 0));
}

//! Storing, asking, revoking.

use std::time::Duration;

use roomkey_core::{Op, Reply, Store, Ttl};
use roomkey_tokens::{DEFAULT_EXPIRY, Error, MAX_TOKEN_BYTES, Tokens};

use crate::assert_fails;
use crate::common::{HOUR, open, raw, record, tokens, tracking};

pub(crate) async fn a_stored_token_is_valid_until_revoked<S: Store>(store: S) {
    for tokens in [Tokens::new(open(store.clone()).await), tracking(open(store).await)] {
        tokens.store("access", "token", DEFAULT_EXPIRY).await.unwrap();
        assert!(tokens.is_valid("access", "token").await.unwrap());
        assert!(tokens.is_valid("access", "token").await.unwrap(), "asking changes nothing");
        assert!(tokens.revoke("access", "token").await.unwrap());
        assert!(!tokens.is_valid("access", "token").await.unwrap());
        assert!(!tokens.revoke("access", "token").await.unwrap(), "it was ended before");
        tokens.store("access", "token", HOUR).await.unwrap();
        assert!(tokens.is_valid("access", "token").await.unwrap(), "it may be stored again");
    }
}

pub(crate) async fn an_unknown_token_is_not_valid<S: Store>(store: S) {
    let tokens = tokens(store).await;
    tokens.store("access", "token", HOUR).await.unwrap();
    for other in ["", "toke", "tokenx", "Token", " token", "access"] {
        assert!(!tokens.is_valid("access", other).await.unwrap(), "{other:?}");
        assert!(!tokens.revoke("access", other).await.unwrap(), "{other:?}");
    }
    assert!(tokens.is_valid("access", "token").await.unwrap());
}

pub(crate) async fn types_do_not_meet<S: Store>(store: S) {
    let tokens = tokens(store).await;
    tokens.store("access", "token", HOUR).await.unwrap();
    tokens.store("refresh", "token", HOUR).await.unwrap();
    assert!(!tokens.is_valid("invite", "token").await.unwrap());
    assert!(tokens.revoke("access", "token").await.unwrap());
    assert!(tokens.is_valid("refresh", "token").await.unwrap());
    // Nor do type and token run into each other.
    tokens.store("a", "bc", HOUR).await.unwrap();
    assert!(!tokens.is_valid("ab", "c").await.unwrap());
}

pub(crate) async fn namespaces_do_not_meet<S: Store>(store: S) {
    let vault = open(store).await;
    let other = Tokens::new(vault.namespace("other").await.unwrap());
    Tokens::new(vault).store("access", "token", HOUR).await.unwrap();
    assert!(!other.is_valid("access", "token").await.unwrap());
}

pub(crate) async fn storing_never_overwrites<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    for tokens in [Tokens::new(vault.clone()), tracking(vault.clone())] {
        tokens.store("access", "token", HOUR).await.unwrap();
        let before = raw(&store, Op::get(&record(&vault, "access", "token"))).await;
        assert_fails!(tokens.store("access", "token", HOUR * 100).await, Error::AlreadyExists);
        assert_eq!(raw(&store, Op::get(&record(&vault, "access", "token"))).await, before);
        let Reply::Ttl(Ttl::After(left)) = raw(&store, Op::ttl(&record(&vault, "access", "token"))).await
        else {
            panic!("a record expires")
        };
        assert!(left <= HOUR);
        tokens.revoke("access", "token").await.unwrap();
    }
}

pub(crate) async fn of_many_that_store_at_once_one_wins<S: Store>(store: S) {
    let tokens = tokens(store).await;
    for round in 0..10 {
        let tasks: Vec<_> = (0..32)
            .map(|_| {
                let tokens = tokens.clone();
                tokio::spawn(async move { tokens.store("access", &format!("token{round}"), HOUR).await })
            })
            .collect();
        let mut won = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(()) => won += 1,
                Err(Error::AlreadyExists) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(won, 1);
    }
}

pub(crate) async fn every_record_expires<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let tokens = Tokens::new(vault.clone());
    for (token, expiry) in [("a", Duration::from_secs(60)), ("b", HOUR), ("c", HOUR * 24 * 365 * 100)] {
        tokens.store("access", token, expiry).await.unwrap();
        let ttl = raw(&store, Op::ttl(&record(&vault, "access", token))).await;
        assert!(
            matches!(ttl, Reply::Ttl(Ttl::After(left)) if left <= expiry && left > expiry / 2),
            "{ttl:?}"
        );
    }
}

pub(crate) async fn bad_expiries_are_refused<S: Store>(store: S) {
    let tokens = tokens(store).await;
    for bad in [Duration::ZERO, Duration::from_secs(100 * 365 * 24 * 3_600 + 1), Duration::MAX] {
        assert_fails!(tokens.store("access", "token", bad).await, Error::Expiry(told) if told == bad);
    }
    assert!(!tokens.is_valid("access", "token").await.unwrap());
}

pub(crate) async fn bad_tokens_are_refused<S: Store>(store: S) {
    let tokens = tokens(store).await;
    let long = "x".repeat(64 * 1_024);
    assert_fails!(tokens.store("access", "", HOUR).await, Error::Empty);
    assert_fails!(tokens.store("access", &long, HOUR).await, Error::TooLong { bytes: 65_536 });
    // What could not have been stored is not valid: a stranger may send anything.
    assert!(!tokens.is_valid("access", "").await.unwrap());
    assert!(!tokens.is_valid("access", &long).await.unwrap());
    assert!(!tokens.revoke("access", &long).await.unwrap());
    // The type is the service's own.
    assert_fails!(tokens.store("", "token", HOUR).await, Error::Empty);
    assert_fails!(tokens.is_valid("", "token").await, Error::Empty);
    assert_fails!(tokens.is_valid(&long, "").await, Error::TooLong { .. });
    assert_fails!(tokens.revoke("", "token").await, Error::Empty);
    assert_fails!(tokens.cleanup_expired("").await, Error::Empty);
}

pub(crate) async fn the_longest_token_passes<S: Store>(store: S) {
    let tokens = tokens(store).await;
    let longest = "x".repeat(MAX_TOKEN_BYTES);
    tokens.store("access", &longest, HOUR).await.unwrap();
    assert!(tokens.is_valid("access", &longest).await.unwrap());
}

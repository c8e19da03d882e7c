//! What tokens make of a store that is broken or loses replies, and of the passing of time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/repeating.rs"]
mod repeating;

use std::time::Duration;

use roomkey_core::{
    Class, Error as StoreError, ErrorKind, Kind, Outcome, RankPut, Reply, Score, Spread, Step, Store,
};
use roomkey_memory::MemoryStore;
use roomkey_testkit::{Fault, FaultyStore, Gate, MockStore, RecordingStore};
use roomkey_tokens::{Error, Tokens, TokensOptions};
use roomkey_vault::{Keyring, Vault};

use crate::repeating::Repeating;

const HOUR: Duration = Duration::from_secs(3_600);

async fn open<S: Store>(store: S) -> Vault<S> {
    Vault::open(store, Keyring::from_key_bytes([7; 32])).await.unwrap()
}

fn both<S: Store>(vault: &Vault<S>) -> [Tokens<S>; 2] {
    let track = TokensOptions::new().track(true);
    [Tokens::new(vault.clone()), Tokens::with_options(vault.clone(), track).unwrap()]
}

fn store_error<T: std::fmt::Debug>(result: Result<T, Error>) -> StoreError {
    match result {
        Err(Error::Store(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn trouble_is_never_told_as_valid_or_not() {
    let store = FaultyStore::new(MemoryStore::new());
    let vault = open(store.clone()).await;
    for tokens in both(&vault) {
        store.heal();
        tokens.revoke("access", "known").await.unwrap();
        tokens.store("access", "known", HOUR).await.unwrap();
        for error in [
            StoreError::not_executed("away"),
            StoreError::ambiguous("timed out"),
            StoreError::permanent("no permission"),
            StoreError::Contended,
            StoreError::Closed,
        ] {
            store.break_down(error.clone());
            for token in ["known", "unknown"] {
                assert_eq!(store_error(tokens.is_valid("access", token).await).kind(), error.kind());
                assert_eq!(store_error(tokens.revoke("access", token).await).kind(), error.kind());
                assert_eq!(store_error(tokens.store("access", token, HOUR).await).kind(), error.kind());
            }
        }
        store.heal();
        assert!(tokens.is_valid("access", "known").await.unwrap(), "nothing was done");
        assert!(!tokens.is_valid("access", "unknown").await.unwrap());
    }
}

#[tokio::test]
async fn after_a_lost_reply_a_call_tells_its_own_success_from_someone_elses() {
    let store = Repeating(FaultyStore::new(MemoryStore::new()));
    for tokens in both(&open(store.clone()).await) {
        store.0.plan([Fault::ReplyLost]);
        tokens.store("access", "token", HOUR).await.unwrap();
        assert!(tokens.is_valid("access", "token").await.unwrap());
        store.0.plan([Fault::ReplyLost]);
        assert!(matches!(tokens.store("access", "token", HOUR).await, Err(Error::AlreadyExists)));
        assert_eq!(store.0.planned(), 0, "both faults were met");
        tokens.revoke("access", "token").await.unwrap();
    }
}

#[tokio::test]
async fn a_request_that_arrives_late_changes_nothing_that_was_decided_since() {
    let store = FaultyStore::new(MemoryStore::new());
    for tokens in both(&open(store.clone()).await) {
        let gate = Gate::new();
        store.plan([Fault::Late(gate.clone())]);
        assert_eq!(store_error(tokens.store("access", "token", HOUR).await).class(), Class::Ambiguous);
        tokens.store("access", "token", HOUR * 2).await.unwrap();
        gate.open();
        gate.finished().await;
        assert!(tokens.is_valid("access", "token").await.unwrap());
        assert!(matches!(tokens.store("access", "token", HOUR).await, Err(Error::AlreadyExists)));
        tokens.revoke("access", "token").await.unwrap();
    }
}

#[tokio::test]
async fn a_revocation_whose_reply_is_lost_has_happened() {
    let store = FaultyStore::new(MemoryStore::new());
    for tokens in both(&open(store.clone()).await) {
        tokens.store("access", "token", HOUR).await.unwrap();
        store.plan([Fault::ReplyLost]);
        assert_eq!(store_error(tokens.revoke("access", "token").await).class(), Class::Ambiguous);
        assert!(!tokens.is_valid("access", "token").await.unwrap());
        assert!(!tokens.revoke("access", "token").await.unwrap(), "ending it again is no error");
    }
}

#[tokio::test]
async fn a_full_store_refuses_a_token_and_revokes_one() {
    let store = MemoryStore::new();
    for tokens in both(&open(store.clone()).await) {
        store.set_capacity(None);
        tokens.store("access", "token", HOUR).await.unwrap();
        store.set_capacity(Some(0));
        assert_eq!(store_error(tokens.store("access", "other", HOUR).await).kind(), ErrorKind::Full);
        assert!(tokens.is_valid("access", "token").await.unwrap());
        assert!(tokens.revoke("access", "token").await.unwrap());
        assert!(!tokens.is_valid("access", "token").await.unwrap());
    }
}

#[tokio::test]
async fn each_operation_is_one_round_trip_and_bad_input_none() {
    let store = RecordingStore::new(MemoryStore::new());
    for tokens in both(&open(store.clone()).await) {
        store.clear();
        tokens.store("access", "token", HOUR).await.unwrap();
        assert_eq!(store.history().len(), 1);
        tokens.is_valid("access", "token").await.unwrap();
        assert_eq!(store.history().len(), 2);
        tokens.revoke("access", "token").await.unwrap();
        assert_eq!(store.history().len(), 3);

        store.clear();
        assert!(tokens.store("access", "token", Duration::ZERO).await.is_err());
        assert!(tokens.store("access", "", HOUR).await.is_err());
        assert!(!tokens.is_valid("access", &"x".repeat(65_536)).await.unwrap());
        assert!(!tokens.revoke("access", "").await.unwrap());
        assert!(store.history().is_empty());
    }
}

#[tokio::test]
async fn a_reply_that_no_store_may_give_is_neither_valid_nor_not() {
    let mut mock = MockStore::new();
    mock.expect_transact().returning(|txn| {
        // Every first check holds, so that the vault's canary is new; but no op replies.
        let mut outcome = Outcome::new(txn, None);
        if let Some(Step::Fork(fork)) = txn.steps().first() {
            outcome.take_branch(fork.then_id);
        }
        Box::pin(async { Ok(outcome) })
    });
    mock.expect_run().returning(|_| Box::pin(async { Ok(vec![Ok(Reply::Number(1))]) }));
    let vault = open(mock.shared()).await;
    for tokens in both(&vault) {
        assert_eq!(store_error(tokens.is_valid("access", "token").await).kind(), ErrorKind::Permanent);
        assert_eq!(store_error(tokens.revoke("access", "token").await).kind(), ErrorKind::Permanent);
    }
    let [_, tracking] = both(&vault);
    assert_eq!(store_error(tracking.cleanup_expired("access").await).kind(), ErrorKind::Permanent);
}

#[tokio::test(start_paused = true)]
async fn tokens_expire_when_told() {
    for tokens in both(&open(MemoryStore::new()).await) {
        tokens.store("access", "token", HOUR).await.unwrap();
        tokens.store("access", "short", Duration::from_nanos(1)).await.unwrap();
        assert!(tokens.is_valid("access", "short").await.unwrap(), "a lifetime is at least a millisecond");
        tokio::time::advance(Duration::from_millis(2)).await;
        assert!(!tokens.is_valid("access", "short").await.unwrap());
        tokio::time::advance(HOUR - Duration::from_millis(3)).await;
        assert!(tokens.is_valid("access", "token").await.unwrap());
        tokio::time::advance(Duration::from_millis(2)).await;
        assert!(!tokens.is_valid("access", "token").await.unwrap());
        assert!(!tokens.revoke("access", "token").await.unwrap());
        tokens.store("access", "token", HOUR).await.unwrap();
        assert!(tokens.is_valid("access", "token").await.unwrap(), "it may be stored again");
        tokens.revoke("access", "token").await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_cleanup_counts_each_expired_token_once() {
    let vault = open(MemoryStore::new()).await;
    let [_, tokens] = both(&vault);
    for n in 0..3_000 {
        tokens.store("access", &format!("short{n}"), Duration::from_secs(60)).await.unwrap();
        tokens.store("refresh", &format!("short{n}"), Duration::from_secs(60)).await.unwrap();
        tokens.store("access", &format!("long{n}"), HOUR).await.unwrap();
    }
    let state = async |token_type: &str| tokens.cleanup_expired(token_type).await.unwrap();
    assert_eq!(state("access").await, 0);
    tokio::time::advance(Duration::from_secs(61)).await;
    // Two at once: each entry is counted by one of them.
    let (one, two) = tokio::join!(tokens.cleanup_expired("access"), tokens.cleanup_expired("access"));
    let removed = one.unwrap() + two.unwrap();
    assert_eq!(removed, 3_000);
    assert_eq!(state("access").await, 0);
    for n in 0..3_000 {
        assert!(!tokens.is_valid("access", &format!("short{n}")).await.unwrap());
        assert!(tokens.is_valid("access", &format!("long{n}")).await.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn a_cleanup_goes_on_where_much_is_left_in_one_partition() {
    let vault = open(MemoryStore::new()).await;
    let [_, tokens] = both(&vault);
    tokens.store("access", "long", HOUR).await.unwrap();
    // More dead entries than one step takes, in the index that the long token keeps alive.
    let home = vault.space("t1", Spread::over(4_096));
    let partition = home.partition(home.hide("token", &[b"access", b"long"]));
    let index = vault.space("x1", Spread::over(4_096));
    let index = index.key_in(partition, Kind::Ranking, index.hide("token index", &[b"access"]));
    for hundred in 0..12u32 {
        let members: Vec<_> =
            (0..100u32).map(|n| bytes::Bytes::from(format!("{}", hundred * 100 + n))).collect();
        let put = RankPut::new(&index, members, Score::Is(1));
        vault.run(put).await.unwrap();
    }
    assert_eq!(tokens.cleanup_expired("access").await.unwrap(), 1_200);
    assert!(tokens.is_valid("access", "long").await.unwrap());
}

#[tokio::test]
async fn a_broken_cleanup_is_told() {
    let store = FaultyStore::new(MemoryStore::new());
    let [without, tokens] = both(&open(store.clone()).await);
    store.plan([Fault::Pass, Fault::Fail(StoreError::not_executed("away"))]);
    assert_eq!(store_error(tokens.cleanup_expired("access").await).kind(), ErrorKind::NotExecuted);
    store.break_down(StoreError::Closed);
    assert_eq!(without.cleanup_expired("access").await.unwrap(), 0, "there is nothing to ask for");
}

//! What rooms make of a store that is full, broken or loses replies, and of the passing of time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use roomkey_core::{Class, Error as StoreError, ErrorKind, Outcome, Reply, Step, Store};
use roomkey_memory::MemoryStore;
use roomkey_rooms::{Error, Rooms};
use roomkey_testkit::{Fault, FaultyStore, MockStore, RecordingStore, Request};
use roomkey_vault::{Keyring, Vault};

const HOUR: Duration = Duration::from_secs(3_600);

async fn rooms<S: Store>(store: S) -> Rooms<S> {
    Rooms::new(Vault::open(store, Keyring::from_key_bytes([7; 32])).await.unwrap())
}

fn store_error<T: std::fmt::Debug>(result: Result<T, Error>) -> StoreError {
    match result {
        Err(Error::Store(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn trouble_is_never_told_as_full_or_empty() {
    let store = FaultyStore::new(MemoryStore::new());
    let rooms = rooms(store.clone()).await;
    rooms.set_size("room", 5).await.unwrap();
    for error in [
        StoreError::not_executed("away"),
        StoreError::ambiguous("timed out"),
        StoreError::permanent("no permission"),
        StoreError::Contended,
        StoreError::Closed,
    ] {
        store.break_down(error.clone());
        assert_eq!(store_error(rooms.size("room").await).kind(), error.kind());
        assert_eq!(store_error(rooms.set_size("room", 7).await).kind(), error.kind());
        assert_eq!(store_error(rooms.set_size("room", 0).await).kind(), error.kind());
        assert_eq!(store_error(rooms.update_size("room", 1).await).kind(), error.kind());
        assert_eq!(store_error(rooms.check_and_increment("room").await).kind(), error.kind());
    }
    store.heal();
    assert_eq!(rooms.size("room").await.unwrap(), 5, "nothing was done");
}

#[tokio::test]
async fn a_change_whose_reply_is_lost_is_told_and_not_repeated() {
    let store = FaultyStore::new(MemoryStore::new());
    let rooms = rooms(store.clone()).await;
    rooms.set_size("room", 5).await.unwrap();
    store.plan([Fault::ReplyLost]);
    assert_eq!(store_error(rooms.check_and_increment("room").await).class(), Class::Ambiguous);
    assert_eq!(rooms.size("room").await.unwrap(), 6, "it happened once");
    store.plan([Fault::ReplyLost]);
    assert_eq!(store_error(rooms.update_size("room", -2).await).class(), Class::Ambiguous);
    assert_eq!(rooms.size("room").await.unwrap(), 4);
    store.plan([Fault::ReplyLost]);
    assert_eq!(store_error(rooms.set_size("room", 9).await).class(), Class::Ambiguous);
    assert_eq!(rooms.size("room").await.unwrap(), 9);
}

#[tokio::test]
async fn no_relative_change_lets_a_store_repeat_it_and_each_is_one_round_trip() {
    let store = RecordingStore::new(MemoryStore::new());
    let rooms = rooms(store.clone()).await;
    store.clear();
    rooms.update_size("room", 1).await.unwrap();
    rooms.update_size("room", -5).await.unwrap();
    rooms.check_and_increment("room").await.unwrap();
    assert_eq!(store.history().len(), 3);
    for call in store.history() {
        let Request::Transact(txn) = &call.request else { panic!("a relative change is a transaction") };
        assert!(!txn.retry_safe(), "{}", txn.name());
    }
    store.clear();
    rooms.size("room").await.unwrap();
    rooms.set_size("room", 5).await.unwrap();
    rooms.set_size("room", 0).await.unwrap();
    assert_eq!(store.history().len(), 3);
    store.clear();
    assert!(rooms.size("").await.is_err());
    assert!(rooms.set_size_for("room", 5, Duration::ZERO).await.is_err());
    assert!(store.history().is_empty(), "bad input is told without asking the store");
}

#[tokio::test]
async fn a_full_store_refuses_to_grow_and_lets_rooms_go() {
    let store = MemoryStore::new();
    let rooms = rooms(store.clone()).await;
    for room in ["set", "updated", "kept"] {
        rooms.set_size(room, 5).await.unwrap();
    }
    store.set_capacity(Some(0));
    assert_eq!(store_error(rooms.check_and_increment("kept").await).kind(), ErrorKind::Full);
    assert_eq!(store_error(rooms.update_size("kept", 1).await).kind(), ErrorKind::Full);
    assert_eq!(store_error(rooms.set_size("new", 1).await).kind(), ErrorKind::Full);
    assert_eq!(rooms.update_size("updated", -5).await.unwrap(), 0);
    rooms.set_size("set", 0).await.unwrap();
    assert_eq!(rooms.size("set").await.unwrap(), 0);
    assert_eq!(rooms.size("kept").await.unwrap(), 5);
    assert_eq!(rooms.update_size("kept", -1).await.unwrap(), 4, "leaving needs none");
    assert!(!rooms.check_and_increment_within("kept", 4).await.unwrap(), "nor does a refusal");
}

#[tokio::test]
async fn a_reply_that_no_store_may_give_is_an_error() {
    let mut mock = MockStore::new();
    mock.expect_transact().returning(|txn| {
        // Every first check holds, so that the vault's canary is new; but no op replies.
        let mut outcome = Outcome::new(txn, None);
        if let Some(Step::Fork(fork)) = txn.steps().first() {
            outcome.take_branch(fork.then_id);
        }
        Box::pin(async { Ok(outcome) })
    });
    mock.expect_run().returning(|_| Box::pin(async { Ok(vec![Ok(Reply::Skipped)]) }));
    let rooms = rooms(mock.shared()).await;
    assert_eq!(store_error(rooms.size("room").await).kind(), ErrorKind::Permanent);
    assert_eq!(store_error(rooms.update_size("room", 1).await).kind(), ErrorKind::Permanent);
}

#[tokio::test(start_paused = true)]
async fn rooms_expire_when_told() {
    let rooms = rooms(MemoryStore::new()).await;
    rooms.set_size_for("short", 5, Duration::from_secs(60)).await.unwrap();
    rooms.set_size("hour", 5).await.unwrap();
    rooms.set_size_for("changed", 5, Duration::from_secs(60)).await.unwrap();
    rooms.check_and_increment("changed").await.unwrap();
    rooms.set_size_for("day", 5, HOUR * 24).await.unwrap();
    rooms.update_size("day", 1).await.unwrap();
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(rooms.size("short").await.unwrap(), 0);
    assert_eq!(rooms.size("changed").await.unwrap(), 6);
    tokio::time::advance(HOUR).await;
    assert_eq!(rooms.size("hour").await.unwrap(), 0);
    assert_eq!(rooms.size("changed").await.unwrap(), 0);
    assert_eq!(rooms.size("day").await.unwrap(), 6);
    assert_eq!(rooms.update_size("hour", 2).await.unwrap(), 2, "it begins anew");
}

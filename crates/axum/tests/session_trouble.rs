//! What the session store makes of a store that is broken, full or loses replies, and of the passing of time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;

use roomkey_axum::VaultSessionStore;
use roomkey_core::{Error as StoreError, Store};
use roomkey_memory::MemoryStore;
use roomkey_testkit::{Fault, FaultyStore, Gate};
use roomkey_vault::{Keyring, Vault};
use time::{Duration, OffsetDateTime};
use tower_sessions_core::SessionStore;
use tower_sessions_core::session::{Id, Record};
use tower_sessions_core::session_store::Error;

async fn open<S: Store>(store: S) -> VaultSessionStore<S> {
    VaultSessionStore::new(Vault::open(store, Keyring::from_key_bytes([7; 32])).await.unwrap())
}

fn record(entry: u32) -> Record {
    Record {
        id: Id::default(),
        data: HashMap::from([("entry".to_owned(), entry.into())]),
        expiry_date: OffsetDateTime::now_utc() + Duration::HOUR,
    }
}

#[tokio::test]
async fn trouble_is_never_told_as_no_session() {
    let store = FaultyStore::new(MemoryStore::new());
    let sessions = open(store.clone()).await;
    let mut known = record(1);
    sessions.create(&mut known).await.unwrap();
    for error in [
        StoreError::not_executed("away"),
        StoreError::ambiguous("timed out"),
        StoreError::permanent("no permission"),
        StoreError::Contended,
        StoreError::Closed,
    ] {
        store.break_down(error.clone());
        for told in [
            sessions.create(&mut record(2)).await.unwrap_err(),
            sessions.save(&known).await.unwrap_err(),
            sessions.load(&known.id).await.unwrap_err(),
            sessions.load(&Id::default()).await.unwrap_err(),
            sessions.delete(&known.id).await.unwrap_err(),
        ] {
            assert!(matches!(&told, Error::Backend(text) if *text == error.to_string()), "{told:?}");
        }
    }
    store.heal();
    assert_eq!(sessions.load(&known.id).await.unwrap(), Some(known), "nothing was done");
}

#[tokio::test]
async fn a_save_that_arrives_late_does_not_bring_a_session_back() {
    let store = FaultyStore::new(MemoryStore::new());
    let sessions = open(store.clone()).await;
    let mut record = record(1);
    sessions.create(&mut record).await.unwrap();
    let gate = Gate::new();
    store.plan([Fault::Late(gate.clone())]);
    assert!(matches!(sessions.save(&record).await, Err(Error::Backend(_))));
    sessions.delete(&record.id).await.unwrap();
    gate.open();
    gate.finished().await;
    assert_eq!(sessions.load(&record.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_full_store_refuses_to_grow_and_lets_go() {
    let store = MemoryStore::new();
    let sessions = open(store.clone()).await;
    let mut known = record(1);
    sessions.create(&mut known).await.unwrap();
    store.set_capacity(Some(0));
    assert!(matches!(sessions.create(&mut record(2)).await, Err(Error::Backend(_))));
    assert!(matches!(sessions.save(&known).await, Err(Error::Backend(_))));
    assert_eq!(sessions.load(&known.id).await.unwrap().as_ref(), Some(&known));
    // What is over is removed, which frees.
    let over = Record { expiry_date: OffsetDateTime::UNIX_EPOCH, ..known.clone() };
    sessions.save(&over).await.unwrap();
    assert_eq!(sessions.load(&known.id).await.unwrap(), None);
    sessions.delete(&known.id).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn sessions_expire_on_the_clock_of_the_store() {
    let sessions = open(MemoryStore::new()).await;
    let mut record = record(1);
    sessions.create(&mut record).await.unwrap();
    tokio::time::advance(std::time::Duration::from_secs(3_590)).await;
    assert!(sessions.load(&record.id).await.unwrap().is_some());
    // This machine's own clock still says that the record has an hour, counted from this save.
    sessions.save(&record).await.unwrap();
    tokio::time::advance(std::time::Duration::from_secs(3_000)).await;
    assert!(sessions.load(&record.id).await.unwrap().is_some(), "a save prolongs");
    tokio::time::advance(std::time::Duration::from_secs(601)).await;
    assert_eq!(sessions.load(&record.id).await.unwrap(), None);
    sessions.save(&record).await.unwrap();
    assert_eq!(sessions.load(&record.id).await.unwrap(), None, "what has expired does not come back");
}

//! What a vault makes of a store that is full, closed, broken or slow, and of the passing of time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Class, Error as StoreError, ErrorKind, Op, Reply, Store};
use roomkey_memory::{MemoryOptions, MemoryStore};
use roomkey_testkit::{Fault, FaultyStore, MockStore, RecordingStore, assert_retry_safe};
use roomkey_vault::{Error, Expiry, Keyring, Ttl, Vault};

const HOUR: Duration = Duration::from_secs(3_600);

fn ring() -> Keyring {
    Keyring::from_key_bytes([7; 32])
}

/// The store's own error behind one of a vault.
fn store_error(error: &Error) -> &StoreError {
    match error {
        Error::Store(inner) => inner,
        other => panic!("{other:?}"),
    }
}

/// Calls every operation and asserts that each fails with the store's error.
async fn every_operation_fails<S: Store>(vault: &Vault<S>, kind: ErrorKind) {
    macro_rules! fails {
        ($($call:expr;)*) => {
            $(match $call.await {
                Err(error) => assert_eq!(store_error(&error).kind(), kind, "{}", stringify!($call)),
                Ok(reply) => panic!("{} gave {reply:?}", stringify!($call)),
            })*
        };
    }
    fails! {
        vault.get::<u8>("x");
        vault.set("x", &1u8, HOUR);
        vault.get_many::<u8, _>(["x", "y"]);
        vault.set_many([("x", &1u8)], HOUR);
        vault.set_if_absent("x", &1u8, HOUR);
        vault.set_if_present("x", &1u8, HOUR);
        vault.delete("x");
        vault.exists("x");
        vault.expire("x", HOUR);
        vault.ttl("x");
        vault.incr("n");
        vault.decr("n");
        vault.counter("n");
        vault.hset("h", "f", &1u8);
        vault.hget::<u8>("h", "f");
        vault.hdel("h", "f");
        vault.hgetall::<u8>("h");
        vault.lpush("l", &1u8);
        vault.rpush("l", &1u8);
        vault.lpop::<u8>("l");
        vault.rpop::<u8>("l");
        vault.lrange::<u8>("l", 0, -1);
        vault.namespace("other");
    }
}

#[tokio::test]
async fn trouble_is_never_told_as_nothing() {
    let store = FaultyStore::new(MemoryStore::new());
    let vault = Vault::open(store.clone(), ring()).await.unwrap();
    for error in [
        StoreError::not_executed("away"),
        StoreError::ambiguous("timed out"),
        StoreError::permanent("no permission"),
        StoreError::Contended,
    ] {
        store.break_down(error.clone());
        every_operation_fails(&vault, error.kind()).await;
    }
    store.heal();
    assert_eq!(vault.get::<u8>("x").await.unwrap(), None, "nothing was done");
}

#[tokio::test]
async fn a_closed_store_is_told() {
    let vault = Vault::open(MemoryStore::new(), ring()).await.unwrap();
    vault.store().close().await.unwrap();
    every_operation_fails(&vault, ErrorKind::Closed).await;
    let error = Vault::open(vault.store().clone(), ring()).await.unwrap_err();
    assert_eq!(store_error(&error).kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_full_store_refuses_to_grow_and_lets_go() {
    let store = MemoryStore::new();
    let vault = Vault::open(store.clone(), ring()).await.unwrap();
    vault.set("x", &1u8, HOUR).await.unwrap();
    vault.rpush("l", &1u8).await.unwrap();
    vault.hset("h", "f", &1u8).await.unwrap();
    store.set_capacity(Some(0));
    for error in [
        vault.set("y", &1u8, HOUR).await.unwrap_err(),
        vault.set_many([("y", &1u8)], HOUR).await.unwrap_err(),
        vault.set_if_absent("y", &1u8, HOUR).await.unwrap_err(),
        vault.set_if_present("x", &1u8, HOUR).await.unwrap_err(),
        vault.incr("n").await.unwrap_err(),
        vault.hset("h", "g", &1u8).await.unwrap_err(),
        vault.rpush("l", &1u8).await.unwrap_err(),
    ] {
        assert_eq!(store_error(&error).kind(), ErrorKind::Full);
    }
    assert_eq!(vault.get("x").await.unwrap(), Some(1u8));
    assert!(vault.expire("x", HOUR * 2).await.unwrap());
    assert!(vault.delete("x").await.unwrap());
    assert!(vault.hdel("h", "f").await.unwrap());
    assert_eq!(vault.lpop("l").await.unwrap(), Some(1u8));
}

#[tokio::test]
async fn a_full_store_opens_if_it_has_a_canary() {
    let full = MemoryStore::with_options(MemoryOptions::new().capacity(0));
    let error = Vault::open(full.clone(), ring()).await.unwrap_err();
    assert_eq!(store_error(&error).kind(), ErrorKind::Full);
    full.set_capacity(None);
    Vault::open(full.clone(), ring()).await.unwrap();
    full.set_capacity(Some(0));
    Vault::open(full.clone(), ring()).await.unwrap();

    // A rotation does not fail on it either: the old canary still serves.
    let (old, new) =
        (roomkey_crypto::SecretKey::from_bytes([7; 32]), roomkey_crypto::SecretKey::from_bytes([8; 32]));
    let names = old.name_key();
    let rotated = Keyring::builder(new).retired(old).names(names).build().unwrap();
    Vault::open(full, rotated).await.unwrap();
}

#[tokio::test]
async fn the_transactions_of_the_canary_are_safe_to_repeat() {
    let store = RecordingStore::new(MemoryStore::new());
    Vault::open(store.clone(), ring()).await.unwrap();
    let (old, new) =
        (roomkey_crypto::SecretKey::from_bytes([7; 32]), roomkey_crypto::SecretKey::from_bytes([8; 32]));
    let names = old.name_key();
    Vault::open(store.clone(), Keyring::builder(new).retired(old).names(names).build().unwrap())
        .await
        .unwrap();
    assert_eq!(store.transactions(), ["vault.canary", "vault.canary.renew"]);
    let fresh = MemoryStore::new();
    for call in store.history() {
        if let roomkey_testkit::Request::Transact(txn) = &call.request {
            // The verdict of both programs is made by opening what is found, which is one's own then.
            assert_retry_safe(&fresh, txn, |_| ()).await;
        }
    }
}

#[tokio::test]
async fn a_lost_reply_of_the_canary_is_told_and_opening_again_works() {
    let store = FaultyStore::new(MemoryStore::new());
    store.plan([Fault::Pass, Fault::ReplyLost]);
    let error = Vault::open(store.clone(), ring()).await.unwrap_err();
    assert_eq!(store_error(&error).class(), Class::Ambiguous);
    Vault::open(store, ring()).await.unwrap();
}

/// A store whose writes wait for replicas refuses them, in doubt, while there are none.
#[tokio::test]
async fn a_store_that_takes_no_writes_opens_if_it_has_a_canary() {
    let store = RecordingStore::new(MemoryStore::new());
    Vault::open(store.clone(), ring()).await.unwrap();
    store.clear();
    Vault::open(store.clone(), ring()).await.unwrap();
    let writes = |call: roomkey_testkit::Call| match call.request {
        roomkey_testkit::Request::Run(batch) => batch.ops().iter().any(Op::writes),
        roomkey_testkit::Request::Transact(txn) => txn.writes(),
        _ => false,
    };
    assert!(!store.history().into_iter().any(writes));
}

#[tokio::test]
async fn what_the_caller_got_wrong_is_told_without_asking_the_store() {
    let store = RecordingStore::new(MemoryStore::new());
    let vault = Vault::open(store.clone(), ring()).await.unwrap();
    store.clear();
    let huge = "x".repeat(32 * 1_024 * 1_024);
    assert!(vault.set("x", &huge, HOUR).await.is_err());
    assert!(vault.set("x", &1u8, Duration::ZERO).await.is_err());
    assert!(vault.set("", &1u8, HOUR).await.is_err());
    assert!(vault.get::<u8>(&"x".repeat(65_536)).await.is_err());
    assert!(vault.set("x", &serde_json::json!(1), HOUR).await.is_err());
    assert!(vault.namespace("a:b").await.is_err());
    assert!(store.history().is_empty(), "{:?}", store.history());
}

#[tokio::test]
async fn a_reply_that_no_store_may_give_is_an_error() {
    let mut mock = MockStore::new();
    mock.expect_transact().returning(|txn| {
        let mut outcome = roomkey_core::Outcome::new(txn, None);
        outcome.take_branch(match &txn.steps()[0] {
            roomkey_core::Step::Fork(fork) => fork.then_id,
            roomkey_core::Step::Op(..) => panic!("the canary's program is a decision"),
        });
        Box::pin(async { Ok(outcome) })
    });
    mock.expect_run().once().returning(|_| Box::pin(async { Ok(vec![Ok(Reply::Bytes(None))]) }));
    mock.expect_run()
        .returning(|_| Box::pin(async { Ok(vec![Ok(Reply::Bytes(Some(Bytes::from_static(b"1"))))]) }));
    let vault = Vault::open(mock.shared(), ring()).await.unwrap();
    for error in [
        vault.ttl("x").await.unwrap_err(),
        vault.delete("x").await.unwrap_err(),
        vault.expire("x", HOUR).await.unwrap_err(),
        vault.incr("x").await.unwrap_err(),
        vault.hset("x", "f", &1u8).await.unwrap_err(),
        vault.hget::<u8>("x", "f").await.unwrap_err(),
        vault.hdel("x", "f").await.unwrap_err(),
        vault.hgetall::<u8>("x").await.unwrap_err(),
        vault.rpush("x", &1u8).await.unwrap_err(),
        vault.lpop::<u8>("x").await.unwrap_err(),
        vault.lrange::<u8>("x", 0, -1).await.unwrap_err(),
    ] {
        assert_eq!(store_error(&error).kind(), ErrorKind::Permanent);
    }
}

#[tokio::test(start_paused = true)]
async fn values_expire_when_told() {
    let vault = Vault::open(MemoryStore::new(), ring()).await.unwrap();
    vault.set("x", &1u8, HOUR).await.unwrap();
    vault.set("short", &1u8, Duration::from_nanos(1)).await.unwrap();
    vault.set("kept", &1u8, Expiry::Never).await.unwrap();
    vault.hset_for("h", "f", &1u8, HOUR).await.unwrap();
    vault.incr_for("n", 5, HOUR).await.unwrap();
    assert_eq!(vault.ttl("x").await.unwrap(), Ttl::After(HOUR));
    assert!(vault.exists("short").await.unwrap(), "a lifetime is at least a millisecond");

    tokio::time::advance(Duration::from_millis(2)).await;
    assert!(!vault.exists("short").await.unwrap());
    tokio::time::advance(HOUR).await;
    assert_eq!(vault.get::<u8>("x").await.unwrap(), None);
    assert_eq!(vault.ttl("x").await.unwrap(), Ttl::Missing);
    assert!(!vault.expire("x", HOUR).await.unwrap(), "what has expired does not come back");
    assert_eq!(vault.hget::<u8>("h", "f").await.unwrap(), None);
    assert_eq!(vault.counter("n").await.unwrap(), 0);
    assert_eq!(vault.get("kept").await.unwrap(), Some(1u8));
}

#[tokio::test]
async fn the_global_vault_is_set_once_per_store() {
    // A store type of its own, as the tests of one binary share the static.
    type Own = RecordingStore<RecordingStore<MemoryStore>>;
    let error = Vault::<Own>::global().unwrap_err();
    assert!(matches!(error, Error::NoGlobal { .. }) && error.to_string().contains("init_global"), "{error}");
    let store = RecordingStore::new(RecordingStore::new(MemoryStore::new()));
    let vault = Vault::open(store, ring()).await.unwrap();
    vault.clone().init_global().unwrap();
    Vault::<Own>::global().unwrap().set("x", &1u8, HOUR).await.unwrap();
    assert_eq!(vault.get("x").await.unwrap(), Some(1u8));
    assert!(matches!(vault.init_global(), Err(Error::GlobalTaken { .. })));
    assert!(matches!(Vault::<FaultyStore<FaultyStore<MemoryStore>>>::global(), Err(Error::NoGlobal { .. })));
}

/// Every future can move to another thread.
#[test]
fn futures_are_send() {
    fn send<T: Send>(_: T) {}
    let check = |vault: &Vault<MemoryStore>| {
        send(vault.set("x", "text", HOUR));
        send(vault.get::<String>(String::from("x")));
        send(vault.set_if_absent("x", "text", HOUR));
        send(vault.set_if_present(String::from("x"), "text", HOUR));
        send(vault.get_many::<u8, _>(vec!["x"]));
        send(vault.set_many([("x", &1u8)], HOUR));
        send(vault.hgetall::<Vec<u8>>("x"));
        send(vault.lpush("x", &[1u8][..]));
        send(vault.namespace("x"));
        send(Vault::open(MemoryStore::new(), ring()));
    };
    let _ = check;
}

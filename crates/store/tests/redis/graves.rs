//! No write runs after what was written later, however long its bytes were stuck on the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Batch, BranchId, Cursor, ErrorKind, Key, Kind, Life, Op, Result, Store as _, TxnBuilder};
use roomkey_store::RedisStore;
use roomkey_testkit::proxy::{Spoil, Way};
use roomkey_testkit::{FaultProxy, RedisServer};
use tokio::task::JoinSet;

use crate::{config, get, key, put, reply, shown};

/// Long enough for everything, so that what is repeatable has to succeed.
const PATIENT: Duration = Duration::from_secs(20);
/// Short enough that stuck connections are soon given up, long enough that the breaker does not open before.
const DEADLINE: Duration = Duration::from_secs(3);
const HASTY: Duration = Duration::from_millis(100);
/// As many kibibytes, so that a server reads them in several turns (16 KiB each).
const KEYS: u8 = 100;
const SMALL: usize = 1024;
const LARGE: usize = 100 * 1024;

fn value(text: &str, size: usize) -> Bytes {
    let mut value = text.as_bytes().to_vec();
    value.resize(size, b'.');
    value.into()
}

#[derive(Clone, Copy)]
enum How {
    Op,
    Transaction,
}

async fn write(store: &RedisStore, how: How, key: &Key, value: Bytes) -> Result<()> {
    let put = Op::put(key, value, Life::Never);
    match how {
        How::Op => reply(store, put).await.map(drop),
        How::Transaction => {
            let mut txn = TxnBuilder::new("overwrite").retry_safe();
            txn.op(BranchId::ROOT, put);
            // With a second op it is a script, and no plain command.
            txn.op(BranchId::ROOT, Op::get(key));
            store.transact(&txn.build().unwrap()).await.map(drop)
        }
    }
}

fn keys() -> impl Iterator<Item = Key> {
    (0..KEYS).map(|tag| key(Kind::Value, 1, tag))
}

/// Waits until the server has read all that ever came from us, which it has once our last connection is closed, and looks
/// at what is left.
async fn assert_in_the_end(
    server: &RedisServer,
    store: RedisStore,
    keys: impl Iterator<Item = Key>,
    text: &str,
) {
    drop(store);
    while server.command(&["CLIENT", "LIST"]).text().contains("name=roomkey") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for key in keys {
        let value = server.command(&[&b"GET"[..], key.bytes()]).text();
        assert!(value.starts_with(text), "{key:?} is {:?} again", &value[..8]);
    }
}

/// Writes each key twice, one after the other, while the first is stuck. It is repeated, and then there are two of it.
fn write_twice(store: &RedisStore, how: How) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for key in keys() {
        let store = store.with_timeout(PATIENT);
        tasks.spawn(async move {
            write(&store, how, &key, value("first", SMALL)).await.unwrap();
            write(&store, how, &key, value("second", SMALL)).await.unwrap();
        });
    }
    tasks
}

async fn stuck_in_the_network(how: How) {
    let server = RedisServer::start();
    let proxy = FaultProxy::before(server.port());
    let config = config(&server).port(proxy.port()).lanes(2).timeout(DEADLINE).build().unwrap();
    let store = RedisStore::connect(config).await.unwrap();
    write(&store.with_timeout(PATIENT), how, &key(Kind::Value, 1, 1), value("zero", SMALL)).await.unwrap();
    proxy.hold();
    write_twice(&store, how).join_all().await;
    proxy.release();
    assert_in_the_end(&server, store, keys(), "second").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_write_that_the_network_held_back_does_not_run_after_its_repetition() {
    stuck_in_the_network(How::Op).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn nor_does_a_transaction() {
    stuck_in_the_network(How::Transaction).await;
}

/// The bytes are with something on the way that goes on delivering them when we have hung up. Without it the server would
/// answer to a closed connection after its first turn, and read no more of it.
async fn stuck_in_a_frozen_server(how: How) {
    let server = Arc::new(RedisServer::start());
    let proxy = FaultProxy::before(server.port());
    let config = config(&server).port(proxy.port()).lanes(1).timeout(DEADLINE).build().unwrap();
    let store = RedisStore::connect(config).await.unwrap();
    write(&store.with_timeout(PATIENT), how, &key(Kind::Value, 1, 1), value("zero", SMALL)).await.unwrap();
    server.pause();
    proxy.hold_way(Way::ToClient);
    // What the server has to read before it comes to the writes, so that others are there before them.
    let mut before = JoinSet::new();
    for tag in 0..u8::MAX {
        let store = store.with_timeout(HASTY);
        let write = Op::put(&key(Kind::Value, 2, tag), value("before", 30 * 1024), Life::Never);
        before.spawn(async move { reply(&store, write).await });
    }
    // Given up, and still on their way.
    assert!(before.join_all().await.iter().all(Result::is_err));
    let twice = write_twice(&store, how);
    // Until the connection is given up; then nothing can be sent, and nothing is in doubt.
    let hasty = store.with_timeout(HASTY);
    while get(&hasty, &key(Kind::Value, 3, 1)).await.unwrap_err().kind() != ErrorKind::NotExecuted {}
    server.resume();
    let busy = keep_busy(&server);
    twice.join_all().await;
    busy.store(false, Ordering::Relaxed);
    drop(hasty);
    assert_in_the_end(&server, store, keys(), "second").await;
}

/// Has the server do something long between any two looks at its connections, until told not to.
fn keep_busy(server: &Arc<RedisServer>) -> Arc<AtomicBool> {
    let goes_on = Arc::new(AtomicBool::new(true));
    let (server, on) = (Arc::clone(server), Arc::clone(&goes_on));
    tokio::task::spawn_blocking(move || {
        while on.load(Ordering::Relaxed) {
            server.command(&["EVAL", "for _ = 1, 1000000 do end", "0"]);
        }
    });
    goes_on
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_write_that_a_frozen_server_had_not_read_does_not_run_after_its_repetition() {
    stuck_in_a_frozen_server(How::Op).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn nor_does_a_transaction_that_it_had_not_read() {
    stuck_in_a_frozen_server(How::Transaction).await;
}

/// A value that has a connection of its own, then one on a shared connection, and the other way round.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_write_on_one_kind_of_connection_does_not_run_after_one_on_the_other() {
    for (first, second) in [(LARGE, SMALL), (SMALL, LARGE), (LARGE, LARGE)] {
        let server = RedisServer::start();
        let proxy = FaultProxy::before(server.port());
        let config = config(&server).port(proxy.port()).timeout(DEADLINE).build().unwrap();
        let store = RedisStore::connect(config).await.unwrap();
        let patient = store.with_timeout(PATIENT);
        let key = key(Kind::Value, 1, 1);
        for size in [SMALL, LARGE] {
            write(&patient, How::Op, &key, value("zero", size)).await.unwrap();
        }
        proxy.hold();
        let hasty = store.with_timeout(HASTY);
        let error = write(&hasty, How::Op, &key, value("first", first)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ambiguous);
        write(&patient, How::Op, &key, value("second", second)).await.unwrap();
        proxy.release();
        drop((hasty, patient));
        assert_in_the_end(&server, store, std::iter::once(key), "second").await;
    }
}

/// A batch of nothing but cursors of another run of the server ends before it is sent, so it says nothing of what is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn what_was_never_sent_does_not_prove_that_a_write_is_past() {
    let server = RedisServer::start();
    let proxy = FaultProxy::before(server.port());
    let config = config(&server).port(proxy.port()).timeout(DEADLINE).build().unwrap();
    let store = RedisStore::connect(config).await.unwrap();
    let value_key = key(Kind::Value, 1, 1);
    write(&store.with_timeout(PATIENT), How::Op, &value_key, value("zero", SMALL)).await.unwrap();
    proxy.hold();
    let hasty = store.with_timeout(HASTY);
    let error = write(&hasty, How::Op, &value_key, value("first", SMALL)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous);
    let stale = Cursor::from_bytes("of-another-run:7".into());
    let walks = [1, 2].map(|tag| Op::walk(&key(Kind::Map, 1, tag), Some(stale.clone()), 10));
    for reply in hasty.run(Batch::new(walks).unwrap()).await.unwrap() {
        assert_eq!(reply.unwrap_err().kind(), ErrorKind::CursorLost);
    }
    write(&store.with_timeout(PATIENT), How::Op, &value_key, value("second", LARGE)).await.unwrap();
    proxy.release();
    drop(hasty);
    assert_in_the_end(&server, store, std::iter::once(value_key), "second").await;
}

/// What cannot be kept from running late is not repeated, and the operator is told.
#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn without_the_right_to_close_connections_no_lost_write_is_repeated() {
    let server = RedisServer::start();
    let proxy = FaultProxy::before(server.port());
    let connect = || async {
        let config = config(&server).port(proxy.port()).username("app").password("pw").timeout(PATIENT);
        RedisStore::connect(config.build().unwrap()).await.unwrap()
    };
    let key = key(Kind::Value, 1, 1);
    server.command(&["ACL", "SETUSER", "app", "reset", "on", ">pw", "~*", "+@all"]);
    let able = connect().await;
    proxy.spoil("SET", 1, Spoil::Lose);
    put(&able, &key, "x").await.unwrap();
    assert!(able.health().await.unwrap().warnings.is_empty());

    // Taken away under way, or never granted.
    server.command(&["ACL", "SETUSER", "app", "-client", "+client|id", "+client|setname"]);
    for store in [able, connect().await] {
        proxy.spoil("SET", 1, Spoil::Lose);
        let error = put(&store, &key, "x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ambiguous, "{}", shown(&error));
        let warnings = store.health().await.unwrap().warnings;
        assert!(warnings.iter().any(|warning| warning.contains("+client|kill")), "{warnings:?}");
        // Other writes go on, and reads are repeated.
        put(&store, &key, "y").await.unwrap();
        proxy.spoil("GET", 1, Spoil::Lose);
        assert_eq!(get(&store, &key).await.unwrap().unwrap(), "y");
    }
}

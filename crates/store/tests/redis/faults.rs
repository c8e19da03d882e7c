//! What a store survives, and how it says what it cannot know.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{
    Batch, BranchId, Check, Error, ErrorKind, Kind, Life, LogId, Op, Reply, Scan, Store as _, TxnBuilder,
    Until, Wait, Woken,
};
use roomkey_store::RedisStore;
use roomkey_testkit::RedisServer;
use roomkey_testkit::server::Restart;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::{config, connect, get, key, namespace, put, reply};

/// Long enough for a restart on a loaded machine, so that what is repeatable has to succeed.
const PATIENT: Duration = Duration::from_secs(30);

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_closed_store_says_so_to_every_call() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let other_handle = store.clone();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move {
            let wait = Wait::new([(key(Kind::Log, 1, 9), LogId::MIN)], Duration::from_secs(3600)).unwrap();
            store.wait(wait).await
        }
    });
    // The wait has reached the server.
    while !server.command(&["CLIENT", "LIST"]).text().contains("cmd=xread") {
        tokio::task::yield_now().await;
    }
    store.close().await.unwrap();
    other_handle.close().await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);

    let log = key(Kind::Log, 1, 9);
    let mut txn = TxnBuilder::new("closed");
    txn.op(BranchId::ROOT, Op::get(&key(Kind::Value, 1, 1)));
    assert_eq!(put(&other_handle, &key(Kind::Value, 1, 1), "x").await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(other_handle.transact(&txn.build().unwrap()).await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(other_handle.scan(Scan::new(namespace())).await.unwrap_err().kind(), ErrorKind::Closed);
    let wait = Wait::new([(log, LogId::MIN)], Duration::from_secs(1)).unwrap();
    assert_eq!(other_handle.wait(wait).await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(other_handle.health().await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn connections_end_with_the_last_handle() {
    let server = RedisServer::start();
    let ours = || server.command(&["CLIENT", "LIST"]).text().matches("name=roomkey").count();
    let store = connect(&server).await;
    let clone = store.clone();
    drop(store);
    get(&clone, &key(Kind::Value, 1, 1)).await.unwrap();
    drop(clone);
    while ours() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_restart_under_load_loses_no_repeatable_call_and_doubles_no_other() {
    let server = RedisServer::start();
    let store = connect(&server).await.with_timeout(PATIENT);
    let counter = key(Kind::Value, 7, 200);
    let (running, sure, unsure) =
        (Arc::new(AtomicBool::new(true)), Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
    let tasks: Vec<_> = (0..16u8)
        .map(|task| {
            let (store, counter) = (store.clone(), counter.clone());
            let (running, sure, unsure) = (Arc::clone(&running), Arc::clone(&sure), Arc::clone(&unsure));
            tokio::spawn(async move {
                let own = key(Kind::Value, u16::from(task), task);
                let mut rounds = 0;
                while running.load(Ordering::Relaxed) {
                    put(&store, &own, "again").await.unwrap();
                    get(&store, &own).await.unwrap();
                    match reply(&store, Op::add(&counter, 1, Life::Keep)).await {
                        Ok(_) => sure.fetch_add(1, Ordering::Relaxed),
                        Err(Error::Ambiguous(_)) => unsure.fetch_add(1, Ordering::Relaxed),
                        Err(error) => panic!("{error:?}"),
                    };
                    rounds += 1;
                }
                rounds
            })
        })
        .collect();

    for _ in 0..3 {
        let before = sure.load(Ordering::Relaxed);
        while sure.load(Ordering::Relaxed) < before + 200 {
            tokio::task::yield_now().await;
        }
        // What has been answered before the snapshot is in it; what comes after is not lost silently but counted.
        tokio::task::block_in_place(|| server.restart(Restart::KeepData));
    }
    let before = sure.load(Ordering::Relaxed);
    while sure.load(Ordering::Relaxed) < before + 200 {
        tokio::task::yield_now().await;
    }
    running.store(false, Ordering::Relaxed);
    for task in tasks {
        assert!(task.await.unwrap() > 0);
    }
    // Additions between the snapshot and the crash are gone, but none is there twice.
    let Reply::Number(total) = reply(&store, Op::add(&counter, 0, Life::Keep)).await.unwrap() else {
        panic!()
    };
    let most = sure.load(Ordering::Relaxed) + unsure.load(Ordering::Relaxed);
    assert!(total <= most, "{total} additions from {most} calls");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn killed_connections_are_replaced_and_nothing_is_added_twice() {
    let server = RedisServer::start();
    let store = connect(&server).await.with_timeout(PATIENT);
    let counter = key(Kind::Value, 7, 200);
    let (mut sure, mut unsure) = (0, 0);
    for round in 0..200 {
        if round % 10 == 0 {
            server.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        }
        put(&store, &key(Kind::Value, 1, 1), "x").await.unwrap();
        match reply(&store, Op::add(&counter, 1, Life::Keep)).await {
            Ok(_) => sure += 1,
            Err(Error::Ambiguous(_)) => unsure += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    let Reply::Number(total) = reply(&store, Op::add(&counter, 0, Life::Keep)).await.unwrap() else {
        panic!()
    };
    assert!((sure..=sure + unsure).contains(&total), "{total} is not within {sure}..={}", sure + unsure);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_server_that_hangs_leaves_calls_ambiguous_and_the_store_usable() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let hasty = store.with_timeout(Duration::from_millis(50));
    let counter = key(Kind::Value, 1, 1);
    server.pause();
    let error = reply(&hasty, Op::add(&counter, 1, Life::Keep)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous);
    // So is a batch as a whole.
    let batch = Batch::new([Op::get(&counter), Op::get(&counter)]).unwrap();
    assert_eq!(hasty.run(batch).await.unwrap_err().kind(), ErrorKind::Ambiguous);
    server.resume();
    // The first one was only late.
    let patient = store.with_timeout(PATIENT);
    assert_eq!(reply(&patient, Op::add(&counter, 1, Life::Keep)).await.unwrap(), Reply::Number(2));
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn without_a_server_calls_are_not_executed_and_later_they_are() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let key = key(Kind::Value, 1, 1);
    server.kill();
    let hasty = store.with_timeout(Duration::from_millis(50));
    // The break may be noticed by this very call.
    let error = put(&hasty, &key, "x").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotExecuted | ErrorKind::Ambiguous), "{error:?}");
    let error = put(&hasty, &key, "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotExecuted, "{error:?}");
    server.restart(Restart::LoseData);
    put(&store.with_timeout(PATIENT), &key, "x").await.unwrap();
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn forgotten_scripts_are_sent_again_in_order() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let (list, other) = (key(Kind::List, 1, 1), key(Kind::List, 2, 2));
    let life = Life::AtLeast(Until::In(Duration::from_secs(3600)));
    let push = |key, text: &'static str| {
        Op::push(key, roomkey_core::End::Back, Bytes::from_static(text.as_bytes()), life)
    };
    for round in 1..=3i64 {
        // All three scripts of one partition, and one alone in another.
        let batch = [push(&list, "a"), push(&list, "b"), Op::range(&list, -2, -1), push(&other, "c")];
        let replies = store.run(Batch::new(batch).unwrap()).await.unwrap();
        let replies: Vec<_> = replies.into_iter().map(Result::unwrap).collect();
        assert_eq!(replies[0], Reply::Number(2 * round - 1));
        assert_eq!(replies[1], Reply::Number(2 * round));
        assert_eq!(replies[2], Reply::Items(vec!["a".into(), "b".into()]));
        assert_eq!(replies[3], Reply::Number(round));

        let mut txn = TxnBuilder::new("set if there");
        let (there, _) = txn.fork(BranchId::ROOT, [Check::exists(&list)]);
        let added = txn.op(there, Op::put(&key(Kind::Value, 1, 3), Bytes::from_static(b"x"), life));
        let outcome = store.transact(&txn.build().unwrap()).await.unwrap();
        assert_eq!(outcome.reply(added), Some(&Reply::Written));
        server.command(&["SCRIPT", "FLUSH"]);
    }
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn large_values_come_back_whole_while_small_ones_pass() {
    let server = RedisServer::start();
    let store = connect(&server).await.with_timeout(PATIENT);
    let (large, small) = (key(Kind::Value, 1, 1), key(Kind::Value, 2, 2));
    let value = Bytes::from(vec![0xa7; 8 * 1024 * 1024]);
    let put_large = reply(&store, Op::put(&large, value.clone(), Life::Never));
    let (written, _) = tokio::join!(put_large, put(&store, &small, "x"));
    assert_eq!(written.unwrap(), Reply::Written);
    assert_eq!(get(&store, &large).await.unwrap().unwrap(), value);
    // Together they are large too.
    let batch = Batch::new([Op::put(&large, value.clone(), Life::Never), Op::get(&small)]).unwrap();
    let replies = store.run(batch).await.unwrap();
    assert_eq!(*replies[1].as_ref().unwrap(), Reply::Bytes(Some("x".into())));
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_wait_ends_with_an_entry_or_at_its_timeout() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let log = key(Kind::Log, 1, 1);
    let wait = |after, timeout| Wait::new([(log.clone(), after)], timeout).unwrap();
    assert_eq!(store.wait(wait(LogId::MIN, Duration::from_millis(10))).await.unwrap(), Woken::TimedOut);

    let waiting = tokio::spawn({
        let (store, wait) = (store.clone(), wait(LogId::MIN, Duration::from_secs(3600)));
        async move { store.wait(wait).await }
    });
    while !server.command(&["CLIENT", "LIST"]).text().contains("cmd=xread") {
        tokio::task::yield_now().await;
    }
    // A connection that breaks under a wait is nothing to whoever waits.
    server.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    let id = server.command(&[&b"XADD"[..], log.bytes(), b"*", b"event", b"x"]).text();
    assert_eq!(waiting.await.unwrap().unwrap(), Woken::Ready(vec![log.clone()]));
    // An entry counts that was there before, and none that is not after the id.
    let at_once = store.wait(wait(LogId::MIN, Duration::from_secs(3600))).await.unwrap();
    assert_eq!(at_once, Woken::Ready(vec![log.clone()]));
    assert_eq!(
        store.wait(wait(id.parse().unwrap(), Duration::from_millis(10))).await.unwrap(),
        Woken::TimedOut
    );
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_cursor_is_good_for_one_run_of_the_server() {
    let server = RedisServer::start();
    let store = connect(&server).await.with_timeout(PATIENT);
    for tag in 0..200 {
        put(&store, &key(Kind::Value, 1, tag), "x").await.unwrap();
    }
    let page = store.scan(Scan::new(namespace()).count(10).unwrap()).await.unwrap();
    let cursor = page.next.unwrap();
    let again = Scan::new(namespace()).after(cursor.clone());
    store.scan(again.clone()).await.unwrap();
    server.restart(Restart::KeepData);
    assert_eq!(store.scan(again).await.unwrap_err().kind(), ErrorKind::CursorLost);
    let foreign = roomkey_core::Cursor::from_bytes("of another store".into());
    let foreign = store.scan(Scan::new(namespace()).after(foreign)).await;
    assert_eq!(foreign.unwrap_err().kind(), ErrorKind::CursorLost);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_password_that_changed_is_told_to_calls_at_once() {
    let server = RedisServer::start();
    server.command(&["ACL", "SETUSER", "app", "reset", "on", ">pw", "~*", "+@all"]);
    let store =
        RedisStore::connect(config(&server).username("app").password("pw").build().unwrap()).await.unwrap();
    server.command(&["ACL", "SETUSER", "app", "resetpass", ">changed"]);
    server.command(&["CLIENT", "KILL", "USER", "app"]);
    let patient = store.with_timeout(PATIENT);
    // Not at the deadline: nobody expects the password to come back within it.
    let error = loop {
        match get(&patient, &key(Kind::Value, 1, 1)).await {
            Err(Error::Permanent(failure)) => break failure,
            Ok(_) | Err(Error::Ambiguous(_) | Error::NotExecuted(_)) => {}
            Err(error) => panic!("{error:?}"),
        }
    };
    assert!(crate::shown(&error).contains("REDIS_PASSWORD"), "{error:?}");
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_pool_that_is_used_up_says_how_to_enlarge_it() {
    let server = RedisServer::start();
    let config = config(&server).pool_size(1).timeout(Duration::from_millis(100)).build().unwrap();
    let store = RedisStore::connect(config).await.unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        let wait = Wait::new([(key(Kind::Log, 1, 1), LogId::MIN)], Duration::from_secs(3600)).unwrap();
        async move { store.wait(wait).await }
    });
    while !server.command(&["CLIENT", "LIST"]).text().contains("cmd=xread") {
        tokio::task::yield_now().await;
    }
    let large = Op::put(&key(Kind::Value, 1, 1), Bytes::from(vec![0; 100_000]), Life::Never);
    let error = reply(&store.with_timeout(Duration::from_secs(1)), large.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotExecuted);
    assert!(crate::shown(&error).contains("REDIS_POOL_SIZE"), "{error:?}");
    // Whoever gives up waiting gives the place back.
    waiting.abort();
    reply(&store.with_timeout(PATIENT), large).await.unwrap();
}

/// The peer is gone without a word: nothing comes back, and nothing says so. New connections work.
#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_connection_that_swallows_everything_is_replaced() {
    let server = RedisServer::start();
    let hole = BlackHole::before(server.port()).await;
    let config =
        config(&server).port(hole.port).lanes(1).timeout(Duration::from_millis(100)).build().unwrap();
    let store = RedisStore::connect(config).await.unwrap();
    let key = key(Kind::Value, 1, 1);
    put(&store, &key, "x").await.unwrap();
    hole.swallow();
    assert_eq!(get(&store, &key).await.unwrap_err().kind(), ErrorKind::Ambiguous);
    while get(&store, &key).await.is_err() {}
}

/// A proxy whose present connections can be made to swallow what they are sent.
struct BlackHole {
    port: u16,
    /// Raised by one each time; a connection that is older swallows.
    generation: Arc<AtomicI64>,
}

impl BlackHole {
    async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hole =
            Self { port: listener.local_addr().unwrap().port(), generation: Arc::new(AtomicI64::new(0)) };
        let generation = Arc::clone(&hole.generation);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (born, now) = (generation.load(Ordering::SeqCst), Arc::clone(&generation));
                tokio::spawn(async move {
                    let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                    let (mut from_client, mut to_client) = client.into_split();
                    let (mut from_server, mut to_server) = server.into_split();
                    let back =
                        tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
                    let mut buffer = vec![0; 64 * 1024];
                    while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
                        if born == now.load(Ordering::SeqCst) {
                            to_server.write_all(&buffer[..read]).await.unwrap();
                        }
                    }
                    back.abort();
                });
            }
        });
        hole
    }

    fn swallow(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }
}

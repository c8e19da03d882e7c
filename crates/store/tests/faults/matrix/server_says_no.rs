//! The server is there and says: no.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{
    Batch, BranchId, Class, End, ErrorKind, Invalid, Kind, Life, Op, RankPut, Reply, Score, Store as _,
    TxnBuilder, Until,
};
use roomkey_testkit::server::Binary;
use tokio::time::{Instant, sleep};

use crate::ear;
use crate::scene::{
    HASTY, PATIENT, Scene, add, config, connect, get, key, payload, put, reply, server, until_works,
};
use crate::table;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f06_out_of_memory() {
    let scene = Scene::start(server(), PATIENT).await;
    scene.act(|server| server.command(&["CONFIG", "SET", "maxmemory", "1"]));
    let (value, map, ranking) = (key(Kind::Value, 1, 1), key(Kind::Map, 1, 2), key(Kind::Ranking, 1, 3));
    let store = &scene.store;
    // Whatever grows is refused, and says so.
    for op in [
        Op::put(&value, payload(), Life::Never),
        Op::add(&key(Kind::Value, 1, 4), 1, Life::Never),
        RankPut::new(&ranking, payload(), Score::Is(1)).into(),
    ] {
        assert_eq!(reply(store, op).await.unwrap_err().kind(), ErrorKind::Full);
    }
    // Whatever releases works.
    for op in [
        Op::delete(&value),
        Op::map_remove(&map, payload()),
        Op::rank_remove(&ranking, payload()),
        Op::expire(&value, Life::Set(Until::In(Duration::from_secs(1)))),
        Op::take(&value),
        Op::pop(&key(Kind::List, 1, 5), End::Front, 1),
        Op::rank_take(&ranking, 10),
    ] {
        reply(store, op).await.unwrap();
    }
    let mut leave = TxnBuilder::new("leave");
    leave.op(BranchId::ROOT, Op::rank_remove(&ranking, payload()));
    leave.op(BranchId::ROOT, Op::map_remove(&map, payload()));
    store.transact(&leave.build().unwrap()).await.unwrap();
    sleep(Duration::from_millis(300)).await;
    scene.act(|server| server.command(&["CONFIG", "SET", "maxmemory", "0"]));
    scene.heal().await;
    let (report, _) = scene.finish("F6", "maxmemory reached, noeviction").await;
    report.assert_exact();
    assert_eq!(report.ambiguous, 0, "{report}");
    for releasing in ["leave", "read"] {
        assert_eq!(report.failed.get(releasing), None, "{report}");
    }
}

/// Two slots in one program cannot be written down, and a batch over many is not one.
#[tokio::test]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f16_crossslot() {
    let server = server().start();
    let store = connect(config(server.port())).await;
    let mut two = TxnBuilder::new("two");
    for partition in [1, 2] {
        two.op(BranchId::ROOT, Op::get(&key(Kind::Value, partition, 1)));
    }
    assert!(matches!(two.build(), Err(roomkey_core::Error::Invalid(Invalid::TwoPartitions))));
    let ops = (0..200).map(|partition| Op::put(&key(Kind::Value, partition * 80, 1), payload(), Life::Never));
    assert!(store.run(Batch::new(ops).unwrap()).await.unwrap().iter().all(Result::is_ok));
    table::checked("F16", "two slots in one program: refused before it is sent", 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f22_big_values() {
    let server = server().start();
    let store = connect(config(server.port()).timeout(PATIENT)).await;
    let big = key(Kind::Value, 1, 1);
    let small = tokio::spawn(small_calls(store.clone()));
    let mut calls = 0;
    for size in [1, 1_000, 65_536, 65_537, 1_000_000, 16 * 1024 * 1024] {
        let value = Bytes::from(vec![0x5a; size]);
        reply(&store, Op::put(&big, value.clone(), Life::Never)).await.unwrap();
        assert!(get(&store, &big).await.unwrap().unwrap() == value, "{size} bytes come back changed");
        calls += 2;
    }
    let too_big = Bytes::from(vec![0x5a; 32 * 1024 * 1024]);
    let error = Batch::one(Op::put(&big, too_big, Life::Never)).unwrap_err();
    assert!(matches!(error, roomkey_core::Error::Invalid(Invalid::ValueTooLarge)), "{error:?}");

    // What the server does not take, it ends the connection for.
    let hasty = store.with_timeout(Duration::from_secs(2));
    server.command(&["CONFIG", "SET", "proto-max-bulk-len", "1mb"]);
    let began = Instant::now();
    let value = Bytes::from(vec![0x5a; 2 * 1024 * 1024]);
    let error = reply(&hasty, Op::put(&big, value, Life::Never)).await.unwrap_err();
    assert_ne!(error.kind(), ErrorKind::Invalid);
    server.command(&["CONFIG", "SET", "proto-max-bulk-len", "512mb"]);
    // What the server does not want to keep for us, it stops in the middle.
    server.command(&["CONFIG", "SET", "client-output-buffer-limit", "normal 100000 0 0"]);
    let error = get(&hasty, &big).await.unwrap_err();
    assert_ne!(error.class(), Class::Permanent, "{error:?}");
    server.command(&["CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0"]);
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(get(&store, &big).await.unwrap().unwrap().len(), 16 * 1024 * 1024);
    small.abort();
    match small.await {
        Err(ended) if ended.is_cancelled() => {}
        other => panic!("a small call failed beside the big ones: {other:?}"),
    }
    table::checked("F22", "1 B to 32 MiB, proto-max-bulk-len, output buffer limit", calls + 4);
    ear::assert_discreet();
}

/// Calls of others, none of which may fail.
async fn small_calls(store: roomkey_store::RedisStore) {
    let value = key(Kind::Value, 2, 2);
    loop {
        put(&store, &value).await.unwrap();
        get(&store, &value).await.unwrap().unwrap();
        sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f23_wrong_type_and_overflow() {
    let server = server().start();
    let store = connect(config(server.port())).await;
    let (text, list, most) = (key(Kind::Value, 1, 1), key(Kind::List, 1, 2), key(Kind::Value, 1, 3));
    put(&store, &text).await.unwrap();
    put(&store, &key(Kind::Value, 1, 2)).await.unwrap();
    assert_eq!(add(&store, &text).await.unwrap_err().kind(), ErrorKind::NotANumber);
    assert_eq!(reply(&store, Op::range(&list, 0, 1)).await.unwrap_err().kind(), ErrorKind::WrongType);
    let biggest = Bytes::from(i64::MAX.to_string());
    reply(&store, Op::put(&most, biggest.clone(), Life::Never)).await.unwrap();
    assert_eq!(add(&store, &most).await.unwrap_err().kind(), ErrorKind::Overflow);
    assert_eq!(get(&store, &most).await.unwrap().unwrap(), biggest);
    table::checked("F23", "wrong kind, no number, overflow: typed", 3);
    ear::assert_discreet();
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f24_misconf() {
    let options = server().config("stop-writes-on-bgsave-error", "yes");
    let options = if Binary::find().at_least(7, 0) {
        options.config("enable-protected-configs", "yes")
    } else {
        options
    };
    let server = options.start();
    let store = connect(config(server.port()).timeout(PATIENT)).await;
    let value = key(Kind::Value, 1, 1);
    put(&store, &value).await.unwrap();
    let gone = server.dir().join("gone");
    std::fs::create_dir(&gone).unwrap();
    server.command(&["CONFIG", "SET", "dir", gone.to_str().unwrap()]);
    std::fs::remove_dir(&gone).unwrap();
    server.command(&["CONFIG", "SET", "save", "900 1"]);
    server.command(&["BGSAVE"]);
    while server.info("rdb_last_bgsave_status") != "err" {
        sleep(Duration::from_millis(5)).await;
    }
    // Refused for good, releasing too, and told at once: nobody mends a disk within a deadline.
    for op in [
        Op::put(&value, payload(), Life::Never),
        Op::delete(&value),
        Op::add(&key(Kind::Value, 1, 2), 1, Life::Keep),
    ] {
        let began = Instant::now();
        assert_eq!(reply(&store, op).await.unwrap_err().kind(), ErrorKind::Permanent);
        assert!(began.elapsed() < PATIENT / 2);
    }
    assert!(get(&store, &value).await.unwrap().is_some());
    server.command(&["CONFIG", "SET", "dir", server.dir().to_str().unwrap()]);
    server.command(&["CONFIG", "SET", "stop-writes-on-bgsave-error", "no"]);
    until_works(&store.with_timeout(HASTY), &value).await;
    table::checked("F24", "MISCONF: the disk is gone", 4);
    ear::assert_discreet();
}

/// Lifetimes are handed over as durations: no clock of ours decides when something ends.
#[tokio::test]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f28_clock() {
    let server = server().start();
    let store = connect(config(server.port()).timeout(PATIENT)).await;
    let value = key(Kind::Value, 1, 1);
    let monitor = server.monitor();
    let life = Life::Set(Until::In(Duration::from_millis(1_234)));
    assert_eq!(reply(&store, Op::put(&value, payload(), life)).await.unwrap(), Reply::Written);
    let lines = monitor.finish();
    let set = lines.iter().find(|line| line.contains("\"SET\"")).unwrap();
    assert!(set.contains("\"PX\" \"1234\""), "{set}");
    let began = Instant::now();
    while get(&store, &value).await.unwrap().is_some() {
        assert!(began.elapsed() < Duration::from_secs(30));
        sleep(Duration::from_millis(20)).await;
    }
    table::checked("F28", "expiry by the server's clock alone", 2);
}

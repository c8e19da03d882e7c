//! The server stops answering, and goes on later.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Batch, BranchId, Kind, Life, LogId, Namespace, Op, Scan, Store as _, TxnBuilder, Wait};
use roomkey_store::RedisStore;
use roomkey_testkit::RedisServer;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::ear::{self, MARK};
use crate::scene::{
    GRACE, HASTY, PATIENT, Scene, assert_in_time, config, connect, key, payload, put, reply, server,
    until_works,
};
use crate::table;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f03_pause() {
    let scene = Scene::start(server(), Duration::from_secs(3)).await;
    let before = scene.proxy.connections();
    for mode in ["WRITE", "ALL"] {
        scene.act(|server| server.command(&["CLIENT", "PAUSE", "800", mode]));
        sleep(Duration::from_millis(800)).await;
        scene.heal().await;
    }
    // Slow is not dead: nothing was given up.
    assert_eq!(scene.proxy.connections(), before);
    let (report, _) = scene.finish("F3", "CLIENT PAUSE 800 ms, writes, then all").await;
    report.assert_exact();
    assert_eq!(report.acknowledged, report.operations, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f04_frozen() {
    let scene = Scene::start(server(), HASTY).await;
    for _ in 0..2 {
        scene.act(RedisServer::pause);
        sleep(Duration::from_secs(2)).await;
        scene.act(RedisServer::resume);
        scene.heal().await;
    }
    let (report, late) = scene.finish("F4", "SIGSTOP 2 s, then SIGCONT").await;
    report.assert_exact();
    assert_in_time(report.slowest, HASTY, late);
}

/// Whatever is called, on whatever pool: it returns.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f04_frozen_every_call_at_every_pool_size() {
    let mut calls = 0;
    for size in [1, 4, 16, 64] {
        let server = server().start();
        let store = connect(config(server.port()).pool_size(size).timeout(PATIENT)).await;
        // The pool is full of connections that have rested when the server stops.
        let mut warm = JoinSet::new();
        for tag in 0..u8::try_from(size).unwrap() {
            let store = store.clone();
            warm.spawn(async move { reply(&store, large(tag)).await.unwrap() });
        }
        while let Some(warmed) = warm.join_next().await {
            warmed.unwrap();
        }
        sleep(Duration::from_millis(1_100)).await;
        server.pause();
        let began = Instant::now();
        let hasty = store.with_timeout(HASTY);
        let mut tasks = JoinSet::new();
        for call in 0..8 {
            let store = hasty.clone();
            tasks.spawn(async move {
                let began = Instant::now();
                any_call(&store, call).await;
                began.elapsed()
            });
        }
        for tag in 0..u8::try_from(size + 4).unwrap() {
            let store = hasty.clone();
            tasks.spawn(async move {
                let began = Instant::now();
                reply(&store, large(tag)).await.unwrap_err();
                began.elapsed()
            });
        }
        let nap = Instant::now();
        sleep(HASTY).await;
        let late = nap.elapsed().saturating_sub(HASTY);
        while let Some(took) = tasks.join_next().await {
            assert_in_time(took.unwrap(), HASTY, late);
            calls += 1;
        }
        assert!(began.elapsed() < Duration::from_secs(5));
        server.resume();
        let back = until_works(&hasty, &key(Kind::Value, 3, 3)).await;
        assert!(back < Duration::from_secs(1) + late * 2, "back only after {back:?}");
    }
    table::checked("F4", "SIGSTOP, every call at pool sizes 1, 4, 16, 64", calls);
    ear::assert_discreet();
}

fn large(tag: u8) -> Op {
    Op::put(&key(Kind::Value, 5, tag), Bytes::from(vec![tag; 100_000]), Life::Never)
}

/// Everything that a store can be asked, one after the other.
async fn any_call(store: &RedisStore, which: usize) {
    let value = key(Kind::Value, 1, 1);
    let error = match which {
        0 => reply(store, Op::get(&value)).await.unwrap_err(),
        1 => put(store, &value).await.unwrap_err(),
        2 => reply(store, Op::add(&value, 1, Life::Keep)).await.unwrap_err(),
        3 => {
            let batch = Batch::new([Op::put(&value, payload(), Life::Never), Op::get(&value)]).unwrap();
            store.run(batch).await.unwrap_err()
        }
        4 => {
            let mut txn = TxnBuilder::new("frozen");
            txn.op(BranchId::ROOT, Op::put(&value, payload(), Life::Never));
            txn.op(BranchId::ROOT, Op::get(&value));
            store.transact(&txn.retry_safe().build().unwrap()).await.unwrap_err()
        }
        5 => store.scan(Scan::new(Namespace::new("test", "v1", MARK).unwrap())).await.unwrap_err(),
        6 => {
            // The timeout is the caller's, and what it takes to ask and to hear comes on top.
            let wait = Wait::new([(key(Kind::Log, 1, 1), LogId::MIN)], Duration::from_millis(1)).unwrap();
            store.wait(wait).await.unwrap_err()
        }
        _ => store.health().await.unwrap_err(),
    };
    ear::heard(&error);
}

/// Closing does not wait for a server that does not answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f04_frozen_close() {
    let server = server().start();
    let store = connect(config(server.port()).timeout(HASTY)).await;
    server.pause();
    let lost = tokio::spawn({
        let store = store.clone();
        async move { put(&store, &key(Kind::Value, 1, 1)).await }
    });
    tokio::task::yield_now().await;
    let began = Instant::now();
    store.close().await.unwrap();
    assert!(began.elapsed() < HASTY + GRACE + Duration::from_secs(1));
    lost.await.unwrap().unwrap_err();
    server.resume();
    table::checked("F4", "SIGSTOP, close", 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f25_debug_sleep() {
    let scene = Scene::start(server().enable_debug(), HASTY).await;
    for seconds in ["0.1", "0.7"] {
        scene.act(|server| server.command(&["DEBUG", "SLEEP", seconds]));
        scene.heal().await;
    }
    let (report, late) = scene.finish("F25", "DEBUG SLEEP shorter and longer than the deadline").await;
    report.assert_exact();
    assert_in_time(report.slowest, HASTY, late);
}

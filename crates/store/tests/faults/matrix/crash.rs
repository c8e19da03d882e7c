//! The server or its connections go away.

use std::time::Duration;

use roomkey_core::{Cursor, ErrorKind, Kind, Scan, Store as _};
use roomkey_testkit::proxy::Door;
use roomkey_testkit::server::Restart;
use roomkey_testkit::{FaultProxy, RedisServer};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::scene::{
    HASTY, PATIENT, Scene, add, config, connect, durable, get, key, put, server, until_works,
};
use crate::table;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f01_crash() {
    let scene = Scene::start(durable(), PATIENT).await;
    for _ in 0..long(5, 50) {
        scene.act(RedisServer::kill);
        scene.act(|server| server.restart(Restart::KeepData));
        scene.heal().await;
    }
    let (report, _) = scene.finish("F1", "kill -9 under load, restarted").await;
    report.assert_exact();
    for idempotent in ["write", "read", "field", "join", "leave"] {
        assert_eq!(report.failed.get(idempotent), None, "{report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f02_client_kill() {
    let scene = Scene::start(server(), PATIENT).await;
    for _ in 0..long(40, 1_000) {
        scene.act(|server| server.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]));
        sleep(Duration::from_millis(50)).await;
    }
    scene.heal().await;
    let (report, _) = scene.finish("F2", "CLIENT KILL every 50 ms").await;
    report.assert_exact();
    for idempotent in ["write", "read", "field", "join", "leave"] {
        assert_eq!(report.failed.get(idempotent), None, "{report}");
    }
}

/// Many clients lose their server at the same moment, and find it again without a run on it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f29_reconnect_storm() {
    const STORES: usize = 100;
    let server = server().start();
    let proxy = FaultProxy::before(server.port());
    let mut stores = Vec::new();
    for _ in 0..STORES {
        stores.push(connect(config(proxy.port()).timeout(HASTY)).await);
    }
    while proxy.open_connections() < STORES * 2 {
        sleep(Duration::from_millis(5)).await;
    }
    proxy.door(Door::HangUp);
    proxy.cut();
    // The first second has the first attempts of all, and then they spread: no tenth of a second has most of them.
    sleep(Duration::from_secs(1)).await;
    let (mut counts, mut last) = (Vec::new(), proxy.connections());
    for _ in 0..20 {
        sleep(Duration::from_millis(100)).await;
        let now = proxy.connections();
        counts.push(now - last);
        last = now;
    }
    let (total, most) = (counts.iter().sum::<u64>(), counts.iter().max().unwrap());
    let clients = u64::try_from(STORES * 2).unwrap();
    assert!(total <= clients * 8, "{total} attempts of {clients} clients in two seconds: {counts:?}");
    assert!(total > 0 && *most < clients, "{counts:?}");
    proxy.heal();
    let mut recovered = JoinSet::new();
    let began = Instant::now();
    for store in stores {
        recovered
            .spawn(async move { until_works(&store.with_timeout(PATIENT), &key(Kind::Value, 1, 1)).await });
    }
    while let Some(store) = recovered.join_next().await {
        store.unwrap();
    }
    let what = format!(
        "200 connections, {total} attempts in 2 s, all back after {:.1} s",
        began.elapsed().as_secs_f64()
    );
    table::checked("F29", &what, STORES);
}

/// A server without persistence starts empty, and nothing pretends that it did not.
#[tokio::test]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f30_persistence_lost() {
    let server = server().start();
    let store = connect(config(server.port()).timeout(PATIENT)).await;
    let (value, counter) = (key(Kind::Value, 1, 1), key(Kind::Value, 1, 2));
    put(&store, &value).await.unwrap();
    assert_eq!(add(&store, &counter).await.unwrap(), 1);
    for tag in 3..100 {
        put(&store, &key(Kind::Value, 1, tag)).await.unwrap();
    }
    let scan = || Scan::new(roomkey_core::Namespace::new("test", "v1", crate::ear::MARK).unwrap());
    let next: Option<Cursor> = store.scan(scan().count(10).unwrap()).await.unwrap().next;
    server.restart(Restart::LoseData);
    assert_eq!(get(&store, &value).await.unwrap(), None);
    let error = store.scan(scan().after(next.unwrap())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CursorLost);
    // The addition itself may fall into the gap; then it is not made.
    while add(&store, &counter).await.is_err() {}
    assert_eq!(add(&store, &counter).await.unwrap(), 2);
    table::checked("F30", "restart without persistence: empty, cursors lost", 103);
}

/// How often, in the short matrix and in the long one.
pub(super) fn long(short: usize, long: usize) -> usize {
    if std::env::var_os("ROOMKEY_TEST_LONG").is_some() { long } else { short }
}

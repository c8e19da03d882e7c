//! The network between the store and its server.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Error, ErrorKind, Kind, Life, Op, Reply};
use roomkey_testkit::FaultProxy;
use roomkey_testkit::proxy::{Pace, Spoil, Way};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep};

use super::crash::long;
use crate::ear;
use crate::scene::{
    HASTY, PATIENT, Scene, add, assert_in_time, config, connect, get, key, put, reply, server, until_works,
};
use crate::table;

/// The command ran, and its reply is lost. It is told as ambiguous and never sent again.
#[tokio::test]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f17_one_lost_addition_is_made_once() {
    let server = server().start();
    let proxy = FaultProxy::before(server.port());
    let store = connect(config(proxy.port()).timeout(PATIENT)).await;
    let counter = key(Kind::Value, 1, 1);
    for (round, spoil) in [(1, Spoil::Lose), (2, Spoil::CutMidway)] {
        proxy.spoil("INCRBY", 1, spoil.clone());
        proxy.spoil("INCR", 1, spoil);
        let error = add(&store, &counter).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error:?}");
        assert_eq!(get(&store, &counter).await.unwrap().unwrap(), round.to_string());
        proxy.heal();
    }
    // The reply may also be under way for longer than anybody waits, on the connection that writes take.
    until_works(&store, &key(Kind::Value, 1, 2)).await;
    let hasty = store.with_timeout(HASTY);
    proxy.hold_way(Way::ToClient);
    assert_eq!(add(&hasty, &counter).await.unwrap_err().kind(), ErrorKind::Ambiguous);
    proxy.release();
    until_works(&store, &key(Kind::Value, 1, 2)).await;
    assert_eq!(server.command(&[b"GET", &counter.bytes()[..]]).text(), "3");
    table::checked("F17", "the reply to one addition lost, cut, late: counter exact", 3);
    ear::assert_discreet();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f17_replies_lost_under_load() {
    let scene = Scene::start(server(), PATIENT).await;
    for command in ["INCRBY", "SET", "RPUSH", "HSET", "ZREM", "EVALSHA", "*"] {
        for spoil in [Spoil::Lose, Spoil::CutMidway] {
            for _ in 0..long(3, 50) {
                scene.proxy.spoil(command, 1, spoil.clone());
                scene.running.until_acknowledged(30).await;
            }
        }
    }
    scene.proxy.heal();
    scene.heal().await;
    let (report, _) = scene.finish("F17", "replies lost and cut midway").await;
    report.assert_exact();
    for idempotent in ["write", "read", "field", "join", "leave"] {
        assert_eq!(report.failed.get(idempotent), None, "{report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f18_half_open() {
    let scene = Scene::start(server(), HASTY).await;
    for _ in 0..3 {
        scene.proxy.hold();
        // New connections work, so the store gets over it with the old ones still open.
        scene.heal().await;
    }
    // What was swallowed arrives after all, behind everything that has been done since.
    scene.proxy.release();
    scene.heal().await;
    let (report, late) = scene.finish("F18", "half-open three times, then everything arrives late").await;
    report.assert_exact();
    assert_in_time(report.slowest, HASTY, late);
    // Three timeouts, and the time to open a connection.
    let recovery = report.recovery.unwrap();
    assert!(recovery <= HASTY * 6 + Duration::from_secs(2) + late * 2, "recovered only after {recovery:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f19_slow_network() {
    let scene = Scene::start(server(), PATIENT).await;
    let paces = [
        Pace::delayed(Duration::from_millis(50), Duration::from_millis(200)),
        Pace::chopped(1),
        Pace::narrow(200_000),
        Pace::delayed(Duration::from_secs(1), Duration::from_secs(1)),
    ];
    for pace in paces {
        for way in [Way::ToServer, Way::ToClient] {
            scene.proxy.pace(way, pace);
        }
        scene.running.until_acknowledged(100).await;
    }
    scene.proxy.heal();
    scene.heal().await;
    let (report, _) = scene.finish("F19", "delay to 2 s with jitter, single bytes, 200 kB/s").await;
    report.assert_exact();
    assert_eq!(report.acknowledged, report.operations, "{report}");
}

/// A network that is slower than the deadline: calls end in time, and no reply goes to another call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f19_slower_than_the_deadline() {
    let scene = Scene::start(server(), HASTY).await;
    let slow = Pace::delayed(Duration::from_millis(50), Duration::from_millis(400));
    scene.proxy.pace(Way::ToServer, slow);
    scene.proxy.pace(Way::ToClient, slow);
    sleep(Duration::from_secs(3)).await;
    scene.proxy.heal();
    scene.heal().await;
    let (report, late) = scene.finish("F19", "delay over the deadline").await;
    report.assert_exact();
    assert_in_time(report.slowest, HASTY, late);
}

/// Callers give up at any moment, and whoever stays gets what is his.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f20_cancel_storm() {
    let server = server().start();
    let proxy = FaultProxy::before(server.port());
    let store = connect(config(proxy.port()).timeout(PATIENT)).await;
    let own = |tag: u16| key(Kind::Value, tag * 16, u8::try_from(tag % 251).unwrap());
    let value = |tag: u16| Bytes::from(format!("{} {tag}", ear::MARK));
    for tag in 0..1_000 {
        reply(&store, Op::put(&own(tag), value(tag), Life::Never)).await.unwrap();
    }
    let jitter = Pace::delayed(Duration::ZERO, Duration::from_millis(3));
    proxy.pace(Way::ToClient, jitter);
    let (mut calls, mut answered) = (0, 0);
    for round in 0..long(30, 1_000) {
        let mut tasks = JoinSet::new();
        for tag in 0..1_000_u16 {
            let (store, key, value) = (store.clone(), own(tag), value(tag));
            let turns = (usize::from(tag) * 7 + round * 13) % 23;
            tasks.spawn(async move {
                let read = reply(&store, Op::get(&key));
                tokio::select! {
                    biased;
                    () = async {
                        for _ in 0..turns { yield_now().await }
                        sleep(Duration::from_micros(turns as u64 * 200)).await;
                    } => None,
                    answer = read => Some(answer.unwrap() == Reply::Bytes(Some(value))),
                }
            });
            calls += 1;
        }
        while let Some(task) = tasks.join_next().await {
            if let Some(right) = task.unwrap() {
                assert!(right, "a caller got another's value");
                answered += 1;
            }
        }
    }
    proxy.heal();
    for tag in 0..1_000 {
        assert_eq!(get(&store, &own(tag)).await.unwrap(), Some(value(tag)));
    }
    assert!(answered > 0 && answered < calls, "{answered} of {calls} calls were answered");
    table::checked("F20", &format!("calls dropped at any moment, {answered} answered and right"), calls);
}

/// The name leads elsewhere now: the next connection goes there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f27_moved_elsewhere() {
    let (old, new) = (server().start(), server().start());
    let proxy = FaultProxy::before(old.port());
    let store = connect(config(proxy.port()).timeout(PATIENT)).await;
    let value = key(Kind::Value, 1, 1);
    put(&store, &value).await.unwrap();
    proxy.lead_to(new.port());
    old.kill();
    let began = Instant::now();
    // A write that may be repeated succeeds within its own deadline; an addition is told what is known of it.
    put(&store, &key(Kind::Value, 1, 2)).await.unwrap();
    match add(&store, &key(Kind::Value, 1, 3)).await {
        Ok(_) | Err(Error::Ambiguous(_) | Error::NotExecuted(_)) => {}
        Err(error) => panic!("{error:?}"),
    }
    assert_eq!(get(&store, &value).await.unwrap(), None);
    assert!(!new.command(&[b"GET", &key(Kind::Value, 1, 2).bytes()[..]]).is_nil());
    let what = format!("the address leads elsewhere, followed after {:.2} s", began.elapsed().as_secs_f64());
    table::checked("F27", &what, 4);
}

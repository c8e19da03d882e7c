//! A cluster whose slots move and whose nodes come and go, under load.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use roomkey_core::{ErrorKind, Key, Kind};
use roomkey_store::RedisStore;
use roomkey_testkit::history::{Report, Running};
use roomkey_testkit::proxy::Spoil;
use roomkey_testkit::{ClusterOptions, Failover, FaultProxy, RedisCluster, RedisServer};
use tokio::task::{JoinSet, block_in_place};
use tokio::time::{Instant, sleep};

use super::crash::long;
use crate::ear;
use crate::scene::{
    HASTY, PATIENT, Watch, add, assert_in_time, connect_to, durable, get, key, load, members, put,
    until_works,
};
use crate::table::{self, Row};

/// Callers over a store on a cluster.
struct Scene {
    cluster: Arc<RedisCluster>,
    store: RedisStore,
    running: Running,
    watch: Watch,
}

impl Scene {
    async fn start(options: ClusterOptions, deadline: Duration) -> Self {
        let cluster = Arc::new(options.nodes(durable()).start());
        let store = connect_to(&format!("{}?timeout_ms={}", cluster.url(), deadline.as_millis())).await;
        let running = load().start(&store, |error| ear::heard(error));
        let watch = Watch::start(&running, {
            let (cluster, mut turn) = (Arc::clone(&cluster), 0);
            // Every node by itself: nobody ever lets in too many, whoever has the slot.
            move |key| {
                turn += 1;
                members(&cluster.nodes()[turn % cluster.nodes().len()], key)
            }
        });
        running.until_acknowledged(100).await;
        Self { cluster, store, running, watch }
    }

    async fn heal(&self) {
        self.running.history().healed();
        self.running.until_acknowledged(200).await;
    }

    async fn finish(self, fault: &str, what: &str) -> (Report, Duration) {
        let Self { cluster, running, store, watch } = self;
        watch.stop();
        block_in_place(|| cluster.wait_until_agreed());
        let owners = Mutex::new(BTreeMap::new());
        let ask = |key: &Key, command: &[&[u8]]| {
            let slot = key.partition().slot();
            let mut owners = owners.lock().unwrap();
            owners.entry(slot).or_insert_with(|| cluster.owner(slot)).command(command)
        };
        let (report, late) = running.finish(ask).await;
        Row { fault, what, report: &report, retried: None }.add();
        report.assert_nothing_impossible();
        ear::assert_discreet();
        drop(store);
        (report, late)
    }
}

fn nothing_repeatable_failed(report: &Report) {
    for idempotent in ["write", "read", "field", "join", "leave"] {
        assert_eq!(report.failed.get(idempotent), None, "{report}");
    }
}

/// Frozen is one node, and calls to it end in time; the slots of the others are served as if nothing had happened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f04_frozen_node() {
    // Long enough that nobody votes it out: what is tested is the store and not the cluster.
    let options = RedisCluster::options().node_timeout(Duration::from_secs(30)).nodes(durable());
    let cluster = options.start();
    let store = connect_to(&format!("{}?timeout_ms={}", cluster.url(), HASTY.as_millis())).await;
    let slot = |third: u16| third * 5_461 + 100;
    for third in 0..3 {
        put(&store, &key(Kind::Value, slot(third), 1)).await.unwrap();
    }
    cluster.owner(slot(0)).pause();
    let mut tasks = JoinSet::new();
    for third in 0..3_u16 {
        for caller in 0..8_u8 {
            let store = store.clone();
            tasks.spawn(async move {
                let key = key(Kind::Value, slot(third), caller);
                let (mut worst, mut answered, mut failed) = (Duration::ZERO, 0_usize, 0_usize);
                for _ in 0..10 {
                    let began = Instant::now();
                    let answer = put(&store, &key).await.and(get(&store, &key).await);
                    // Two calls, each with its own deadline.
                    worst = worst.max(began.elapsed() / 2);
                    match answer {
                        Ok(_) => answered += 1,
                        Err(_) => failed += 1,
                    }
                    sleep(Duration::from_millis(20)).await;
                }
                (third, worst, answered, failed)
            });
        }
    }
    let late = lateness(Duration::from_secs(1)).await;
    let mut calls = 0;
    while let Some(task) = tasks.join_next().await {
        let (third, worst, answered, failed) = task.unwrap();
        calls += (answered + failed) * 2;
        assert_in_time(worst, HASTY, late);
        // The node of the first third is the frozen one.
        assert_eq!(
            (answered == 0, failed == 0),
            (third == 0, third != 0),
            "third {third}: {answered} answered"
        );
    }
    // While a node is frozen, the map of the slots can be read from the others, and scripts need not be everywhere.
    cluster.owner(slot(1)).command(&["SCRIPT", "FLUSH"]);
    crate::scene::reply(
        &store,
        roomkey_core::Op::push(
            &key(Kind::List, slot(1), 9),
            roomkey_core::End::Back,
            crate::scene::payload(),
            roomkey_core::Life::AtLeast(roomkey_core::Until::In(PATIENT)),
        ),
    )
    .await
    .unwrap();
    cluster.nodes()[0].resume();
    let back = until_works(&store, &key(Kind::Value, slot(0), 1)).await;
    assert!(back < Duration::from_secs(1) + late * 2, "back only after {back:?}");
    table::checked("F4", "SIGSTOP of one of three nodes: the others unaffected", calls);
    ear::assert_discreet();
}

/// How late the timers of this runtime are over so long.
async fn lateness(over: Duration) -> Duration {
    let (began, mut worst) = (Instant::now(), Duration::ZERO);
    while began.elapsed() < over {
        let nap = Instant::now();
        sleep(Duration::from_millis(5)).await;
        worst = worst.max(nap.elapsed().saturating_sub(Duration::from_millis(5)));
    }
    worst
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f13_slots_move_under_load() {
    let scene = Scene::start(RedisCluster::options(), PATIENT).await;
    let slots: Vec<u16> = scene.running.load().rankings().map(|key| key.partition().slot()).collect();
    for round in 0..long(3, 30) {
        for slot in &slots {
            block_in_place(|| {
                let from = scene.cluster.owner(*slot);
                let nodes = scene.cluster.nodes();
                let at = nodes.iter().position(|node| std::ptr::eq(node, from)).unwrap();
                let migration = scene.cluster.migration(*slot, &nodes[(at + 1 + round % 2) % 3]);
                // Key by key, so that callers come by while some are here and some there.
                while migration.move_keys(1) > 0 {
                    std::thread::sleep(Duration::from_millis(5));
                }
                migration.finish();
            });
        }
        scene.heal().await;
    }
    let (report, _) = scene.finish("F13", "24 slots move key by key").await;
    report.assert_exact();
    nothing_repeatable_failed(&report);
    assert_eq!(report.ambiguous, 0, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f14_a_master_without_a_replica_is_down() {
    let options = RedisCluster::options().node_timeout(Duration::from_millis(1_500));
    let cluster = options.require_full_coverage(false).nodes(durable()).start();
    let store = connect_to(&format!("{}?timeout_ms={}", cluster.url(), HASTY.as_millis())).await;
    let slot = |third: u16| third * 5_461 + 100;
    let keys: Vec<Key> = (0..3).map(|third| key(Kind::Value, slot(third), 1)).collect();
    for key in &keys {
        put(&store, key).await.unwrap();
    }
    cluster.nodes()[0].kill();
    let began = Instant::now();
    let mut calls = 0;
    while began.elapsed() < Duration::from_secs(4) {
        let error = put(&store, &keys[0]).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::NotExecuted | ErrorKind::Ambiguous), "{error:?}");
        for key in &keys[1..] {
            assert!(get(&store, key).await.unwrap().is_some());
            put(&store, key).await.unwrap();
        }
        calls += 5;
    }
    block_in_place(|| cluster.nodes()[0].restart(roomkey_testkit::server::Restart::KeepData));
    let back = until_works(&store.with_timeout(PATIENT), &keys[0]).await;
    let what = format!("one of three masters dead: others served, back after {:.1} s", back.as_secs_f64());
    table::checked("F14", &what, calls);
    ear::assert_discreet();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f15_replicas_take_over() {
    let options = RedisCluster::options().replicas(1).node_timeout(Duration::from_millis(1_500));
    let scene = Scene::start(options, PATIENT).await;
    for how in [Failover::Orderly, Failover::Force, Failover::Takeover] {
        block_in_place(|| {
            // Who has just lost its place is a replica only when the others have heard of it.
            let replica = loop {
                let replicas = scene.cluster.replicas_of(scene.cluster.masters()[0]);
                if let Some(replica) = replicas.first() {
                    break *replica;
                }
                std::thread::sleep(Duration::from_millis(20));
            };
            scene.cluster.failover(replica, how);
        });
        scene.heal().await;
        block_in_place(|| scene.cluster.wait_until_agreed());
    }
    let (report, _) = scene.finish("F15", "CLUSTER FAILOVER, FORCE, TAKEOVER").await;
    nothing_repeatable_failed(&report);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f15_a_frozen_master_is_voted_out() {
    let options = RedisCluster::options().replicas(1).node_timeout(Duration::from_millis(1_500));
    let scene = Scene::start(options, HASTY).await;
    let slot = 100;
    let old = block_in_place(|| scene.cluster.owner(slot));
    old.pause();
    block_in_place(|| {
        let began = std::time::Instant::now();
        while std::ptr::eq(scene.cluster.owner(slot), old) {
            assert!(began.elapsed() < Duration::from_secs(60), "nobody takes over");
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    scene.heal().await;
    old.resume();
    scene.heal().await;
    let (report, late) = scene.finish("F15", "SIGSTOP of a master, its replica elected, SIGCONT").await;
    assert_in_time(report.slowest, HASTY, late);
}

/// What redis-rs' cluster client does with an INCR whose reply is lost: it sends it again, and tells nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f17_one_lost_addition_in_a_cluster_is_made_once() {
    let cluster = RedisCluster::options().nodes(durable()).start();
    if !cluster.nodes()[0].binary().at_least(7, 0) {
        table::checked("F17", "not run in a cluster: Redis 6.2 announces no other port at run time", 0);
        return;
    }
    // Every node is only known by its proxy, and says so itself.
    let proxies: Vec<FaultProxy> =
        cluster.nodes().iter().map(|node| FaultProxy::before(node.port())).collect();
    for (node, proxy) in cluster.nodes().iter().zip(&proxies) {
        announce(node, proxy.port());
    }
    block_in_place(|| {
        let told = |node: &RedisServer| {
            let slots = node.command(&["CLUSTER", "SLOTS"]);
            let text = format!("{slots:?}");
            proxies.iter().all(|proxy| text.contains(&format!("Int({})", proxy.port())))
        };
        while !cluster.nodes().iter().all(told) {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let url = format!("redis-cluster://:{}@127.0.0.1:{}?timeout_ms=20000", ear::PASSWORD, proxies[0].port());
    let store = connect_to(&url).await;
    let sent = || -> u64 { proxies.iter().filter_map(|proxy| proxy.commands().get("INCRBY").copied()).sum() };
    let greeting = sent();
    for slot in [100, 6_000, 12_000] {
        let counter = key(Kind::Value, slot, 1);
        for proxy in &proxies {
            proxy.spoil("INCRBY", 1, Spoil::Lose);
        }
        let error = add(&store, &counter).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error:?}");
        proxies.iter().for_each(FaultProxy::heal);
        assert_eq!(get(&store, &counter).await.unwrap().unwrap(), "1");
        assert_eq!(add(&store, &counter).await.unwrap(), 2);
    }
    assert_eq!(sent() - greeting, 6, "two additions on each of three nodes");
    table::checked("F17", "the reply to one addition lost, on each node of a cluster: counter 1", 9);
    ear::assert_discreet();
}

fn announce(node: &RedisServer, port: u16) {
    node.command(&["CONFIG", "SET", "cluster-announce-port", &port.to_string()]);
}

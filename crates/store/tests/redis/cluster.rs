//! Clusters: who is asked, what a moving slot does to a call, and what a lost node does to the others.

mod scan;
mod seeds;
mod waits;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{
    Batch, BranchId, Check, Error, ErrorKind, Key, Kind, Life, LogId, Op, Reply, Store as _, TxnBuilder,
    Wait, Woken,
};
use roomkey_store::{Answer, ConnectError, RedisConfig, RedisConfigBuilder, RedisStore};
use roomkey_testkit::server::Restart;
use roomkey_testkit::{Failover, RedisCluster, RedisServer};

use crate::{get, key, put, reply};

/// Long enough for a failover on a loaded machine, so that what is repeatable has to succeed.
const PATIENT: Duration = Duration::from_secs(60);
/// A slot of each of three masters.
const SPREAD: [u16; 3] = [100, 8_000, 16_000];

pub(crate) fn config(cluster: &RedisCluster) -> RedisConfigBuilder {
    RedisConfig::builder().cluster(cluster.seeds())
}

async fn connect(cluster: &RedisCluster) -> RedisStore {
    RedisStore::connect(config(cluster).build().unwrap()).await.unwrap()
}

fn value(partition: u16) -> Key {
    key(Kind::Value, partition, 1)
}

fn add(key: &Key) -> Op {
    Op::add(key, 1, Life::Never)
}

/// The master that does not own the slot.
fn other(cluster: &RedisCluster, slot: u16) -> &RedisServer {
    let owner = cluster.owner(slot);
    cluster.nodes().iter().find(|node| !std::ptr::eq(*node, owner)).unwrap()
}

/// How often a server has refused something with this code.
fn refusals(server: &RedisServer, code: &str) -> u64 {
    let stats = server.command(&["INFO", "errorstats"]).text();
    let count = stats.lines().find_map(|line| line.strip_prefix(&format!("errorstat_{code}:count=")));
    count.map_or(0, |count| count.trim().parse().unwrap())
}

/// The code of the server's answer that an error goes back to.
fn code(error: &Error) -> Option<String> {
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(cause) = next {
        if let Some(answer) = cause.downcast_ref::<Answer>() {
            return Some(answer.to_string());
        }
        next = cause.source();
    }
    None
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn every_partition_is_served_by_its_node() {
    let cluster = RedisCluster::start();
    let store = connect(&cluster).await;
    // Whoever is asked whether the login has every right is asked about keys of others.
    let sent_on = || cluster.nodes().iter().map(|node| refusals(node, "MOVED")).sum::<u64>();
    let before = sent_on();
    for slot in SPREAD {
        put(&store, &value(slot), "here").await.unwrap();
        assert_eq!(cluster.owner(slot).command(&[b"GET", &value(slot).bytes()[..]]).text(), "here");
        // A program of its own, which the node does not know yet.
        let mut txn = TxnBuilder::new("routed");
        let (there, _) = txn.fork(BranchId::ROOT, [Check::exists(&value(slot))]);
        let got = txn.op(there, Op::get(&value(slot)));
        let counted = txn.op(there, add(&key(Kind::Value, slot, 2)));
        let outcome = store.transact(&txn.build().unwrap()).await.unwrap();
        assert!(outcome.reply(got).is_some() && outcome.reply(counted).is_some());
    }
    assert_eq!(sent_on(), before);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_seed_that_is_gone_or_no_cluster_is_passed_over_or_said() {
    let cluster = RedisCluster::start();
    let alone = RedisServer::start();
    let gone = "127.0.0.1:1".to_owned();
    let not_one = format!("127.0.0.1:{}", alone.port());
    let seeds = [gone.clone(), not_one.clone(), cluster.seeds().remove(1)];
    let store = RedisStore::connect(RedisConfig::builder().cluster(seeds).build().unwrap()).await.unwrap();
    put(&store, &value(SPREAD[0]), "here").await.unwrap();

    let connect = |seed| RedisStore::connect(RedisConfig::builder().cluster([seed]).build().unwrap());
    assert!(matches!(connect(gone).await.unwrap_err(), ConnectError::Unreachable { .. }));
    assert!(matches!(connect(not_one).await.unwrap_err(), ConnectError::Refused { .. }));
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_slot_that_has_moved_is_followed_at_the_first_call() {
    let cluster = RedisCluster::start();
    let store = connect(&cluster).await;
    let [slot, ..] = SPREAD;
    for tag in 1..=5 {
        put(&store, &key(Kind::Value, slot, tag), "before").await.unwrap();
    }
    let (from, to) = (cluster.owner(slot), other(&cluster, slot));
    let before = refusals(from, "MOVED");
    cluster.migrate_slot(slot, to);
    let counter = key(Kind::Value, slot, 9);
    assert_eq!(reply(&store, add(&counter)).await.unwrap(), Reply::Number(1));
    for tag in 1..=5 {
        assert_eq!(get(&store, &key(Kind::Value, slot, tag)).await.unwrap().unwrap(), "before");
    }
    // The first was sent on; those after it knew.
    assert_eq!(refusals(from, "MOVED"), before + 1);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn keys_of_a_slot_on_its_way_are_found_at_either_end() {
    let cluster = RedisCluster::start();
    let store = connect(&cluster).await;
    let [slot, ..] = SPREAD;
    let keys: Vec<_> = (1..=20).map(|tag| key(Kind::Value, slot, tag)).collect();
    for key in &keys {
        put(&store, key, "7").await.unwrap();
    }
    let migration = cluster.migration(slot, other(&cluster, slot));
    assert_eq!(migration.move_keys(10), 10);
    for key in &keys {
        // One command, and one program by its hash that the other end does not know.
        assert_eq!(get(&store, key).await.unwrap().unwrap(), "7");
        assert_eq!(
            reply(&store, Op::add(key, 1, Life::AtLeast(roomkey_core::Until::In(PATIENT)))).await.unwrap(),
            Reply::Number(8)
        );
    }
    // All together: those of either end in their places.
    let batch = Batch::new(keys.iter().map(Op::get)).unwrap();
    for reply in store.run(batch).await.unwrap() {
        assert_eq!(reply.unwrap().into_bytes().unwrap(), "8");
    }
    // What is new is born at the other end.
    let born = key(Kind::Value, slot, 99);
    put(&store, &born, "new").await.unwrap();
    assert_eq!(migration.from().command(&["CLUSTER", "COUNTKEYSINSLOT", &slot.to_string()]).int(), 10);
    migration.finish();
    assert_eq!(get(&store, &born).await.unwrap().unwrap(), "new");
    assert_eq!(get(&store, &keys[19]).await.unwrap().unwrap(), "8");
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_program_on_keys_at_both_ends_waits_for_the_rest_of_the_slot() {
    let cluster = RedisCluster::start();
    let store = connect(&cluster).await;
    let [slot, ..] = SPREAD;
    let (one, two) = (key(Kind::Value, slot, 1), key(Kind::Value, slot, 2));
    put(&store, &one, "1").await.unwrap();
    put(&store, &two, "1").await.unwrap();
    let mut txn = TxnBuilder::new("both");
    txn.op(BranchId::ROOT, add(&one));
    txn.op(BranchId::ROOT, add(&two));
    let txn = txn.build().unwrap();

    let migration = cluster.migration(slot, other(&cluster, slot));
    assert_eq!(migration.move_keys(1), 1);
    let error = store.with_timeout(Duration::from_millis(300)).transact(&txn).await.unwrap_err();
    assert_eq!((error.kind(), code(&error).as_deref()), (ErrorKind::NotExecuted, Some("TRYAGAIN")));

    let waiting = tokio::spawn({
        let (store, txn) = (store.with_timeout(PATIENT), txn.clone());
        async move { store.transact(&txn).await }
    });
    let tried = refusals(migration.from(), "TRYAGAIN");
    // Redis 6.2 does not count what it refuses so; there the program has some time to be refused.
    for _ in 0..100 {
        if refusals(migration.from(), "TRYAGAIN") != tried {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    migration.finish();
    waiting.await.unwrap().unwrap();
    for key in [&one, &two] {
        assert_eq!(get(&store, key).await.unwrap().unwrap(), "2");
    }
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_lost_node_is_named_and_the_others_go_on() {
    let cluster = RedisCluster::options().require_full_coverage(false).start();
    let store = connect(&cluster).await.with_timeout(Duration::from_secs(1));
    for slot in SPREAD {
        put(&store, &value(slot), "here").await.unwrap();
    }
    let lost = cluster.owner(SPREAD[1]);
    lost.pause();
    // A batch over all nodes: what the frozen one has ends at the deadline, the rest is answered.
    let batch = Batch::new(SPREAD.map(|slot| Op::get(&value(slot)))).unwrap();
    let replies = store.run(batch).await.unwrap();
    assert_eq!(replies[0].as_ref().unwrap().clone().into_bytes().unwrap(), "here");
    assert!(matches!(replies[1], Err(Error::Ambiguous(_) | Error::NotExecuted(_))), "{replies:?}");
    assert_eq!(replies[2].as_ref().unwrap().clone().into_bytes().unwrap(), "here");

    let health = store.health().await.unwrap();
    let name = format!("127.0.0.1:{}", lost.port());
    assert!(health.warnings.iter().any(|warning| warning.starts_with(&name)), "{health:?}");

    // Its process gone too, the others find out, and say so where they are asked for what it had.
    lost.kill();
    for slot in [SPREAD[0], SPREAD[2]] {
        assert_eq!(get(&store, &value(slot)).await.unwrap().unwrap(), "here");
    }
    let error = get(&store, &value(SPREAD[1])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotExecuted, "{error}");

    lost.restart(Restart::LoseData);
    assert_eq!(get(&store.with_timeout(PATIENT), &value(SPREAD[1])).await.unwrap(), None);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_cluster_that_is_down_says_so() {
    let cluster = RedisCluster::start();
    let store = connect(&cluster).await;
    put(&store, &value(SPREAD[0]), "here").await.unwrap();
    cluster.owner(SPREAD[1]).kill();
    // The nodes need their time to agree that one is missing; then none of them serves.
    let error = loop {
        match get(&store.with_timeout(Duration::from_millis(300)), &value(SPREAD[0])).await {
            Ok(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(error) => break error,
        }
    };
    assert_eq!(
        (error.kind(), code(&error).as_deref()),
        (ErrorKind::NotExecuted, Some("CLUSTERDOWN")),
        "{error}"
    );
    cluster.nodes()[1].restart(Restart::KeepData);
    assert_eq!(get(&store.with_timeout(PATIENT), &value(SPREAD[0])).await.unwrap().unwrap(), "here");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_replica_that_takes_over_is_found_and_nothing_is_counted_twice() {
    let cluster = RedisCluster::options().replicas(1).start();
    let store = connect(&cluster).await.with_timeout(PATIENT);
    let counter = value(SPREAD[1]);
    let master = cluster.owner(SPREAD[1]);
    let replica = cluster.replicas_of(master)[0];

    // With the master's help: nothing is lost, and what is refused is sent on.
    let counting = tokio::spawn({
        let (store, counter) = (store.clone(), counter.clone());
        async move {
            let (mut sure, mut unsure) = (0, 0);
            while sure + unsure < 3_000 {
                match reply(&store, add(&counter)).await {
                    Ok(_) => sure += 1,
                    Err(Error::Ambiguous(_)) => unsure += 1,
                    Err(error) => panic!("{error}"),
                }
            }
            (sure, unsure)
        }
    });
    cluster.failover(replica, Failover::Orderly);
    let (sure, unsure) = counting.await.unwrap();
    let count: i64 =
        std::str::from_utf8(&get(&store, &counter).await.unwrap().unwrap()).unwrap().parse().unwrap();
    assert!((sure..=sure + unsure).contains(&count), "{sure} + {unsure}: {count}");
    assert!(std::ptr::eq(cluster.owner(SPREAD[1]), replica));

    // Without it: it is frozen, and its replica, the old master, is voted in.
    cluster.wait_until_agreed();
    replica.pause();
    put(&store, &counter, "new").await.unwrap();
    assert_eq!(get(&store, &counter).await.unwrap().unwrap(), "new");
    assert!(std::ptr::eq(cluster.owner(SPREAD[1]), master));
    replica.resume();
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn replies_of_a_batch_keep_their_order_across_nodes() {
    let cluster = RedisCluster::start();
    let store = connect(&cluster).await;
    let slots: Vec<u16> = (0..100).map(|n| (n * 163) % 16_384).collect();
    let ops = slots.iter().flat_map(|slot| {
        let key = value(*slot);
        [
            Op::put(&key, Bytes::from(slot.to_string()), Life::Never),
            Op::get(&key),
            Op::add(&key, 1, Life::Keep),
        ]
    });
    let replies = store.run(Batch::new(ops).unwrap()).await.unwrap();
    for (slot, replies) in slots.iter().zip(replies.chunks(3)) {
        assert_eq!(replies[1].as_ref().unwrap().clone().into_bytes().unwrap(), slot.to_string());
        assert_eq!(*replies[2].as_ref().unwrap(), Reply::Number(i64::from(*slot) + 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_wait_follows_its_log() {
    let cluster = RedisCluster::options().replicas(1).start();
    let store = connect(&cluster).await.with_timeout(PATIENT);
    let slot = SPREAD[1];
    let log = key(Kind::Log, slot, 1);
    // With one at another node, so that it is also looked at.
    let logs = [log.clone(), key(Kind::Log, SPREAD[2], 1)].map(|log| (log, LogId::MIN));
    let moved = tokio::spawn({
        let (store, wait) = (store.clone(), Wait::new(logs, PATIENT).unwrap());
        async move { store.wait(wait).await }
    });
    let blocked = |server: &RedisServer| server.info("blocked_clients") != "0";

    // The slot moves under it.
    while !blocked(cluster.owner(slot)) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    cluster.migrate_slot(slot, cluster.owner(SPREAD[0]));
    while !blocked(cluster.owner(slot)) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Its master becomes a replica under it.
    let replica = cluster.replicas_of(cluster.owner(slot))[0];
    cluster.failover(replica, Failover::Orderly);
    cluster.wait_until_agreed();
    let owner = cluster.owner(slot);
    owner.command(&[&b"XADD"[..], log.bytes(), b"*", b"event", b"x"]);
    assert_eq!(moved.await.unwrap().unwrap(), Woken::Ready(vec![log]));
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_cluster_is_healthy_as_a_whole() {
    let cluster = RedisCluster::start();
    let store = connect(&cluster).await;
    let health = store.health().await.unwrap();
    assert!(health.warnings.is_empty(), "{health:?}");
    let one: u64 = cluster.nodes()[0].info("used_memory").parse().unwrap();
    assert!(health.memory_used.unwrap() > 2 * one, "{health:?}");
    cluster.nodes()[2].command(&["CONFIG", "SET", "maxmemory", "1gb"]);
    cluster.nodes()[2].command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let warnings = store.health().await.unwrap().warnings;
    let name = format!("127.0.0.1:{}: ", cluster.nodes()[2].port());
    assert!(warnings.len() == 1 && warnings[0].starts_with(&name), "{warnings:?}");
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_closed_store_ends_calls_on_all_nodes() {
    let cluster = RedisCluster::start();
    let store = connect(&cluster).await;
    for slot in SPREAD {
        put(&store, &value(slot), "here").await.unwrap();
    }
    let waiting = Arc::new(store.clone());
    let wait = Wait::new([(key(Kind::Log, SPREAD[0], 9), LogId::MIN)], Duration::from_secs(3_600)).unwrap();
    let waiting = tokio::spawn(async move { waiting.wait(wait).await });
    while cluster.owner(SPREAD[0]).info("blocked_clients") == "0" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    store.close().await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(get(&store, &value(SPREAD[0])).await.unwrap_err().kind(), ErrorKind::Closed);
    for node in cluster.nodes() {
        while node.command(&["CLIENT", "LIST"]).text().contains("name=roomkey") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

//! Waits for logs all over a cluster: more than there are connections for, and some whose slot is on its way.

use std::collections::{BTreeSet, HashMap};

use roomkey_core::{Append, Key, Kind, LogId, Op, Order, Reply, Store as _, Wait, Woken};
use roomkey_store::RedisStore;
use roomkey_testkit::{RedisCluster, RedisServer};
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, sleep};

use super::{PATIENT, SPREAD, config, connect, other, refusals};
use crate::{key, reply};

/// How many connections of a pool of four may block.
const SEATS: usize = 3;

/// A cluster, and a store with few connections of its own.
async fn small() -> (RedisCluster, RedisStore) {
    let cluster = RedisCluster::start();
    let store = RedisStore::connect(config(&cluster).pool_size(4).build().unwrap()).await.unwrap();
    (cluster, store)
}

/// Logs of twenty slots of each node.
fn logs() -> Vec<Key> {
    (0..60).map(|n| key(Kind::Log, n * 273, 1)).collect()
}

async fn append(store: &RedisStore, log: &Key) -> LogId {
    match reply(store, Append::new(log, 100).field("event", "x").into()).await.unwrap() {
        Reply::Ids(ids) => ids[0],
        other => panic!("{other:?}"),
    }
}

fn spawn(store: &RedisStore, logs: impl IntoIterator<Item = (Key, LogId)>) -> JoinHandle<Woken> {
    let (store, wait) = (store.clone(), Wait::new(logs, PATIENT).unwrap());
    tokio::spawn(async move { store.wait(wait).await.unwrap() })
}

async fn until_blocked(server: &RedisServer, clients: usize) {
    while server.info("blocked_clients") != clients.to_string() {
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_log_is_noticed_that_has_no_connection_to_wait_on() {
    let (cluster, store) = small().await;
    let logs = logs();
    // The first and the last of each node: one of them blocks, the other is looked at.
    for at in [0, 19, 21, 39, 41, 59] {
        let waiting = spawn(&store, logs.iter().map(|log| (log.clone(), LogId::MIN)));
        for node in cluster.nodes() {
            until_blocked(node, SEATS).await;
        }
        append(&store, &logs[at]).await;
        assert_eq!(waiting.await.unwrap(), Woken::Ready(vec![logs[at].clone()]));
        reply(&store, Op::delete(&logs[at])).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn those_that_do_not_block_are_looked_at_once_a_second() {
    let (cluster, store) = small().await;
    let waiting = spawn(&store, logs().into_iter().map(|log| (log, LogId::MIN)));
    let node = &cluster.nodes()[0];
    until_blocked(node, SEATS).await;
    let looks = || {
        let stats = node.command(&["INFO", "commandstats"]).text();
        let of_xread = stats.lines().find_map(|line| line.strip_prefix("cmdstat_xread:calls="));
        of_xread.map_or(0, |line| line.split(',').next().unwrap().parse::<u64>().unwrap())
    };
    let (begun, before) = (Instant::now(), looks());
    while looks() < before + 3 * (20 - SEATS as u64) {
        sleep(Duration::from_millis(10)).await;
    }
    assert!(begun.elapsed() > Duration::from_secs(2), "three looks in {:?}", begun.elapsed());
    waiting.abort();
}

/// The connections to all nodes, of those that serve one call alone too.
fn connections(cluster: &RedisCluster) -> BTreeSet<(u16, String)> {
    let of = |node: &RedisServer| {
        let clients = node.command(&["CLIENT", "LIST"]).text();
        let ours = clients.lines().filter(|client| client.contains("name=roomkey"));
        ours.map(|client| (node.port(), client.split(' ').next().unwrap().to_owned())).collect::<Vec<_>>()
    };
    cluster.nodes().iter().flat_map(of).collect()
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn connections_that_blocked_for_a_wait_serve_the_next() {
    let (cluster, store) = small().await;
    let logs = logs();
    let mut before = BTreeSet::new();
    // A node that takes long to let go of them has them closed, and on a loaded machine it may at times.
    for _ in 0..20 {
        let waiting = spawn(&store, logs.iter().map(|log| (log.clone(), LogId::MIN)));
        for node in cluster.nodes() {
            until_blocked(node, SEATS).await;
        }
        let now = connections(&cluster);
        append(&store, &logs[0]).await;
        assert_eq!(waiting.await.unwrap(), Woken::Ready(vec![logs[0].clone()]));
        reply(&store, Op::delete(&logs[0])).await.unwrap();
        if now == before {
            return;
        }
        before = now;
    }
    panic!("every wait has opened connections anew");
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_login_that_may_not_unblock_can_wait() {
    let (cluster, store) = small().await;
    for node in cluster.nodes() {
        // Before Redis 7 there is no taking back a part of a command.
        node.command(&["ACL", "SETUSER", "default", "-client", "+client|id", "+client|list", "+client|kill"]);
    }
    let logs = logs();
    for at in [0, 20, 40] {
        let waiting = spawn(&store, logs.iter().map(|log| (log.clone(), LogId::MIN)));
        for node in cluster.nodes() {
            until_blocked(node, SEATS).await;
        }
        append(&store, &logs[at]).await;
        assert_eq!(waiting.await.unwrap(), Woken::Ready(vec![logs[at].clone()]));
        reply(&store, Op::delete(&logs[at])).await.unwrap();
    }
}

/// Whoever reads what is ready and waits again misses nothing, wherever it is appended meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn no_entry_is_missed_between_waits() {
    const EACH: usize = 5;
    let (_cluster, store) = small().await;
    let logs = logs();
    let reading = tokio::spawn({
        let (store, logs) = (store.clone(), logs.clone());
        async move {
            let mut after: HashMap<Key, LogId> = logs.into_iter().map(|log| (log, LogId::MIN)).collect();
            let mut seen: Vec<(Key, LogId)> = Vec::new();
            while seen.len() < 60 * EACH {
                let wait = Wait::new(after.clone(), PATIENT).unwrap();
                let Woken::Ready(ready) = store.wait(wait).await.unwrap() else {
                    panic!("an entry was missed")
                };
                for log in ready {
                    let after = after.get_mut(&log).unwrap();
                    let range = Op::log_range(&log, *after, LogId::MAX, Order::Lowest, 100);
                    let Reply::Entries(entries) = reply(&store, range).await.unwrap() else { panic!() };
                    seen.extend(
                        entries.iter().filter(|entry| entry.id > *after).map(|entry| (log.clone(), entry.id)),
                    );
                    *after = entries.last().unwrap().id;
                }
            }
            seen
        }
    });
    let mut appended = Vec::new();
    for _ in 0..EACH {
        for log in &logs {
            appended.push((log.clone(), append(&store, log).await));
        }
    }
    let mut seen = reading.await.unwrap();
    seen.sort_unstable();
    appended.sort_unstable();
    assert_eq!(seen, appended);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn logs_of_a_slot_on_its_way_are_noticed_at_either_end() {
    let cluster = RedisCluster::start();
    let store = connect(&cluster).await.with_timeout(PATIENT);
    let [slot, _, elsewhere] = SPREAD;
    let mut after: HashMap<Key, LogId> = HashMap::new();
    for log in [key(Kind::Log, slot, 1), key(Kind::Log, slot, 2), key(Kind::Log, elsewhere, 1)] {
        let id = append(&store, &log).await;
        after.insert(log, id);
    }
    let migration = cluster.migration(slot, other(&cluster, slot));
    assert_eq!(migration.move_keys(1), 1);
    // The two are not at one end, and so cannot be waited for with one command.
    for tag in [1, 2] {
        let refused = refusals(migration.from(), "TRYAGAIN");
        let log = key(Kind::Log, slot, tag);
        let waiting = spawn(&store, after.clone());
        until_blocked(cluster.owner(elsewhere), 1).await;
        // Redis 6.2 does not count what it refuses so.
        for _ in 0..100 {
            if refusals(migration.from(), "TRYAGAIN") != refused {
                break;
            }
            sleep(Duration::from_millis(5)).await;
        }
        let id = append(&store, &log).await;
        assert_eq!(waiting.await.unwrap(), Woken::Ready(vec![log.clone()]));
        after.insert(log, id);
    }
    // Begun while the slot is on its way, it goes on where the slot has gone.
    let waiting = spawn(&store, after.clone());
    until_blocked(cluster.owner(elsewhere), 1).await;
    migration.finish();
    until_blocked(cluster.owner(slot), 1).await;
    let log = key(Kind::Log, slot, 1);
    append(&store, &log).await;
    assert_eq!(waiting.await.unwrap(), Woken::Ready(vec![log]));
}

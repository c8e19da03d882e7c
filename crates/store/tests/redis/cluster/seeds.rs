//! Where the map of the slots is read, and how often.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Kind, Life, LogId, Op, Store as _, Wait, Woken};
use roomkey_store::RedisStore;
use roomkey_testkit::{RedisCluster, RedisServer};

use super::{SPREAD, config, connect, value};
use crate::{key, put, reply};

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn frozen_seeds_do_not_keep_a_store_from_connecting() {
    let cluster = RedisCluster::start();
    let frozen = [RedisServer::start(), RedisServer::start()];
    let mut seeds: Vec<_> = frozen.iter().map(|server| format!("127.0.0.1:{}", server.port())).collect();
    seeds.push(cluster.seeds().remove(0));
    frozen.iter().for_each(RedisServer::pause);
    // Who waits for one of them waits for longer than any test.
    let config = config(&cluster).cluster(seeds).connect_timeout(Duration::from_secs(3_600));
    let store = RedisStore::connect(config.build().unwrap()).await.unwrap();
    put(&store, &value(SPREAD[0]), "here").await.unwrap();
}

/// How often a server was asked who serves what.
fn readings(cluster: &RedisCluster) -> u64 {
    let stats = cluster.nodes().iter().map(|node| node.command(&["INFO", "commandstats"]).text());
    // Before Redis 7 all parts of CLUSTER count as one.
    let lines = |stats: String| {
        let of_slots =
            |line: &&str| line.starts_with("cmdstat_cluster|slots:") || line.starts_with("cmdstat_cluster:");
        stats.lines().filter(of_slots).map(str::to_owned).collect::<Vec<_>>()
    };
    let calls = |line: String| line.split(['=', ',']).nth(1).unwrap().parse::<u64>().unwrap();
    stats.flat_map(lines).map(calls).sum()
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn opening_a_connection_is_no_reason_to_doubt_the_map() {
    let cluster = RedisCluster::start();
    let store = connect(&cluster).await;
    for slot in SPREAD {
        put(&store, &value(slot), "here").await.unwrap();
    }
    // Longer than what is wanted of the keeper takes to be done.
    let settled = || tokio::time::sleep(Duration::from_millis(500));
    settled().await;
    let before = readings(&cluster);
    let large = Bytes::from(vec![b'x'; 100_000]);
    for slot in SPREAD {
        let wait = Wait::new([(key(Kind::Log, slot, 2), LogId::MIN)], Duration::from_millis(10)).unwrap();
        assert_eq!(store.wait(wait).await.unwrap(), Woken::TimedOut);
        reply(&store, Op::put(&value(slot), large.clone(), Life::Never)).await.unwrap();
    }
    settled().await;
    assert_eq!(readings(&cluster), before);
}

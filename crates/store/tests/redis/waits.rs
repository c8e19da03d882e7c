//! Waits that are given up and begun anew, as by whoever waits for one more log each time.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Append, Key, Kind, Life, LogId, Op, Store as _, Wait, Woken};
use roomkey_store::RedisStore;
use roomkey_testkit::{RedisCluster, RedisServer};
use tokio::time::{Instant, sleep, timeout};

use crate::{config, key, reply};

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(3_600);
/// How long a server may take to notice something. A bound for loaded machines, not a wait.
const PATIENCE: Duration = Duration::from_secs(60);

fn wait(logs: &[Key]) -> Wait {
    Wait::new(logs.iter().map(|log| (log.clone(), LogId::MIN)), LONG).unwrap()
}

async fn append(store: &RedisStore, log: &Key) {
    reply(store, Append::new(log, 10).field("event", "x").into()).await.unwrap();
}

fn blocked(server: &RedisServer) -> usize {
    server.info("blocked_clients").parse().unwrap()
}

fn ours(server: &RedisServer) -> usize {
    server.command(&["CLIENT", "LIST"]).text().matches("name=roomkey").count()
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        sleep(Duration::from_millis(2)).await;
    }
}

/// Waits for one log more each time, a hundred times in a row, and gives up the wait before.
async fn wait_anew(store: &RedisStore, logs: &[Key], each: Duration) {
    for count in 1..=logs.len() {
        let waited = timeout(each, store.wait(wait(&logs[..count]))).await;
        assert!(waited.is_err(), "none has an entry: {waited:?}");
    }
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_wait_that_is_given_up_frees_its_connection() {
    let server = RedisServer::start();
    let store = RedisStore::connect(config(&server).pool_size(3).build().unwrap()).await.unwrap();
    let logs: Vec<Key> = (0..100).map(|slot| key(Kind::Log, slot * 160, 1)).collect();
    // Given up before it could begin, while a connection is opened, and while it blocks.
    for each in [0, 1, 5] {
        wait_anew(&store, &logs, Duration::from_millis(each)).await;
        until("the server has let go of every wait", || blocked(&server) == 0).await;
        // Two lanes, and what the pool keeps.
        until("what was given up is closed", || ours(&server) <= 2 + 3).await;
    }
    // The pool has what it had: the wait gets a connection at once, and the others are left.
    let waiting = tokio::spawn({
        let (store, wait) = (store.clone(), wait(&logs));
        async move { store.wait(wait).await }
    });
    until("the wait blocks", || blocked(&server) == 1).await;
    let large = Bytes::from(vec![b'x'; 100_000]);
    for tag in 1..=3 {
        reply(&store, Op::put(&key(Kind::Value, 1, tag), large.clone(), Life::Never)).await.unwrap();
    }
    append(&store, &logs[99]).await;
    assert_eq!(waiting.await.unwrap().unwrap(), Woken::Ready(vec![logs[99].clone()]));
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_wait_over_a_cluster_that_is_given_up_frees_its_connections() {
    let cluster = RedisCluster::start();
    let store =
        RedisStore::connect(super::cluster::config(&cluster).pool_size(4).build().unwrap()).await.unwrap();
    let logs: Vec<Key> = (0..100).map(|n| key(Kind::Log, n * 160, 1)).collect();
    for each in [0, 1, 5, 20] {
        wait_anew(&store, &logs, Duration::from_millis(each)).await;
        for node in cluster.nodes() {
            until("the node has let go of every wait", || blocked(node) == 0).await;
            until("what was given up is closed", || ours(node) <= 2 + 4).await;
        }
    }
    let waiting = tokio::spawn({
        let (store, wait) = (store.clone(), wait(&logs));
        async move { store.wait(wait).await }
    });
    for node in cluster.nodes() {
        until("as many block as may", || blocked(node) == 3).await;
    }
    append(&store, &logs[99]).await;
    assert_eq!(waiting.await.unwrap().unwrap(), Woken::Ready(vec![logs[99].clone()]));
}

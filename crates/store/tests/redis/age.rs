//! Connections are replaced while calls go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Kind, Life, Op, Reply};
use roomkey_store::RedisStore;
use roomkey_testkit::RedisServer;
use tokio::task::JoinSet;

use crate::{config, key, put, reply};

const PATIENT: Duration = Duration::from_secs(60);

fn received(server: &RedisServer) -> u64 {
    server.info("total_connections_received").parse().unwrap()
}

/// Adds from many tasks, on shared connections and on others, until told to end. None may fail or be in doubt.
fn load(store: &RedisStore, running: &Arc<AtomicBool>) -> JoinSet<i64> {
    let mut tasks = JoinSet::new();
    for task in 0..16u8 {
        let (store, running) = (store.clone(), Arc::clone(running));
        tasks.spawn(async move {
            let mut added = 0;
            while running.load(Ordering::Relaxed) {
                reply(&store, Op::add(&key(Kind::Value, 1, 200), 1, Life::Keep)).await.unwrap();
                added += 1;
                if task == 0 {
                    let large = Bytes::from(vec![0; 100 * 1024]);
                    reply(
                        &store,
                        Op::push(&key(Kind::List, 2, 1), roomkey_core::End::Back, large, Life::Keep),
                    )
                    .await
                    .unwrap();
                    reply(&store, Op::delete(&key(Kind::List, 2, 1))).await.unwrap();
                }
            }
            added
        });
    }
    tasks
}

async fn assert_nothing_failed(store: &RedisStore, tasks: JoinSet<i64>) {
    let added: i64 = tasks.join_all().await.into_iter().sum();
    let total = reply(store, Op::add(&key(Kind::Value, 1, 200), 0, Life::Keep)).await.unwrap();
    assert_eq!(total, Reply::Number(added));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn old_connections_are_replaced_without_a_failed_call() {
    let server = RedisServer::start();
    let config = config(&server).max_connection_age(Duration::from_millis(100)).timeout(PATIENT);
    let store = RedisStore::connect(config.build().unwrap()).await.unwrap();
    let running = Arc::new(AtomicBool::new(true));
    let tasks = load(&store, &running);
    // The first asks through one connection of its own each time, which is counted too.
    let start = received(&server);
    let mut asked = 1;
    while received(&server) < start + asked + 30 {
        asked += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.store(false, Ordering::Relaxed);
    assert_nothing_failed(&store, tasks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn connections_are_renewed_on_demand_without_a_failed_call() {
    let server = RedisServer::start();
    let store = RedisStore::connect(config(&server).timeout(PATIENT).build().unwrap()).await.unwrap();
    put(&store, &key(Kind::Value, 1, 1), "x").await.unwrap();
    let clients = || {
        let list = server.command(&["CLIENT", "LIST"]).text();
        let ours = list.lines().filter(|line| line.contains("name=roomkey"));
        ours.map(|line| line.split(['=', ' ']).nth(1).unwrap().to_owned()).collect::<Vec<_>>()
    };
    let running = Arc::new(AtomicBool::new(true));
    let tasks = load(&store, &running);
    for _ in 0..5 {
        let before = clients();
        store.renew_connections();
        // Under load, also of large values, every connection is used, and so replaced.
        while clients().iter().any(|client| before.contains(client)) {
            tokio::task::yield_now().await;
        }
    }
    running.store(false, Ordering::Relaxed);
    assert_nothing_failed(&store, tasks).await;
}

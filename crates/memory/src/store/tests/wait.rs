//! Waiting for entries of logs.

use std::collections::HashMap;
use std::time::Duration;

use roomkey_core::{Append, ErrorKind, Key, Kind, LogId, Op, Partition, Reply, Store as _, Wait, Woken};

use crate::MemoryStore;
use crate::shard::shard_of;
use crate::testing::{key, key_in, one, set};

/// Waits for an entry of the log, or of one in another shard that never has any.
fn wait(log: &Key, after: LogId) -> Wait {
    let elsewhere = key_in(9_000, Kind::Log, 99);
    Wait::new([(log.clone(), after), (elsewhere, LogId::MIN)], Duration::from_secs(60)).unwrap()
}

async fn append(store: &MemoryStore, log: &Key) -> LogId {
    match one(store, Append::new(log, 10).field("k", "event")).await.unwrap() {
        Reply::Ids(ids) => ids[0],
        other => panic!("{other:?}"),
    }
}

fn shard(slot: u16) -> usize {
    shard_of(Partition::from_slot(slot).unwrap())
}

#[tokio::test(start_paused = true)]
async fn all_logs_that_are_ready_are_named() {
    let store = MemoryStore::new();
    let logs: Vec<Key> = (0..1_024).map(|n| key_in(n * 16, Kind::Log, 0)).collect();
    for log in logs.iter().step_by(3) {
        append(&store, log).await;
    }
    let all = Wait::new(logs.iter().map(|log| (log.clone(), LogId::MIN)), Duration::from_secs(60)).unwrap();
    let Woken::Ready(mut ready) = store.wait(all).await.unwrap() else { panic!() };
    ready.sort_unstable_by_key(Key::partition);
    assert!(ready.iter().eq(logs.iter().step_by(3)));
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_is_there_ends_the_wait_at_once_and_a_timeout_takes_its_time() {
    let store = MemoryStore::new();
    let log = key(Kind::Log, 0);
    let id = append(&store, &log).await;
    let before = tokio::time::Instant::now();
    assert_eq!(store.wait(wait(&log, LogId::MIN)).await.unwrap(), Woken::Ready(vec![log.clone()]));
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!(store.wait(wait(&log, id)).await.unwrap(), Woken::TimedOut);
    assert!(before.elapsed() >= Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn an_append_wakes_all_who_wait_for_its_log_and_nobody_else() {
    let store = MemoryStore::new();
    let (log, other) = (key(Kind::Log, 0), key(Kind::Log, 1));
    let start = |log: &Key| {
        let (store, wait) = (store.clone(), wait(log, LogId::MIN));
        tokio::spawn(async move { store.wait(wait).await.unwrap() })
    };
    let waiting = [start(&log), start(&log), start(&other)];
    tokio::task::yield_now().await;
    append(&store, &log).await;
    let [first, second, third] = waiting;
    assert_eq!(first.await.unwrap(), Woken::Ready(vec![log.clone()]));
    assert_eq!(second.await.unwrap(), Woken::Ready(vec![log]));
    assert_eq!(third.await.unwrap(), Woken::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn closing_ends_every_wait() {
    let store = MemoryStore::new();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.wait(wait(&key(Kind::Log, 0), LogId::MIN)).await }
    });
    tokio::task::yield_now().await;
    store.close().await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(store.wait(wait(&key(Kind::Log, 0), LogId::MIN)).await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_leaves_no_trace() {
    let store = MemoryStore::new();
    let log = key(Kind::Log, 0);
    let mut waiting = Box::pin(store.wait(wait(&log, LogId::MIN)));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(waiting.as_mut().poll(&mut context).is_pending());
    let registered =
        || [0, 9_000].map(|slot| store.inner.maintain(shard(slot), |keyspace, _| keyspace.waiters.len()));
    assert_eq!(registered(), [1, 1]);
    drop(waiting);
    assert_eq!(registered(), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_type_is_no_log_to_wait_for_and_an_expired_log_has_no_entries() {
    let store = MemoryStore::new();
    one(&store, Op::put(&key(Kind::Value, 0), "v", set(1_000))).await.unwrap();
    let waited = store.wait(wait(&key(Kind::Log, 0), LogId::MIN)).await;
    assert_eq!(waited.unwrap_err().kind(), ErrorKind::WrongType);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(store.wait(wait(&key(Kind::Log, 0), LogId::MIN)).await.unwrap(), Woken::TimedOut);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_wake_up_is_lost_between_looking_and_sleeping() {
    const EACH: usize = 500;
    let store = MemoryStore::new();
    // Those of the first two share a shard.
    let logs = [0, 1, 5_000, 16_000].map(|slot| key_in(slot, Kind::Log, 0));
    let reader = tokio::spawn({
        let (store, logs) = (store.clone(), logs.clone());
        async move {
            let mut last: HashMap<Key, LogId> = logs.into_iter().map(|log| (log, LogId::MIN)).collect();
            let mut seen = 0;
            while seen < 4 * EACH {
                let wait = Wait::new(last.clone(), Duration::from_secs(60)).unwrap();
                let Woken::Ready(ready) = store.wait(wait).await.unwrap() else {
                    panic!("a wake-up was lost")
                };
                assert!(!ready.is_empty());
                for log in ready {
                    let last = last.get_mut(&log).unwrap();
                    let range = Op::log_range(&log, *last, LogId::MAX, roomkey_core::Order::Lowest, 1_000);
                    let Reply::Entries(entries) = one(&store, range).await.unwrap() else { panic!() };
                    let new = entries.iter().filter(|entry| entry.id > *last).count();
                    assert!(new > 0, "what is named has an entry");
                    seen += new;
                    *last = entries.last().unwrap().id;
                }
            }
            seen
        }
    });
    let writers = logs.map(|log| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..EACH {
                one(&store, Append::new(&log, 10_000).field("k", "event")).await.unwrap();
                tokio::task::yield_now().await;
            }
        })
    });
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(reader.await.unwrap(), 4 * EACH);
}

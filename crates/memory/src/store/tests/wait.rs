//! Waiting for entries of logs.

use std::time::Duration;

use roomkey_core::{Append, ErrorKind, Key, Kind, LogId, Op, Reply, Store as _, Wait, Woken};

use crate::MemoryStore;
use crate::testing::{key, one, set};

fn wait(log: &Key, after: LogId) -> Wait {
    Wait::new([(log.clone(), after), (key(Kind::Log, 99), LogId::MIN)], Duration::from_secs(60)).unwrap()
}

async fn append(store: &MemoryStore, log: &Key) -> LogId {
    match one(store, Append::new(log, 10).field("k", "event")).await.unwrap() {
        Reply::Ids(ids) => ids[0],
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_is_there_ends_the_wait_at_once_and_a_timeout_takes_its_time() {
    let store = MemoryStore::new();
    let log = key(Kind::Log, 0);
    let id = append(&store, &log).await;
    let before = tokio::time::Instant::now();
    assert_eq!(store.wait(wait(&log, LogId::MIN)).await.unwrap(), Woken::Ready);
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
    assert_eq!(first.await.unwrap(), Woken::Ready);
    assert_eq!(second.await.unwrap(), Woken::Ready);
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
    let registered = || store.inner.maintain(0, |keyspace, _| keyspace.waiters.len());
    assert_eq!(registered(), 2);
    drop(waiting);
    assert_eq!(registered(), 0);
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
    let store = MemoryStore::new();
    let log = key(Kind::Log, 0);
    let reader = tokio::spawn({
        let (store, log) = (store.clone(), log.clone());
        async move {
            let (mut last, mut seen) = (LogId::MIN, 0);
            while seen < 2_000 {
                assert_eq!(store.wait(wait(&log, last)).await.unwrap(), Woken::Ready);
                let range = Op::log_range(&log, last, LogId::MAX, roomkey_core::Order::Lowest, 1_000);
                let Reply::Entries(entries) = one(&store, range).await.unwrap() else { panic!() };
                seen += entries.iter().filter(|entry| entry.id > last).count();
                last = entries.last().unwrap().id;
            }
            seen
        }
    });
    for _ in 0..2_000 {
        one(&store, Append::new(&log, 10_000).field("k", "event")).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(reader.await.unwrap(), 2_000);
}

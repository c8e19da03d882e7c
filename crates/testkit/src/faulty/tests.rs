//! Each fault, seen from the caller and from inside.

use bytes::Bytes;
use roomkey_core::{Class, ErrorKind, Key, Kind, Life, Namespace, Op, Partition, Scan};
use roomkey_memory::MemoryStore;

use super::*;

#[tokio::test]
async fn without_a_plan_everything_passes() {
    let store = FaultyStore::new(MemoryStore::new());
    assert!(put(&store, "a").await.is_ok());
    assert_eq!(get(&store).await.unwrap(), Some(Bytes::from_static(b"a")));
}

#[tokio::test]
async fn a_failed_call_never_arrives() {
    let store = FaultyStore::new(MemoryStore::new());
    store.plan([
        Fault::Fail(Error::not_executed("away")),
        Fault::Fail(Error::ambiguous("lost")),
        Fault::Pass,
    ]);
    assert_eq!(put(&store, "a").await.unwrap_err().class(), Class::NotExecuted);
    assert_eq!(put(&store, "b").await.unwrap_err().class(), Class::Ambiguous);
    assert_eq!(get(&store).await.unwrap(), None);
    assert_eq!(store.planned(), 0);
}

#[tokio::test]
async fn a_lost_reply_hides_a_call_that_arrived() {
    let store = FaultyStore::new(MemoryStore::new());
    store.plan([Fault::ReplyLost]);
    assert_eq!(put(&store, "a").await.unwrap_err().class(), Class::Ambiguous);
    assert_eq!(get(&store).await.unwrap(), Some(Bytes::from_static(b"a")));
}

#[tokio::test]
async fn a_late_call_arrives_after_others() {
    let store = FaultyStore::new(MemoryStore::new());
    let gate = Gate::new();
    store.plan([Fault::Late(gate.clone())]);
    assert_eq!(put(&store, "late").await.unwrap_err().class(), Class::Ambiguous);
    put(&store, "early").await.unwrap();
    assert_eq!(get(&store).await.unwrap(), Some(Bytes::from_static(b"early")));
    gate.open();
    gate.finished().await;
    assert_eq!(get(&store).await.unwrap(), Some(Bytes::from_static(b"late")));
}

#[tokio::test]
async fn a_held_call_lets_others_go_first() {
    let store = FaultyStore::new(MemoryStore::new());
    let gate = Gate::new();
    store.plan([Fault::Hold(gate.clone())]);
    let held = tokio::spawn({
        let store = store.clone();
        async move { put(&store, "held").await }
    });
    gate.reached().await;
    put(&store, "other").await.unwrap();
    gate.open();
    held.await.unwrap().unwrap();
    assert_eq!(get(&store).await.unwrap(), Some(Bytes::from_static(b"held")));
}

#[tokio::test]
async fn a_held_reply_is_of_a_call_that_arrived() {
    let store = FaultyStore::new(MemoryStore::new());
    let gate = Gate::new();
    store.plan([Fault::HoldReply(gate.clone())]);
    let held = tokio::spawn({
        let store = store.clone();
        async move { put(&store, "held").await }
    });
    gate.reached().await;
    assert_eq!(get(&store).await.unwrap(), Some(Bytes::from_static(b"held")));
    assert!(!held.is_finished());
    gate.open();
    held.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_delayed_call_arrives_later() {
    let store = FaultyStore::new(MemoryStore::new());
    store.plan([Fault::Delay(Duration::from_secs(5))]);
    let began = tokio::time::Instant::now();
    put(&store, "a").await.unwrap();
    assert_eq!(began.elapsed(), Duration::from_secs(5));
}

#[tokio::test]
async fn a_broken_store_fails_until_it_is_healed() {
    let store = FaultyStore::new(MemoryStore::new());
    store.break_down(Error::Closed);
    store.plan([Fault::Pass]);
    assert!(put(&store, "a").await.is_ok(), "the plan comes first");
    for _ in 0..2 {
        let namespace = Namespace::new("testkit", "v1", "faulty").unwrap();
        assert_eq!(store.scan(Scan::new(namespace)).await.unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(get(&store).await.unwrap_err().kind(), ErrorKind::Closed);
    }
    store.heal();
    assert_eq!(get(&store).await.unwrap(), Some(Bytes::from_static(b"a")));
}

fn key() -> Key {
    let namespace = Namespace::new("testkit", "v1", "faulty").unwrap();
    Key::new(Kind::Value, &namespace, Partition::from_slot(0).unwrap(), [0; 16])
}

async fn put(store: &impl Store, text: &'static str) -> Result<Reply> {
    store.run(Batch::one(Op::put(&key(), text, Life::Never))?).await?.swap_remove(0)
}

async fn get(store: &impl Store) -> Result<Option<Bytes>> {
    store.run(Batch::one(Op::get(&key()))?).await?.swap_remove(0).map(Reply::into_bytes)
}

//! Whether the history tells what happened, and in which order.

use roomkey_core::{BranchId, Error, Key, Kind, Namespace, Op, Partition, TxnBuilder};
use roomkey_memory::MemoryStore;

use super::*;
use crate::{Fault, FaultyStore, Gate};

#[tokio::test]
async fn calls_and_answers_are_kept_in_order() {
    let store = RecordingStore::new(MemoryStore::new());
    store.run(batch()).await.unwrap();
    store.clone().transact(&txn("suite.first")).await.unwrap();
    store.transact(&txn("suite.second")).await.unwrap();
    store.close().await.unwrap();
    assert!(matches!(store.run(batch()).await, Err(Error::Closed)));

    let history = store.history();
    let requests: Vec<Request> = history.iter().map(|call| call.request.clone()).collect();
    let expected = [
        Request::Run(batch()),
        Request::Transact(txn("suite.first")),
        Request::Transact(txn("suite.second")),
        Request::Close,
        Request::Run(batch()),
    ];
    assert_eq!(requests, expected);
    assert_eq!(store.transactions(), ["suite.first", "suite.second"]);
    let times: Vec<_> = history.iter().map(|call| (call.began, call.ended)).collect();
    assert_eq!(times, [(1, Some(2)), (3, Some(4)), (5, Some(6)), (7, Some(8)), (9, Some(10))]);
    assert!(matches!(&history[0].answer, Some(Answer::Run(Ok(replies))) if replies.len() == 1));
    assert!(matches!(history[4].answer, Some(Answer::Run(Err(Error::Closed)))));
}

#[tokio::test]
async fn a_call_that_overlaps_another_is_seen_to() {
    let faulty = FaultyStore::new(MemoryStore::new());
    let store = RecordingStore::new(faulty.clone());
    let gate = Gate::new();
    faulty.plan([Fault::Hold(gate.clone())]);
    let first = tokio::spawn({
        let store = store.clone();
        async move { store.run(batch()).await }
    });
    gate.reached().await;
    store.transact(&txn("suite.second")).await.unwrap();
    gate.open();
    first.await.unwrap().unwrap();
    let times: Vec<_> = store.history().iter().map(|call| (call.began, call.ended)).collect();
    assert_eq!(times, [(1, Some(4)), (2, Some(3))]);
}

#[tokio::test]
async fn a_dropped_call_never_ends() {
    let faulty = FaultyStore::new(MemoryStore::new());
    let store = RecordingStore::new(faulty.clone());
    let gate = Gate::new();
    faulty.plan([Fault::Hold(gate.clone())]);
    tokio::select! {
        biased;
        _ = store.run(batch()) => unreachable!("nobody opens the gate"),
        () = gate.reached() => {}
    }
    let history = store.history();
    assert!(history[0].answer.is_none() && history[0].ended.is_none());
}

#[tokio::test]
async fn a_cleared_history_begins_anew() {
    let faulty = FaultyStore::new(MemoryStore::new());
    let store = RecordingStore::new(faulty.clone());
    let gate = Gate::new();
    faulty.plan([Fault::Hold(gate.clone())]);
    let forgotten = tokio::spawn({
        let store = store.clone();
        async move { store.run(batch()).await }
    });
    gate.reached().await;
    store.clear();
    store.health().await.unwrap();
    gate.open();
    forgotten.await.unwrap().unwrap();
    let history = store.history();
    assert_eq!(history.len(), 1);
    assert!(
        matches!(history[0].answer, Some(Answer::Health(Ok(_)))),
        "the answer of the other finds no place here"
    );
}

fn key() -> Key {
    let namespace = Namespace::new("testkit", "v1", "recording").unwrap();
    Key::new(Kind::Value, &namespace, Partition::from_slot(0).unwrap(), [0; 16])
}

fn batch() -> Batch {
    Batch::one(Op::get(&key())).unwrap()
}

fn txn(name: &'static str) -> Txn {
    let mut program = TxnBuilder::new(name);
    program.op(BranchId::ROOT, Op::get(&key()));
    program.build().unwrap()
}

//! Many threads, and futures that are not polled to their end.

use roomkey_core::{Batch, BranchId, Check, Kind, Life, Op, Reply, Store as _, TxnBuilder};

use crate::MemoryStore;
use crate::testing::{key, key_in, one, set};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_increments_add_up_and_a_limit_holds() {
    let store = MemoryStore::new();
    let (counter, bounded) = (key(Kind::Value, 0), key(Kind::Value, 1));
    let mut program = TxnBuilder::new("check and increment");
    let (fits, _) = program.fork(BranchId::ROOT, [Check::number(&bounded, 1, i64::MIN..=100)]);
    program.op(fits, Op::add(&bounded, 1, Life::Keep));
    let txn = program.build().unwrap();
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (store, counter, txn) = (store.clone(), counter.clone(), txn.clone());
            tokio::spawn(async move {
                let mut admitted = 0;
                for _ in 0..500 {
                    one(&store, Op::add(&counter, 1, set(60_000))).await.unwrap();
                    admitted += usize::from(store.transact(&txn).await.unwrap().took(fits));
                }
                admitted
            })
        })
        .collect();
    let mut admitted = 0;
    for task in tasks {
        admitted += task.await.unwrap();
    }
    assert_eq!(admitted, 100);
    assert_eq!(one(&store, Op::add(&counter, 0, Life::Keep)).await.unwrap(), Reply::Number(8_000));
    assert_eq!(one(&store, Op::add(&bounded, 0, Life::Keep)).await.unwrap(), Reply::Number(100));
    store.inner.assert_consistent();
}

#[tokio::test]
async fn a_future_dropped_before_it_is_polled_did_nothing_and_harms_nothing() {
    let store = MemoryStore::new();
    let value = key(Kind::Value, 0);
    drop(store.run(Batch::one(Op::put(&value, "v", Life::Keep)).unwrap()));
    assert_eq!(one(&store, Op::get(&value)).await.unwrap(), Reply::Bytes(None));
    one(&store, Op::put(&value, "v", Life::Keep)).await.unwrap();
}

#[tokio::test]
async fn a_batch_replies_in_order_and_one_failure_stops_nothing() {
    let store = MemoryStore::new();
    let ops = (0..100u16).map(|n| Op::add(&key_in(n * 160, Kind::Value, 0), i64::from(n), Life::Keep));
    let wrong = Op::map_all(&key_in(0, Kind::Map, 0));
    let batch = Batch::new(ops.chain([wrong, Op::get(&key_in(160, Kind::Value, 0))])).unwrap();
    let replies = store.run(batch).await.unwrap();
    for (n, reply) in replies.iter().take(100).enumerate() {
        assert_eq!(reply.as_ref().unwrap(), &Reply::Number(n as i64));
    }
    assert_eq!(replies[100].as_ref().unwrap_err().kind(), roomkey_core::ErrorKind::WrongType);
    assert_eq!(replies[101].as_ref().unwrap(), &Reply::Bytes(Some(crate::testing::bytes("1"))));
    assert_eq!(store.run(Batch::default()).await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_task_that_only_talks_to_the_store_lets_others_run() {
    let store = MemoryStore::new();
    let other = tokio::spawn(async {});
    let mut calls = 0;
    while !other.is_finished() {
        one(&store, Op::get(&key(Kind::Value, 0))).await.unwrap();
        calls += 1;
        assert!(calls < 100_000, "the store never yields");
    }
}

//! Expiry: what programs see, and what the background task frees.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use roomkey_core::{
    BranchId, ErrorKind, Kind, Life, Op, Reply, Store as _, StoreTime, Ttl, TxnBuilder, Until,
};
use tokio::time::advance;

use crate::testing::{bytes, key, key_in, list, ms, one, set};
use crate::{MemoryOptions, MemoryStore};

async fn ttl(store: &MemoryStore, n: u8) -> Ttl {
    match one(store, Op::ttl(&key(Kind::Value, n))).await.unwrap() {
        Reply::Ttl(ttl) => ttl,
        other => panic!("{other:?}"),
    }
}

const fn after(millis: u64) -> Ttl {
    Ttl::After(Duration::from_millis(millis))
}

#[tokio::test(start_paused = true)]
async fn a_key_is_readable_up_to_its_deadline_and_not_after() {
    let store = MemoryStore::new();
    let value = key(Kind::Value, 0);
    one(&store, Op::put(&value, "v", set(1_000))).await.unwrap();
    advance(Duration::from_millis(1_000)).await;
    assert_eq!(ttl(&store, 0).await, after(0));
    assert_eq!(one(&store, Op::get(&value)).await.unwrap(), Reply::Bytes(Some(bytes("v"))));
    advance(Duration::from_millis(1)).await;
    assert_eq!(ttl(&store, 0).await, Ttl::Missing);
    assert_eq!(one(&store, Op::get(&value)).await.unwrap(), Reply::Bytes(None));
    assert_eq!(one(&store, Op::delete(&value)).await.unwrap(), Reply::Flag(false));
}

#[tokio::test(start_paused = true)]
async fn an_expired_key_is_missing_to_writes_and_kinds_too() {
    let store = MemoryStore::new();
    let list_key = key(Kind::List, 0);
    one(&store, Op::push(&list_key, roomkey_core::End::Back, list(["old", "older"]), set(10))).await.unwrap();
    advance(Duration::from_millis(11)).await;
    // The same bytes as another kind: the list is gone, so it is no wrong type.
    let counter = key(Kind::Value, 0);
    assert_eq!(counter.bytes(), list_key.bytes());
    assert_eq!(one(&store, Op::add(&counter, 2, Life::Keep)).await.unwrap(), Reply::Number(2));
    assert_eq!(ttl(&store, 0).await, Ttl::Never);
    store.inner.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn lives_do_what_they_say() {
    let store = MemoryStore::new();
    let value = key(Kind::Value, 0);
    let steps: [(Op, Ttl); 12] = [
        (Op::put(&value, "v", Life::AtLeast(ms(100))), after(100)),
        (Op::put(&value, "v", Life::AtLeast(ms(50))), after(100)),
        (Op::put(&value, "v", Life::AtLeast(ms(200))), after(200)),
        (Op::put(&value, "v", Life::Keep), after(200)),
        (Op::expire(&value, Life::Keep), after(200)),
        (Op::expire(&value, set(20)), after(20)),
        (Op::expire(&value, Life::AtLeast(ms(30))), after(30)),
        (Op::put(&value, "v", Life::Never), Ttl::Never),
        (Op::put(&value, "v", Life::AtLeast(ms(30))), Ttl::Never),
        (Op::expire(&value, Life::AtLeast(ms(30))), Ttl::Never),
        (Op::put(&value, "v", set(30)), after(30)),
        (Op::put(&value, "v", Life::Set(Until::At(StoreTime::from_millis(1)))), Ttl::Missing),
    ];
    for (at, (op, expected)) in steps.into_iter().enumerate() {
        assert_eq!(one(&store, op).await.unwrap(), Reply::Written, "step {at}");
        assert_eq!(ttl(&store, 0).await, expected, "step {at}");
        store.inner.assert_consistent();
    }
    assert_eq!(one(&store, Op::expire(&value, set(30))).await.unwrap(), Reply::Skipped);
}

#[tokio::test(start_paused = true)]
async fn the_number_of_a_write_is_the_deadline_that_the_key_then_has() {
    let store = MemoryStore::new();
    let (value, index) = (key(Kind::Value, 0), key(Kind::Map, 1));
    for (life, has_deadline) in
        [(set(100), true), (Life::Never, false), (Life::Set(Until::At(StoreTime::from_millis(1))), false)]
    {
        let mut program = TxnBuilder::new("index").with_now();
        let deadline = program.op(BranchId::ROOT, Op::put(&value, "v", life));
        let put = program.op(BranchId::ROOT, Op::map_put(&index, "id", deadline, Life::Keep));
        let read = program.op(BranchId::ROOT, Op::map_get(&index, "id"));
        let outcome = store.transact(&program.build().unwrap()).await.unwrap();
        if has_deadline {
            let expected = outcome.now().unwrap().as_millis() + 100;
            let expected = Reply::Optionals(vec![Some(bytes(&expected.to_string()))]);
            assert_eq!(outcome.reply(read), Some(&expected));
        } else {
            assert_eq!(outcome.reply(put), Some(&Reply::Skipped));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_background_task_frees_what_has_expired_and_rests_until_the_next() {
    let store = MemoryStore::new();
    for slot in 0..1_000 {
        one(&store, Op::put(&key_in(slot * 16, Kind::Value, 0), "v", set(60_000))).await.unwrap();
    }
    one(&store, Op::put(&key(Kind::Value, 1), "v", set(7_200_000))).await.unwrap();
    assert_eq!(store.inner.keys_held(), 1_001);
    // Sleeping lets paused time jump to whatever comes next, which is the task's own timer.
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(store.inner.keys_held(), 1);
    tokio::time::sleep(Duration::from_secs(7_200)).await;
    assert_eq!((store.inner.keys_held(), store.used()), (0, 0));
    store.inner.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn a_nearer_deadline_wakes_the_background_task_earlier() {
    let store = MemoryStore::new();
    one(&store, Op::put(&key(Kind::Value, 0), "v", set(3_600_000))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    one(&store, Op::put(&key(Kind::Value, 1), "v", set(1_000))).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(store.inner.keys_held(), 1);
}

#[tokio::test(start_paused = true)]
async fn renewed_keys_stay_when_their_old_turn_comes() {
    let store = MemoryStore::new();
    let value = key(Kind::Value, 0);
    one(&store, Op::put(&value, "v", set(1_000))).await.unwrap();
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(900)).await;
        one(&store, Op::expire(&value, Life::AtLeast(ms(1_000)))).await.unwrap();
        store.inner.assert_consistent();
    }
    assert_eq!(ttl(&store, 0).await, after(1_000));
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(store.inner.keys_held(), 0);
}

#[tokio::test(start_paused = true)]
async fn lengthening_a_life_leaves_the_index_of_deadlines_alone() {
    let store = MemoryStore::new();
    let value = key(Kind::Value, 0);
    let add = |life| one(&store, Op::add(&value, 1, life));
    let earliest = || store.inner.maintain(0, |keyspace, _| keyspace.earliest_deadline());
    add(Life::AtLeast(ms(1_000))).await.unwrap();
    let filed = earliest();
    assert!(filed.is_some());
    for life in [Life::AtLeast(ms(1_000)), set(1_000), Life::AtLeast(ms(500)), Life::Keep] {
        advance(Duration::from_millis(1)).await;
        add(life).await.unwrap();
        assert_eq!(earliest(), filed, "{life:?}");
    }
    add(set(10)).await.unwrap();
    assert!(earliest() < filed, "a shorter life is filed anew");
    store.inner.assert_consistent();
}

#[tokio::test(start_paused = true)]
async fn the_background_task_ends_with_the_store() {
    let store = MemoryStore::new();
    one(&store, Op::put(&key(Kind::Value, 0), "v", set(3_600_000))).await.unwrap();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    assert_eq!(tasks(), 1);
    drop(store);
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    assert_eq!(tasks(), 0);

    let closed = MemoryStore::new();
    one(&closed, Op::put(&key(Kind::Value, 0), "v", set(3_600_000))).await.unwrap();
    tokio::task::yield_now().await;
    closed.close().await.unwrap();
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    assert_eq!(tasks(), 0);
    assert_eq!(one(&closed, Op::ttl(&key(Kind::Value, 0))).await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_store_without_a_reaper_starts_no_task_and_frees_when_it_is_written_to() {
    let store = MemoryStore::with_options(MemoryOptions::new().reaper(false));
    one(&store, Op::put(&key(Kind::Value, 0), "v", set(1_000))).await.unwrap();
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(store.inner.keys_held(), 1);
    assert_eq!(ttl(&store, 0).await, Ttl::Missing);
    one(&store, Op::put(&key(Kind::Value, 1), "v", Life::Keep)).await.unwrap();
    assert_eq!(store.inner.keys_held(), 1);
    store.inner.assert_consistent();
}

#[test]
fn a_store_moves_from_one_runtime_to_the_next_and_takes_its_background_task_along() {
    let store = MemoryStore::new();
    for round in 0..2 {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            one(&store, Op::put(&key(Kind::Value, round), "v", set(1_000))).await.unwrap();
            assert_eq!(runtime.metrics().num_alive_tasks(), 1);
            tokio::time::sleep(Duration::from_secs(3)).await;
            assert_eq!(store.inner.keys_held(), 0, "round {round}");
        });
    }
}

#[test]
fn a_runtime_that_is_dropped_by_a_panic_leaves_the_background_task_to_the_next() {
    let store = MemoryStore::new();
    let paused =
        || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let unwound = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let runtime = paused();
        runtime.block_on(async {
            one(&store, Op::put(&key(Kind::Value, 0), "v", set(1_000))).await.unwrap();
            tokio::task::yield_now().await;
            assert_eq!(runtime.metrics().num_alive_tasks(), 1);
        });
        // The hook that prints panics has nothing to say about this one.
        std::panic::resume_unwind(Box::new("unwinds, and drops the runtime"));
    }));
    assert!(unwound.is_err());
    paused().block_on(async {
        one(&store, Op::put(&key(Kind::Value, 1), "v", set(1_000))).await.unwrap();
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(store.inner.keys_held(), 0);
    });
}

#[test]
fn a_runtime_without_timers_costs_the_background_task_and_nothing_else() {
    let store = MemoryStore::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for n in 0..3 {
            one(&store, Op::put(&key(Kind::Value, n), "v", set(3_600_000))).await.unwrap();
            tokio::task::yield_now().await;
        }
        assert_eq!(runtime.metrics().num_alive_tasks(), 0);
    });
    assert_eq!(store.inner.keys_held(), 3);
}

#[test]
fn without_a_background_task_writes_free_what_has_expired() {
    // Paused time needs a runtime; leaving it keeps the task from running.
    let store = MemoryStore::new();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        for n in 0..40 {
            one(&store, Op::put(&key(Kind::Value, n), "v", set(1_000))).await.unwrap();
        }
        // Time moves without a moment for the task: nothing yields between here and the end.
        let mut advanced = Box::pin(advance(Duration::from_secs(2)));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let _ = advanced.as_mut().poll(&mut context);
        for n in 40..60 {
            let mut put = Box::pin(one(&store, Op::put(&key(Kind::Value, n), "v", Life::Keep)));
            assert!(put.as_mut().poll(&mut context).is_ready());
        }
        assert_eq!(store.inner.keys_held(), 20);
        store.inner.assert_consistent();
    });
}

#[tokio::test(start_paused = true)]
async fn one_step_of_freeing_is_bounded() {
    let store = MemoryStore::new();
    for n in 0..=255 {
        one(&store, Op::put(&key(Kind::Value, n), "v", set(1_000))).await.unwrap();
    }
    let passed = store.inner.now().after(Duration::from_secs(2));
    store.inner.maintain(0, |keyspace, _| assert_eq!(keyspace.reap(passed, 10), 10));
    assert_eq!(store.inner.keys_held(), 246);
}

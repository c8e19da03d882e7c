//! Programs that keep the promise, and programs that do not.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{BranchId, Check, End, Key, Kind, Life, Namespace, Op, Partition, TxnBuilder, Until};
use roomkey_memory::MemoryStore;

use super::*;

#[tokio::test(start_paused = true)]
async fn an_absolute_program_keeps_the_promise() {
    let mut program = TxnBuilder::new("retry.put");
    program.op(BranchId::ROOT, Op::put(&key(1), "v", Life::Set(Until::In(Duration::from_secs(60)))));
    let txn = program.retry_safe().build().unwrap();
    assert_retry_safe(&MemoryStore::new(), &txn, |_| ()).await;
}

#[tokio::test]
async fn another_state_breaks_the_promise() {
    let mut program = TxnBuilder::new("retry.push");
    program.op(BranchId::ROOT, Op::push(&list(2), End::Back, "v", Life::Never));
    let message = broken(program, |_| true).await;
    assert!(message.contains("retry.push applied twice leaves another state"), "{message}");
}

#[tokio::test]
async fn another_verdict_breaks_the_promise() {
    let mut program = TxnBuilder::new("retry.create");
    let (free, _) = program.fork(BranchId::ROOT, [Check::missing(&key(1))]);
    program.op(free, Op::put(&key(1), "v", Life::Never));
    let message = broken(program, move |outcome| outcome.took(free)).await;
    assert!(message.contains("retry.create gives the caller another verdict"), "{message}");
}

/// A program of absolute ops alone, which no class of ops shows to be unsafe.
#[tokio::test]
async fn absolute_ops_alone_are_no_proof() {
    let mut program = TxnBuilder::new("retry.toggle");
    let (one, other) = program.fork(BranchId::ROOT, [Check::value_equals(&key(1), Bytes::from_static(b"1"))]);
    program.op(one, Op::put(&key(1), "2", Life::Never));
    program.op(other, Op::put(&key(1), "1", Life::Never));
    let message = broken(program, |_| true).await;
    assert!(message.contains("retry.toggle applied twice leaves another state"), "{message}");
}

#[tokio::test]
async fn what_was_not_promised_is_not_proven() {
    let mut program = TxnBuilder::new("retry.read");
    program.op(BranchId::ROOT, Op::get(&key(1)));
    let txn = program.build().unwrap();
    let message = panic_of(assert_retry_safe(&MemoryStore::new(), &txn, |_| ())).await;
    assert!(message.contains("retry.read is not marked retry_safe"), "{message}");
}

async fn broken(program: TxnBuilder, verdict: impl Fn(&Outcome) -> bool) -> String {
    let txn = program.retry_safe().build().unwrap();
    panic_of(assert_retry_safe(&MemoryStore::new(), &txn, verdict)).await
}

/// The message with which a future panics.
async fn panic_of<T>(future: impl Future<Output = T>) -> String {
    let mut future = Box::pin(future);
    let polled = std::future::poll_fn(move |context| {
        let result = std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        match result {
            Ok(poll) => poll.map(|_| None),
            Err(panic) => std::task::Poll::Ready(panic.downcast::<String>().ok()),
        }
    });
    *polled.await.expect("the promise was found to hold")
}

fn key(number: u8) -> Key {
    named(Kind::Value, number)
}

fn list(number: u8) -> Key {
    named(Kind::List, number)
}

fn named(kind: Kind, number: u8) -> Key {
    let namespace = Namespace::new("testkit", "v1", "retry").unwrap();
    Key::new(kind, &namespace, Partition::from_slot(0).unwrap(), [number; 16])
}

//! Every order in which what concurrent operations ask for can be done by a store, one after the other.
//!
//! Operations of tokens do nothing between two calls of the store that others could see. A transaction is one step, but
//! each op of a batch is a step of its own. So a schedule is a choice, at each step, of the operation that makes its
//! next: the operations are polled by hand, over a store that waits before each step to be polled once more. A schedule
//! is repeated by its seed.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use roomkey_core::{Batch, Health, Outcome, Page, Reply, Result, Scan, Store, Txn, Wait, Woken};

use crate::common::Rng;

/// A store that stops before each transaction and before each op of a batch.
#[derive(Clone, Debug)]
pub(crate) struct Stepping<S>(pub(crate) S);

/// Pending once.
async fn stop() {
    let mut stopped = false;
    std::future::poll_fn(
        |_| {
            if std::mem::replace(&mut stopped, true) { Poll::Ready(()) } else { Poll::Pending }
        },
    )
    .await;
}

impl<S: Store> Store for Stepping<S> {
    async fn run(&self, batch: Batch) -> Result<Vec<Result<Reply>>> {
        let mut replies = Vec::with_capacity(batch.ops().len());
        for op in batch.ops() {
            stop().await;
            replies.extend(self.0.run(Batch::one(op.clone())?).await?);
        }
        Ok(replies)
    }

    async fn transact(&self, txn: &Txn) -> Result<Outcome> {
        stop().await;
        self.0.transact(txn).await
    }

    async fn scan(&self, scan: Scan) -> Result<Page> {
        self.0.scan(scan).await
    }

    async fn wait(&self, wait: Wait) -> Result<Woken> {
        self.0.wait(wait).await
    }

    async fn health(&self) -> Result<Health> {
        self.0.health().await
    }

    async fn close(&self) -> Result<()> {
        self.0.close().await
    }
}

pub(crate) type Task<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Makes one step. The runtime's budget for a task, which would have it pause elsewhere, does not apply.
pub(crate) fn step<T>(task: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
    std::pin::pin!(tokio::task::unconstrained(task)).poll(&mut Context::from_waker(Waker::noop()))
}

/// Runs the tasks to their ends, one step of one of them at a time.
pub(crate) fn interleave(rng: &mut Rng, mut tasks: Vec<Task<'_>>) {
    let mut steps = 0;
    while !tasks.is_empty() {
        let chosen = rng.below(tasks.len());
        if step(tasks[chosen].as_mut()).is_ready() {
            drop(tasks.swap_remove(chosen));
        }
        steps += 1;
        assert!(steps < 100_000, "the tasks do not end");
    }
}

/// Runs one future to its end.
pub(crate) fn alone<T>(future: impl Future<Output = T>) -> T {
    let mut future = Box::pin(future);
    for _ in 0..100_000 {
        if let Poll::Ready(output) = step(future.as_mut()) {
            return output;
        }
    }
    panic!("the future does not end");
}

/// Schedules of one scenario: `run` builds it anew for each seed. A failure names the seed.
pub(crate) fn schedules(count: u64, seed: u64, run: impl Fn(&mut Rng)) {
    for at in 0..count {
        let seed = seed.wrapping_add(at);
        let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&mut Rng(seed))));
        if let Err(panic) = failed {
            eprintln!("schedule failed: ROOMKEY_TOKENS_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

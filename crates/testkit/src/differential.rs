//! Two stores, one contract: random programs on both, and everything compared.
#![allow(clippy::future_not_send, reason = "a test runs on one thread")]

use std::time::Duration;

use roomkey_core::{Batch, Error, ErrorKind, Op, Outcome, Reply, Store, Txn};
use tokio::runtime::Runtime;

use crate::alike::{Alike, outcomes_alike};
use crate::cases::Cases;
use crate::conformance::Fixture;
use crate::prepared::prepared;
use crate::programs::{Step, keys, sequences};
use crate::state::read_state;

#[cfg(test)]
mod tests;

/// Runs the same random sequences of programs on two stores, and compares every reply, every error by its
/// kind, every path, and the state that is left; apart from log ids, moments and the order of pages.
///
/// Each sequence runs on fresh, empty stores. `PROPTEST_CASES` sets how many sequences there are (2 000, or
/// 50 000 with `ROOMKEY_TEST_LONG=1`), `PROPTEST_RNG_SEED` repeats those of an earlier run.
///
/// # Panics
/// When the stores differ, with the shortest sequence found on which they do, and the seed.
pub fn assert_same<A: Fixture, B: Fixture>(make: impl AsyncFn() -> (A, B)) {
    compare_stores(&cases(), make);
}

/// As [`assert_same`], with one in `n` of the sequences: for another way to a server that has been compared in full.
///
/// # Panics
/// As [`assert_same`].
pub fn assert_same_sampled<A: Fixture, B: Fixture>(n: u32, make: impl AsyncFn() -> (A, B)) {
    compare_stores(&cases().sampled(n), make);
}

fn cases() -> Cases {
    Cases::new(2_000, 50_000)
}

fn compare_stores<A: Fixture, B: Fixture>(cases: &Cases, make: impl AsyncFn() -> (A, B)) {
    let runtime = runtime();
    cases.check(&sequences(12), |steps| {
        runtime.block_on(async {
            let (a, b) = make().await;
            compare(&a, &b, &steps).await
        })
    });
}

fn runtime() -> Runtime {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.unwrap_or_else(|e| panic!("no runtime: {e}"))
}

/// Runs the steps on both stores; says where they first differ.
async fn compare(a: &impl Fixture, b: &impl Fixture, steps: &[Step]) -> Result<(), String> {
    for (number, step) in steps.iter().enumerate() {
        let difference = match step {
            Step::Run(batch) => compare_batch(a.store(), b.store(), batch).await,
            // Every other one as it was built.
            Step::Transact(txn) if number % 2 == 0 => {
                compare_transaction(a.store(), b.store(), txn, &prepared(txn)).await
            }
            Step::Transact(txn) => compare_transaction(a.store(), b.store(), txn, txn).await,
            Step::LimitMemory(at_limit) => {
                a.limit_memory(*at_limit).await;
                b.limit_memory(*at_limit).await;
                Ok(())
            }
        };
        difference.map_err(|difference| format!("step {number} differs: {difference}"))?;
        next_millisecond();
    }
    let (a, b) = (read_state(a.store(), keys()).await, read_state(b.store(), keys()).await);
    match a.into_iter().zip(b).find(|(a, b)| !a.alike(b)) {
        None => Ok(()),
        Some((a, b)) => Err(format!("the state that is left differs:\n  {a:?}\n  {b:?}")),
    }
}

async fn compare_batch(a: &impl Store, b: &impl Store, batch: &Batch) -> Result<(), String> {
    let (a, b) = (a.run(batch.clone()).await, b.run(batch.clone()).await);
    let (a, b) = match (a, b) {
        (Ok(a), Ok(b)) if a.len() == b.len() => (a, b),
        (a, b) => return Err(format!("a batch as a whole:\n  {a:?}\n  {b:?}")),
    };
    for (at, (a, b)) in a.into_iter().zip(b).enumerate() {
        let op = &batch.ops()[at];
        let (a, b) = (a.map_err(kind), b.map_err(kind));
        if !same(&a, &b, Reply::alike) && !full_hides_error(batch, at, &a, &b) {
            return Err(format!("{op:?} in a batch:\n  {a:?}\n  {b:?}"));
        }
    }
    Ok(())
}

/// Whether one store says `Full` where the other names the error of the op.
///
/// Redis refuses a plain command at its limit before it looks at the key. Asked again by a script, it would
/// name the error, but not of the state in which the op ran once a later op of the batch has run in the same
/// partition.
fn full_hides_error(
    batch: &Batch,
    at: usize,
    a: &Result<Reply, ErrorKind>,
    b: &Result<Reply, ErrorKind>,
) -> bool {
    let partition = |op: &Op| op.key().partition();
    let overtaken = batch.ops()[at + 1..].iter().any(|later| partition(later) == partition(&batch.ops()[at]));
    let full = |reply: &Result<Reply, ErrorKind>| *reply == Err(ErrorKind::Full);
    overtaken && a.is_err() && b.is_err() && (full(a) || full(b))
}

/// The second store gets the transaction prepared, which has to be the same one.
async fn compare_transaction(
    a: &impl Store,
    b: &impl Store,
    txn: &Txn,
    prepared: &Txn,
) -> Result<(), String> {
    if prepared != txn {
        return Err(format!("a transaction is another one when it is prepared:\n  {txn:?}\n  {prepared:?}"));
    }
    let (a, b) = (a.transact(txn).await.map_err(kind), b.transact(prepared).await.map_err(kind));
    if same(&a, &b, |a: &Outcome, b| outcomes_alike(txn, a, b)) {
        return Ok(());
    }
    Err(format!("a transaction:\n  {a:?}\n  {b:?}"))
}

fn same<T>(a: &Result<T, ErrorKind>, b: &Result<T, ErrorKind>, alike: impl Fn(&T, &T) -> bool) -> bool {
    match (a, b) {
        (Ok(a), Ok(b)) => alike(a, b),
        (Err(a), Err(b)) => a == b,
        _ => false,
    }
}

fn kind(error: Error) -> ErrorKind {
    error.kind()
}

/// Lets the millisecond pass on both stores' clocks: what happens in different steps then has different times
/// on both.
fn next_millisecond() {
    std::thread::sleep(Duration::from_micros(1_100));
}

//! The proof of the mark `retry_safe`.

use std::fmt::Debug;

use roomkey_core::{Outcome, Store, Txn};

use crate::alike::Alike as _;
use crate::state::{keys_of, read_state};

#[cfg(test)]
mod tests;

/// Proves that a transaction marked [`retry_safe`](roomkey_core::TxnBuilder::retry_safe) keeps its promise
/// from the state that the store is in: applied twice it leaves what once leaves, and both outcomes give the
/// caller the same verdict.
///
/// `verdict` is what the caller makes of an outcome. Call this once for every branch of the program, each
/// time with the store prepared so that the first application takes it. Returns the verdict.
///
/// ```
/// use std::time::Duration;
/// use bytes::Bytes;
/// use roomkey_core::{BranchId, Check, Key, Kind, Life, Namespace, Op, Outcome, Partition, Reply, TxnBuilder};
/// use roomkey_memory::MemoryStore;
/// use roomkey_testkit::assert_retry_safe;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let here = Partition::from_slot(0).unwrap();
/// # let key = Key::new(Kind::Value, &Namespace::new("app", "v1", "doc")?, here, [0; 16]);
/// // Puts a value of one's own where there is none; finding one's own there is success as well.
/// let mine = Bytes::from_static(b"mine");
/// let mut program = TxnBuilder::new("example.claim");
/// let (free, taken) = program.fork(BranchId::ROOT, [Check::missing(&key)]);
/// program.op(free, Op::put(&key, mine.clone(), Life::Never));
/// let found = program.op(taken, Op::get(&key));
/// let txn = program.retry_safe().build()?;
///
/// let claimed = |outcome: &Outcome| {
///     outcome.took(free) || outcome.reply(found) == Some(&Reply::Bytes(Some(mine.clone())))
/// };
/// assert!(assert_retry_safe(&MemoryStore::new(), &txn, claimed).await);
/// # Ok(())
/// # }
/// ```
///
/// # Panics
/// When the promise does not hold, was not made, or the store fails.
pub async fn assert_retry_safe<V>(store: &impl Store, txn: &Txn, verdict: impl Fn(&Outcome) -> V) -> V
where
    V: Debug + PartialEq,
{
    let name = txn.name();
    assert!(txn.retry_safe(), "{name} is not marked retry_safe");
    let mut runs = Vec::new();
    for _ in 0..2 {
        let outcome = store.transact(txn).await.unwrap_or_else(|e| panic!("{name} failed: {e}"));
        runs.push((verdict(&outcome), read_state(store, keys_of(txn)).await));
    }
    let (second, after_second) = runs.pop().unwrap_or_else(|| unreachable!("two runs were pushed"));
    let (first, after_first) = runs.pop().unwrap_or_else(|| unreachable!("two runs were pushed"));
    assert_eq!(first, second, "{name} gives the caller another verdict the second time");
    assert!(
        after_first.alike(&after_second),
        "{name} applied twice leaves another state than once.\nonce:  {after_first:#?}\ntwice: {after_second:#?}"
    );
    first
}

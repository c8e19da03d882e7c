//! A store that fails as it is told to.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use roomkey_core::{Batch, Error, Health, Outcome, Page, Reply, Result, Scan, Store, Txn, Wait, Woken};

mod gate;
#[cfg(test)]
mod tests;

pub use gate::Gate;

/// Wraps a store and spoils its calls, one planned [`Fault`] after the other.
///
/// `run`, `transact`, `scan` and `wait` each use up one fault, in the order in which they are called, over
/// all clones. Calls beyond the plan pass, unless the store is [broken](Self::break_down). `health` and
/// `close` always pass.
///
/// ```
/// use bytes::Bytes;
/// use roomkey_core::{Batch, Class, Key, Kind, Life, Namespace, Op, Partition, Reply, Store as _};
/// use roomkey_memory::MemoryStore;
/// use roomkey_testkit::{Fault, FaultyStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let here = Partition::from_slot(0).unwrap();
/// # let key = Key::new(Kind::Value, &Namespace::new("app", "v1", "doc")?, here, [0; 16]);
/// let store = FaultyStore::new(MemoryStore::new());
/// store.plan([Fault::ReplyLost]);
///
/// // The caller cannot know that the write arrived …
/// let put = Batch::one(Op::put(&key, Bytes::from_static(b"v"), Life::Never))?;
/// assert_eq!(store.run(put).await.unwrap_err().class(), Class::Ambiguous);
/// // … but it did.
/// let replies = store.run(Batch::one(Op::get(&key))?).await?;
/// assert_eq!(replies[0].clone()?, Reply::Bytes(Some(Bytes::from_static(b"v"))));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct FaultyStore<S> {
    inner: S,
    /// Shared by all clones. Held only to take or to add a fault, never across an await.
    plan: Arc<Mutex<Plan>>,
}

/// What happens to one call.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing: the call passes.
    Pass,
    /// The call fails with this error and never reaches the store. `Error::ambiguous("…")` is a request lost
    /// on its way.
    Fail(Error),
    /// The call is applied, then its reply is lost: the caller sees an ambiguous error.
    ReplyLost,
    /// The caller sees an ambiguous error at once; the call is applied when the gate opens, even after later
    /// calls.
    Late(Gate),
    /// The call waits for so long before it is applied.
    Delay(Duration),
    /// The call stops before it is applied, until the gate opens.
    Hold(Gate),
    /// The call is applied and its reply held back until the gate opens.
    HoldReply(Gate),
}

#[derive(Debug, Default)]
struct Plan {
    next: VecDeque<Fault>,
    /// What happens to calls beyond the plan.
    beyond: Option<Error>,
}

impl<S> FaultyStore<S> {
    /// A wrapper whose calls all pass, until faults are planned.
    pub fn new(inner: S) -> Self {
        Self { inner, plan: Arc::default() }
    }

    /// The store inside, to look at or to change it undisturbed.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Adds faults to the end of the plan.
    pub fn plan(&self, faults: impl IntoIterator<Item = Fault>) {
        self.locked().next.extend(faults);
    }

    /// How many planned faults no call has met yet.
    pub fn planned(&self) -> usize {
        self.locked().next.len()
    }

    /// Every call beyond the plan fails with this error, until [`heal`](Self::heal).
    pub fn break_down(&self, error: Error) {
        self.locked().beyond = Some(error);
    }

    /// Forgets the plan and the breakdown: all calls pass again.
    pub fn heal(&self) {
        *self.locked() = Plan::default();
    }

    fn next(&self) -> Fault {
        let mut plan = self.locked();
        let beyond = plan.beyond.clone().map_or(Fault::Pass, Fault::Fail);
        plan.next.pop_front().unwrap_or(beyond)
    }

    fn locked(&self) -> MutexGuard<'_, Plan> {
        // Every change is one statement that cannot panic halfway.
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Store> FaultyStore<S> {
    /// Runs a call under the next fault. The call owns what it needs, because [`Fault::Late`] outlives its
    /// caller.
    async fn spoil<T, F>(&self, call: impl FnOnce(S) -> F + Send) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let call = call(self.inner.clone());
        match self.next() {
            Fault::Pass => call.await,
            Fault::Fail(error) => Err(error),
            Fault::ReplyLost => {
                let _ = call.await;
                Err(Error::ambiguous("testkit lost the reply"))
            }
            Fault::Late(gate) => {
                tokio::spawn(async move {
                    gate.pass().await;
                    let _ = call.await;
                    gate.finish();
                });
                Err(Error::ambiguous("testkit delayed the request"))
            }
            Fault::Delay(duration) => {
                tokio::time::sleep(duration).await;
                call.await
            }
            Fault::Hold(gate) => {
                gate.pass().await;
                let result = call.await;
                gate.finish();
                result
            }
            Fault::HoldReply(gate) => {
                let result = call.await;
                gate.pass().await;
                gate.finish();
                result
            }
        }
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: Store> Store for FaultyStore<S> {
    async fn run(&self, batch: Batch) -> Result<Vec<Result<Reply>>> {
        self.spoil(|inner| async move { inner.run(batch).await }).await
    }

    async fn transact(&self, txn: &Txn) -> Result<Outcome> {
        let txn = txn.clone();
        self.spoil(|inner| async move { inner.transact(&txn).await }).await
    }

    async fn scan(&self, scan: Scan) -> Result<Page> {
        self.spoil(|inner| async move { inner.scan(scan).await }).await
    }

    async fn wait(&self, wait: Wait) -> Result<Woken> {
        self.spoil(|inner| async move { inner.wait(wait).await }).await
    }

    async fn health(&self) -> Result<Health> {
        self.inner.health().await
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}

impl<S: fmt::Debug> fmt::Debug for FaultyStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, plan: _ } = self;
        f.debug_struct("FaultyStore").field("inner", inner).field("planned", &self.planned()).finish()
    }
}

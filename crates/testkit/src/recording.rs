//! A store that remembers what it was asked and what it answered.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roomkey_core::{Batch, Health, Outcome, Page, Reply, Result, Scan, Store, Txn, Wait, Woken};

#[cfg(test)]
mod tests;

/// Wraps a store and keeps the history of its calls, over all clones.
///
/// ```
/// use roomkey_core::{Batch, Key, Kind, Namespace, Op, Partition, Store as _};
/// use roomkey_memory::MemoryStore;
/// use roomkey_testkit::{RecordingStore, Request};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let here = Partition::from_slot(0).unwrap();
/// # let key = Key::new(Kind::Value, &Namespace::new("app", "v1", "doc")?, here, [0; 16]);
/// let store = RecordingStore::new(MemoryStore::new());
/// store.run(Batch::one(Op::get(&key))?).await?;
///
/// let history = store.history();
/// assert_eq!(history.len(), 1);
/// assert!(matches!(&history[0].request, Request::Run(batch) if batch.ops() == [Op::get(&key)]));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RecordingStore<S> {
    inner: S,
    /// Shared by all clones. Held only to note a call or its answer, never across an await.
    history: Arc<Mutex<History>>,
}

/// One call.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Call {
    /// What was asked.
    pub request: Request,
    /// What was answered; `None` while the call runs, and for ever if its future was dropped.
    pub answer: Option<Answer>,
    /// When the call began, on a clock that ticks at every beginning and every end of a call of this history.
    pub began: u64,
    /// When the call ended, on the same clock. A call that ended before another began has happened before it.
    pub ended: Option<u64>,
}

/// What a store was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "one variant per method of the contract")]
pub enum Request {
    /// [`Store::run`].
    Run(Batch),
    /// [`Store::transact`].
    Transact(Txn),
    /// [`Store::scan`].
    Scan(Scan),
    /// [`Store::wait`].
    Wait(Wait),
    /// [`Store::health`].
    Health,
    /// [`Store::close`].
    Close,
}

/// What a store answered.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "one variant per method of the contract")]
pub enum Answer {
    /// [`Store::run`].
    Run(Result<Vec<Result<Reply>>>),
    /// [`Store::transact`].
    Transact(Result<Outcome>),
    /// [`Store::scan`].
    Scan(Result<Page>),
    /// [`Store::wait`].
    Wait(Result<Woken>),
    /// [`Store::health`].
    Health(Result<Health>),
    /// [`Store::close`].
    Close(Result<()>),
}

#[derive(Default)]
struct History {
    calls: Vec<Call>,
    clock: u64,
    /// How many calls were cleared away, so that the answers of older calls find their place or none.
    cleared: usize,
}

impl<S> RecordingStore<S> {
    /// A wrapper with an empty history.
    pub fn new(inner: S) -> Self {
        Self { inner, history: Arc::default() }
    }

    /// The store inside, to look at or to change it unrecorded.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// All calls so far, in the order in which they began.
    pub fn history(&self) -> Vec<Call> {
        self.locked().calls.clone()
    }

    /// The names of the transactions asked for so far, in order.
    pub fn transactions(&self) -> Vec<&'static str> {
        let name = |call: &Call| match &call.request {
            Request::Transact(txn) => Some(txn.name()),
            _ => None,
        };
        self.locked().calls.iter().filter_map(name).collect()
    }

    /// Forgets all calls so far.
    pub fn clear(&self) {
        let mut history = self.locked();
        history.cleared += history.calls.len();
        history.calls.clear();
    }

    fn begin(&self, request: Request) -> usize {
        let mut history = self.locked();
        history.clock += 1;
        let began = history.clock;
        history.calls.push(Call { request, answer: None, began, ended: None });
        history.cleared + history.calls.len() - 1
    }

    fn end(&self, number: usize, answer: Answer) {
        let mut history = self.locked();
        history.clock += 1;
        let ended = history.clock;
        let index = number.checked_sub(history.cleared);
        if let Some(call) = index.and_then(|index| history.calls.get_mut(index)) {
            call.answer = Some(answer);
            call.ended = Some(ended);
        }
    }

    fn locked(&self) -> MutexGuard<'_, History> {
        // Nothing in here panics, so a poisoned lock guards a whole history all the same.
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: Store> Store for RecordingStore<S> {
    async fn run(&self, batch: Batch) -> Result<Vec<Result<Reply>>> {
        let call = self.begin(Request::Run(batch.clone()));
        let result = self.inner.run(batch).await;
        self.end(call, Answer::Run(result.clone()));
        result
    }

    async fn transact(&self, txn: &Txn) -> Result<Outcome> {
        let call = self.begin(Request::Transact(txn.clone()));
        let result = self.inner.transact(txn).await;
        self.end(call, Answer::Transact(result.clone()));
        result
    }

    async fn scan(&self, scan: Scan) -> Result<Page> {
        let call = self.begin(Request::Scan(scan.clone()));
        let result = self.inner.scan(scan).await;
        self.end(call, Answer::Scan(result.clone()));
        result
    }

    async fn wait(&self, wait: Wait) -> Result<Woken> {
        let call = self.begin(Request::Wait(wait.clone()));
        let result = self.inner.wait(wait).await;
        self.end(call, Answer::Wait(result.clone()));
        result
    }

    async fn health(&self) -> Result<Health> {
        let call = self.begin(Request::Health);
        let result = self.inner.health().await;
        self.end(call, Answer::Health(result.clone()));
        result
    }

    async fn close(&self) -> Result<()> {
        let call = self.begin(Request::Close);
        let result = self.inner.close().await;
        self.end(call, Answer::Close(result.clone()));
        result
    }
}

impl<S: fmt::Debug> fmt::Debug for RecordingStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, history: _ } = self;
        f.debug_struct("RecordingStore").field("inner", inner).finish_non_exhaustive()
    }
}

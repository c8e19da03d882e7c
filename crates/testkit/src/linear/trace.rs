//! A record of calls, in the order in which they began and ended.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roomkey_core::{Class, Error};
use tokio::time::Instant;

use super::{Call, Moment};

/// A record of calls, shared by all who ask. Clones share it.
///
/// Noting a beginning or an end is one short lock. Times are tokio's, so a paused clock pauses them, and the order of what
/// happened is known all the same.
pub struct Trace<Op, Answer> {
    inner: Arc<Mutex<Inner<Op, Answer>>>,
}

struct Inner<Op, Answer> {
    start: Instant,
    tick: u64,
    /// `None` of calls that did not happen.
    calls: Vec<Option<Call<Op, Answer>>>,
}

impl<Op, Answer> Trace<Op, Answer> {
    /// An empty record, which begins now.
    #[must_use]
    pub fn new() -> Self {
        let inner = Inner { start: Instant::now(), tick: 0, calls: Vec::new() };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    /// Notes that a caller is about to ask. What is dropped without an [answer](Pending::answered) or an
    /// [error](Pending::failed) was given up by its caller, and may have happened.
    #[must_use = "what is dropped at once counts as given up"]
    pub fn ask(&self, caller: usize, op: Op) -> Pending<Op, Answer> {
        let mut inner = self.lock();
        let began = inner.now();
        inner.calls.push(Some(Call::new(caller, op, began)));
        Pending { trace: self.clone(), number: inner.calls.len() - 1 }
    }

    /// All calls so far that happened or may have; those without an answer may be under way.
    pub fn calls(&self) -> Vec<Call<Op, Answer>>
    where
        Op: Clone,
        Answer: Clone,
    {
        self.lock().calls.iter().flatten().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner<Op, Answer>> {
        // Nothing in here panics, so a poisoned lock guards a whole record all the same.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Op, Answer> Inner<Op, Answer> {
    fn now(&mut self) -> Moment {
        self.tick += 1;
        Moment { tick: self.tick, at: self.start.elapsed() }
    }
}

/// A call that has no answer yet.
#[derive(Debug)]
pub struct Pending<Op, Answer> {
    trace: Trace<Op, Answer>,
    number: usize,
}

impl<Op, Answer> Pending<Op, Answer> {
    /// Notes the store's answer.
    pub fn answered(self, answer: Answer) {
        let mut inner = self.trace.lock();
        let now = inner.now();
        if let Some(call) = &mut inner.calls[self.number] {
            call.end = Some((now, answer));
        }
    }

    /// Notes the store's error. Only of [`Ambiguous`](Class::Ambiguous) may the call have happened; every other error
    /// says that it did not. One that is an answer, such as of a wrong type, is noted as an answer by whoever models it.
    pub fn failed(self, error: &Error) {
        if error.class() != Class::Ambiguous {
            self.trace.lock().calls[self.number] = None;
        }
    }
}

impl<Op, Answer> Clone for Trace<Op, Answer> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<Op, Answer> Default for Trace<Op, Answer> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Op, Answer> fmt::Debug for Trace<Op, Answer> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").field("calls", &self.lock().calls.len()).finish_non_exhaustive()
    }
}

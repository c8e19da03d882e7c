//! Whether there is an order of all calls, each at one moment between its question and its answer, that explains every
//! answer.
//!
//! That is linearizability: callers who act at the same time see a store that does one thing at a time. A [`Trace`] notes
//! the calls, a [`Model`] says what a store that does one thing at a time would answer, and a [`Checker`] looks for the
//! order. (The search is that of Wing and Gong, with Lowe's memory of what was tried before.)
//!
//! ```
//! use std::thread;
//! use roomkey_testkit::linear::{Call, Checker, Model, Trace};
//! # use std::sync::atomic::{AtomicU64, Ordering};
//!
//! /// A counter that is asked for its next number.
//! struct Counter;
//!
//! #[derive(Clone, Debug, PartialEq)]
//! struct Next;
//!
//! impl Model for Counter {
//!     type Op = Next;
//!     type Answer = u64;
//!     type State = u64;
//!
//!     fn start(&self) -> u64 {
//!         0
//!     }
//!
//!     fn step(&self, state: &u64, call: &Call<Next, u64>) -> Vec<u64> {
//!         // Of a call without an answer nobody knows what it was told: anything would do.
//!         let explained = call.answer().is_none_or(|answer| *answer == state + 1);
//!         if explained { vec![state + 1] } else { vec![] }
//!     }
//! }
//!
//! let (trace, counter) = (Trace::new(), AtomicU64::new(0));
//! let next = |caller| {
//!     let pending = trace.ask(caller, Next);
//!     pending.answered(counter.fetch_add(1, Ordering::SeqCst) + 1); // Or `failed`, with the store's error.
//! };
//! thread::scope(|scope| (0..4).for_each(|caller| drop(scope.spawn(move || (0..50).for_each(|_| next(caller))))));
//! Checker::new(&Counter).check(&trace.calls()).assert_linearizable("seed 7");
//! ```
//!
//! - **A call without an answer** may have happened at any moment since it began, may yet happen, or never will: the
//!   checker takes what explains the others. That is what [`Ambiguous`](roomkey_core::Error::Ambiguous) says.
//! - **What a model cannot know** it leaves open: [`step`](Model::step) gives every state that may follow. A lease, for
//!   one, may or may not have ended by a call that lies around its end; each call tells between
//!   [which](Call::began) [times](Call::ended) the store did it.
//! - **Parts that have nothing to do with each other**, as rooms, are [checked one by one](Checker::check_each): the search
//!   is quick as long as few calls overlap, and can take for ever if many do.
//! - **The search is bounded**, and what it did not finish is [undecided](Verdict::Undecided), which is as bad as wrong.
//!
//! [`history`](crate::history) checks something else at another price. It needs no model, only that every write has an
//! identity of its own, and compares what callers were told with what is there at the end: was something lost, doubled or
//! invented? That is linear in the number of calls and goes on for hours, but it sees no wrong answer in between, such as a
//! seat that was refused while one was free. Here every answer counts, for some thousand calls of each part.

mod bits;
mod search;
#[cfg(test)]
mod tests;
mod trace;
mod verdict;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::time::Duration;

pub use trace::{Pending, Trace};
pub use verdict::{DeadEnd, Verdict};

use search::Search;

/// A store that does one thing at a time.
pub trait Model {
    /// What is asked. Two calls that ask the same are as good as each other, whoever their callers are.
    type Op: Debug + PartialEq;
    /// What is answered.
    type Answer: Debug;
    /// All that answers depend on.
    type State: Clone + Debug + Eq + Hash;

    /// What it begins with.
    fn start(&self) -> Self::State;

    /// Every state in which this call may leave `state` with the answer that it got; of a call without an answer, with
    /// whichever answer. None if the call cannot have got this answer here.
    fn step(&self, state: &Self::State, call: &Call<Self::Op, Self::Answer>) -> Vec<Self::State>;
}

/// What somebody asked, and was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call<Op, Answer> {
    caller: usize,
    op: Op,
    began: Moment,
    end: Option<(Moment, Answer)>,
}

/// When something was, in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a moment is a place in the order and a time")]
pub struct Moment {
    /// Its place in the order of all beginnings and ends. It decides what came before what; of the same place, nothing
    /// is known.
    pub tick: u64,
    /// The time since the trace began, for models in which time passes.
    pub at: Duration,
}

impl<Op, Answer> Call<Op, Answer> {
    /// A call that has no answer yet. A [`Trace`] makes them; this is for what was noted in another way.
    pub fn new(caller: usize, op: Op, began: Moment) -> Self {
        Self { caller, op, began, end: None }
    }

    /// The same call with its answer.
    #[must_use]
    pub fn answered(mut self, answer: Answer, ended: Moment) -> Self {
        self.end = Some((ended, answer));
        self
    }

    /// Who asked, for people who read a counterexample.
    pub fn caller(&self) -> usize {
        self.caller
    }

    /// What was asked.
    pub fn op(&self) -> &Op {
        &self.op
    }

    /// What was answered; `None` if nobody knows whether it happened.
    pub fn answer(&self) -> Option<&Answer> {
        self.end.as_ref().map(|(_, answer)| answer)
    }

    /// Before this moment it did not happen.
    pub fn began(&self) -> Moment {
        self.began
    }

    /// After this moment it did not happen; `None` without an answer.
    pub fn ended(&self) -> Option<Moment> {
        self.end.as_ref().map(|(moment, _)| *moment)
    }
}

/// Looks for the order that explains the answers.
#[derive(Debug)]
pub struct Checker<'a, M> {
    model: &'a M,
    steps: usize,
}

impl<'a, M: Model> Checker<'a, M> {
    /// A checker that gives up a part after half a million steps.
    pub fn new(model: &'a M) -> Self {
        Self { model, steps: 500_000 }
    }

    /// After how many steps the search for the order of a part is given up. A step places one call and remembers the
    /// state that this led to, so they bound the time and the memory.
    #[must_use]
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// Checks calls that all belong together.
    pub fn check(&self, calls: &[Call<M::Op, M::Answer>]) -> Verdict {
        Search::new(self.model, calls.iter()).run(self.steps)
    }

    /// Checks the calls of each part by themselves, each beginning with the model's start, until one has no order.
    ///
    /// Right if no call changes, or is told, anything of another part than its own. Then there is an order of all calls
    /// exactly if there is one for each part.
    pub fn check_each<Part>(&self, calls: &[Call<M::Op, M::Answer>], part: impl Fn(&M::Op) -> Part) -> Verdict
    where
        Part: Debug + Ord,
    {
        let mut parts: BTreeMap<Part, Vec<_>> = BTreeMap::new();
        for call in calls {
            parts.entry(part(call.op())).or_default().push(call);
        }
        let mut all = 0;
        for (part, calls) in parts {
            match Search::new(self.model, calls.into_iter()).run(self.steps) {
                Verdict::Linearizable { steps } => all += steps,
                other => return other.of(&part),
            }
        }
        Verdict::Linearizable { steps: all }
    }
}

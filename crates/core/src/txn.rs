//! Transactions: decide, then act.

use std::fmt;
use std::sync::Arc;

use crate::prepared::Binding;
use crate::{Check, Op, Partition};

/// One transaction inside one partition: all of it or nothing, on the store's clock.
///
/// A transaction is a tree of steps. A step is an [`Op`] or a [`Fork`], whose checks choose one of two branches. It runs
/// in three phases:
///
/// 1. **Decide.** All checks at every depth see the state at the start, before any write of this transaction. The
///    result is the *path*: one flat list of ops.
/// 2. **Validate.** Against the same state: every key of the path has its op's kind or is missing, every
///    [`Add`](Op::Add) stays within `i64`, every stored limit is an integer (it is read now). Otherwise it is an error,
///    and nothing is written.
/// 3. **Act.** The ops run in order; reads see the writes before them. From the first write on nothing can fail.
///
/// Built by a [`TxnBuilder`](crate::TxnBuilder), which rejects what no store may be sent; or from one that was built
/// before, by [`Prepared`](crate::Prepared).
#[derive(Clone)]
pub struct Txn {
    pub(crate) head: Arc<Head>,
    pub(crate) partition: Partition,
    pub(crate) body: Body,
}

/// What does not depend on keys and arguments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) name: &'static str,
    pub(crate) ops: u16,
    pub(crate) branches: u16,
    pub(crate) retry_safe: bool,
    pub(crate) wants_now: bool,
    pub(crate) uses_clock: bool,
    pub(crate) writes: bool,
    /// By op: whether its reply is left out of the outcome.
    pub(crate) quiet: Vec<bool>,
}

#[derive(Clone)]
pub(crate) enum Body {
    Built(Vec<Step>),
    /// Of another transaction, on keys and arguments of its own.
    Bound(Box<Binding>),
}

impl Txn {
    /// The name that its author gave it, for traces and script listings.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.head.name
    }

    /// Where all its keys live.
    #[must_use]
    pub const fn partition(&self) -> Partition {
        self.partition
    }

    /// The steps of the root branch, [`BranchId::ROOT`].
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        match &self.body {
            Body::Built(steps) => steps,
            Body::Bound(binding) => binding.steps(),
        }
    }

    /// What it was prepared from, and on what it runs: for a store that keeps what it made of the former.
    #[must_use]
    pub fn binding(&self) -> Option<&Binding> {
        match &self.body {
            Body::Built(_) => None,
            Body::Bound(binding) => Some(binding),
        }
    }

    /// How many ops it holds, over all branches; their ids are `0..ops`.
    #[must_use]
    pub fn ops(&self) -> usize {
        self.head.ops.into()
    }

    /// How many branches it has, the root included; their ids are `0..branches`.
    #[must_use]
    pub fn branches(&self) -> usize {
        self.head.branches.into()
    }

    /// Whether its author promised that applied twice it leaves what once leaves, and that the second outcome gives the
    /// caller the same verdict. Only then a store repeats it after an ambiguous failure.
    #[must_use]
    pub fn retry_safe(&self) -> bool {
        self.head.retry_safe
    }

    /// Whether any of its ops writes, on whatever path.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.head.writes
    }

    /// Whether the outcome carries the reply of an op; see [`TxnBuilder::quiet_op`](crate::TxnBuilder::quiet_op).
    #[must_use]
    pub fn reports(&self, op: OpId) -> bool {
        !self.head.quiet.get(op.index()).copied().unwrap_or(false)
    }

    /// Whether the outcome carries the store's time: when the program uses the clock, or asked for it.
    #[must_use]
    pub fn reports_now(&self) -> bool {
        self.head.wants_now || self.head.uses_clock
    }
}

/// By what they do, however they were made.
impl PartialEq for Txn {
    fn eq(&self, other: &Self) -> bool {
        let Self { head, partition, body: _ } = self;
        (head, partition, self.steps()) == (&other.head, &other.partition, other.steps())
    }
}

impl Eq for Txn {}

impl fmt::Debug for Txn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { head, partition, body: _ } = self;
        f.debug_struct("Txn")
            .field("name", &head.name)
            .field("partition", &partition.tag())
            .field("retry_safe", &head.retry_safe)
            .field("wants_now", &head.wants_now)
            .field("steps", &self.steps())
            .finish()
    }
}

/// One step of a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a step is an op or a fork")]
pub enum Step {
    /// Does something.
    Op(OpId, Op),
    /// Decides something.
    Fork(Fork),
}

/// A decision: where all checks hold, `then` is on the path, otherwise `otherwise` is.
///
/// The checks are joined by AND and evaluated in order; the first that does not hold ends it. OR is a fork inside
/// `otherwise`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fork {
    /// The checks; none at all hold.
    pub when: Vec<Check>,
    /// The id of the branch taken when all hold.
    pub then_id: BranchId,
    /// Its steps.
    pub then: Vec<Step>,
    /// The id of the branch taken when one does not.
    pub otherwise_id: BranchId,
    /// Its steps.
    pub otherwise: Vec<Step>,
}

/// Names an op of a transaction: for its reply in the [`Outcome`](crate::Outcome), or as the argument of a later op.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OpId(pub(crate) u16);

impl OpId {
    /// The position among the ops of its transaction, in the order in which they were added.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Names a branch of a transaction: to add steps to it, and to ask the [`Outcome`](crate::Outcome) whether it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BranchId(pub(crate) u16);

impl BranchId {
    /// The branch that is always taken.
    pub const ROOT: Self = Self(0);

    /// The position among the branches of its transaction, in the order in which they were added.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

//! Building transactions.

use std::sync::Arc;

use crate::txn::{Body, Head};
use crate::validate::Validator;
use crate::{BranchId, Check, Fork, Invalid, Op, OpId, Result, Step, Txn};

/// Builds a [`Txn`], branch by branch.
///
/// ```
/// use std::time::Duration;
/// use bytes::Bytes;
/// use roomkey_core::{BranchId, Check, Key, Kind, Life, Namespace, Op, Partition, TxnBuilder, Until};
///
/// # fn main() -> Result<(), roomkey_core::Error> {
/// # let here = Partition::from_slot(0).unwrap();
/// # let record = Key::new(Kind::Value, &Namespace::new("shop", "t1", "tokens")?, here, [0; 16]);
/// // Stores a record if there is none, and otherwise reads the one that is there.
/// let mut program = TxnBuilder::new("example.store");
/// let (free, taken) = program.fork(BranchId::ROOT, [Check::missing(&record)]);
/// program.op(free, Op::put(&record, Bytes::from_static(b"sealed"), Life::Set(Until::In(Duration::from_secs(60)))));
/// let old = program.op(taken, Op::get(&record));
/// let txn = program.retry_safe().build()?;
/// // After `store.transact(&txn).await?`: `outcome.took(free)`, `outcome.reply(old)`.
/// # assert_eq!((txn.ops(), old.index()), (2, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TxnBuilder {
    name: &'static str,
    /// Every branch in the order of its id, its steps flat: a fork only names its branches until it is built.
    branches: Vec<Vec<FlatStep>>,
    /// By op: whether nobody reads its reply.
    quiet: Vec<bool>,
    retry_safe: bool,
    wants_now: bool,
    /// The first misuse, told at the end so that a program can be written without a `?` on every line.
    misuse: Option<Invalid>,
}

#[derive(Clone, Debug)]
enum FlatStep {
    Op(OpId, Op),
    Fork(Vec<Check>, BranchId, BranchId),
}

impl TxnBuilder {
    /// An empty program. The name, a constant such as `rooms.join`, appears in traces and script listings.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            branches: vec![Vec::new()],
            quiet: Vec::new(),
            retry_safe: false,
            wants_now: false,
            misuse: None,
        }
    }

    /// Adds an op at the end of a branch. The id stands for its reply.
    pub fn op(&mut self, branch: BranchId, op: impl Into<Op>) -> OpId {
        self.numbered(branch, op.into(), false)
    }

    /// Adds an op whose reply nobody reads, so that it is left out of the outcome and need not travel. Later ops may
    /// still refer to it.
    pub fn quiet_op(&mut self, branch: BranchId, op: impl Into<Op>) -> OpId {
        self.numbered(branch, op.into(), true)
    }

    /// Adds a decision at the end of a branch: returns the branch taken when all checks hold, and the other.
    pub fn fork(&mut self, branch: BranchId, when: impl IntoIterator<Item = Check>) -> (BranchId, BranchId) {
        let next = u16::try_from(self.branches.len()).unwrap_or(u16::MAX - 1);
        let (then, otherwise) = (BranchId(next), BranchId(next.saturating_add(1)));
        self.branches.extend([Vec::new(), Vec::new()]);
        self.add(branch, FlatStep::Fork(when.into_iter().collect(), then, otherwise));
        (then, otherwise)
    }

    /// Promises that the program applied twice leaves what once leaves, and that the second outcome gives the caller
    /// the same verdict, so that a store may repeat it after an ambiguous failure. A test has to keep the promise:
    /// `roomkey_testkit::assert_retry_safe`.
    #[must_use]
    pub fn retry_safe(self) -> Self {
        Self { retry_safe: true, ..self }
    }

    /// Asks for the store's time in the outcome even where the program does not use it.
    #[must_use]
    pub fn with_now(self) -> Self {
        Self { wants_now: true, ..self }
    }

    /// Checks the program against the contract.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) with the first rule that it breaks.
    pub fn build(mut self) -> Result<Txn> {
        if let Some(misuse) = self.misuse {
            return Err(misuse.into());
        }
        let branches = self.branches.len();
        let ops = self.quiet.len();
        if ops > crate::MAX_OPS || branches > 2 * crate::MAX_OPS {
            return Err(Invalid::TooManyOps.into());
        }
        let steps = self.assemble(BranchId::ROOT, 0)?;
        let found = Validator::check(ops, &steps)?;
        let head = Head {
            name: self.name,
            // Both are bounded above, far below 2^16.
            ops: ops as u16,
            branches: branches as u16,
            retry_safe: self.retry_safe,
            wants_now: self.wants_now,
            uses_clock: found.uses_clock,
            writes: found.writes,
            quiet: self.quiet,
        };
        Ok(Txn { head: Arc::new(head), partition: found.partition, body: Body::Built(steps) })
    }

    fn numbered(&mut self, branch: BranchId, op: Op, quiet: bool) -> OpId {
        let id = OpId(u16::try_from(self.quiet.len()).unwrap_or(u16::MAX));
        self.quiet.push(quiet);
        self.add(branch, FlatStep::Op(id, op));
        id
    }

    fn add(&mut self, branch: BranchId, step: FlatStep) {
        match self.branches.get_mut(branch.index()) {
            Some(steps) => steps.push(step),
            None => self.misuse = self.misuse.or(Some(Invalid::Branch)),
        }
    }

    fn assemble(&mut self, branch: BranchId, depth: usize) -> Result<Vec<Step>, Invalid> {
        if depth > crate::MAX_DEPTH {
            return Err(Invalid::TooDeep);
        }
        let flat = std::mem::take(&mut self.branches[branch.index()]);
        flat.into_iter()
            .map(|step| match step {
                FlatStep::Op(id, op) => Ok(Step::Op(id, op)),
                FlatStep::Fork(when, then_id, otherwise_id) => {
                    let then = self.assemble(then_id, depth + 1)?;
                    let otherwise = self.assemble(otherwise_id, depth + 1)?;
                    Ok(Step::Fork(Fork { when, then_id, then, otherwise_id, otherwise }))
                }
            })
            .collect()
    }
}

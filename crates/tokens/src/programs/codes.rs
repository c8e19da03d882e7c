//! Trying a code.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{
    BranchId, Check, Key, Life, Op, OpId, Outcome, Reply, Result, StoreTime, Txn, TxnBuilder, Until,
};

use crate::generations::{Subject, of_types};
use crate::handle::TypeTag;

/// Where a code is kept, what it rests on, and how often it may be tried.
pub(crate) struct Trial<'a> {
    pub(crate) code: &'a Key,
    pub(crate) attempts: &'a Key,
    pub(crate) subject: &'a Key,
    pub(crate) types: &'a Key,
    pub(crate) code_type: TypeTag,
    /// What the value of the right code begins with.
    pub(crate) proof: Bytes,
    pub(crate) most: u32,
    pub(crate) window: Duration,
}

/// Compares a code and counts the try, in one step.
pub(crate) struct TryProgram {
    pub(crate) txn: Txn,
    most: u32,
    subject: OpId,
    types: OpId,
    counted: OpId,
    taken: OpId,
    right: BranchId,
    wrong: BranchId,
    none: BranchId,
}

/// What came of a try.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tried {
    /// It was the right one: what was kept, and what that must rest on.
    Right { now: StoreTime, kept: Bytes, subject: Subject, types: Vec<Option<Bytes>> },
    /// It was a wrong one, and so many tries are left.
    Wrong { left: u32 },
    /// There was nothing to compare with.
    NoCode,
    /// Nothing was compared, as there were too many tries.
    Limited,
}

impl TryProgram {
    /// ```text
    /// RankRange s 0..0; MapGet g types; now
    /// when Exists k ∧ Number(a, +1) <= most:
    ///       n = Add a 1 AtLeast(In window)
    ///       when Value k StartsWith proof: Take k; Delete a
    ///       else: when Number(a, +1) >= most: Delete k
    /// else: when Number(a, +1) <= most: (no code)  else: (too many)
    /// ```
    ///
    /// Every try is counted before it is compared, the right one too. So both begin with the same write, and a store
    /// that is full refuses both: else it would refuse to count the wrong ones and still let the right one through.
    ///
    /// It is not safe to repeat: a second run would count the same try again, or find the code used up.
    pub(crate) fn new(trial: Trial<'_>) -> Result<Self> {
        let Trial { code, attempts, subject, types, code_type, proof, most, window } = trial;
        let within = Check::number(attempts, 1, i64::MIN..=most.into());
        let mut program = TxnBuilder::new("tokens.try").with_now();
        let root = BranchId::ROOT;
        let subject = program.op(root, Subject::read_op(subject));
        let types = program.op(root, Op::map_get(types, code_type.bytes()));
        let (tried, refused) = program.fork(root, [Check::exists(code), within.clone()]);
        let counted = program.op(tried, Op::add(attempts, 1, Life::AtLeast(Until::In(window))));
        let (right, wrong) = program.fork(tried, [Check::value_starts_with(code, proof)]);
        let taken = program.op(right, Op::take(code));
        program.quiet_op(right, Op::delete(attempts));
        let (last, _) = program.fork(wrong, [Check::number(attempts, 1, most.into()..=i64::MAX)]);
        program.quiet_op(last, Op::delete(code));
        let (none, _) = program.fork(refused, [within]);
        Ok(Self { txn: program.build()?, most, subject, types, counted, taken, right, wrong, none })
    }

    /// `None` if the store did not say.
    pub(crate) fn tried(&self, mut outcome: Outcome) -> Option<Tried> {
        if outcome.took(self.right) {
            let Reply::Bytes(Some(kept)) = outcome.take_reply(self.taken)? else { return None };
            let subject = Subject::read(outcome.take_reply(self.subject))?;
            let types = of_types(outcome.take_reply(self.types))?;
            return Some(Tried::Right { now: outcome.now()?, kept, subject, types });
        }
        if outcome.took(self.wrong) {
            let tries = outcome.reply(self.counted)?.number()?;
            let left = u32::try_from(i64::from(self.most).saturating_sub(tries)).unwrap_or(0);
            return Some(Tried::Wrong { left });
        }
        Some(if outcome.took(self.none) { Tried::NoCode } else { Tried::Limited })
    }
}

//! The transactions of sizes. None is marked safe to repeat: each moves a number by some steps, or tells by how many.

use bytes::Bytes;
use roomkey_core::{
    BranchId, Check, Key, Life, Op, OpId, Outcome, Reply, Result as CoreResult, Txn, TxnBuilder, Until,
};

use crate::{DEFAULT_EXPIRY, Error, Result};

/// Every change keeps a room for as long at least, and never for shorter than it had.
const AT_LEAST: Life = Life::AtLeast(Until::In(DEFAULT_EXPIRY));

/// Adds any number to a size.
pub(crate) struct UpdateProgram {
    pub(crate) txn: Txn,
    some: BranchId,
    added: OpId,
    none: BranchId,
}

impl UpdateProgram {
    /// ```text
    /// when Number(c, +delta) in 1..=MAX:       Add c delta AtLeast(1 h)      leaving: Expire c AtLeast(1 h); Add c delta Keep
    /// else when Number(c, +delta) in MIN..=0:  Delete c
    /// ```
    ///
    /// Who leaves begins by touching the expiry, which needs no memory, so that leaving works on a full store.
    pub(crate) fn new(size: &Key, delta: i64) -> CoreResult<Self> {
        let mut program = TxnBuilder::new("rooms.update");
        let (some, not_some) = program.fork(BranchId::ROOT, [Check::number(size, delta, 1..=i64::MAX)]);
        let added = if delta < 0 {
            program.quiet_op(some, Op::expire(size, AT_LEAST));
            program.op(some, Op::add(size, delta, Life::Keep))
        } else {
            program.op(some, Op::add(size, delta, AT_LEAST))
        };
        let (none, _) = program.fork(not_some, [Check::number(size, delta, i64::MIN..=0)]);
        program.quiet_op(none, Op::delete(size));
        Ok(Self { txn: program.build()?, some, added, none })
    }

    /// The size that the room has now. Where neither check held, the sum lies outside `i64`.
    pub(crate) fn size(&self, outcome: &Outcome) -> Result<i64> {
        if outcome.took(self.some) {
            let size = outcome.reply(self.added).and_then(Reply::number);
            size.ok_or_else(|| roomkey_core::Error::permanent("no reply to an addition").into())
        } else if outcome.took(self.none) {
            Ok(0)
        } else {
            Err(Error::Overflow)
        }
    }
}

/// Sets a size to the number of seats that are taken.
pub(crate) struct ReconcileProgram {
    pub(crate) txn: Txn,
    counted: [OpId; 2],
    live: OpId,
}

impl ReconcileProgram {
    /// ```text
    /// when Below m 1: Get c; Delete c     else: Get c; n = RankCount m; Put c From(n) AtLeast(1 h)
    /// ```
    ///
    pub(crate) fn new(size: &Key, seats: &Key) -> CoreResult<Self> {
        let mut program = TxnBuilder::new("rooms.reconcile");
        let (none, some) = program.fork(BranchId::ROOT, [Check::below(seats, 1)]);
        let before = program.op(none, Op::get(size));
        program.quiet_op(none, Op::delete(size));
        let counted = [before, program.op(some, Op::get(size))];
        let live = program.op(some, Op::rank_count(seats));
        program.quiet_op(some, Op::put(size, live, AT_LEAST));
        Ok(Self { txn: program.build()?, counted, live })
    }

    /// What the size was, as it was written, and what it is now.
    pub(crate) fn sizes(&self, outcome: &Outcome) -> (Option<Bytes>, i64) {
        let counted = self.counted.iter().find_map(|op| match outcome.reply(*op) {
            Some(Reply::Bytes(counted)) => counted.clone(),
            _ => None,
        });
        (counted, outcome.reply(self.live).and_then(Reply::number).unwrap_or(0))
    }
}

/// Adds one to a size below a limit.
pub(crate) struct IncrementProgram {
    pub(crate) txn: Txn,
    room: BranchId,
}

impl IncrementProgram {
    /// ```text
    /// when Number(c, +1) in MIN..=limit: Add c 1 AtLeast(1 h)
    /// ```
    pub(crate) fn new(size: &Key, limit: i64) -> CoreResult<Self> {
        let mut program = TxnBuilder::new("rooms.check_and_increment");
        let (room, _) = program.fork(BranchId::ROOT, [Check::number(size, 1, i64::MIN..=limit)]);
        program.quiet_op(room, Op::add(size, 1, AT_LEAST));
        Ok(Self { txn: program.build()?, room })
    }

    /// Whether there was room for one more.
    pub(crate) fn admitted(&self, outcome: &Outcome) -> bool {
        outcome.took(self.room)
    }
}

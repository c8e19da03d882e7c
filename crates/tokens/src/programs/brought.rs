//! The transactions of tokens that a caller brought.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{
    BranchId, Check, Life, MAX_DURATION, Op, OpId, Outcome, RankPut, Reply, Result, Score, Txn, TxnBuilder,
    Until,
};

use super::{LINGER, SWEPT};
use crate::keys::{Entry, Place};

/// Stores a record where there is none.
pub(crate) struct StoreProgram {
    pub(crate) txn: Txn,
    record: Bytes,
    free: BranchId,
    found: OpId,
}

impl StoreProgram {
    /// ```text
    /// when Missing t: Put t record Set(In d); [x: RankPut x id After(In d) AtLeast(In d + 1 day); RankTake x 2]
    /// else:           Get t
    /// ```
    pub(crate) fn new(place: &Place, entry: Option<&Entry>, record: Bytes, expiry: Duration) -> Result<Self> {
        let until = Until::In(expiry);
        let mut program = TxnBuilder::new("tokens.store");
        let (free, taken) = program.fork(BranchId::ROOT, [Check::missing(&place.record)]);
        program.quiet_op(free, Op::put(&place.record, record.clone(), Life::Set(until)));
        if let Some(Entry { index, member }) = entry {
            let put = RankPut::new(index, member.clone(), Score::After(until));
            let lives = Until::In(expiry.saturating_add(LINGER).min(MAX_DURATION));
            program.quiet_op(free, put.life(Life::AtLeast(lives)));
            program.quiet_op(free, Op::rank_take(index, SWEPT));
        }
        let found = program.op(taken, Op::get(&place.record));
        Ok(Self { txn: program.retry_safe().build()?, record, free, found })
    }

    /// Whether this call stored the record: just now, or in an earlier attempt whose reply was lost.
    pub(crate) fn stored(&self, outcome: &Outcome) -> bool {
        outcome.took(self.free)
            || matches!(outcome.reply(self.found), Some(Reply::Bytes(Some(found))) if *found == self.record)
    }
}

/// Removes a record and its entry in the index. It begins by freeing, so it works on a full store.
pub(crate) struct RevokeProgram {
    pub(crate) txn: Txn,
    deleted: OpId,
}

impl RevokeProgram {
    /// ```text
    /// Delete t; RankRemove x id
    /// ```
    pub(crate) fn new(place: &Place, entry: &Entry) -> Result<Self> {
        let mut program = TxnBuilder::new("tokens.revoke");
        let deleted = program.op(BranchId::ROOT, Op::delete(&place.record));
        program.quiet_op(BranchId::ROOT, Op::rank_remove(&entry.index, entry.member.clone()));
        Ok(Self { txn: program.retry_safe().build()?, deleted })
    }

    /// Whether there was a record; `None` if the store did not say.
    pub(crate) fn existed(&self, outcome: &Outcome) -> Option<bool> {
        outcome.reply(self.deleted).and_then(Reply::flag)
    }
}

#[cfg(test)]
mod tests;

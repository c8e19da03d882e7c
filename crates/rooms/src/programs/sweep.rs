//! Clearing away what ended in a room, a bounded part at a time.

use roomkey_core::{BranchId, Op, OpId, Outcome, Reply, Result, Txn};

use super::Basis;
use super::plan::Plan;
use crate::keys::RoomKeys;

#[cfg(test)]
mod tests;

/// How many seats one step clears away. With an event for each, 256 hold a server for about a millisecond.
const STEP: u32 = 256;

/// How many rooms that are no longer listed one step takes off the list.
const UNLISTED: u32 = 4;

/// Clears away seats that ended in one room, and gives them to those who wait.
pub(crate) struct SweepProgram {
    pub(crate) txn: Txn,
    dead: OpId,
    promoted: OpId,
}

impl SweepProgram {
    /// ```text
    /// SWEEP(256); PROMOTE; [Add freed 1 ↑]; SETTLE; INDEX; RankTake list 4
    /// ```
    ///
    /// Not marked as safe to repeat: a repetition does no harm, but would tell of less than was done.
    pub(crate) fn new(room: &RoomKeys, basis: Basis) -> Result<Self> {
        let root = BranchId::ROOT;
        let mut plan = Plan::new("rooms.sweep", room, basis);
        let dead = plan.sweep(root, STEP);
        let limit = plan.own_limit();
        let promoted = plan.promote(root, limit);
        plan.freed(root);
        plan.settle(root);
        plan.index(root);
        plan.quiet(root, Op::rank_take(&room.list, UNLISTED));
        Ok(Self { txn: plan.program.build()?, dead, promoted })
    }

    /// How many seats ended and how many members were promoted, and whether more may be to do.
    pub(crate) fn swept(&self, outcome: &Outcome) -> (u64, u64, bool) {
        let dead = match outcome.reply(self.dead) {
            Some(Reply::Items(dead)) => dead.len(),
            _ => 0,
        };
        let promoted = match outcome.reply(self.promoted) {
            Some(Reply::Ranked { members, .. }) => members.len(),
            _ => 0,
        };
        (dead as u64, promoted as u64, dead >= STEP as usize)
    }
}

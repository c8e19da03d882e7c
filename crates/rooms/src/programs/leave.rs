//! Leaving a room, and being sent out of it.

use bytes::Bytes;
use roomkey_core::{BranchId, Check, FieldTest, Op, Outcome, Result, Txn};

use super::plan::Plan;
use super::{Basis, Guard, Guarded, Program};
use crate::event::Kind;
use crate::keys::RoomKeys;
use crate::terms::Terms;

#[cfg(test)]
mod tests;

/// Gives back a seat or a ticket, only by the lease that it is held under.
pub(crate) struct LeaveProgram {
    pub(crate) txn: Txn,
    another: BranchId,
}

impl LeaveProgram {
    /// ```text
    /// when Field i mt StartsWith fence: GONE(left)      else: when Field i mt Present: (it has another lease)
    /// ```
    ///
    /// It begins by freeing, so it works on a full store. Safe to repeat: the second time there is nothing to leave.
    pub(crate) fn new(room: &RoomKeys, basis: Basis, (member, fence): (Bytes, Bytes)) -> Result<Self> {
        let mut plan = Plan::new("rooms.leave", room, basis);
        let own = Check::field(&room.records, member.clone(), FieldTest::StartsWith(fence));
        let (own, not) = plan.fork(BranchId::ROOT, [own]);
        let present = Check::field(&room.records, member.clone(), FieldTest::Present);
        let (another, _) = plan.fork(not, [present]);
        gone(&mut plan, own, &member, Kind::Left);
        Ok(Self { txn: plan.safe()?, another })
    }

    /// Whether the member is out of the room: `false` where another lease of it holds the seat.
    pub(crate) fn left(&self, outcome: &Outcome) -> bool {
        !outcome.took(self.another)
    }
}

impl Program for LeaveProgram {
    fn txn(&self) -> &Txn {
        &self.txn
    }

    fn on(&self, txn: Txn) -> Self {
        Self { txn, ..*self }
    }
}

/// Takes a member out of a room, whatever lease it has.
pub(crate) struct KickProgram {
    txn: Txn,
    guard: Guard,
}

impl KickProgram {
    /// ```text
    /// when Field cfg t = terms: when Field i mt Present: GONE(kicked)
    /// else: MapGet cfg t
    /// ```
    ///
    /// Who is promoted by it has the hold that the room says, though whoever kicks may never have been there. It works on
    /// a full store, as LEAVE does, and is safe to repeat.
    pub(crate) fn new(
        room: &RoomKeys,
        configured: Option<Terms>,
        basis: Basis,
        member: &Bytes,
    ) -> Result<Self> {
        let mut plan = Plan::new("rooms.kick", room, basis);
        let (guard, held) = Guard::new(&mut plan, configured.as_ref());
        let present = Check::field(&room.records, member.clone(), FieldTest::Present);
        let (there, _) = plan.fork(held, [present]);
        gone(&mut plan, there, member, Kind::Kicked);
        Ok(Self { txn: plan.safe()?, guard })
    }
}

impl Program for KickProgram {
    fn txn(&self) -> &Txn {
        &self.txn
    }

    fn on(&self, txn: Txn) -> Self {
        Self { txn, ..*self }
    }
}

impl Guarded for KickProgram {
    type Verdict = ();

    fn guard(&self) -> &Guard {
        &self.guard
    }

    fn verdict(&self, _: &Outcome) -> Option<()> {
        Some(())
    }
}

/// What follows when a member goes.
///
/// ```text
/// inf = MapGet i mt; RankRemove m mt; RankRemove h mt; RankRemove w mt; RankRemove o mt; MapRemove i mt; EVENT(what, mt, inf)
/// SWEEP(64); PROMOTE; [Add freed 1 ↑]; SETTLE; INDEX
/// ```
fn gone(plan: &mut Plan<'_>, branch: BranchId, who: &Bytes, what: Kind) {
    let room = plan.room;
    let record = plan.quiet(branch, Op::map_get(&room.records, who.clone()));
    for ranking in [&room.seats, &room.held, &room.tickets, &room.queue] {
        plan.quiet(branch, Op::rank_remove(ranking, who.clone()));
    }
    plan.quiet(branch, Op::map_remove(&room.records, who.clone()));
    plan.event(branch, what, who.clone(), record);
    plan.sweep_some(branch);
    let limit = plan.own_limit();
    plan.promote(branch, limit);
    plan.freed(branch);
    plan.settle(branch);
    plan.index(branch);
}

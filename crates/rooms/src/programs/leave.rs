//! Leaving a room, and being sent out of it.

use bytes::Bytes;
use roomkey_core::{BranchId, Match, Op, OpId, Outcome, Reply, Result, Txn};

use super::Basis;
use super::plan::Plan;
use crate::event::Kind;
use crate::keys::RoomKeys;

/// Gives back seats and tickets of a room, each only by the lease that it is held under.
pub(crate) struct LeaveProgram {
    pub(crate) txn: Txn,
    matched: OpId,
}

impl LeaveProgram {
    /// ```text
    /// ok = MapMatch i (mt, fence)…; inf = MapGet i ok
    /// RankRemove m ok; RankRemove h ok; RankRemove w ok; RankRemove o ok; MapRemove i ok; EVENT(left, ok, inf)
    /// SWEEP(64); PROMOTE; [Add freed 1 ↑]; INDEX
    /// ```
    ///
    /// It begins by freeing, so it works on a full store. Safe to repeat: the second time there is nothing to leave.
    pub(crate) fn new(room: &RoomKeys, basis: Basis, leases: Vec<(Bytes, Bytes)>) -> Result<Self> {
        let mut plan = Plan::new("rooms.leave", room, basis);
        let matched = plan.op(BranchId::ROOT, Op::map_match(&room.records, leases));
        gone(&mut plan, matched, Kind::Left);
        Ok(Self { txn: plan.safe()?, matched })
    }

    /// For each lease whether its member is out of the room: `false` where another lease of the same member holds the
    /// seat. `None` if the store did not say.
    pub(crate) fn left(&self, outcome: &Outcome) -> Option<Vec<bool>> {
        match outcome.reply(self.matched)? {
            Reply::Matches(matches) => Some(matches.iter().map(|found| *found != Match::Differs).collect()),
            _ => None,
        }
    }
}

/// Takes a member out of a room, whatever lease it has.
pub(crate) struct KickProgram {
    pub(crate) txn: Txn,
}

impl KickProgram {
    /// LEAVE with any fence, telling that the member was kicked.
    pub(crate) fn new(room: &RoomKeys, basis: Basis, member: Bytes) -> Result<Self> {
        let mut plan = Plan::new("rooms.kick", room, basis);
        let matched = plan.quiet(BranchId::ROOT, Op::map_match(&room.records, [(member, Bytes::new())]));
        gone(&mut plan, matched, Kind::Kicked);
        Ok(Self { txn: plan.safe()? })
    }
}

/// What follows when members go.
fn gone(plan: &mut Plan<'_>, who: OpId, what: Kind) {
    let (root, room) = (BranchId::ROOT, plan.room);
    let records = plan.quiet(root, Op::map_get(&room.records, who));
    for ranking in [&room.seats, &room.held, &room.tickets, &room.queue] {
        plan.quiet(root, Op::rank_remove(ranking, who));
    }
    plan.quiet(root, Op::map_remove(&room.records, who));
    plan.event(root, what, who, records);
    plan.sweep_some(root);
    let limit = plan.own_limit();
    plan.promote(root, limit);
    plan.freed(root);
    plan.index(root);
}

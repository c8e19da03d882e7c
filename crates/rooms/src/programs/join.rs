//! Joining a room.

use bytes::Bytes;
use roomkey_core::{
    BranchId, Check, Limit, Only, Op, OpId, Outcome, RankPut, Reply, Result, Score, Standing, Txn,
};

use super::plan::Plan;
use super::{Basis, Guard, Guarded, Program, number};
use crate::event::Kind;
use crate::keys::RoomKeys;
use crate::terms::Terms;

#[cfg(test)]
mod tests;

/// Who wants to join, and what they bring.
pub(crate) struct Applicant<'a> {
    pub(crate) room: &'a RoomKeys,
    /// The terms of the room's configuration, as far as is known.
    pub(crate) configured: Option<Terms>,
    pub(crate) basis: Basis,
    /// The tag of the member.
    pub(crate) member: Bytes,
    pub(crate) sealed: Bytes,
    pub(crate) limit: Limit,
    /// How many may wait: none where the limit is not the room's own, by which those who wait are seated.
    pub(crate) queue: Limit,
}

/// Gives a member a seat, a place among those who wait, or neither.
pub(crate) struct JoinProgram {
    txn: Txn,
    guard: Guard,
    seated: [BranchId; 2],
    full: BranchId,
    promoted: [OpId; 2],
    taken: OpId,
    place: OpId,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entered {
    Seated,
    /// So many wait before the member.
    Waiting {
        ahead: u64,
    },
    /// So many seats are taken.
    Full {
        taken: u64,
    },
}

impl JoinProgram {
    /// ```text
    /// when Field cfg t = terms:
    ///   (a dead seat of the member is buried)
    ///   when Ranked m mt Live: (it is kept)
    ///   else: (a dead ticket of the member is buried)
    ///         when Below m L ∧ Below w 1: RankPut m mt After(lease) ↑; MapPut i mt:B ↑; EVENT(joined)
    ///         else: when Ranked w mt Live: RankPut w mt After(lease) Live ↑; MapPut i mt:B ↑; Expire o ↑; PROMOTED
    ///               else: when Below w queue: RankPut w mt After(lease) ↑; RankPut o mt Last New ↑; MapPut i mt:B ↑; PROMOTED
    ///                     else: RankCount m
    ///               RankPlace o mt
    ///   SWEEP(64); INDEX
    /// else: MapGet cfg t
    /// ```
    ///
    /// A seat that ended before its holder came back is told as an end and a beginning. Who has a seat is never refused,
    /// and an old connection is superseded by the new record.
    ///
    /// Safe to repeat: the second time the member has what the first gave.
    pub(crate) fn new(applicant: Applicant<'_>) -> Result<Self> {
        let Applicant { room, configured, basis, member: me, sealed, limit, queue } = applicant;
        let mut plan = Plan::new("rooms.join", room, basis);
        let (guard, held) = Guard::new(&mut plan, configured.as_ref());

        plan.bury(held, &me);
        let (live, new) = plan.fork(held, [Check::ranked(&room.seats, me.clone(), Standing::Live)]);
        plan.keep_seat(live, &me, &sealed);

        plan.bury_ticket(new, &me);
        let (free, taken) =
            plan.fork(new, [Check::below(&room.seats, limit), Check::below(&room.tickets, 1)]);
        plan.take_seat(free, &me, &sealed);

        let (waits, comes) = plan.fork(taken, [Check::ranked(&room.tickets, me.clone(), Standing::Live)]);
        let renewed = plan.extended(&room.tickets, me.clone(), basis.terms.lease);
        plan.quiet(waits, renewed);
        plan.record(waits, me.clone(), sealed.clone());
        let life = plan.life();
        plan.quiet(waits, Op::expire(&room.queue, life));

        let (queued, full) = plan.fork(comes, [Check::below(&room.tickets, queue)]);
        let ticket = plan.until(&room.tickets, me.clone(), basis.terms.lease);
        plan.quiet(queued, ticket);
        let last = RankPut::new(&room.queue, me.clone(), Score::Last).only(Only::New).life(life);
        plan.quiet(queued, last);
        plan.record(queued, me.clone(), sealed.clone());
        let promoted = [waits, queued].map(|line| plan.promoted(line, &me, &sealed));
        let count = plan.op(full, Op::rank_count(&room.seats));
        let place = plan.op(taken, Op::rank_place(&room.queue, me));

        plan.sweep_some(held);
        plan.index(held);
        Ok(Self { txn: plan.safe()?, guard, seated: [live, free], full, promoted, taken: count, place })
    }
}

impl Program for JoinProgram {
    fn txn(&self) -> &Txn {
        &self.txn
    }

    fn on(&self, txn: Txn) -> Self {
        Self { txn, ..*self }
    }
}

impl Guarded for JoinProgram {
    type Verdict = Entered;

    fn guard(&self) -> &Guard {
        &self.guard
    }

    fn verdict(&self, outcome: &Outcome) -> Option<Entered> {
        if self.seated.iter().any(|branch| outcome.took(*branch)) {
            return Some(Entered::Seated);
        }
        if outcome.took(self.full) {
            return Some(Entered::Full { taken: number(outcome, self.taken)? });
        }
        let is_some = |op: &OpId| matches!(outcome.reply(*op), Some(Reply::Ranked { members, .. }) if !members.is_empty());
        if self.promoted.iter().any(is_some) {
            return Some(Entered::Seated);
        }
        match outcome.reply(self.place)? {
            Reply::Place(Some(ahead)) => Some(Entered::Waiting { ahead: *ahead }),
            _ => None,
        }
    }
}

impl Plan<'_> {
    /// Gives free seats to those who wait. One of them is here to take its own: it replies whether it got one.
    ///
    /// ```text
    /// SWEEP(64); PROMOTE; u = RankPut m mt After(lease) Live ↑; RankRemove h u; EVENT(joined, u)
    /// ```
    fn promoted(&mut self, branch: BranchId, me: &Bytes, sealed: &Bytes) -> OpId {
        let room = self.room;
        // Who went is told before who comes.
        self.sweep_some(branch);
        let limit = self.own_limit();
        self.promote(branch, limit);
        let seat = self.extended(&room.seats, me.clone(), self.terms.lease);
        let seat = self.op(branch, seat);
        self.quiet(branch, Op::rank_remove(&room.held, seat));
        self.event(branch, Kind::Joined, seat, sealed.clone());
        seat
    }
}

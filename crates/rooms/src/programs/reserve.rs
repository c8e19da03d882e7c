//! Holding a seat for somebody who has not come yet.

use roomkey_core::{BranchId, Check, Op, OpId, Outcome, Result, Standing, Txn};

use super::join::Applicant;
use super::plan::Plan;
use super::{Guard, Guarded, Program, number};
use crate::event::Kind;

#[cfg(test)]
mod tests;

/// Holds a seat for a member, if one is free and nobody waits.
pub(crate) struct ReserveProgram {
    txn: Txn,
    guard: Guard,
    held: [BranchId; 2],
    full: BranchId,
    taken: OpId,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reserved {
    Held,
    /// The member is in the room already.
    Seated,
    /// So many seats are taken, or others wait.
    Full {
        taken: u64,
    },
}

impl ReserveProgram {
    /// ```text
    /// when Field cfg t = terms:
    ///   (a dead seat or ticket of the member is buried)
    ///   when Ranked m mt Live: when Ranked h mt Present: RankPut m mt After(hold) Live ↑; RankPut h mt After(hold) ↑; MapPut i mt:B ↑
    ///   else: when Below m L ∧ Below w 1: RankPut m mt After(hold) ↑; RankPut h mt After(hold) ↑; MapPut i mt:B ↑; EVENT(reserved)
    ///         else: RankCount m
    ///   SWEEP(64); INDEX
    /// else: MapGet cfg t
    /// ```
    ///
    /// Safe to repeat: the second time it finds the hold of the first.
    pub(crate) fn new(applicant: Applicant<'_>) -> Result<Self> {
        let Applicant { room, configured, basis, member: me, sealed, limit, queue: _ } = applicant;
        let mut plan = Plan::new("rooms.reserve", room, basis);
        let (guard, known) = Guard::new(&mut plan, configured.as_ref());

        plan.bury(known, &me);
        let (live, new) = plan.fork(known, [Check::ranked(&room.seats, me.clone(), Standing::Live)]);
        let (again, _) = plan.fork(live, [Check::ranked(&room.held, me.clone(), Standing::Present)]);
        let renewed = plan.extended(&room.seats, me.clone(), basis.terms.hold);
        plan.quiet(again, renewed);
        plan.hold(again, &me, basis.terms.hold, &sealed);

        plan.bury_ticket(new, &me);
        let (free, full) = plan.fork(new, [Check::below(&room.seats, limit), Check::below(&room.tickets, 1)]);
        let seat = plan.until(&room.seats, me.clone(), basis.terms.hold);
        plan.quiet(free, seat);
        plan.hold(free, &me, basis.terms.hold, &sealed);
        plan.event(free, Kind::Reserved, me, sealed);
        let taken = plan.op(full, Op::rank_count(&room.seats));

        plan.sweep_some(known);
        plan.index(known);
        Ok(Self { txn: plan.safe()?, guard, held: [again, free], full, taken })
    }
}

impl Program for ReserveProgram {
    fn txn(&self) -> &Txn {
        &self.txn
    }

    fn on(&self, txn: Txn) -> Self {
        Self { txn, ..*self }
    }
}

impl Guarded for ReserveProgram {
    type Verdict = Reserved;

    fn guard(&self) -> &Guard {
        &self.guard
    }

    fn verdict(&self, outcome: &Outcome) -> Option<Reserved> {
        if self.held.iter().any(|branch| outcome.took(*branch)) {
            return Some(Reserved::Held);
        }
        if outcome.took(self.full) {
            return Some(Reserved::Full { taken: number(outcome, self.taken)? });
        }
        Some(Reserved::Seated)
    }
}

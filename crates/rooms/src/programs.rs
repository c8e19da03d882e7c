//! The transactions of rooms.
//!
//! What a room is, in the structures of a store: a seat is a member of `seats` whose deadline lies ahead, and counts to
//! the limit whether it is taken, held or kept for somebody who is away. A member is in `seats` or in `tickets`, never in
//! both, and has a record as long as it is in one of them.

mod configure;
mod counters;
mod forms;
mod join;
mod leave;
mod occupancy;
mod plan;
mod pool;
mod renew;
mod reserve;
mod sweep;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod testing;

pub(crate) use configure::{ConfigureProgram, Configured};
pub(crate) use counters::{IncrementProgram, ReconcileProgram, UpdateProgram};
pub(crate) use forms::Forms;
pub(crate) use join::{Applicant, Entered, JoinProgram};
pub(crate) use leave::{KickProgram, LeaveProgram};
pub(crate) use occupancy::{CountProgram, Counts, MembersProgram, Place};
pub(crate) use plan::{CAPACITY, METADATA, QUEUE, TERMS, stored_limit};
pub(crate) use pool::{CANDIDATES, Candidate as PoolCandidate, PoolProgram, Seen};
pub(crate) use renew::{AwayProgram, RenewSeatsProgram, RenewTicketsProgram, Stands};
pub(crate) use reserve::{ReserveProgram, Reserved};
pub(crate) use sweep::SweepProgram;

use bytes::Bytes;
use roomkey_core::{BranchId, Check, FieldTest, Op, OpId, Outcome, Reply, StoreTime, Txn};

use plan::Plan;

use crate::record::FENCE_LEN;
use crate::terms::Terms;

/// What tells one lease of a member from every other: the beginning of its sealed record.
pub(crate) fn fence(sealed: &Bytes) -> Bytes {
    sealed.slice(..FENCE_LEN.min(sealed.len()))
}

/// What holds for a program where the room itself says nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Basis {
    pub(crate) terms: Terms,
    /// How many seats a room has that is not configured.
    pub(crate) limit: i64,
}

/// What decides whether a program runs: that the room has the terms it was made for. The durations in it are constants,
/// so where the configuration has changed meanwhile, that is told to the caller instead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guard {
    stale: BranchId,
    terms: OpId,
}

/// A transaction, and how to read what came of it.
pub(crate) trait Program {
    fn txn(&self) -> &Txn;

    /// The same program on what another transaction of the same steps is on.
    fn on(&self, txn: Txn) -> Self;
}

/// A program under a [`Guard`].
pub(crate) trait Guarded: Program {
    type Verdict;

    fn guard(&self) -> &Guard;

    /// What came of it where the guard held; `None` if the store did not say.
    fn verdict(&self, outcome: &Outcome) -> Option<Self::Verdict>;
}

impl Guard {
    /// Adds the guard to a program; returns it and the branch in which the terms hold, with which the program goes on.
    /// `configured` are the terms of a room that has a configuration, as far as is known.
    pub(crate) fn new(plan: &mut Plan<'_>, configured: Option<&Terms>) -> (Self, BranchId) {
        let config = &plan.room.config;
        let is = configured.map_or(FieldTest::Absent, |terms| FieldTest::Equals(terms.bytes()));
        let (held, stale) = plan.fork(BranchId::ROOT, [Check::field(config, TERMS, is)]);
        let terms = plan.op(stale, Op::map_get(config, TERMS));
        // No configuration is without its terms.
        plan.configured = Some(configured.is_some());
        (Self { stale, terms }, held)
    }

    /// The terms that the room has instead; `None` if those of the program hold.
    pub(crate) fn stale(&self, outcome: &Outcome) -> Option<Option<Bytes>> {
        outcome.took(self.stale).then(|| match outcome.reply(self.terms) {
            Some(Reply::Optionals(terms)) => terms.first().cloned().flatten(),
            _ => None,
        })
    }
}

/// The number that an op replied.
fn number(outcome: &Outcome, op: OpId) -> Option<u64> {
    outcome.reply(op)?.number().map(|number| u64::try_from(number).unwrap_or(0))
}

/// Whether a score is a deadline that lies ahead.
fn is_live(deadline: Option<i64>, now: StoreTime) -> bool {
    deadline.is_some_and(|deadline| u64::try_from(deadline).is_ok_and(|deadline| deadline > now.as_millis()))
}

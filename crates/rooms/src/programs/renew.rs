//! Keeping seats and tickets, and keeping the seats of those who are away.

use bytes::Bytes;
use roomkey_core::{BranchId, Check, Match, Op, OpId, Outcome, Reply, Result, Txn};

use super::plan::Plan;
use super::{Basis, is_live};
use crate::event::Kind;
use crate::keys::RoomKeys;

#[cfg(test)]
mod tests;

/// How a lease stands after a program that needed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    /// It was lengthened.
    Renewed,
    /// It had ended.
    Lost,
    /// The member has another lease.
    Superseded,
    /// It was a ticket and has become a seat, which is held until its owner joins.
    Promoted,
}

/// Lengthens the leases of members that have a seat.
pub(crate) struct RenewSeatsProgram {
    pub(crate) txn: Txn,
    extension: Extension,
}

impl RenewSeatsProgram {
    /// ```text
    /// ok = MapMatch i (mt, fence)…; r = RankPut m ok After(lease) Live ↑
    /// when Exists h: b = RankPut h r After(lease) Live ↑; RankRemove h b; inf = MapGet i b; EVENT(joined, b, inf)
    /// Expire i ↑; INDEX
    /// ```
    ///
    /// Who renews is there, so a hold or a grace ends with it, which is told as it is when they join. It begins with what
    /// needs no memory, so it works on a full store, and it admits nobody: a seat that ended is lost. Safe to repeat.
    pub(crate) fn new(room: &RoomKeys, basis: Basis, leases: Vec<(Bytes, Bytes)>) -> Result<Self> {
        let root = BranchId::ROOT;
        let mut plan = Plan::new("rooms.renew", room, basis);
        let (members, matched) = plan.matched(leases);
        let renewed = plan.extended(&room.seats, matched, basis.terms.lease);
        let renewed = plan.op(root, renewed);
        let (held, _) = plan.fork(root, [Check::exists(&room.held)]);
        // Writing tells which of them are held; they are not for long.
        let back = plan.extended(&room.held, renewed, basis.terms.lease);
        let back = plan.quiet(held, back);
        plan.quiet(held, Op::rank_remove(&room.held, back));
        let records = plan.quiet(held, Op::map_get(&room.records, back));
        plan.event(held, Kind::Joined, back, records);
        plan.keep_records(root);
        plan.index(root);
        Ok(Self { txn: plan.safe()?, extension: Extension { members, matched, renewed } })
    }

    /// How each lease stands; `None` if the store did not say.
    pub(crate) fn stand(&self, outcome: &Outcome) -> Option<Vec<Stands>> {
        self.extension.stand(outcome)
    }
}

/// Lengthens the leases of members that wait.
pub(crate) struct RenewTicketsProgram {
    pub(crate) txn: Txn,
    extension: Extension,
    seats: OpId,
    places: Vec<OpId>,
}

impl RenewTicketsProgram {
    /// ```text
    /// ok = MapMatch i (mt, fence)…; r = RankPut w ok After(lease) Live ↑; Expire i ↑; Expire o ↑
    /// SWEEP(64); PROMOTE; INDEX; RankScores m mt…; RankPlace o mt; …
    /// ```
    ///
    /// A seat that became free by its end is given to the first in line here, so a line moves while those in it are
    /// alive, with nobody else to sweep. Safe to repeat.
    pub(crate) fn new(room: &RoomKeys, basis: Basis, leases: Vec<(Bytes, Bytes)>) -> Result<Self> {
        let root = BranchId::ROOT;
        let mut plan = Plan::new("rooms.renew_tickets", room, basis);
        let (members, matched) = plan.matched(leases);
        let renewed = plan.extended(&room.tickets, matched, basis.terms.lease);
        let renewed = plan.op(root, renewed);
        plan.keep_records(root);
        let life = plan.life();
        plan.quiet(root, Op::expire(&room.queue, life));
        plan.sweep_some(root);
        let limit = plan.own_limit();
        plan.promote(root, limit);
        plan.index(root);
        let seats = plan.op(root, Op::rank_scores(&room.seats, members.clone()));
        let place = |member: &Bytes| plan.program.op(root, Op::rank_place(&room.queue, member.clone()));
        let places = members.iter().map(place).collect();
        Ok(Self { txn: plan.safe()?, extension: Extension { members, matched, renewed }, seats, places })
    }

    /// How each ticket stands, and how many wait before it; `None` if the store did not say.
    pub(crate) fn stand(&self, outcome: &Outcome) -> Option<Vec<(Stands, u64)>> {
        let Reply::Scores(seats) = outcome.reply(self.seats)? else { return None };
        let place = |op: &OpId| match outcome.reply(*op) {
            Some(Reply::Place(place)) => place.unwrap_or(0),
            _ => 0,
        };
        let matched = self.extension.matches(outcome)?;
        let stands = self.extension.stand(outcome)?.into_iter().zip(matched).zip(seats).zip(&self.places);
        let now = outcome.now()?;
        let stands = stands.map(|(((stands, found), seat), ahead)| {
            // Its own record, and a seat: it was promoted, now or before.
            let promoted = *found == Match::Match && is_live(*seat, now);
            (if promoted { Stands::Promoted } else { stands }, place(ahead))
        });
        Some(stands.collect())
    }
}

/// Keeps the seats of members that lost their connection.
pub(crate) struct AwayProgram {
    pub(crate) txn: Txn,
    extension: Extension,
}

impl AwayProgram {
    /// ```text
    /// ok = MapMatch i (mt, fence); r = RankPut m ok After(grace) Live ↑; RankPut h r After(grace) ↑; Expire i ↑; INDEX
    /// ```
    ///
    /// Safe to repeat.
    pub(crate) fn new(room: &RoomKeys, basis: Basis, lease: (Bytes, Bytes)) -> Result<Self> {
        let root = BranchId::ROOT;
        let mut plan = Plan::new("rooms.disconnected", room, basis);
        let (members, matched) = plan.matched(vec![lease]);
        let kept = plan.extended(&room.seats, matched, basis.terms.grace);
        let kept = plan.op(root, kept);
        let away = plan.until(&room.held, kept, basis.terms.grace);
        plan.quiet(root, away);
        plan.keep_records(root);
        plan.index(root);
        Ok(Self { txn: plan.safe()?, extension: Extension { members, matched, renewed: kept } })
    }

    /// How the lease stands; `None` if the store did not say.
    pub(crate) fn stands(&self, outcome: &Outcome) -> Option<Stands> {
        self.extension.stand(outcome)?.pop()
    }
}

/// What a lease was compared with, and what was lengthened.
struct Extension {
    members: Vec<Bytes>,
    matched: OpId,
    renewed: OpId,
}

impl Extension {
    fn matches<'o>(&self, outcome: &'o Outcome) -> Option<&'o [Match]> {
        match outcome.reply(self.matched)? {
            Reply::Matches(matches) => Some(matches),
            _ => None,
        }
    }

    fn stand(&self, outcome: &Outcome) -> Option<Vec<Stands>> {
        let renewed = match outcome.reply(self.renewed)? {
            Reply::Ranked { members, .. } => members.as_slice(),
            Reply::Skipped => &[],
            _ => return None,
        };
        // They come in the order given, as far as they were renewed.
        let mut renewed = renewed.iter().peekable();
        let stands = self.members.iter().zip(self.matches(outcome)?).map(|(member, found)| match found {
            Match::Match if renewed.next_if_eq(&member).is_some() => Stands::Renewed,
            Match::Match | Match::Absent => Stands::Lost,
            Match::Differs => Stands::Superseded,
        });
        Some(stands.collect())
    }
}

impl Plan<'_> {
    /// Finds the leases that are still those of their members.
    fn matched(&mut self, leases: Vec<(Bytes, Bytes)>) -> (Vec<Bytes>, OpId) {
        let members = leases.iter().map(|(member, _)| member.clone()).collect();
        (members, self.op(BranchId::ROOT, Op::map_match(&self.room.records, leases)))
    }
}

//! Reading who is in a room, and how many.

use bytes::Bytes;
use roomkey_core::{BranchId, Cursor, Op, OpId, Outcome, Reply, Result, Txn, TxnBuilder, WalkItems};

use super::{CAPACITY, is_live, number};
use crate::keys::RoomKeys;

#[cfg(test)]
mod tests;

/// How many members of a room are read at once, about.
const PAGE: u32 = 100;

/// Counts a room at one moment.
pub(crate) struct CountProgram {
    pub(crate) txn: Txn,
    seats: OpId,
    held: OpId,
    waiting: OpId,
    limit: OpId,
}

/// What was counted.
pub(crate) struct Counts {
    pub(crate) live: u64,
    pub(crate) held: u64,
    pub(crate) waiting: u64,
    /// What is configured.
    pub(crate) limit: Option<Bytes>,
}

impl CountProgram {
    /// ```text
    /// RankCount m; RankCount h; RankCount w; MapGet cfg l
    /// ```
    pub(crate) fn new(room: &RoomKeys) -> Result<Self> {
        let (root, mut program) = (BranchId::ROOT, TxnBuilder::new("rooms.occupancy"));
        let [seats, held, waiting] =
            [&room.seats, &room.held, &room.tickets].map(|key| program.op(root, Op::rank_count(key)));
        let limit = program.op(root, Op::map_get(&room.config, CAPACITY));
        Ok(Self { txn: program.retry_safe().build()?, seats, held, waiting, limit })
    }

    /// `None` if the store did not say.
    pub(crate) fn counts(&self, outcome: &Outcome) -> Option<Counts> {
        let Reply::Optionals(limit) = outcome.reply(self.limit)? else { return None };
        Some(Counts {
            live: number(outcome, self.seats)?,
            held: number(outcome, self.held)?,
            waiting: number(outcome, self.waiting)?,
            limit: limit.first().cloned().flatten(),
        })
    }
}

/// Reads a page of the members of a room.
pub(crate) struct MembersProgram {
    pub(crate) txn: Txn,
    page: OpId,
    seats: OpId,
    held: OpId,
    waiting: OpId,
}

/// A page of records, and where their members are.
pub(crate) struct Walked {
    /// Members with their sealed records.
    pub(crate) members: Vec<(Bytes, Bytes, Place)>,
    pub(crate) next: Option<Cursor>,
}

/// Where a member of a room is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Seated,
    Held,
    Waiting,
}

impl MembersProgram {
    /// ```text
    /// p = Walk i cursor 100; RankScores m p; RankScores h p; RankScores w p; now
    /// ```
    pub(crate) fn new(room: &RoomKeys, cursor: Option<Cursor>) -> Result<Self> {
        let (root, mut program) = (BranchId::ROOT, TxnBuilder::new("rooms.members").with_now());
        let page = program.op(root, Op::walk(&room.records, cursor, PAGE));
        let [seats, held, waiting] =
            [&room.seats, &room.held, &room.tickets].map(|key| program.op(root, Op::rank_scores(key, page)));
        Ok(Self { txn: program.retry_safe().build()?, page, seats, held, waiting })
    }

    /// Those of the page that are seated or wait; `None` if the store did not say.
    pub(crate) fn walked(&self, mut outcome: Outcome) -> Option<Walked> {
        let now = outcome.now()?;
        let Reply::Page(page) = outcome.take_reply(self.page)? else { return None };
        let WalkItems::Fields(records) = page.items else { return None };
        let [seats, held, waiting] = [self.seats, self.held, self.waiting].map(|op| scores(&outcome, op));
        let (seats, held, waiting) = (seats?, held?, waiting?);
        let live = |scores: &[Option<i64>], at: usize| is_live(scores.get(at).copied().flatten(), now);
        let members = records.into_iter().enumerate().filter_map(|(at, (member, record))| {
            let place = match (live(seats, at), live(held, at), live(waiting, at)) {
                (true, false, _) => Place::Seated,
                (true, true, _) => Place::Held,
                (false, _, true) => Place::Waiting,
                (false, _, false) => return None,
            };
            Some((member, record, place))
        });
        Some(Walked { members: members.collect(), next: page.next })
    }
}

/// The scores that an op replied; none for an empty page, of which nothing was asked.
fn scores(outcome: &Outcome, op: OpId) -> Option<&[Option<i64>]> {
    match outcome.reply(op)? {
        Reply::Scores(scores) => Some(scores),
        Reply::Skipped => Some(&[]),
        _ => None,
    }
}

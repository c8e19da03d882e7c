//! Ending everything of a subject but one session.

use bytes::Bytes;
use roomkey_core::{
    BranchId, Check, FieldTest, Key, Life, Op, OpId, Outcome, RankPut, Reply, Result, Score, Standing,
    StoreTime, Txn, TxnBuilder, Until,
};

use crate::family::{CURRENT, SEALED};
use crate::generations::GENERATION;
use crate::tickets::{AllTickets, TICKET};

/// What ends all sessions but one: everything that was decided outside the store.
pub(crate) struct Others<'a> {
    pub(crate) subject: &'a Key,
    /// The generation that everything rests on, and the one that the session rests on afterwards.
    pub(crate) seen: Bytes,
    pub(crate) next: Bytes,
    /// What stands for the session.
    pub(crate) handle: Bytes,
    /// When it ends at the latest.
    pub(crate) ends: StoreTime,
    /// What remains. The first holds the session itself.
    pub(crate) remains: Vec<Remains>,
}

/// A record that remains: as it was seen, and as it is sealed again.
pub(crate) struct Remains {
    pub(crate) key: Key,
    pub(crate) of: RecordOf,
    pub(crate) seen: Bytes,
    pub(crate) resealed: Bytes,
}

/// What a record is of.
pub(crate) enum RecordOf {
    Token,
    /// With the refresh token that must be its current one, if one was presented.
    Family {
        current: Option<Bytes>,
    },
}

impl Remains {
    pub(super) fn checks(&self) -> Vec<Check> {
        let equals = |name: &'static str, value: &Bytes| {
            Check::field(&self.key, Bytes::from_static(name.as_bytes()), FieldTest::Equals(value.clone()))
        };
        match &self.of {
            RecordOf::Token => vec![Check::value_equals(&self.key, self.seen.clone())],
            RecordOf::Family { current } => {
                let current = current.as_ref().map(|current| equals(CURRENT, current));
                std::iter::once(equals(SEALED, &self.seen)).chain(current).collect()
            }
        }
    }

    pub(super) fn read(&self) -> Op {
        match self.of {
            RecordOf::Token => Op::get(&self.key),
            RecordOf::Family { .. } => Op::map_get(&self.key, SEALED),
        }
    }

    pub(super) fn put(self) -> Op {
        match self.of {
            RecordOf::Token => Op::put(&self.key, self.resealed, Life::Keep),
            RecordOf::Family { .. } => Op::map_put(&self.key, SEALED, self.resealed, Life::Keep),
        }
    }
}

/// Ends everything of a subject but one session, unless what was decided on has changed meanwhile.
pub(crate) struct OthersProgram {
    pub(crate) txn: Txn,
    ended: BranchId,
    found: OpId,
    /// What this call wrote for the session: no two are the same.
    own: Bytes,
}

impl OthersProgram {
    /// ```text
    /// when Ranked s e Present ∧ (Value t = seen | Field f m = seen ∧ [Field f c = presented]):
    ///       dl = Expire t|f Keep; tickets = RankRange s -1..-1; Delete s
    ///       RankPut s e' Is 0 ↑; RankPut s tickets Is -1 ↑; RankPut s handle From(dl) ↑
    ///       Put t resealed Keep | MapPut f m:resealed [Put t …]
    /// else: Get t | MapGet f m
    /// ```
    ///
    /// Tickets are kept, so that limits go on counting. It begins by freeing, so it works on a full store. Safe to repeat: after a first success the second finds its own record.
    pub(crate) fn new(others: Others<'_>) -> Result<Self> {
        let Others { subject, seen, next, handle, ends, remains } = others;
        let session = remains.first().ok_or(roomkey_core::Invalid::Branch)?;
        let (key, own, read) = (session.key.clone(), session.resealed.clone(), session.read());
        let mut checks = vec![Check::ranked(subject, seen, Standing::Present)];
        checks.extend(remains.iter().flat_map(Remains::checks));

        let mut program = TxnBuilder::new("tokens.others");
        let (ended, refused) = program.fork(BranchId::ROOT, checks);
        let deadline = program.quiet_op(ended, Op::expire(&key, Life::Keep));
        let tickets = program.quiet_op(ended, AllTickets::read_op(subject));
        program.quiet_op(ended, Op::delete(subject));
        let lives = Life::AtLeast(Until::At(ends));
        program.quiet_op(ended, RankPut::new(subject, next, Score::Is(GENERATION)).life(lives));
        program.quiet_op(ended, RankPut::new(subject, tickets, Score::Is(TICKET)).life(lives));
        program.quiet_op(ended, RankPut::new(subject, handle, Score::From(deadline)).life(lives));
        for remaining in remains {
            program.quiet_op(ended, remaining.put());
        }
        let found = program.op(refused, read);
        Ok(Self { txn: program.retry_safe().build()?, ended, found, own })
    }

    /// Whether this call ended the others: just now, or in an earlier attempt whose reply was lost.
    pub(crate) fn ended(&self, outcome: &Outcome) -> bool {
        outcome.took(self.ended)
            || match outcome.reply(self.found) {
                Some(Reply::Bytes(Some(found))) => *found == self.own,
                Some(Reply::Optionals(found)) => found.first() == Some(&Some(self.own.clone())),
                _ => false,
            }
    }
}

#[cfg(test)]
mod tests;

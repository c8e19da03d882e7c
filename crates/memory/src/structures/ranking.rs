//! A ranking: members ordered by score.

mod order;

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use roomkey_core::{Order, StoreTime};

use super::{ELEMENT_OVERHEAD, Walked};
use order::Ordered;

#[derive(Debug, Default)]
pub(crate) struct Ranking {
    scores: BTreeMap<Bytes, i64>,
    /// The same members by score.
    ordered: Ordered,
    bytes: usize,
}

impl Ranking {
    pub(crate) fn score(&self, member: &[u8]) -> Option<i64> {
        self.scores.get(member).copied()
    }

    /// Gives a member a score, whether it had one or not.
    pub(crate) fn put(&mut self, member: Bytes, score: i64) {
        match self.scores.insert(member.clone(), score) {
            Some(old) if old == score => return,
            Some(old) => self.ordered.remove(old, &member),
            None => self.bytes += ELEMENT_OVERHEAD + member.len(),
        }
        self.ordered.insert(score, member);
    }

    /// Removes a member; returns whether it was there.
    pub(crate) fn remove(&mut self, member: &[u8]) -> bool {
        let Some(score) = self.scores.remove(member) else { return false };
        self.ordered.remove(score, member);
        self.bytes -= ELEMENT_OVERHEAD + member.len();
        true
    }

    /// Up to `limit` members with scores from `min` to `max`, both inclusive.
    pub(crate) fn range(&self, min: i64, max: i64, order: Order, limit: usize) -> Vec<(Bytes, i64)> {
        if min > max {
            return Vec::new();
        }
        let (first, end) = (self.ordered.below(min), self.ordered.until(max));
        let count = (end - first).min(limit);
        let start = match order {
            Order::Lowest => first,
            Order::Highest => end - count,
        };
        let mut found: Vec<_> =
            self.ordered.slice(start, count).map(|(score, member)| (member.clone(), *score)).collect();
        if order == Order::Highest {
            found.reverse();
        }
        found
    }

    /// Removes up to `limit` of the earliest members whose score is `now` or before.
    pub(crate) fn take_dead(&mut self, now: StoreTime, limit: usize) -> Vec<Bytes> {
        let dead = self.range(i64::MIN, ranking_score(now), Order::Lowest, limit);
        let taken: Vec<Bytes> = dead.into_iter().map(|(member, _)| member).collect();
        for member in &taken {
            self.remove(member);
        }
        taken
    }

    /// The members whose score lies after `now`.
    pub(crate) fn live(&self, now: StoreTime) -> usize {
        self.len() - self.ordered.until(ranking_score(now))
    }

    /// How many members come before this one.
    pub(crate) fn place(&self, member: &[u8]) -> Option<usize> {
        self.score(member).map(|score| self.ordered.before(score, member))
    }

    pub(crate) fn highest(&self) -> Option<i64> {
        self.ordered.last().map(|(score, _)| *score)
    }

    pub(crate) fn walk(&self, after: Option<&Bytes>, count: usize) -> Walked<(Bytes, i64)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.scores.range::<Bytes, _>((from, Bound::Unbounded));
        Walked::new(rest.map(|(member, score)| (member.clone(), *score)), count)
    }

    pub(crate) fn len(&self) -> usize {
        self.scores.len()
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Store time as a score; at most 2^53, so it always fits.
pub(crate) const fn ranking_score(time: StoreTime) -> i64 {
    time.as_millis().cast_signed()
}

//! Equality of what two runs left and replied, apart from what has to differ.
//!
//! Two runs of one program differ in the time at which they ran, and so in deadlines, in scores made of them,
//! and in log ids; also where those were written into values. Pages come in any order.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Entry, LogId, Outcome, Reply, StoreTime, Ttl, Txn, WalkItems};

use crate::state::{Content, KeyState, ops_of};

#[cfg(test)]
mod tests;

/// Numbers in this range (the years 2001 to 2160 in milliseconds) are taken for moments.
const MOMENTS: std::ops::Range<i64> = 1_000_000_000_000..6_000_000_000_000;
/// How far apart two moments may be that stand for the same: two runs are at most so far apart.
const TOLERANCE: Duration = Duration::from_secs(60);

/// Whether two things are the same but for time, ids and the order of pages.
pub trait Alike {
    /// Whether `self` and `other` are the same but for time, ids and the order of pages.
    fn alike(&self, other: &Self) -> bool;
}

/// Whether two outcomes of one transaction are the same but for time, ids and the order of pages.
pub fn outcomes_alike(txn: &Txn, a: &Outcome, b: &Outcome) -> bool {
    let replies = ops_of(txn).into_iter().all(|(op, _)| a.reply(op).cloned().alike(&b.reply(op).cloned()));
    a.path() == b.path() && a.now().alike(&b.now()) && replies
}

impl Alike for i64 {
    fn alike(&self, other: &Self) -> bool {
        self == other || same_moment(*self, *other)
    }
}

impl Alike for Bytes {
    fn alike(&self, other: &Self) -> bool {
        fn read<T: std::str::FromStr>(bytes: &Bytes) -> Option<T> {
            str::from_utf8(bytes).ok()?.parse().ok()
        }
        let both = || Some((read::<i64>(self)?, read::<i64>(other)?));
        let ids = || Some((read::<LogId>(self)?, read::<LogId>(other)?));
        // Texts of other numbers are compared as texts: 1 is not 01.
        self == other
            || both().is_some_and(|(a, b)| same_moment(a, b))
            || ids().is_some_and(|(a, b)| a.alike(&b))
    }
}

impl Alike for LogId {
    fn alike(&self, other: &Self) -> bool {
        // The number within a millisecond says only how fast the run was.
        i64::try_from(self.ms()).ok().zip(i64::try_from(other.ms()).ok()).is_some_and(|(a, b)| a.alike(&b))
    }
}

impl Alike for StoreTime {
    fn alike(&self, other: &Self) -> bool {
        self.since(*other).max(other.since(*self)) < TOLERANCE
    }
}

impl Alike for Ttl {
    fn alike(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::After(a), Self::After(b)) => a.abs_diff(*b) < TOLERANCE,
            _ => self == other,
        }
    }
}

impl<T: Alike> Alike for Option<T> {
    fn alike(&self, other: &Self) -> bool {
        match (self, other) {
            (Some(a), Some(b)) => a.alike(b),
            (a, b) => a.is_none() && b.is_none(),
        }
    }
}

impl<T: Alike> Alike for Vec<T> {
    fn alike(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().zip(other).all(|(a, b)| a.alike(b))
    }
}

impl<A: Alike, B: Alike> Alike for (A, B) {
    fn alike(&self, other: &Self) -> bool {
        self.0.alike(&other.0) && self.1.alike(&other.1)
    }
}

impl Alike for Entry {
    fn alike(&self, other: &Self) -> bool {
        self.id.alike(&other.id) && self.fields.alike(&other.fields)
    }
}

impl Alike for Content {
    fn alike(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Value(a), Self::Value(b)) => a.alike(b),
            (Self::Map(a), Self::Map(b)) => {
                let pairs = |map: &std::collections::BTreeMap<Bytes, Bytes>| -> Vec<(Bytes, Bytes)> {
                    map.iter().map(|(field, value)| (field.clone(), value.clone())).collect()
                };
                pairs(a).alike(&pairs(b))
            }
            (Self::List(a), Self::List(b)) => a.alike(b),
            (Self::Ranking(a), Self::Ranking(b)) => a.alike(b),
            (Self::Log(a), Self::Log(b)) => a.alike(b),
            _ => self == other,
        }
    }
}

impl Alike for KeyState {
    fn alike(&self, other: &Self) -> bool {
        self.key == other.key && self.ttl.alike(&other.ttl) && self.content.alike(&other.content)
    }
}

impl Alike for Reply {
    fn alike(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Ttl(a), Self::Ttl(b)) => a.alike(b),
            (Self::Bytes(a), Self::Bytes(b)) => a.alike(b),
            (Self::Number(a), Self::Number(b)) => a.alike(b),
            (Self::Optionals(a), Self::Optionals(b)) => a.alike(b),
            (Self::Fields(a), Self::Fields(b)) => sorted(a).alike(&sorted(b)),
            (Self::Items(a), Self::Items(b)) => a.alike(b),
            (Self::Ranked { members: a, score: s }, Self::Ranked { members: b, score: t }) => {
                a.alike(b) && s.alike(t)
            }
            (Self::Scored(a), Self::Scored(b)) => a.alike(b),
            (Self::Scores(a), Self::Scores(b)) => a.alike(b),
            (Self::Ids(a), Self::Ids(b)) => a.alike(b),
            (Self::Entries(a), Self::Entries(b)) => a.alike(b),
            (Self::Page(a), Self::Page(b)) => {
                let items = match (&a.items, &b.items) {
                    (WalkItems::Fields(a), WalkItems::Fields(b)) => sorted(a).alike(&sorted(b)),
                    (WalkItems::Members(a), WalkItems::Members(b)) => sorted(a).alike(&sorted(b)),
                    _ => false,
                };
                items && a.next.is_some() == b.next.is_some()
            }
            _ => self == other,
        }
    }
}

fn same_moment(a: i64, b: i64) -> bool {
    MOMENTS.contains(&a) && MOMENTS.contains(&b) && Duration::from_millis(a.abs_diff(b)) < TOLERANCE
}

fn sorted<T: Clone + Ord>(list: &[T]) -> Vec<T> {
    let mut list = list.to_vec();
    list.sort();
    list
}

//! The rooms that loads visit.

use bytes::Bytes;
use roomkey_core::{Invalid, Key, Kind, Namespace, Spread};

use crate::loads::tag;

/// Seats per room.
pub(crate) const LIMIT: i64 = 10;
/// Steps per room: it fills up, refuses somebody, and sees its first member again.
pub(crate) const STEPS: u64 = 12;

/// What a step of a visit should find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// A seat is free.
    Free,
    /// All seats are taken.
    Full,
    /// All seats are taken, one of them by the member of step 0.
    Known,
}

impl Phase {
    pub(crate) fn of(step: u64) -> Self {
        match step % STEPS {
            step if step < LIMIT.unsigned_abs() => Self::Free,
            step if step < STEPS - 1 => Self::Full,
            _ => Self::Known,
        }
    }
}

/// The number of the room that a task visits in a step. No two tasks share a room, so that each knows what to expect.
pub(crate) fn number(task: usize, step: u64) -> u64 {
    (task as u64) << 40 | (step / STEPS)
}

/// The keys of a leased room, and the tag that stands for it in the indexes of its partition.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(crate) tag: Bytes,
    /// Member to deadline.
    pub(crate) seats: Key,
    /// Member to its sealed record.
    pub(crate) records: Key,
    /// Member to deadline, of seats that are held for somebody.
    pub(crate) held: Key,
    pub(crate) log: Key,
    pub(crate) settings: Key,
    /// Room to its earliest deadline; one per partition.
    pub(crate) due: Key,
    /// Room to the deadline of the room; one per partition.
    pub(crate) registry: Key,
}

impl Room {
    pub(crate) fn new(number: u64) -> Result<Self, Invalid> {
        let tag = tag(number);
        let partition = Spread::over(1_024).partition(tag);
        let key =
            |kind, part, tag| Ok(Key::new(kind, &Namespace::new("bench", part, "rooms")?, partition, tag));
        Ok(Self {
            seats: key(Kind::Ranking, "m1", tag)?,
            records: key(Kind::Map, "i1", tag)?,
            held: key(Kind::Ranking, "h1", tag)?,
            log: key(Kind::Log, "e1", tag)?,
            settings: key(Kind::Map, "c1", tag)?,
            due: key(Kind::Ranking, "d1", [0; 16])?,
            registry: key(Kind::Ranking, "g1", [0; 16])?,
            tag: Bytes::copy_from_slice(&tag),
        })
    }

    /// All keys, in the order in which `join.lua` takes them.
    pub(crate) fn keys(&self) -> [&Key; 7] {
        [&self.seats, &self.records, &self.held, &self.log, &self.settings, &self.due, &self.registry]
    }
}

/// A member of a room, as 16 bytes that look like a keyed hash.
pub(crate) fn member(number: u64) -> Bytes {
    Bytes::copy_from_slice(&tag(number))
}

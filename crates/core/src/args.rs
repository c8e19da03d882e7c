//! Arguments of ops: given by the caller, or taken from the reply of an earlier op.

use bytes::Bytes;

use crate::{Key, OpId, Until};

/// A list of arguments.
///
/// An op whose list turns out empty does nothing and replies [`Skipped`](crate::Reply::Skipped).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a store must handle every form")]
pub enum Args {
    /// The caller's own.
    Given(Vec<Bytes>),
    /// The reply of an earlier op, as a list; see [`Op::shape`](crate::Op::shape) for what that is. An op that replies
    /// a number is a list of one decimal text.
    From(OpId),
}

impl From<Bytes> for Args {
    fn from(one: Bytes) -> Self {
        Self::Given(vec![one])
    }
}

impl From<Vec<Bytes>> for Args {
    fn from(list: Vec<Bytes>) -> Self {
        Self::Given(list)
    }
}

impl<const N: usize> From<[Bytes; N]> for Args {
    fn from(list: [Bytes; N]) -> Self {
        Self::Given(list.into())
    }
}

impl From<&'static str> for Args {
    fn from(one: &'static str) -> Self {
        Self::Given(vec![Bytes::from_static(one.as_bytes())])
    }
}

impl From<OpId> for Args {
    fn from(op: OpId) -> Self {
        Self::From(op)
    }
}

/// The score of ranking members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a store must handle every form")]
pub enum Score {
    /// A deadline in store time: this makes a ranking a lease set.
    After(Until),
    /// This number, within ±2^53.
    Is(i64),
    /// The number that an earlier op replied, cut to ±2^53. Without a number the op is skipped.
    From(OpId),
    /// The highest score present + 1, or 1 in an empty ranking; never above 2^53. Gives a strict queue order.
    Last,
}

/// The number that a count must stay below.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a store must handle every form")]
pub enum Limit {
    /// This number.
    Given(i64),
    /// The canonical integer in a field of a map, or `or` where the map or the field is missing.
    Stored {
        /// The map.
        key: Key,
        /// The field.
        field: Bytes,
        /// The number if there is none.
        or: i64,
    },
}

impl From<i64> for Limit {
    fn from(limit: i64) -> Self {
        Self::Given(limit)
    }
}

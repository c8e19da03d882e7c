//! Checks: the questions by which a transaction decides.

use bytes::Bytes;

use crate::{Key, Limit, StoreTime};

/// A question about the state at the start of a transaction.
///
/// A key of the wrong kind is the error [`WrongType`](crate::Error::WrongType), text that is no canonical integer is
/// [`NotANumber`](crate::Error::NotANumber); both end the transaction, neither counts as "does not hold". Each check
/// costs one read of constant or logarithmic time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a store must handle every check; a tenth is a breaking change")]
pub enum Check {
    /// The key exists, whatever its kind. Redis: `EXISTS`.
    Exists(Key),
    /// The key does not exist. Redis: `EXISTS`.
    Missing(Key),
    /// The value compares so; a missing value does not. Redis: `GET`.
    Value {
        /// A value.
        key: Key,
        /// The comparison.
        is: ValueTest,
    },
    /// The field of a map is so; in a missing map every field is absent. Redis: `HGET`, or `HEXISTS`.
    Field {
        /// A map.
        key: Key,
        /// The field.
        field: Bytes,
        /// The comparison.
        is: FieldTest,
    },
    /// The counter, a missing one being 0, plus `plus` lies within `min..=max`, computed exactly over all of `i64`; a
    /// sum outside `i64` does not. Redis: `GET`.
    Number {
        /// A value that holds a canonical decimal `i64`.
        key: Key,
        /// What is added before comparing.
        plus: i64,
        /// The lowest sum that holds.
        min: i64,
        /// The highest sum that holds.
        max: i64,
    },
    /// The member of a ranking stands so; in a missing ranking every member is absent. Redis: `ZSCORE`.
    Ranked {
        /// A ranking.
        key: Key,
        /// The member.
        member: Bytes,
        /// The standing asked for.
        is: Standing,
    },
    /// The ranking has fewer live members than the limit, whether dead ones have been swept or not. Redis: `ZCOUNT`.
    Below {
        /// A ranking.
        key: Key,
        /// The limit.
        limit: Limit,
    },
    /// The number of elements, dead members included, lies within `min..=max`; a missing key has 0. Redis: `HLEN`,
    /// `LLEN`, `ZCARD` or `XLEN`.
    Size {
        /// A map, list, ranking or log.
        key: Key,
        /// The lowest size that holds.
        min: u64,
        /// The highest size that holds.
        max: u64,
    },
    /// Store time is before the moment: a request that was stuck in a queue does nothing when it arrives late.
    Before(StoreTime),
}

impl Check {
    /// The key exists.
    #[must_use]
    pub fn exists(key: &Key) -> Self {
        Self::Exists(key.clone())
    }

    /// The key does not exist.
    #[must_use]
    pub fn missing(key: &Key) -> Self {
        Self::Missing(key.clone())
    }

    /// The value equals `bytes`.
    #[must_use]
    pub fn value_equals(key: &Key, bytes: impl Into<Bytes>) -> Self {
        Self::Value { key: key.clone(), is: ValueTest::Equals(bytes.into()) }
    }

    /// The value starts with `bytes`.
    #[must_use]
    pub fn value_starts_with(key: &Key, bytes: impl Into<Bytes>) -> Self {
        Self::Value { key: key.clone(), is: ValueTest::StartsWith(bytes.into()) }
    }

    /// The field is so.
    #[must_use]
    pub fn field(key: &Key, field: impl Into<Bytes>, is: FieldTest) -> Self {
        Self::Field { key: key.clone(), field: field.into(), is }
    }

    /// The counter plus `plus` lies within `range`.
    #[must_use]
    pub fn number(key: &Key, plus: i64, range: std::ops::RangeInclusive<i64>) -> Self {
        Self::Number { key: key.clone(), plus, min: *range.start(), max: *range.end() }
    }

    /// The member stands so.
    #[must_use]
    pub fn ranked(key: &Key, member: impl Into<Bytes>, is: Standing) -> Self {
        Self::Ranked { key: key.clone(), member: member.into(), is }
    }

    /// The ranking has fewer live members than `limit`.
    #[must_use]
    pub fn below(key: &Key, limit: impl Into<Limit>) -> Self {
        Self::Below { key: key.clone(), limit: limit.into() }
    }

    /// The number of elements lies within `range`.
    #[must_use]
    pub fn size(key: &Key, range: std::ops::RangeInclusive<u64>) -> Self {
        Self::Size { key: key.clone(), min: *range.start(), max: *range.end() }
    }

    /// The key that the check asks about; none for [`Check::Before`]. A stored limit names a second one.
    #[must_use]
    pub const fn key(&self) -> Option<&Key> {
        match self {
            Self::Exists(key)
            | Self::Missing(key)
            | Self::Value { key, .. }
            | Self::Field { key, .. }
            | Self::Number { key, .. }
            | Self::Ranked { key, .. }
            | Self::Below { key, .. }
            | Self::Size { key, .. } => Some(key),
            Self::Before(_) => None,
        }
    }

    /// Whether answering needs the store's clock.
    #[must_use]
    pub const fn uses_clock(&self) -> bool {
        matches!(
            self,
            Self::Before(_) | Self::Below { .. } | Self::Ranked { is: Standing::Live | Standing::Dead, .. }
        )
    }
}

/// A comparison of a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a store must handle every form")]
pub enum ValueTest {
    /// Equal bytes.
    Equals(Bytes),
    /// These bytes come first.
    StartsWith(Bytes),
}

/// A comparison of a map's field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a store must handle every form")]
pub enum FieldTest {
    /// The field is there.
    Present,
    /// The field is not there.
    Absent,
    /// The field is there with equal bytes.
    Equals(Bytes),
    /// The field is there and begins with these bytes.
    StartsWith(Bytes),
}

/// How a member stands in a ranking whose scores are deadlines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a store must handle every form")]
pub enum Standing {
    /// Present with a score after now.
    Live,
    /// Present with a score of now or before.
    Dead,
    /// In the ranking, live or dead.
    Present,
    /// Not in the ranking.
    Absent,
}

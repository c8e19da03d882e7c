//! The options of ops: who is admitted to a ranking, what is appended to a log, which end and which order.

use crate::{Args, Key, Life, Limit, Op, Score, StoreTime};

/// Writes members of a ranking; the options of [`Op::RankPut`].
///
/// Members are looked at in the order given, each seeing what the ones before it changed. One that passes
/// [`only`](Self::only) and is not live yet is written only while the live members are fewer than
/// [`within`](Self::within): the first ones that fit are admitted. Members that are live already are never refused.
///
/// ```
/// use std::time::Duration;
/// use bytes::Bytes;
/// use roomkey_core::{Key, Kind, Life, Namespace, Op, Only, Partition, RankPut, Score, Until};
///
/// # let seats = Key::new(Kind::Ranking, &Namespace::new("a", "r1", "n").unwrap(), Partition::from_slot(0).unwrap(), [0; 16]);
/// let lease = Until::In(Duration::from_secs(30));
/// let grant: Op = RankPut::new(&seats, Bytes::from_static(b"member"), Score::After(lease))
///     .within(5)
///     .life(Life::AtLeast(lease))
///     .into();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RankPut {
    /// A ranking.
    pub key: Key,
    /// The members.
    pub members: Args,
    /// The score of all of them.
    pub score: Score,
    /// Which of them may be written.
    pub only: Only,
    /// The number that live members must stay below for one more to be written.
    pub within: Option<Limit>,
    /// The expiry.
    pub life: Life,
}

impl RankPut {
    /// Writes any members, without a limit, keeping the expiry.
    pub fn new(key: &Key, members: impl Into<Args>, score: Score) -> Self {
        Self {
            key: key.clone(),
            members: members.into(),
            score,
            only: Only::Any,
            within: None,
            life: Life::Keep,
        }
    }

    /// Writes only members that stand so.
    #[must_use]
    pub fn only(self, only: Only) -> Self {
        Self { only, ..self }
    }

    /// Admits members that are not live only while live members are fewer than this.
    #[must_use]
    pub fn within(self, limit: impl Into<Limit>) -> Self {
        Self { within: Some(limit.into()), ..self }
    }

    /// The expiry of the ranking.
    #[must_use]
    pub fn life(self, life: Life) -> Self {
        Self { life, ..self }
    }
}

impl From<RankPut> for Op {
    fn from(put: RankPut) -> Self {
        Self::RankPut(put)
    }
}

/// Which members a [`RankPut`] may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a store must handle every form")]
pub enum Only {
    /// All.
    Any,
    /// Those that are not in the ranking.
    New,
    /// Those that are not in the ranking, or are dead.
    NotLive,
    /// Those that are live: nobody is added, so it is never refused for memory.
    Live,
}

/// Appends to a log; the options of [`Op::Append`].
///
/// Fields with a *single* argument (one given, a number, or the reply of a `Get` or `Take`) are repeated in every
/// entry; lists run in step to the shortest, one entry per element. With single arguments alone it is one entry.
///
/// The log keeps at least its newest `keep` entries: exactly those in memory, on Redis up to one stream node of 100
/// more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Append {
    /// A log.
    pub key: Key,
    /// Names, constants of 1 to 16 letters, digits and '_', with their bytes.
    pub fields: Vec<(&'static str, Args)>,
    /// How many of the newest entries stay, at least 1.
    pub keep: u32,
    /// The expiry.
    pub life: Life,
}

impl Append {
    /// Appends to a log that keeps its newest `keep` entries; an entry needs at least one [field](Self::field).
    #[must_use]
    pub fn new(key: &Key, keep: u32) -> Self {
        Self { key: key.clone(), fields: Vec::new(), keep, life: Life::Keep }
    }

    /// Adds a named field.
    #[must_use]
    pub fn field(mut self, name: &'static str, value: impl Into<Args>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// The expiry of the log.
    #[must_use]
    pub fn life(self, life: Life) -> Self {
        Self { life, ..self }
    }
}

impl From<Append> for Op {
    fn from(append: Append) -> Self {
        Self::Append(append)
    }
}

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a list has two ends")]
pub enum End {
    /// Position 0.
    Front,
    /// Position -1.
    Back,
}

/// Which elements come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there are two orders")]
pub enum Order {
    /// The lowest score or the oldest entry.
    Lowest,
    /// The highest score or the newest entry.
    Highest,
}

/// A bound of scores, inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a store must handle every form")]
pub enum Bound {
    /// None.
    Open,
    /// This score.
    Is(i64),
    /// Store time.
    Now,
}

impl From<StoreTime> for Bound {
    fn from(time: StoreTime) -> Self {
        // A store time is at most 2^53, so it always fits.
        Self::Is(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
    }
}

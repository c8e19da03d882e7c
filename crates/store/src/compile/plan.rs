//! The shape of a program: everything of it that decides which code runs, and nothing of what it runs on.
//!
//! Two programs with equal plans share one script. What a plan names by position stands in `KEYS` and `ARGV`.

use roomkey_core::{End, Kind, Only, Order};

/// A position in `KEYS`, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct KeyAt(pub(super) u8);

/// A position in `ARGV`, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Arg(pub(super) u32);

/// A program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Plan {
    pub(super) name: &'static str,
    /// Whether the answer begins with the time.
    pub(super) reports_now: bool,
    pub(super) steps: Vec<Step>,
    /// How many ops and forks there are.
    pub(super) ops: u16,
    pub(super) forks: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Op(Op),
    Fork(Fork),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fork {
    /// The position among the forks, in the order of the program.
    pub(super) at: u16,
    pub(super) when: Vec<Check>,
    pub(super) then: Vec<Step>,
    pub(super) otherwise: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Check {
    Exists(KeyAt),
    Missing(KeyAt),
    Value(KeyAt, Test),
    Field(KeyAt, Arg, Test),
    /// The counter lies within bounds; an open one is that of `i64`.
    Number(KeyAt, Option<Edge>, Option<Edge>),
    Ranked(KeyAt, Arg, roomkey_core::Standing),
    Below(KeyAt, Limit),
    Size(KeyAt, Kind, Arg, Arg),
    Before(Arg),
}

/// A bound of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Edge {
    /// Within ±2^53, both left out: comparing doubles is exact, for whatever rounds lies on the right side of it.
    Small(Arg),
    Large(Arg),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Test {
    Present,
    Absent,
    Equals(Arg),
    StartsWith(Arg),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Op {
    /// The position among the ops, in the order of the program.
    pub(super) at: u16,
    pub(super) key: KeyAt,
    /// The kind that the key must have if it exists; `None` if any will do.
    pub(super) kind: Option<Kind>,
    /// Whether its reply is left out of the answer.
    pub(super) quiet: bool,
    pub(super) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum What {
    /// An op that was given an empty list.
    Nothing,
    Ttl,
    Expire(Life),
    Delete,
    Get,
    Put(List, Life),
    Take,
    Add {
        by: Arg,
        sum: Sum,
        life: Life,
    },
    MapGet(List),
    MapAll,
    MapPut(Pairs, Life),
    MapRemove(List),
    /// The fields, and the position at which the position of the first prefix stands.
    MapMatch(List, Arg),
    Push(End, List, Life),
    Pop(End, Arg),
    Range(Arg, Arg),
    RankPut(RankPut),
    RankRemove(List),
    RankTake(Arg),
    RankRange {
        min: Bound,
        max: Bound,
        order: Order,
        limit: Arg,
    },
    RankCount,
    RankScores(List),
    RankPlace(Arg),
    Append {
        fields: Vec<(&'static str, List)>,
        keep: Arg,
        life: Life,
    },
    LogRange {
        from: Arg,
        to: Arg,
        order: Order,
        limit: Arg,
    },
    Walk {
        kind: Kind,
        cursor: Arg,
        count: Arg,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct RankPut {
    pub(super) members: List,
    pub(super) score: Score,
    pub(super) only: Only,
    pub(super) within: Option<Limit>,
    pub(super) life: Life,
}

/// A list of arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum List {
    /// Exactly one.
    One(Arg),
    /// Two or more: the positions of the first and the last stand here and behind here.
    Many(Arg),
    /// The reply of the op at this position.
    Reply(u16),
}

/// Fields and values of a `MapPut`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Pairs {
    /// Given in turns, two pairs or more.
    Interleaved(Arg),
    Lists(List, List),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Life {
    Keep,
    Never,
    Set(Until),
    AtLeast(Until),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Until {
    In(Arg),
    At(Arg),
    InCapped(Arg, Arg),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Score {
    After(Until),
    Is(Arg),
    From(u16),
    Last,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Limit {
    Given(Arg),
    Stored { key: KeyAt, field: Arg, or: Arg },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Bound {
    Open,
    Is(Arg),
    Now,
}

/// What is known of the sum of an `Add`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sum {
    /// A check on its path has found the number, and the sum within `i64`.
    Proven,
    /// It stays within `i64` whatever the number.
    Fits,
    /// It does if the number is at most this.
    AtMost(Arg),
    /// It does if the number is at least this.
    AtLeast(Arg),
}

impl What {
    /// What the op is called in the contract.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Ttl => "Ttl",
            Self::Expire(_) => "Expire",
            Self::Delete => "Delete",
            Self::Get => "Get",
            Self::Put(..) => "Put",
            Self::Take => "Take",
            Self::Add { .. } => "Add",
            Self::MapGet(_) => "MapGet",
            Self::MapAll => "MapAll",
            Self::MapPut(..) => "MapPut",
            Self::MapRemove(_) => "MapRemove",
            Self::MapMatch(..) => "MapMatch",
            Self::Push(..) => "Push",
            Self::Pop(..) => "Pop",
            Self::Range(..) => "Range",
            Self::RankPut(_) => "RankPut",
            Self::RankRemove(_) => "RankRemove",
            Self::RankTake(_) => "RankTake",
            Self::RankRange { .. } => "RankRange",
            Self::RankCount => "RankCount",
            Self::RankScores(_) => "RankScores",
            Self::RankPlace(_) => "RankPlace",
            Self::Append { .. } => "Append",
            Self::LogRange { .. } => "LogRange",
            Self::Walk { .. } => "Walk",
        }
    }

    /// Whether the op may be refused at the memory limit, if it is the first write.
    pub(super) const fn grows(&self) -> bool {
        match self {
            Self::RankPut(put) => !matches!(put.only, Only::Live),
            Self::Put(..) | Self::Add { .. } | Self::MapPut(..) | Self::Push(..) | Self::Append { .. } => {
                true
            }
            _ => false,
        }
    }

    /// Whether the op is a write that is never refused.
    pub(super) const fn frees(&self) -> bool {
        match self {
            Self::RankPut(put) => matches!(put.only, Only::Live),
            Self::Expire(_)
            | Self::Delete
            | Self::Take
            | Self::MapRemove(_)
            | Self::Pop(..)
            | Self::RankRemove(_)
            | Self::RankTake(_) => true,
            _ => false,
        }
    }

    /// The lists that the op takes.
    pub(super) fn lists(&self) -> impl Iterator<Item = List> {
        let (one, two, many): (Option<List>, Option<List>, &[(&'static str, List)]) = match self {
            Self::MapPut(Pairs::Lists(fields, values), _) => (Some(*fields), Some(*values), &[]),
            Self::Put(list, _)
            | Self::MapGet(list)
            | Self::MapRemove(list)
            | Self::MapMatch(list, _)
            | Self::Push(_, list, _)
            | Self::RankRemove(list)
            | Self::RankScores(list) => (Some(*list), None, &[]),
            Self::RankPut(put) => (Some(put.members), None, &[]),
            Self::Append { fields, .. } => (None, None, fields),
            _ => (None, None, &[]),
        };
        one.into_iter().chain(two).chain(many.iter().map(|(_, list)| *list))
    }

    /// The op whose number the op takes.
    pub(super) const fn number(&self) -> Option<u16> {
        match self {
            Self::RankPut(RankPut { score: Score::From(at), .. }) => Some(*at),
            _ => None,
        }
    }
}

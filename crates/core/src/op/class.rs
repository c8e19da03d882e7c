//! What is known of an op without running it: its keys, its classes, and the shape of its reply.

use super::{Only, Op};
use crate::{Args, Key, Kind, Life, Limit, OpId, Score};

/// What repeating an op does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the four classes are the contract")]
pub enum Retry {
    /// Only reads.
    Read,
    /// Applying it twice leaves what once leaves.
    Absolute,
    /// Applying it twice does more than once; it is never repeated by itself.
    Relative,
    /// A lost reply is gone, and a second run may take more; it is never repeated by itself.
    Taking,
}

/// What an op does to memory. At the memory limit a program is refused if and only if its first write grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the three classes are the contract")]
pub enum Memory {
    /// Only reads.
    Reads,
    /// May need memory: refused at the memory limit.
    Grows,
    /// Frees memory or holds it: never refused.
    Frees,
}

/// What later ops of a program can take from an op's reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the shapes are the contract")]
pub enum ReplyShape {
    /// Nothing.
    Nothing,
    /// A number, which as a list is one decimal text.
    Number,
    /// A list of 0 or 1.
    Optional,
    /// A list.
    List,
    /// A list, and a number beside it.
    ListAndNumber,
}

impl ReplyShape {
    /// Whether the reply serves as a number.
    #[must_use]
    pub const fn has_number(self) -> bool {
        matches!(self, Self::Number | Self::ListAndNumber)
    }

    /// Whether the reply serves as a list.
    #[must_use]
    pub const fn has_list(self) -> bool {
        !matches!(self, Self::Nothing)
    }

    /// Whether the reply, as a list, is a *single* argument, which is repeated beside longer lists.
    #[must_use]
    pub const fn is_single(self) -> bool {
        matches!(self, Self::Number | Self::Optional)
    }
}

impl Op {
    /// The key that the op reads or writes.
    #[must_use]
    pub const fn key(&self) -> &Key {
        match self {
            Self::Ttl { key }
            | Self::Expire { key, .. }
            | Self::Delete { key }
            | Self::Get { key }
            | Self::Put { key, .. }
            | Self::Take { key }
            | Self::Add { key, .. }
            | Self::MapGet { key, .. }
            | Self::MapAll { key }
            | Self::MapPut { key, .. }
            | Self::MapRemove { key, .. }
            | Self::MapMatch { key, .. }
            | Self::Push { key, .. }
            | Self::Pop { key, .. }
            | Self::Range { key, .. }
            | Self::RankRemove { key, .. }
            | Self::RankTake { key, .. }
            | Self::RankRange { key, .. }
            | Self::RankCount { key }
            | Self::RankScores { key, .. }
            | Self::RankPlace { key, .. }
            | Self::LogRange { key, .. }
            | Self::Walk { key, .. } => key,
            Self::RankPut(put) => &put.key,
            Self::Append(append) => &append.key,
        }
    }

    /// The kind that the key must have been declared with; `None` for any.
    #[must_use]
    pub const fn kind(&self) -> Option<Kind> {
        match self {
            Self::Ttl { .. } | Self::Expire { .. } | Self::Delete { .. } => None,
            Self::Get { .. } | Self::Put { .. } | Self::Take { .. } | Self::Add { .. } => Some(Kind::Value),
            Self::MapGet { .. }
            | Self::MapAll { .. }
            | Self::MapPut { .. }
            | Self::MapRemove { .. }
            | Self::MapMatch { .. } => Some(Kind::Map),
            Self::Push { .. } | Self::Pop { .. } | Self::Range { .. } => Some(Kind::List),
            Self::RankPut(_)
            | Self::RankRemove { .. }
            | Self::RankTake { .. }
            | Self::RankRange { .. }
            | Self::RankCount { .. }
            | Self::RankScores { .. }
            | Self::RankPlace { .. } => Some(Kind::Ranking),
            Self::Append(_) | Self::LogRange { .. } => Some(Kind::Log),
            // A map or a ranking, whichever its key says; validation rejects the others.
            Self::Walk { key, .. } => Some(key.kind()),
        }
    }

    /// The kind that the stored structure must have, if there is one; `None` where the op takes any.
    #[must_use]
    pub const fn stored_kind(&self) -> Option<Kind> {
        match self {
            Self::Put { .. } => None,
            _ => self.kind(),
        }
    }

    /// What repeating the op does.
    #[must_use]
    pub const fn retry(&self) -> Retry {
        match self {
            Self::Expire { .. }
            | Self::Delete { .. }
            | Self::Put { .. }
            | Self::MapPut { .. }
            | Self::MapRemove { .. }
            | Self::RankRemove { .. } => Retry::Absolute,
            Self::RankPut(put) => match put.score {
                Score::Last => Retry::Relative,
                Score::After(_) | Score::Is(_) | Score::From(_) => Retry::Absolute,
            },
            Self::Add { .. } | Self::Push { .. } | Self::Append(_) => Retry::Relative,
            Self::Take { .. } | Self::Pop { .. } | Self::RankTake { .. } => Retry::Taking,
            _ => Retry::Read,
        }
    }

    /// What the op does to memory.
    #[must_use]
    pub const fn memory(&self) -> Memory {
        match self {
            Self::Put { .. }
            | Self::Add { .. }
            | Self::MapPut { .. }
            | Self::Push { .. }
            | Self::Append(_) => Memory::Grows,
            Self::RankPut(put) => match put.only {
                Only::Live => Memory::Frees,
                Only::Any | Only::New | Only::NotLive => Memory::Grows,
            },
            Self::Expire { .. }
            | Self::Delete { .. }
            | Self::Take { .. }
            | Self::MapRemove { .. }
            | Self::Pop { .. }
            | Self::RankRemove { .. }
            | Self::RankTake { .. } => Memory::Frees,
            _ => Memory::Reads,
        }
    }

    /// Whether the op writes.
    #[must_use]
    pub const fn writes(&self) -> bool {
        !matches!(self.memory(), Memory::Reads)
    }

    /// What later ops can take from the reply.
    #[must_use]
    pub const fn shape(&self) -> ReplyShape {
        match self {
            Self::Expire { .. } | Self::Put { .. } | Self::Add { .. } | Self::RankCount { .. } => {
                ReplyShape::Number
            }
            Self::Get { .. } | Self::Take { .. } => ReplyShape::Optional,
            Self::MapGet { .. }
            | Self::MapMatch { .. }
            | Self::Pop { .. }
            | Self::Range { .. }
            | Self::RankTake { .. }
            | Self::Walk { .. } => ReplyShape::List,
            Self::RankPut(_) | Self::RankRange { .. } => ReplyShape::ListAndNumber,
            _ => ReplyShape::Nothing,
        }
    }

    /// The expiry that the op applies.
    #[must_use]
    pub const fn life(&self) -> Option<Life> {
        match self {
            Self::Expire { life, .. }
            | Self::Put { life, .. }
            | Self::Add { life, .. }
            | Self::MapPut { life, .. }
            | Self::Push { life, .. } => Some(*life),
            Self::RankPut(put) => Some(put.life),
            Self::Append(append) => Some(append.life),
            _ => None,
        }
    }

    /// The argument lists, in the order in which they are declared.
    pub fn args(&self) -> impl Iterator<Item = &Args> {
        let (one, two, many): (Option<&Args>, Option<&Args>, &[(&'static str, Args)]) = match self {
            Self::Put { value, .. } => (Some(value), None, &[]),
            Self::MapGet { fields, .. } | Self::MapRemove { fields, .. } => (Some(fields), None, &[]),
            Self::MapPut { fields, values, .. } => (Some(fields), Some(values), &[]),
            Self::Push { values, .. } => (Some(values), None, &[]),
            Self::RankPut(put) => (Some(&put.members), None, &[]),
            Self::RankRemove { members, .. } | Self::RankScores { members, .. } => (Some(members), None, &[]),
            Self::Append(append) => (None, None, &append.fields),
            _ => (None, None, &[]),
        };
        one.into_iter().chain(two).chain(many.iter().map(|(_, args)| args))
    }

    /// Whether the op does nothing whatever the state, because a list of its arguments was given empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::MapMatch { fields, .. } => fields.is_empty(),
            _ => self.args().any(|args| matches!(args, Args::Given(list) if list.is_empty())),
        }
    }

    /// The ops whose replies this one takes as lists.
    pub fn list_references(&self) -> impl Iterator<Item = OpId> {
        self.args().filter_map(|args| match args {
            Args::From(op) => Some(*op),
            Args::Given(_) => None,
        })
    }

    /// The op whose reply this one takes as a number.
    #[must_use]
    pub const fn number_reference(&self) -> Option<OpId> {
        match self {
            Self::RankPut(put) => match put.score {
                Score::From(op) => Some(op),
                Score::After(_) | Score::Is(_) | Score::Last => None,
            },
            _ => None,
        }
    }

    /// The map in which the op's limit is stored.
    #[must_use]
    pub const fn limit(&self) -> Option<&Limit> {
        match self {
            Self::RankPut(put) => put.within.as_ref(),
            _ => None,
        }
    }

    /// Whether running the op needs the store's clock.
    #[must_use]
    pub fn uses_clock(&self) -> bool {
        let bound_by_now = match self {
            Self::RankPut(put) => {
                put.within.is_some()
                    || matches!(put.only, Only::Live | Only::NotLive)
                    || matches!(put.score, Score::After(_))
            }
            Self::RankTake { .. } | Self::RankCount { .. } => true,
            Self::RankRange { min, max, .. } => {
                matches!(min, super::Bound::Now) || matches!(max, super::Bound::Now)
            }
            _ => false,
        };
        bound_by_now || self.life().is_some_and(Life::uses_clock)
    }
}

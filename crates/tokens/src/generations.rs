//! Generations: the truth that makes revoking everything of a subject or a type one small write.
//!
//! A subject has a generation, and so has each type of token in each partition: 8 random bytes. A record holds a print
//! of those it was issued under, and counts only while the store holds the same. Removing a generation revokes all
//! that was issued under it, and a new one never equals an old one, as it would if it were a time or a number. Where
//! one is missing, deleted, evicted or lost in a failover, everything under it is refused: nothing fails open.

use bytes::Bytes;
use roomkey_core::{Bound, Key, Op, Order, Reply};

/// How long a generation is. Each pair of a revoked token and a later generation meets with probability 2^-64.
pub(crate) const LEN: usize = 8;

/// The score of a generation in the ranking of a subject, where sessions stand by deadline. It is over, so no count takes
/// it for a session.
pub(crate) const GENERATION: i64 = 0;

/// What everything of a subject rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The member that is its generation.
    pub(crate) generation: Option<Bytes>,
}

impl Subject {
    pub(crate) fn read_op(subject: &Key) -> Op {
        Op::rank_range(subject, Bound::Is(GENERATION), Bound::Is(GENERATION), Order::Lowest, 2)
    }

    /// Reads the reply to [`read_op`](Self::read_op). Two generations are none: this is not for anyone to choose from.
    pub(crate) fn read(reply: Option<Reply>) -> Option<Self> {
        let Some(Reply::Scored(members)) = reply else { return None };
        let generation = match &members[..] {
            [(member, _)] if member.len() == LEN => Some(member.clone()),
            _ => None,
        };
        Some(Self { generation })
    }

    /// The generation alone, of a reply that is read later.
    pub(crate) fn generation_in(reply: &Reply) -> Option<[u8; LEN]> {
        let Reply::Scored(members) = reply else { return None };
        let mut generations = members.iter().filter_map(|(member, _)| member.as_ref().try_into().ok());
        generations.next().filter(|_| generations.next().is_none())
    }

    /// Everything that a record rests on, in the order of its print; `None` where one is missing, so that it rests on
    /// nothing.
    pub(crate) fn with_types(self, types: impl IntoIterator<Item = Option<Bytes>>) -> Option<Vec<Bytes>> {
        std::iter::once(self.generation).chain(types).collect()
    }
}

/// A print of the generations that a record was issued under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Print([u8; LEN]);

impl Print {
    pub(crate) const fn as_bytes(&self) -> &[u8; LEN] {
        &self.0
    }
}

impl From<[u8; LEN]> for Print {
    fn from(bytes: [u8; LEN]) -> Self {
        Self(bytes)
    }
}

/// The generations of types in a partition, in the order asked for; `None` if the reply is of another shape.
pub(crate) fn of_types(reply: Option<Reply>) -> Option<Vec<Option<Bytes>>> {
    match reply {
        Some(Reply::Optionals(generations)) => Some(generations),
        _ => None,
    }
}

//! Generations: the truth that makes revoking everything of a subject or a type one small write.
//!
//! A subject has a generation, and so has each type of token in each partition: 8 random bytes. A record holds a print
//! of those it was issued under, and counts only while the store holds the same. Removing a generation revokes all
//! that was issued under it, and a new one never equals an old one, as it would if it were a time or a number. Where
//! one is missing, deleted, evicted or lost in a failover, everything under it is refused: nothing fails open.

use bytes::Bytes;
use roomkey_core::{Bound, Key, Op, Order, Reply};

use crate::handle::TypeTag;

/// How long a generation is. Each pair of a revoked token and a later generation meets with probability 2^-64.
pub(crate) const LEN: usize = 8;

/// The score of what is no session in the ranking of a subject. It is over, so no count takes it for one.
pub(crate) const NO_SESSION: i64 = 0;

/// How many tickets a subject is thought to have at most: one per type with a limit.
const MAX_TICKETS: u32 = 256;

/// What the ranking of a subject says besides its sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The member that is its generation.
    pub(crate) generation: Option<Bytes>,
    tickets: Vec<Bytes>,
    marks: Vec<Bytes>,
}

// members of score 0:
//   generation  8 random bytes
//   ticket      type tag 2 | number u32 big-endian | first 4 bytes of the type's generation
//               a new number at each session of a type with a limit, and the last one goes
//   mark        type tag 2       the type has had a ticket, for as long as the generation lives
impl Subject {
    pub(crate) fn read_op(subject: &Key) -> Op {
        Op::rank_range(subject, Bound::Is(NO_SESSION), Bound::Is(NO_SESSION), Order::Lowest, MAX_TICKETS)
    }

    /// Reads the reply to [`read_op`](Self::read_op). Two generations are none: this is not for anyone to choose from.
    pub(crate) fn read(reply: Option<Reply>) -> Option<Self> {
        let Some(Reply::Scored(members)) = reply else { return None };
        let mut subject = Self::default();
        let mut generations = 0;
        for (member, _) in members {
            match member.len() {
                LEN => {
                    generations += 1;
                    subject.generation = Some(member);
                }
                TICKET_LEN => subject.tickets.push(member),
                MARK_LEN => subject.marks.push(member),
                _ => {}
            }
        }
        if generations > 1 {
            subject.generation = None;
        }
        Some(subject)
    }

    /// Everything that a record rests on, in the order of its print; `None` where one is missing, so that it rests on
    /// nothing.
    pub(crate) fn with_types(&self, types: &[Option<Bytes>]) -> Option<Vec<Bytes>> {
        std::iter::once(&self.generation).chain(types).cloned().collect()
    }

    /// The tickets of a type with a limit, under a generation of that type.
    pub(crate) fn tickets(&self, token_type: TypeTag, generation: &[u8]) -> Tickets {
        let of_type = |ticket: &&Bytes| ticket[..2] == token_type.0;
        let last = self.tickets.iter().filter(of_type).max().cloned();
        let mut under = [0; 4];
        under.iter_mut().zip(generation).for_each(|(under, byte)| *under = *byte);
        let number = last.as_ref().and_then(|ticket| ticket[2..].first_chunk().copied());
        let number = number.map_or(0, u32::from_be_bytes).wrapping_add(1);
        let mut next = Vec::with_capacity(TICKET_LEN);
        next.extend_from_slice(&token_type.0);
        next.extend_from_slice(&number.to_be_bytes());
        next.extend_from_slice(&under);
        let type_revoked = last.as_ref().is_some_and(|last| last[6..] != under);
        let first = Bytes::copy_from_slice(&token_type.0);
        // A mark without a ticket was left by damage. It stands for the ticket, or nobody could begin a session.
        let last = last.or_else(|| self.marks.contains(&first).then(|| first.clone()));
        Tickets { ticket: Ticket { last, first, next: next.into() }, type_revoked }
    }
}

/// What lets one session of a type with a limit begin after another. Of those that begin at once, each counts the
/// sessions that were there, and takes the last ticket away for the next: only one finds it.
pub(crate) struct Ticket {
    /// What must be there; `None` if the type never had one.
    pub(crate) last: Option<Bytes>,
    /// What must not be there then, and is from the first session on.
    pub(crate) first: Bytes,
    pub(crate) next: Bytes,
}

impl Ticket {
    /// What goes when the next one is taken. The mark stays.
    pub(crate) fn spent(self) -> Option<Bytes> {
        self.last.filter(|last| *last != self.first)
    }
}

/// Where the sessions of a type with a limit stand.
pub(crate) struct Tickets {
    pub(crate) ticket: Ticket,
    /// Whether the type was revoked since the last one: the sessions that the index knows of ended then.
    pub(crate) type_revoked: bool,
}

/// The length of a mark.
const MARK_LEN: usize = 2;

const TICKET_LEN: usize = 2 + 4 + 4;

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

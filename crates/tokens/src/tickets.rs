//! Tickets: what keeps a limit to the sessions of a type, whoever begins one at the same time.

use bytes::Bytes;
use roomkey_core::{Bound, Key, MAX_LIMIT, Op, Order, Reply};

use crate::handle::TypeTag;

/// The score of tickets and marks in the ranking of a subject: below the generation, so they are over, too.
pub(crate) const TICKET: i64 = -1;

/// How many of them are read: those of 500 types with a limit. A subject that has more gets no session of the others.
const MOST: u32 = MAX_LIMIT;

/// The tickets and marks of all types of a subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AllTickets(Vec<Bytes>);

// members of score -1:
//   ticket      type tag 2 | number u32 big-endian | first 4 bytes of the type's generation
//               a new number at each session of a type with a limit, and the last one goes
//   mark        type tag 2       the type has had a ticket, for as long as the subject's generation lives
impl AllTickets {
    pub(crate) fn read_op(subject: &Key) -> Op {
        Op::rank_range(subject, Bound::Is(TICKET), Bound::Is(TICKET), Order::Lowest, MOST)
    }

    /// Reads the reply to [`read_op`](Self::read_op).
    pub(crate) fn read(reply: Option<Reply>) -> Option<Self> {
        let Some(Reply::Scored(members)) = reply else { return None };
        Some(Self(members.into_iter().map(|(member, _)| member).collect()))
    }

    /// The tickets of a type with a limit, under a generation of that type.
    pub(crate) fn of_type(&self, token_type: TypeTag, generation: &[u8]) -> Tickets {
        let of_type = |ticket: &&Bytes| ticket.len() == TICKET_LEN && ticket[..2] == token_type.0;
        let last = self.0.iter().filter(of_type).max().cloned();
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
        let last = last.or_else(|| self.0.contains(&first).then(|| first.clone()));
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

const TICKET_LEN: usize = 2 + 4 + 4;

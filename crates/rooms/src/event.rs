//! What happens in a room.

use std::fmt;
use std::str::FromStr;

use roomkey_core::LogId;

use crate::Member;

/// The place of an event among those of its room. It only grows, so it says from where to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(pub(crate) LogId);

/// `ms-seq`: the store's milliseconds since 1970, and a number within that millisecond.
impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for EventId {
    type Err = NotAnEventId;

    fn from_str(text: &str) -> Result<Self, NotAnEventId> {
        text.parse().map(Self).map_err(|_| NotAnEventId)
    }
}

/// The text is no id of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of an event: two decimal numbers with a hyphen between are wanted")]
#[non_exhaustive]
pub struct NotAnEventId;

/// Something that happened in a room.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RoomEvent {
    /// From where to go on after it.
    pub id: EventId,
    /// What it was.
    pub what: What,
}

/// What happened in a room.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum What {
    /// A member took a seat: a free one, or the one that was held for it.
    Joined(Member),
    /// A seat was reserved for a member that has not joined yet.
    Reserved(Member),
    /// A member that waited has a seat, which is held until it joins.
    Promoted(Member),
    /// A member left, or gave up waiting.
    Left(Member),
    /// A seat ended because nobody renewed it: its holder crashed, lost its connection, or never came.
    Expired(Member),
    /// A member was sent out.
    Kicked(Member),
    /// The room was configured.
    Changed,
    /// Some events before this one are no longer there, or their log was lost: look at the room anew. The event that
    /// carries it is where the log begins now.
    Missed,
}

/// How the kind of an event stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Joined,
    Reserved,
    Promoted,
    Left,
    Expired,
    Kicked,
    Changed,
}

// entry = k: one letter below | m: the tag of the member | i: its sealed record, as it stood in the room
impl Kind {
    const ALL: [Self; 7] = [
        Self::Joined,
        Self::Reserved,
        Self::Promoted,
        Self::Left,
        Self::Expired,
        Self::Kicked,
        Self::Changed,
    ];

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Joined => "j",
            Self::Reserved => "r",
            Self::Promoted => "p",
            Self::Left => "l",
            Self::Expired => "x",
            Self::Kicked => "k",
            Self::Changed => "c",
        }
    }

    pub(crate) fn read(code: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code().as_bytes() == code)
    }

    /// The event of a member; `None` for what is of no member.
    pub(crate) fn of(self, member: Member) -> Option<What> {
        Some(match self {
            Self::Joined => What::Joined(member),
            Self::Reserved => What::Reserved(member),
            Self::Promoted => What::Promoted(member),
            Self::Left => What::Left(member),
            Self::Expired => What::Expired(member),
            Self::Kicked => What::Kicked(member),
            Self::Changed => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_ids_come_back() {
        for kind in Kind::ALL {
            assert_eq!(Kind::read(kind.code().as_bytes()), Some(kind));
        }
        assert_eq!(Kind::read(b""), None);
        assert_eq!(Kind::read(b"jj"), None);
        let id = EventId(LogId::new(1_700_000_000_000, 3));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("3".parse::<EventId>(), Err(NotAnEventId));
    }
}

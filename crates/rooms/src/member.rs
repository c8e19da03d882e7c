//! Members of rooms: how they come, and as what they are seen.

use std::fmt;

use roomkey_core::Store;

use crate::{EventId, Lease, Metadata, RoomId, Seat, Ticket};

/// Who joins a room, and with what. A text stands for a member without metadata.
#[derive(Clone)]
#[non_exhaustive]
pub struct Join<'m, M = ()> {
    /// The id of the member, which only those with the key can read.
    pub member: &'m str,
    /// What others see of the member, sealed: any serde type.
    pub metadata: M,
    /// How many seats there are for this member; what is configured unless set. Each says it for itself: somebody who
    /// joins under a higher limit is not turned away because others came under a lower one.
    /// Who says one does not wait, since seats that become free are given to those who wait by the room's own.
    pub limit: Option<u32>,
    /// Whether the member waits if the room is full and has a queue. Unless set, it does.
    pub waits: bool,
}

impl<'m> Join<'m> {
    /// A member without metadata.
    #[must_use]
    pub const fn new(member: &'m str) -> Self {
        Self { member, metadata: (), limit: None, waits: true }
    }
}

impl<'m, M> Join<'m, M> {
    /// Sets [`metadata`](Self::metadata).
    #[must_use]
    pub fn metadata<N>(self, metadata: N) -> Join<'m, N> {
        let Self { member, metadata: _, limit, waits } = self;
        Join { member, metadata, limit, waits }
    }

    /// Sets [`limit`](Self::limit).
    #[must_use]
    pub fn limit(self, limit: u32) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// Sets [`waits`](Self::waits).
    #[must_use]
    pub fn waits(self, waits: bool) -> Self {
        Self { waits, ..self }
    }
}

/// Shows neither who it is nor what others see of the member.
impl<M> fmt::Debug for Join<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { member: _, metadata: _, limit, waits } = self;
        f.debug_struct("Join").field("limit", limit).field("waits", waits).finish_non_exhaustive()
    }
}

impl<'m> From<&'m str> for Join<'m> {
    fn from(member: &'m str) -> Self {
        Self::new(member)
    }
}

impl<'m> From<&'m String> for Join<'m> {
    fn from(member: &'m String) -> Self {
        Self::new(member)
    }
}

/// What joining a room came to.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "one is in, or waits, or neither")]
pub enum Joined<S: Store> {
    /// The member has a seat: a new one, or the one that it had.
    Seated(Seat<S>),
    /// All seats are taken, or others wait: the member has a place in the queue.
    Waiting {
        /// What keeps the place.
        ticket: Ticket<S>,
        /// How many wait before it.
        ahead: u64,
    },
    /// There is no seat, and no place to wait. So many seats are taken: fewer than the limit where others wait for what
    /// has become free.
    Full {
        /// How many seats are taken.
        taken: u64,
    },
}

impl<S: Store> Joined<S> {
    /// The seat, if there is one. A ticket is given up.
    #[must_use]
    pub fn seat(self) -> Option<Seat<S>> {
        match self {
            Self::Seated(seat) => Some(seat),
            Self::Waiting { .. } | Self::Full { .. } => None,
        }
    }
}

/// What reserving a seat came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a seat is held, or needs not be, or cannot be")]
pub enum Reservation {
    /// A seat is held for the member, who takes it by [joining](crate::Rooms::join); with the lease it can be
    /// [given back](crate::Rooms::leave).
    Held(Lease),
    /// The member has a seat already.
    Seated,
    /// There is no seat to hold. So many are taken: fewer than the limit where others wait.
    Full {
        /// How many seats are taken.
        taken: u64,
    },
}

/// What renewing a lease came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a lease goes on, or has ended in one of two ways")]
pub enum Renewal {
    /// It lives for another lease from now.
    Renewed,
    /// It had ended, and the member was given a seat again, as was asked for. Others may have seen it go and come.
    Rejoined,
    /// It had ended: the seat may be somebody else's. Stop what the seat was needed for.
    Lost,
    /// The member has joined anew since, and this is not its lease any more.
    Superseded,
}

/// How full a room is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Occupancy {
    /// How many seats are taken, the held ones among them.
    pub live: u64,
    /// How many of those are held for somebody who is not there: reserved, promoted and not yet claimed, or away.
    pub held: u64,
    /// How many wait.
    pub waiting: u64,
    /// How many seats there are.
    pub limit: u32,
}

/// A member of a room, as others see it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Member {
    /// The id that it joined with.
    pub id: String,
    /// What it joined with.
    pub metadata: Metadata,
}

/// Does not show who it is.
impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Member(..)")
    }
}

/// A member of a room, and how it stands there.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Present {
    /// Who it is.
    pub member: Member,
    /// How it stands.
    pub standing: Standing,
}

/// How a member stands in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "what a lease can be for")]
pub enum Standing {
    /// It has a seat.
    Seated,
    /// A seat is held for it.
    Held,
    /// It waits for one.
    Waiting,
}

/// Some of the members of a room.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MemberPage {
    /// Those of this page.
    pub members: Vec<Present>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<crate::MemberCursor>,
}

/// A room of the list.
#[derive(Clone)]
#[non_exhaustive]
pub struct RoomInfo {
    /// Which room it is.
    pub id: RoomId,
    /// Its name, if it was configured by its name and that is of one text.
    pub name: Option<String>,
    /// What it was configured with.
    pub metadata: Option<Metadata>,
    /// How full it is.
    pub occupancy: Occupancy,
}

/// Does not show the name.
impl fmt::Debug for RoomInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, name: _, metadata: _, occupancy } = self;
        f.debug_struct("RoomInfo").field("id", id).field("occupancy", occupancy).finish_non_exhaustive()
    }
}

/// Some of the rooms of a namespace.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RoomPage {
    /// Those of this page.
    pub rooms: Vec<RoomInfo>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<crate::RoomCursor>,
}

/// By how much the size of a room was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Drift {
    /// What the size was.
    pub counted: i64,
    /// What it is now: how many seats are taken.
    pub live: i64,
}

/// From where on the events of a room are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the past, the present, or a place between")]
pub enum Since {
    /// From the oldest that is kept.
    Oldest,
    /// Only what happens from now on.
    Now,
    /// What happened after an event.
    After(EventId),
}

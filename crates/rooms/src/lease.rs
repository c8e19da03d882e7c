//! Seats and tickets as their holders have them.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use roomkey_core::Store;
use roomkey_crypto::Tag;

use crate::programs::fence;
use crate::terms::Terms;
use crate::{Renewal, Result, RoomId, Rooms};

/// The right to a seat, or to a place among those who wait, until it ends: whose it is, in which room, and which of all
/// leases that the member ever had it is.
///
/// Only the newest lease of a member counts, so a connection that is closed late cannot take the seat from the one that
/// replaced it. A lease can be cloned and kept beside its [`Seat`].
#[derive(Clone, PartialEq, Eq)]
pub struct Lease {
    pub(crate) room: RoomId,
    pub(crate) member: Tag,
    /// The record of the member, whose beginning no two leases share.
    pub(crate) sealed: Bytes,
    pub(crate) terms: Terms,
}

impl Lease {
    /// The room that it is for.
    #[must_use]
    pub const fn room(&self) -> RoomId {
        self.room
    }

    /// How long it lives from one renewal to the next. Renew it three times as often.
    #[must_use]
    pub const fn duration(&self) -> std::time::Duration {
        self.terms.lease
    }

    /// The member, and what has to stand at the beginning of its record.
    pub(crate) fn pair(&self) -> (Bytes, Bytes) {
        (Bytes::copy_from_slice(self.member.as_bytes()), fence(&self.sealed))
    }
}

/// Shows the room and the tag of the member.
impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { room, member, sealed: _, terms } = self;
        f.debug_struct("Lease")
            .field("room", room)
            .field("member", member)
            .field("terms", terms)
            .finish_non_exhaustive()
    }
}

/// A seat in a room. Dropping it leaves the room, as far as that can be done: in the background, on the runtime on which
/// it is dropped, once, and without a word if the store does not answer. What is sure is the lease, after which the seat
/// is free whatever became of its holder.
///
/// It ends one lease after the last [`renewal`](Self::renew). A [`Keeper`](crate::Keeper) renews all seats of a process.
#[must_use = "dropping a seat leaves the room"]
pub struct Seat<S: Store>(Guard<S>);

impl<S: Store> Seat<S> {
    pub(crate) const fn new(rooms: Rooms<S>, lease: Lease) -> Self {
        Self(Guard::new(rooms, lease))
    }

    /// Keeps the seat for another lease.
    ///
    /// # Errors
    /// [`Store`](crate::Error::Store); the seat may have been renewed all the same, and is lost at the end of its lease
    /// if it was not.
    pub async fn renew(&self) -> Result<Renewal> {
        self.0.rooms.renew_one(self).await
    }

    /// Leaves the room, and waits until that is done. Returns whether the member is out of the room: not if another
    /// connection of the same member has the seat now.
    ///
    /// # Errors
    /// [`Store`](crate::Error::Store).
    pub async fn leave(self) -> Result<bool> {
        self.0.leave().await
    }

    /// The lease alone, which leaves nothing when it is dropped.
    #[must_use]
    pub fn into_lease(self) -> Lease {
        self.0.into_lease()
    }
}

impl<S: Store> Deref for Seat<S> {
    type Target = Lease;

    fn deref(&self) -> &Lease {
        &self.0.lease
    }
}

/// Shows the lease.
impl<S: Store> fmt::Debug for Seat<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Seat").field(&self.0.lease).finish()
    }
}

/// A place among those who wait for a room. Dropping it gives it up, as dropping a [`Seat`] leaves the room.
///
/// It ends one lease after the last [`check`](Self::check).
#[must_use = "dropping a ticket gives up waiting"]
pub struct Ticket<S: Store>(Guard<S>);

/// How a ticket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// The member waits.
    Waiting {
        /// How many wait before it.
        ahead: u64,
    },
    /// A seat is held for the member, for as long as the room [holds](crate::RoomConfig::hold) seats:
    /// [`claim`](Ticket::claim) it.
    Promoted,
    /// The ticket, or the seat that was held for it, ended before this was asked.
    Lost,
    /// The member joined anew since, and has another ticket or seat.
    Superseded,
}

impl<S: Store> Ticket<S> {
    pub(crate) const fn new(rooms: Rooms<S>, lease: Lease) -> Self {
        Self(Guard::new(rooms, lease))
    }

    /// Keeps the place for another lease, and tells whether a seat has become free. It is to be asked a few times in
    /// each lease; who wants to know at once follows the [events](Rooms::watch) of the room besides.
    ///
    /// # Errors
    /// [`Store`](crate::Error::Store).
    pub async fn check(&self) -> Result<Wait> {
        self.0.rooms.check_ticket(self).await
    }

    /// Takes the seat that is held for the member: joins with what the ticket was drawn with. Where none is held yet, or
    /// it has ended meanwhile, that gives what joining gives.
    ///
    /// # Errors
    /// [`Store`](crate::Error::Store); the place then ends with its lease.
    pub async fn claim(self) -> Result<crate::Joined<S>> {
        let (rooms, lease) = (self.0.rooms.clone(), self.into_lease());
        rooms.rejoin(&lease, true).await
    }

    /// Gives up waiting, and waits until that is done.
    ///
    /// # Errors
    /// [`Store`](crate::Error::Store).
    pub async fn leave(self) -> Result<bool> {
        self.0.leave().await
    }

    /// The lease alone, which gives up nothing when it is dropped.
    #[must_use]
    pub fn into_lease(self) -> Lease {
        self.0.into_lease()
    }
}

impl<S: Store> Deref for Ticket<S> {
    type Target = Lease;

    fn deref(&self) -> &Lease {
        &self.0.lease
    }
}

/// Shows the lease.
impl<S: Store> fmt::Debug for Ticket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ticket").field(&self.0.lease).finish()
    }
}

/// A lease that is given back when it is dropped.
struct Guard<S: Store> {
    rooms: Rooms<S>,
    lease: Lease,
    leaves: bool,
}

impl<S: Store> Guard<S> {
    const fn new(rooms: Rooms<S>, lease: Lease) -> Self {
        Self { rooms, lease, leaves: true }
    }

    async fn leave(mut self) -> Result<bool> {
        self.leaves = false;
        self.rooms.leave(&self.lease).await
    }

    fn into_lease(mut self) -> Lease {
        self.leaves = false;
        self.lease.clone()
    }
}

impl<S: Store> Drop for Guard<S> {
    fn drop(&mut self) {
        if !self.leaves {
            return;
        }
        // Outside a runtime there is nobody to do it; the lease ends by itself.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (rooms, lease) = (self.rooms.clone(), self.lease.clone());
            runtime.spawn(async move { rooms.leave(&lease).await });
        }
    }
}

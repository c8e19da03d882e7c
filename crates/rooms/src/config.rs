//! What may be decided of rooms: for all of a process, and for one.

use std::time::Duration;

use roomkey_core::MAX_LIMIT;

use crate::terms::Terms;
use crate::{DEFAULT_EXPIRY, DEFAULT_LIMIT, Error, Result};

/// The most members that can wait for a room.
pub const MAX_QUEUE: u32 = MAX_LIMIT;

/// How a room works: a plain struct, to be given to [`Rooms::configure`](crate::Rooms::configure) for one room, to
/// [`Rooms::pool`](crate::Rooms::pool) for all of a pool, and to [`Rooms::with_config`](crate::Rooms::with_config) for those
/// of which nothing else is known.
///
/// ```
/// use std::time::Duration;
/// use roomkey_rooms::RoomConfig;
///
/// // For members whose browsers tell that they are there: a hidden tab is woken about once a minute.
/// let config = RoomConfig::new(8).lease(Duration::from_secs(180)).queue(50);
/// assert_eq!((config.limit, config.queue), (8, 50));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoomConfig {
    /// How many seats there are; 0 admits nobody. [`DEFAULT_LIMIT`] unless set.
    pub limit: u32,
    /// How long a seat lives that is not renewed: 30 s unless set. At least three times the interval between
    /// renewals, so that one that is late or lost ends nothing.
    pub lease: Duration,
    /// How long a seat is held for somebody who has reserved it, or was promoted to it, and has not joined yet: 15 s
    /// unless set.
    pub hold: Duration,
    /// How long the seat of somebody who was [disconnected](crate::Rooms::disconnected) is kept: 30 s unless set.
    pub grace: Duration,
    /// How many members may wait while the room is full, 0 to [`MAX_QUEUE`]; 0, which turns them away, unless set.
    pub queue: u32,
    /// How long the room's configuration stays after the last change in the room, at least an hour; a week unless set.
    /// After that the room is as if it had never been configured.
    pub keep: Duration,
}

impl RoomConfig {
    /// A room with so many seats.
    #[must_use]
    pub const fn new(limit: u32) -> Self {
        Self {
            limit,
            lease: Duration::from_secs(30),
            hold: Duration::from_secs(15),
            grace: Duration::from_secs(30),
            queue: 0,
            keep: Duration::from_secs(7 * 86_400),
        }
    }

    /// Sets [`lease`](Self::lease).
    #[must_use]
    pub const fn lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    /// Sets [`hold`](Self::hold).
    #[must_use]
    pub const fn hold(self, hold: Duration) -> Self {
        Self { hold, ..self }
    }

    /// Sets [`grace`](Self::grace).
    #[must_use]
    pub const fn grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// Sets [`queue`](Self::queue).
    #[must_use]
    pub const fn queue(self, queue: u32) -> Self {
        Self { queue, ..self }
    }

    /// Sets [`keep`](Self::keep).
    #[must_use]
    pub const fn keep(self, keep: Duration) -> Self {
        Self { keep, ..self }
    }

    pub(crate) fn terms(&self) -> Terms {
        let &Self { limit: _, lease, hold, grace, queue: _, keep } = self;
        Terms { lease, hold, grace, keep: keep.max(DEFAULT_EXPIRY) }
    }

    pub(crate) fn check(&self) -> Result<()> {
        if !self.terms().are_possible() {
            return Err(Error::Config("a lease, hold, grace or keep is zero or over 25 years"));
        }
        if self.queue > MAX_QUEUE {
            return Err(Error::Config("at most 1 000 members can wait for a room"));
        }
        Ok(())
    }
}

/// [`DEFAULT_LIMIT`] seats, leases of 30 s, holds of 15 s, graces of 30 s, and no queue.
impl Default for RoomConfig {
    fn default() -> Self {
        Self::new(DEFAULT_LIMIT as u32)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn what_cannot_be_is_refused() {
        let config = RoomConfig::new(5);
        config.check().unwrap();
        config.clone().queue(MAX_QUEUE).check().unwrap();
        for wrong in [
            config.clone().lease(Duration::ZERO),
            config.clone().hold(Duration::MAX),
            config.clone().grace(Duration::ZERO),
            config.clone().keep(Duration::MAX),
            config.queue(MAX_QUEUE + 1),
        ] {
            assert!(matches!(wrong.check(), Err(Error::Config(_))), "{wrong:?}");
        }
    }
}

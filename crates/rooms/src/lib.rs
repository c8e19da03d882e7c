#![doc = include_str!("../README.md")]

mod config;
mod cursor;
mod error;
mod event;
mod hub;
mod id;
#[cfg(test)]
#[path = "../tests/support/invariants.rs"]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod invariants;
mod keeper;
mod keys;
mod known;
mod lease;
mod member;
mod programs;
mod random;
mod record;
mod rooms;
mod terms;

pub use config::{MAX_QUEUE, RoomConfig};
pub use cursor::{MemberCursor, NotACursor, RoomCursor};
pub use error::{Error, Result};
pub use event::{EventId, NotAnEventId, RoomEvent, What};
pub use id::{NotARoomId, RoomId, RoomRef};
pub use keeper::{Keeper, Kept};
pub use keys::MAX_MEMBER_BYTES;
pub use lease::{Lease, Seat, Ticket, Wait};
pub use member::{
    Drift, Join, Joined, Member, MemberPage, Occupancy, Present, Renewal, Reservation, RoomInfo, RoomPage,
    Since, Standing,
};
pub use record::Metadata;
pub use rooms::{DEFAULT_EXPIRY, DEFAULT_LIMIT, Pool, RoomCounts, RoomEvents, Rooms, Swept};

//! How long what a room gives out lives.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Life, MAX_DURATION, Until};

use crate::{DEFAULT_EXPIRY, Error, Result};

/// How long a room's leases, holds and graces last, and how long the room is kept without them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Terms {
    pub(crate) lease: Duration,
    pub(crate) hold: Duration,
    pub(crate) grace: Duration,
    pub(crate) keep: Duration,
}

// terms = lease u64 | hold u64 | grace u64 | keep u64          milliseconds, big-endian, in the clear
impl Terms {
    const LEN: usize = 32;

    pub(crate) fn bytes(&self) -> Bytes {
        let Self { lease, hold, grace, keep } = self;
        let mut bytes = Vec::with_capacity(Self::LEN);
        for duration in [lease, hold, grace, keep] {
            bytes.extend_from_slice(&millis(*duration).to_be_bytes());
        }
        bytes.into()
    }

    /// Reads what [`bytes`](Self::bytes) wrote; `None` for anything else, and for what no configuration may say.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (durations, []) = bytes.as_chunks::<8>() else { return None };
        let &[lease, hold, grace, keep] = durations else { return None };
        let duration = |bytes| Duration::from_millis(u64::from_be_bytes(bytes));
        let terms = Self {
            lease: duration(lease),
            hold: duration(hold),
            grace: duration(grace),
            keep: duration(keep),
        };
        terms.are_possible().then_some(terms)
    }

    /// Reads the terms of a room's configuration.
    pub(crate) fn of_config(stored: &[u8]) -> Result<Self> {
        Self::read(stored).ok_or(Error::Foreign(roomkey_vault::Error::UnknownFormat))
    }

    /// Whether every duration is one that a store takes, with what is added to it.
    pub(crate) fn are_possible(&self) -> bool {
        let Self { lease, hold, grace, keep } = self;
        [lease, hold, grace, keep]
            .iter()
            .all(|duration| !duration.is_zero() && **duration <= MAX_DURATION / 4)
    }

    /// What everything that belongs to members lives for after a change: an hour longer than the longest of them, so
    /// that it can still be told that they went.
    pub(crate) fn life(&self) -> Life {
        Life::AtLeast(Until::In(self.longest() + DEFAULT_EXPIRY))
    }

    /// What the configuration and the place in the list of rooms live for after a change.
    pub(crate) fn kept(&self) -> Until {
        Until::In(self.longest() + self.keep.max(DEFAULT_EXPIRY))
    }

    fn longest(&self) -> Duration {
        self.lease.max(self.hold).max(self.grace)
    }
}

/// Whole milliseconds, parts rounded up as a store does.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms {
        lease: Duration::from_secs(30),
        hold: Duration::from_millis(1),
        grace: Duration::from_secs(60),
        keep: Duration::from_secs(86_400),
    };

    #[test]
    fn terms_come_back_from_their_bytes() {
        assert_eq!(Terms::read(&TERMS.bytes()), Some(TERMS));
        let parts = Terms { hold: Duration::from_nanos(1), ..TERMS };
        assert_eq!(Terms::read(&parts.bytes()), Some(TERMS), "part milliseconds are rounded up");
    }

    #[test]
    fn other_bytes_are_no_terms() {
        let whole = TERMS.bytes();
        let mut long = whole.to_vec();
        long.push(0);
        let huge = Terms { lease: MAX_DURATION, ..TERMS }.bytes();
        for bytes in [&b""[..], &whole[..31], &long, &[0; 32], &[0xff; 32], &huge] {
            assert_eq!(Terms::read(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn a_room_outlives_the_longest_of_what_it_gives_out() {
        assert_eq!(TERMS.life(), Life::AtLeast(Until::In(Duration::from_secs(60 + 3_600))));
        assert_eq!(TERMS.kept(), Until::In(Duration::from_secs(60 + 86_400)));
    }
}

//! The store's clock.

use std::time::{SystemTime, UNIX_EPOCH};

use roomkey_core::StoreTime;
use tokio::time::Instant;

/// Wall time when the store was made, moved on by tokio's clock: it never steps with the machine's clock, and a test
/// that pauses and advances tokio's time moves it.
#[derive(Debug)]
pub(crate) struct Clock {
    /// Milliseconds since 1970 at `start`.
    base: u64,
    start: Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        // A machine whose clock stands before 1970 gets a store that begins in 1970; only differences matter.
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::starting_at(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX))
    }

    /// A clock that now shows so many milliseconds since 1970.
    pub(crate) fn starting_at(base: u64) -> Self {
        Self { base, start: Instant::now() }
    }

    /// Store time. It may step back when the store moves from one runtime with paused time to another.
    pub(crate) fn now(&self) -> StoreTime {
        let elapsed = self.start.elapsed();
        let millis =
            elapsed.as_secs().saturating_mul(1_000).saturating_add(u64::from(elapsed.subsec_millis()));
        StoreTime::from_millis(self.base.saturating_add(millis))
    }
}

//! What this process knows of the store's clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use roomkey_core::StoreTime;

/// An estimate of the store's time, from the last one that it told.
///
/// It decides whether a write is worth sending and nothing else: no verdict on a token rests on it. It runs on the
/// process' monotonic clock, so a change of the wall clock does not move it.
#[derive(Debug)]
pub(crate) struct StoreClock {
    base: Instant,
    /// Store time at `base` in milliseconds; 0 until the store told one.
    at_base: AtomicU64,
}

impl StoreClock {
    pub(crate) fn new() -> Self {
        Self { base: Instant::now(), at_base: AtomicU64::new(0) }
    }

    /// Notes what the store said.
    pub(crate) fn told(&self, now: StoreTime) {
        self.at_base.store(now.as_millis().saturating_sub(self.elapsed()).max(1), Ordering::Relaxed);
    }

    /// About what time it is in the store; `None` if it was never told.
    pub(crate) fn now(&self) -> Option<StoreTime> {
        match self.at_base.load(Ordering::Relaxed) {
            0 => None,
            at_base => Some(StoreTime::from_millis(at_base + self.elapsed())),
        }
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.base.elapsed().as_millis()).unwrap_or(u64::MAX / 2)
    }
}

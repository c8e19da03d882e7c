//! Chance, where processes should not do the same at the same time.

use std::time::Duration;

/// A duration, a fifth more or less. Where the system has no randomness it is the duration itself.
pub(crate) fn jitter(around: Duration) -> Duration {
    let share = getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX));
    around.mul_f64(0.8 + 0.4 * share)
}

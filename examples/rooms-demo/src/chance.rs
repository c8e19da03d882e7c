//! Dice.

use std::time::Duration;

/// A number below `below`.
pub(crate) fn below(below: u32) -> u32 {
    getrandom::u32().map_or(0, |number| number % below.max(1))
}

/// A duration between two numbers of milliseconds.
pub(crate) fn between(least: u32, most: u32) -> Duration {
    Duration::from_millis(u64::from(least + below(most.saturating_sub(least).max(1))))
}

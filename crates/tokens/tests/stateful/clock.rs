//! How time passes in a sequence.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::kinds::{Tick, span};

/// How much of the half of a tick is left out: stores count whole milliseconds.
const GUARD: Duration = Duration::from_millis(5);

/// The clock of a sequence, in ticks.
#[derive(Debug)]
pub(crate) struct Clock {
    tick: Duration,
    /// When a running clock began; a paused one stands still until it is moved on.
    begun: Option<Instant>,
    /// When the store thought that it was, as learned from the first thing that told it.
    origin: Option<Duration>,
}

impl Clock {
    /// tokio's paused clock, which the embedded store runs on: it is moved on by hand.
    pub(crate) fn paused(tick: Duration) -> Self {
        Self { tick, begun: None, origin: None }
    }

    /// Real time, which begins now.
    pub(crate) fn running(tick: Duration) -> Self {
        Self { tick, begun: Some(Instant::now()), origin: None }
    }

    /// How long so many ticks are.
    pub(crate) fn span(&self, ticks: Tick) -> Duration {
        span(self.tick, ticks)
    }

    /// Lets ticks pass, after so many.
    pub(crate) async fn advance(&self, now: Tick, ticks: Tick) {
        match self.begun {
            None => tokio::time::advance(self.tick * ticks).await,
            Some(begun) => tokio::time::sleep_until(begun + self.tick * (now + ticks)).await,
        }
    }

    /// Lets the least time pass that stores count, where it does not pass by itself: so that of two that begin or are used
    /// one after the other, it is certain which ends first.
    pub(crate) async fn blink(&self) {
        if self.begun.is_none() {
            tokio::time::advance(Duration::from_millis(1)).await;
        }
    }

    /// Whether a tick is past its first half. What was said then may be as true a tick later, and is worth nothing.
    pub(crate) fn is_late(&self, now: Tick) -> bool {
        self.begun.is_some_and(|begun| begun.elapsed() + GUARD > self.tick * now + self.tick / 2)
    }

    /// Compares what is told to be left with the ticks that are.
    pub(crate) fn lasts(&self, told: Duration, ticks: Tick) -> Result<(), String> {
        let expected = if ticks == 0 { Duration::ZERO } else { span(self.tick, ticks) };
        if told.abs_diff(expected) < self.tick / 2 {
            return Ok(());
        }
        Err(format!("{told:?} are left, and not {expected:?}"))
    }

    /// Compares the moment at which something ends with the tick before which it does; `unit` is how exactly that
    /// is told.
    pub(crate) fn ends(&mut self, told: SystemTime, at: Tick, unit: Duration) -> Result<(), String> {
        self.is_moment(told, span(self.tick, at), unit, "ends")
    }

    /// Compares the moment at which something began with the tick in which it did.
    pub(crate) fn began(&mut self, told: SystemTime, at: Tick) -> Result<(), String> {
        self.is_moment(told, self.tick * at, Duration::from_secs(1), "began")
    }

    fn is_moment(
        &mut self,
        told: SystemTime,
        after: Duration,
        unit: Duration,
        what: &str,
    ) -> Result<(), String> {
        let told = told.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // Only what is exact can teach it.
        if unit.is_zero() {
            self.origin.get_or_insert_with(|| told.saturating_sub(after));
        }
        let Some(origin) = self.origin else { return Ok(()) };
        let expected = origin + after;
        // Two moments of the first half of a tick are no further apart.
        if told < expected + self.tick / 2 && told + unit + self.tick / 2 > expected {
            return Ok(());
        }
        Err(format!("it {what} {told:?} after 1970, and not {expected:?}"))
    }
}

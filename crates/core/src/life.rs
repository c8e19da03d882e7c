//! Time: the store's clock, moments on it, and how long keys live.

use std::fmt;
use std::time::Duration;

use crate::{Invalid, MAX_DURATION};

/// A moment on a store's clock, in whole milliseconds since 1970.
///
/// Times of different partitions are never compared: on Redis they may come from different machines. On Redis store
/// time is the server's wall clock and may step at a failover by the skew between the machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoreTime(u64);

impl StoreTime {
    /// The latest moment that can be named: 2^53 ms, in the year 287396. Beyond it a Redis score is not exact.
    pub const MAX: Self = Self(1 << 53);

    /// The moment `millis` milliseconds after 1970, at most [`StoreTime::MAX`].
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        if millis > Self::MAX.0 { Self::MAX } else { Self(millis) }
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// How long it is from `earlier` to this moment; zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The moment `duration` later, part milliseconds rounded up.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(whole_millis(duration)))
    }
}

impl fmt::Display for StoreTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

/// A moment relative to the time at which a program runs.
///
/// Durations are counted in whole milliseconds, parts rounded up, so that no lifetime is cut to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a store must handle every form")]
pub enum Until {
    /// Now + the duration.
    In(Duration),
    /// A fixed moment.
    At(StoreTime),
    /// Now + the duration, but at most the moment: an idle lifetime under an absolute one.
    InCapped(Duration, StoreTime),
}

impl Until {
    /// The moment, if the program runs at `now`.
    #[must_use]
    pub fn resolve(self, now: StoreTime) -> StoreTime {
        match self {
            Self::In(duration) => now.after(duration),
            Self::At(moment) => moment,
            Self::InCapped(duration, moment) => now.after(duration).min(moment),
        }
    }

    pub(crate) fn validate(self) -> Result<(), Invalid> {
        match self {
            Self::In(duration) | Self::InCapped(duration, _) => check_duration(duration),
            Self::At(_) => Ok(()),
        }
    }
}

impl From<Duration> for Until {
    fn from(duration: Duration) -> Self {
        Self::In(duration)
    }
}

/// What a write does to the expiry of its key.
///
/// It applies only if the op wrote something. Only keys expire, never elements. A key is readable while now <= its
/// deadline. A deadline in the past removes the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[expect(clippy::exhaustive_enums, reason = "a store must handle every form")]
pub enum Life {
    /// Leaves the expiry as it is; a key that the op creates never expires.
    #[default]
    Keep,
    /// The key never expires.
    Never,
    /// The key expires at this moment, whatever it was before.
    Set(Until),
    /// The key lives at least until this moment: a new key gets it, a shorter deadline is lengthened, a longer one and
    /// "never" stay.
    AtLeast(Until),
}

impl Life {
    /// The moment that the form carries.
    #[must_use]
    pub const fn until(self) -> Option<Until> {
        match self {
            Self::Keep | Self::Never => None,
            Self::Set(until) | Self::AtLeast(until) => Some(until),
        }
    }

    /// Whether a program has to look at the store's clock for it. A plain duration is handed to the store as it is.
    #[must_use]
    pub const fn uses_clock(self) -> bool {
        matches!(self.until(), Some(Until::InCapped(..)))
    }
}

/// How long a key still lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a key is missing, lives for ever, or has a remaining time")]
pub enum Ttl {
    /// There is no such key.
    Missing,
    /// The key exists and never expires.
    Never,
    /// The key exists and expires after this time; zero means within this millisecond.
    After(Duration),
}

/// A duration in whole milliseconds, rounded up.
pub(crate) fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// Rejects what no lifetime, lease or timeout may be: zero, and more than 100 years.
pub(crate) fn check_duration(duration: Duration) -> Result<(), Invalid> {
    if duration.is_zero() || duration > MAX_DURATION { Err(Invalid::Duration) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_milliseconds_are_rounded_up() {
        assert_eq!(StoreTime::from_millis(5).after(Duration::from_nanos(1)).as_millis(), 6);
        assert_eq!(StoreTime::from_millis(5).after(Duration::from_millis(2)).as_millis(), 7);
        assert_eq!(StoreTime::from_millis(5).after(Duration::MAX), StoreTime::MAX);
    }

    #[test]
    fn a_cap_is_the_earlier_of_both() {
        let now = StoreTime::from_millis(1_000);
        let capped = |at| Until::InCapped(Duration::from_millis(50), StoreTime::from_millis(at)).resolve(now);
        assert_eq!(capped(1_020).as_millis(), 1_020);
        assert_eq!(capped(1_060).as_millis(), 1_050);
    }

    #[test]
    fn no_lifetime_is_zero_or_over_a_hundred_years() {
        assert_eq!(Until::In(Duration::ZERO).validate(), Err(Invalid::Duration));
        assert_eq!(Until::In(MAX_DURATION + Duration::from_nanos(1)).validate(), Err(Invalid::Duration));
        assert_eq!(Until::In(MAX_DURATION).validate(), Ok(()));
    }
}

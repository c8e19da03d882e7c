//! How long a value lives.

use std::time::Duration;

use roomkey_core::{Life, MAX_DURATION, Until};

use crate::{Error, Result};

/// What a write does to the time at which its key expires.
///
/// Durations are counted on the store's clock, in whole milliseconds, parts rounded up. A duration of zero or over
/// 100 years is [`Error::Expiry`]. A [`Duration`] where an expiry is asked for means [`Expiry::After`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Expiry {
    /// The key expires so long after this write.
    After(Duration),
    /// The key lives at least so long after this write: a shorter time is lengthened, a longer one stays.
    AtLeast(Duration),
    /// The key never expires.
    Never,
    /// The time stays as it is; a key that the write creates never expires.
    Keep,
}

impl Expiry {
    /// The expiry in the words of a store.
    ///
    /// # Errors
    /// [`Error::Expiry`] for a duration of zero or over 100 years.
    pub fn life(self) -> Result<Life> {
        match self {
            Self::After(duration) => Ok(Life::Set(checked(duration)?)),
            Self::AtLeast(duration) => Ok(Life::AtLeast(checked(duration)?)),
            Self::Never => Ok(Life::Never),
            Self::Keep => Ok(Life::Keep),
        }
    }
}

impl From<Duration> for Expiry {
    fn from(duration: Duration) -> Self {
        Self::After(duration)
    }
}

fn checked(duration: Duration) -> Result<Until> {
    if duration.is_zero() || duration > MAX_DURATION {
        Err(Error::Expiry(duration))
    } else {
        Ok(Until::In(duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_lifetime_is_zero_or_over_a_hundred_years() {
        for bad in [Duration::ZERO, MAX_DURATION + Duration::from_nanos(1), Duration::MAX] {
            assert!(matches!(Expiry::from(bad).life(), Err(Error::Expiry(told)) if told == bad), "{bad:?}");
            assert!(matches!(Expiry::AtLeast(bad).life(), Err(Error::Expiry(_))), "{bad:?}");
        }
        assert_eq!(Expiry::After(MAX_DURATION).life().unwrap(), Life::Set(Until::In(MAX_DURATION)));
        assert_eq!(
            Expiry::from(Duration::from_nanos(1)).life().unwrap().until(),
            Some(Until::In(Duration::from_nanos(1)))
        );
    }
}

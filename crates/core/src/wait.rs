//! Waiting for entries of logs.

use std::time::Duration;

use crate::life::check_duration;
use crate::{Invalid, Key, Kind, LogId, MAX_KEYS, Result};

/// Waits until one of some logs of one partition has an entry after an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    logs: Vec<(Key, LogId)>,
    timeout: Duration,
}

impl Wait {
    /// Waits for these logs, each with the id after which an entry counts, at most for `timeout`.
    ///
    /// # Errors
    /// [`Invalid`] for no log, more than 64, keys of another kind or of two partitions, and a timeout of zero or over
    /// 100 years.
    pub fn new(logs: impl IntoIterator<Item = (Key, LogId)>, timeout: Duration) -> Result<Self> {
        let logs: Vec<_> = logs.into_iter().collect();
        check_duration(timeout)?;
        let (first, _) = logs.first().ok_or(Invalid::NoKey)?;
        if logs.len() > MAX_KEYS {
            return Err(Invalid::TooManyKeys.into());
        }
        for (key, _) in &logs {
            if key.kind() != Kind::Log {
                return Err(Invalid::WrongKind.into());
            }
            if key.partition() != first.partition() {
                return Err(Invalid::TwoPartitions.into());
            }
        }
        Ok(Self { logs, timeout })
    }

    /// The logs, each with the id after which an entry counts. Never empty.
    #[must_use]
    pub fn logs(&self) -> &[(Key, LogId)] {
        &self.logs
    }

    /// How long to wait at most.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a wait ends by an entry or by its timeout")]
pub enum Woken {
    /// One of the logs has an entry after its id; [`LogRange`](crate::Op::LogRange) reads it.
    Ready,
    /// None had, for the whole timeout.
    TimedOut,
}

//! Waiting for entries of logs.

use std::collections::HashSet;
use std::time::Duration;

use crate::life::check_duration;
use crate::{Invalid, Key, Kind, LogId, MAX_LOGS, Result};

/// Waits until one of some logs has an entry after an id. The logs may lie in any partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    logs: Vec<(Key, LogId)>,
    timeout: Duration,
}

impl Wait {
    /// Waits for these logs, each with the id after which an entry counts, at most for `timeout`.
    ///
    /// # Errors
    /// [`Invalid`] for no log, more than [`MAX_LOGS`], one that is named twice, keys of another kind, and a timeout of
    /// zero or over 100 years.
    pub fn new(logs: impl IntoIterator<Item = (Key, LogId)>, timeout: Duration) -> Result<Self> {
        let logs: Vec<_> = logs.into_iter().collect();
        check_duration(timeout)?;
        if logs.is_empty() {
            return Err(Invalid::NoKey.into());
        }
        if logs.len() > MAX_LOGS {
            return Err(Invalid::TooManyLogs.into());
        }
        let mut named = HashSet::with_capacity(logs.len());
        for (key, _) in &logs {
            if key.kind() != Kind::Log {
                return Err(Invalid::WrongKind.into());
            }
            if !named.insert(key) {
                return Err(Invalid::LogTwice.into());
            }
        }
        Ok(Self { logs, timeout })
    }

    /// The logs, each with the id after which an entry counts. Never empty, and no log twice.
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
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a wait ends by an entry or by its timeout")]
pub enum Woken {
    /// These logs have an entry after their ids; [`LogRange`](crate::Op::LogRange) reads it. At least one, each once, in
    /// no particular order: those that the store knew of at that moment. The next wait names the others.
    Ready(Vec<Key>),
    /// None had, as far as the store has seen, for the whole timeout.
    TimedOut,
}

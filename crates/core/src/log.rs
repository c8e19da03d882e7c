//! Entries of a log and their ids.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use crate::Invalid;

/// The id of a log entry: the store's milliseconds at which it was appended, and a number within that millisecond.
///
/// Ids of one log only grow while the log lives, also when the store's clock steps back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogId {
    /// Milliseconds since 1970.
    ms: u64,
    /// The number within the millisecond.
    seq: u64,
}

impl LogId {
    /// Before every entry.
    pub const MIN: Self = Self { ms: 0, seq: 0 };
    /// After every entry.
    pub const MAX: Self = Self { ms: u64::MAX, seq: u64::MAX };

    /// The id of a millisecond and a number within it.
    #[must_use]
    pub const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn ms(self) -> u64 {
        self.ms
    }

    /// The number within the millisecond.
    #[must_use]
    pub const fn seq(self) -> u64 {
        self.seq
    }
}

impl fmt::Display for LogId {
    /// Writes `ms-seq`, the form that Redis uses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

impl FromStr for LogId {
    type Err = Invalid;

    /// Reads `ms-seq`.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let parse = || {
            let (ms, seq) = text.split_once('-')?;
            Some(Self { ms: ms.parse().ok()?, seq: seq.parse().ok()? })
        };
        parse().ok_or(Invalid::LogId)
    }
}

/// One entry of a log: its id and its named bytes, in the order in which they were appended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "an entry is exactly an id and its fields")]
pub struct Entry {
    /// The id.
    pub id: LogId,
    /// Names and bytes.
    pub fields: Vec<(Bytes, Bytes)>,
}

impl Entry {
    /// The bytes under a name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Bytes> {
        self.fields.iter().find(|(key, _)| key == name.as_bytes()).map(|(_, bytes)| bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_and_order_by_time_then_number() {
        assert_eq!("12-3".parse::<LogId>().unwrap().to_string(), "12-3");
        assert!(LogId::new(12, 9) < LogId::new(13, 0));
        for bad in ["", "12", "-", "a-1", "1-2-3"] {
            assert!(bad.parse::<LogId>().is_err(), "{bad}");
        }
    }
}

//! What a history came to.

use std::collections::BTreeMap;
use std::time::Duration;

/// One thing that cannot be explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wrong {
    /// Nothing is left of something acknowledged.
    Lost,
    /// Something is there more often than was acknowledged or is ambiguous, or although it was not executed.
    Doubled,
    /// Something is there, or was read, that nobody wrote.
    NeverWritten,
    /// A read gave what is nothing that a caller wrote to that register.
    Foreign,
    /// A read gave a version although a newer one was acknowledged or read before it began.
    Stale {
        /// What was read.
        read: u64,
        /// What had been acknowledged or read.
        known: u64,
    },
    /// Two additions were told the same number.
    SameNumber,
    /// More members than there may be.
    OverLimit {
        /// How many there were.
        members: i64,
        /// How many there may be.
        limit: i64,
    },
}

/// What a history came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// Calls that ended.
    pub operations: usize,
    /// Calls among them that write and are one plain command.
    pub plain_writes: usize,
    /// Calls with an answer.
    pub acknowledged: usize,
    /// Calls of which nobody knows whether they happened, those given up included.
    pub ambiguous: usize,
    /// Calls that failed without having happened.
    pub not_done: usize,
    /// Calls without an answer, by what they asked for.
    pub failed: BTreeMap<&'static str, usize>,
    /// The longest call.
    pub slowest: Duration,
    /// The longest time from the end of a fault until every caller had an acknowledgement again.
    pub recovery: Option<Duration>,
    /// The most members of a ranking that were seen.
    pub most_members: i64,
    /// What cannot be explained.
    pub wrongs: Vec<Wrong>,
}

impl Report {
    /// Acknowledged deeds of which nothing is left, in the state or in what was read of it.
    #[must_use]
    pub fn lost(&self) -> usize {
        self.count(|wrong| matches!(wrong, Wrong::Lost | Wrong::Stale { .. } | Wrong::SameNumber))
    }

    /// Deeds that happened more often than they may have.
    #[must_use]
    pub fn doubled(&self) -> usize {
        self.count(|wrong| matches!(wrong, Wrong::Doubled))
    }

    /// Everything that not even a server that forgot what it had acknowledged explains.
    #[must_use]
    pub fn impossible(&self) -> usize {
        self.wrongs.len() - self.lost()
    }

    /// Asserts that everything is explained.
    ///
    /// # Panics
    /// When something is not.
    pub fn assert_exact(&self) {
        assert!(self.wrongs.is_empty(), "{} of {self}: {:?}", self.wrongs.len(), self.first_wrongs());
    }

    /// Asserts that everything is explained by a server that may have forgotten some of what it acknowledged.
    ///
    /// # Panics
    /// When something is not.
    pub fn assert_nothing_impossible(&self) {
        assert!(self.impossible() == 0, "{} of {self}: {:?}", self.impossible(), self.first_wrongs());
    }

    fn first_wrongs(&self) -> &[Wrong] {
        &self.wrongs[..self.wrongs.len().min(20)]
    }

    fn count(&self, which: impl Fn(&Wrong) -> bool) -> usize {
        self.wrongs.iter().filter(|wrong| which(wrong)).count()
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} operations, {} acknowledged, {} ambiguous, {} not done (failed: {:?}), {} lost, {} doubled",
            self.operations,
            self.acknowledged,
            self.ambiguous,
            self.not_done,
            self.failed,
            self.lost(),
            self.doubled()
        )
    }
}

//! What is compared: one load of ours, the same load of its peers, and what we want to reach.

use std::fmt;
use std::time::Duration;

use crate::Result;

/// One load at one concurrency, with everybody who runs it.
pub(crate) struct Comparison {
    /// `<family>/<load>`.
    pub(crate) name: String,
    /// Tasks or threads that repeat the load at the same time.
    pub(crate) concurrency: usize,
    pub(crate) ours: Contender,
    pub(crate) peers: Vec<(Contender, Option<Target>)>,
    /// Whether the first peer has a second turn in each round, to be compared with itself.
    pub(crate) control: bool,
}

impl Comparison {
    pub(crate) fn new(name: impl Into<String>, concurrency: usize, ours: Contender) -> Self {
        Self { name: name.into(), concurrency, ours, peers: Vec::new(), control: false }
    }

    pub(crate) fn peer(mut self, peer: Contender, target: Option<Target>) -> Self {
        self.peers.push((peer, target));
        self
    }

    pub(crate) fn control(self, control: bool) -> Self {
        Self { control, ..self }
    }
}

/// Somebody who runs a load.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    turn: Box<dyn FnMut(Duration) -> Result<f64>>,
}

impl Contender {
    /// A contender whose turns are `turn`: it runs the load for about the given time, checks what it gets, and returns
    /// operations per second. What it does before and after is not timed.
    pub(crate) fn new(name: &'static str, turn: impl FnMut(Duration) -> Result<f64> + 'static) -> Self {
        Self { name, turn: Box::new(turn) }
    }

    pub(crate) fn turn(&mut self, time: Duration) -> Result<f64> {
        (self.turn)(time)
    }
}

/// What a row is wanted to reach. Stated, never enforced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    /// At least this share of the peer's rate.
    Ratio(f64),
    /// At most this multiple of the peer's time.
    Time(f64),
    /// At least so many operations per second, whatever the peer does.
    Rate(f64),
}

impl Target {
    pub(crate) fn met(self, ours_per_s: f64, ratio: f64) -> bool {
        match self {
            Self::Ratio(at_least) => ratio >= at_least,
            Self::Time(at_most) => ratio >= 1.0 / at_most,
            Self::Rate(at_least) => ours_per_s >= at_least,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ratio(at_least) => write!(f, "ratio ≥ {at_least}"),
            Self::Time(at_most) => write!(f, "ratio ≥ {:.2} (≤ {at_most} × the time)", 1.0 / at_most),
            Self::Rate(at_least) => write!(f, "≥ {} M/s", at_least / 1e6),
        }
    }
}

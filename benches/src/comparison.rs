//! What is compared: one load of ours, the same load of its peers, and what we want to reach.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::Result;
use crate::meter::Cpu;

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
    /// What the contenders need without owning it.
    _kept: Option<Arc<dyn Any>>,
}

impl Comparison {
    pub(crate) fn new(name: impl Into<String>, concurrency: usize, ours: Contender) -> Self {
        Self { name: name.into(), concurrency, ours, peers: Vec::new(), control: false, _kept: None }
    }

    pub(crate) fn peer(mut self, peer: Contender, target: Option<Target>) -> Self {
        self.peers.push((peer, target));
        self
    }

    pub(crate) fn control(self, control: bool) -> Self {
        Self { control, ..self }
    }

    /// Keeps something, such as a server, until all has been measured.
    pub(crate) fn keep(self, kept: Arc<dyn Any>) -> Self {
        Self { _kept: Some(kept), ..self }
    }
}

/// What a turn found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Operations per second.
    pub(crate) per_s: f64,
    /// Of loads that talk to a server.
    pub(crate) cpu: Option<Cpu>,
}

/// Somebody who runs a load.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    turn: Box<dyn FnMut(Duration) -> Result<Sample>>,
}

impl Contender {
    /// A contender whose turns are `turn`: it runs the load for about the given time and checks what it gets. What it
    /// does before and after is not timed.
    pub(crate) fn new(name: &'static str, turn: impl FnMut(Duration) -> Result<Sample> + 'static) -> Self {
        Self { name, turn: Box::new(turn) }
    }

    pub(crate) fn turn(&mut self, time: Duration) -> Result<Sample> {
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

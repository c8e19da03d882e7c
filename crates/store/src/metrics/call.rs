//! The calls of a store, counted and timed.

use std::pin::Pin;
use std::time::Instant;

use metrics::{Counter, Histogram};
use roomkey_core::{Error, Outcome, Page, Reply, Result, Woken};
use tracing::{Instrument as _, Span};

use super::{CALL_SECONDS, CALLS, Metrics, Registrar};

/// What a call asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallKind {
    Run,
    Transact,
    Scan,
    Wait,
}

impl CallKind {
    pub(super) const ALL: [Self; 4] = [Self::Run, Self::Transact, Self::Scan, Self::Wait];

    const fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Transact => "transact",
            Self::Scan => "scan",
            Self::Wait => "wait",
        }
    }
}

/// How a call has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallOutcome {
    Ok,
    /// The caller's or the data's fault.
    Refused,
    Full,
    NotExecuted,
    Ambiguous,
    Permanent,
    /// The caller dropped it.
    Dropped,
}

impl CallOutcome {
    pub(super) const ALL: [Self; 7] = [
        Self::Ok,
        Self::Refused,
        Self::Full,
        Self::NotExecuted,
        Self::Ambiguous,
        Self::Permanent,
        Self::Dropped,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Full => "full",
            Self::NotExecuted => "not_executed",
            Self::Ambiguous => "ambiguous",
            Self::Permanent => "permanent",
            Self::Dropped => "dropped",
        }
    }

    fn of(error: Option<&Error>) -> Self {
        match error {
            None => Self::Ok,
            Some(Error::Full) => Self::Full,
            Some(Error::NotExecuted(_) | Error::Contended) => Self::NotExecuted,
            Some(Error::Ambiguous(_)) => Self::Ambiguous,
            Some(Error::Permanent(_)) => Self::Permanent,
            Some(_) => Self::Refused,
        }
    }
}

/// The handles of one kind of call.
#[derive(Debug)]
pub(super) struct CallMetrics {
    outcomes: [Counter; CallOutcome::ALL.len()],
    seconds: Histogram,
}

impl CallMetrics {
    pub(super) fn new(with: &Registrar<'_>, kind: CallKind) -> Self {
        Self {
            outcomes: CallOutcome::ALL.map(|outcome| with.counter(&CALLS, [kind.name(), outcome.name()])),
            seconds: with.histogram(&CALL_SECONDS, [kind.name()]),
        }
    }
}

impl Metrics {
    /// Runs a call inside its span, and counts and times it.
    ///
    /// It is taken pinned where it is, because by value all of it would be copied.
    pub(crate) async fn observe<T: Answer>(
        &self,
        kind: CallKind,
        span: Span,
        call: Pin<&mut (impl Future<Output = Result<T>> + Send)>,
    ) -> Result<T> {
        let mut observed = Observed {
            metrics: self,
            kind,
            outcome: CallOutcome::Dropped,
            begun: self.recorded.then(Instant::now),
            span,
        };
        let result = call.instrument(observed.span.clone()).await;
        observed.outcome = CallOutcome::of(match &result {
            Ok(answer) => answer.error(),
            Err(error) => Some(error),
        });
        result
    }
}

/// A call under way. It is counted when it ends, or when its caller drops it.
struct Observed<'a> {
    metrics: &'a Metrics,
    kind: CallKind,
    outcome: CallOutcome,
    begun: Option<Instant>,
    span: Span,
}

impl Drop for Observed<'_> {
    fn drop(&mut self) {
        self.span.record("outcome", self.outcome.name());
        let metrics = &self.metrics.calls[self.kind as usize];
        metrics.outcomes[self.outcome as usize].increment(1);
        if let Some(begun) = self.begun {
            metrics.seconds.record(begun.elapsed());
        }
    }
}

/// What a call answers, which may hold errors of its parts.
pub(crate) trait Answer {
    /// The error that counts for the whole call, if there is one.
    fn error(&self) -> Option<&Error> {
        None
    }
}

impl Answer for Outcome {}
impl Answer for Page {}
impl Answer for Woken {}

impl Answer for Vec<Result<Reply>> {
    /// An uncertain one before any other.
    fn error(&self) -> Option<&Error> {
        let errors = || self.iter().filter_map(|reply| reply.as_ref().err());
        errors().find(|error| matches!(error, Error::Ambiguous(_))).or_else(|| errors().next())
    }
}

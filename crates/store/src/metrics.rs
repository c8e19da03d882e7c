//! What a store tells of itself by way of the `metrics` facade: every name, and the handles behind them.
//!
//! The handles are made once, when the store connects, so that counting is an atomic addition, and nothing at all where
//! the application has installed no recorder by then.

mod call;
#[cfg(test)]
mod tests;

use std::cell::Cell;

use metrics::{Counter, Gauge, Histogram, IntoF64, Label, Unit};
use roomkey_core::{Class, Error};

pub(crate) use self::call::CallKind;
use self::call::CallMetrics;
use crate::error::Unavailable;

/// A metric of the store: what docs/operations.md says of it, and what a recorder is told.
struct Metric {
    name: &'static str,
    form: Form,
    unit: Unit,
    /// Its labels besides [`CLIENT`].
    labels: &'static [&'static str],
    meaning: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Counter,
    Gauge,
    Histogram,
}

/// The label that all of them have: the configured name of the client, to tell the stores of one process apart.
const CLIENT: &str = "client";

const CALLS: Metric = Metric {
    name: "roomkey_store_calls_total",
    form: Form::Counter,
    unit: Unit::Count,
    labels: &["kind", "outcome"],
    meaning: "calls that have ended",
};
const CALL_SECONDS: Metric = Metric {
    name: "roomkey_store_call_duration_seconds",
    form: Form::Histogram,
    unit: Unit::Seconds,
    labels: &["kind"],
    meaning: "time from a call to its outcome, with waiting and retries",
};
const RETRIES: Metric = Metric {
    name: "roomkey_store_retries_total",
    form: Form::Counter,
    unit: Unit::Count,
    labels: &["after"],
    meaning: "attempts that were repeated inside a call",
};
const DEPARTURE_COMMANDS: Metric = Metric {
    name: "roomkey_store_departure_commands",
    form: Form::Histogram,
    unit: Unit::Count,
    labels: &[],
    meaning: "commands, or batches of them, that left a connection together",
};
const LANES_UP: Metric = Metric {
    name: "roomkey_store_lanes_up",
    form: Form::Gauge,
    unit: Unit::Count,
    labels: &[],
    meaning: "shared connections that are up",
};
const CONNECTIONS_OPEN: Metric = Metric {
    name: "roomkey_store_connections_open",
    form: Form::Gauge,
    unit: Unit::Count,
    labels: &[],
    meaning: "connections of all kinds that are open",
};
const CONNECTS: Metric = Metric {
    name: "roomkey_store_connects_total",
    form: Form::Counter,
    unit: Unit::Count,
    labels: &["outcome"],
    meaning: "attempts to open a connection",
};
const RECONNECTS: Metric = Metric {
    name: "roomkey_store_reconnects_total",
    form: Form::Counter,
    unit: Unit::Count,
    labels: &[],
    meaning: "shared connections that were lost and are opened anew",
};
const BREAKERS_OPEN: Metric = Metric {
    name: "roomkey_store_breakers_open",
    form: Form::Gauge,
    unit: Unit::Count,
    labels: &[],
    meaning: "servers that are not asked for now because they do not answer",
};
const SHED: Metric = Metric {
    name: "roomkey_store_shed_total",
    form: Form::Counter,
    unit: Unit::Count,
    labels: &["reason"],
    meaning: "attempts refused before anything was sent",
};
const REDIRECTS: Metric = Metric {
    name: "roomkey_store_redirects_total",
    form: Form::Counter,
    unit: Unit::Count,
    labels: &["kind"],
    meaning: "commands that a cluster sent to another node",
};

const ALL: [&Metric; 11] = [
    &CALLS,
    &CALL_SECONDS,
    &RETRIES,
    &DEPARTURE_COMMANDS,
    &LANES_UP,
    &CONNECTIONS_OPEN,
    &CONNECTS,
    &RECONNECTS,
    &BREAKERS_OPEN,
    &SHED,
    &REDIRECTS,
];

/// The handles of one store, or of one of its nodes: handles of the same name and labels count together.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// Whether anybody listens. Where nobody does, no clock is read.
    recorded: bool,
    calls: [CallMetrics; CallKind::ALL.len()],
    retries_after_not_executed: Counter,
    retries_after_ambiguous: Counter,
    pub(crate) departure_commands: Histogram,
    lanes_up: Gauge,
    connections_open: Gauge,
    connects_ok: Counter,
    connects_failed: Counter,
    /// A shared connection was lost.
    pub(crate) reconnects: Counter,
    pub(crate) breakers_open: Gauge,
    shed_overloaded: Counter,
    shed_not_answering: Counter,
    shed_pool_exhausted: Counter,
    pub(crate) redirects_moved: Counter,
    pub(crate) redirects_ask: Counter,
}

impl Metrics {
    /// Makes the handles with the recorder that is installed now, for a client of this name.
    pub(crate) fn new(client: &str) -> Self {
        describe();
        let with = Registrar { client };
        let lanes_up = with.gauge(&LANES_UP);
        Self {
            recorded: is_recorded(&lanes_up),
            calls: CallKind::ALL.map(|kind| CallMetrics::new(&with, kind)),
            retries_after_not_executed: with.counter(&RETRIES, ["not_executed"]),
            retries_after_ambiguous: with.counter(&RETRIES, ["ambiguous"]),
            departure_commands: with.histogram(&DEPARTURE_COMMANDS, []),
            lanes_up,
            connections_open: with.gauge(&CONNECTIONS_OPEN),
            connects_ok: with.counter(&CONNECTS, ["ok"]),
            connects_failed: with.counter(&CONNECTS, ["failed"]),
            reconnects: with.counter(&RECONNECTS, []),
            breakers_open: with.gauge(&BREAKERS_OPEN),
            shed_overloaded: with.counter(&SHED, ["overloaded"]),
            shed_not_answering: with.counter(&SHED, ["not_answering"]),
            shed_pool_exhausted: with.counter(&SHED, ["pool_exhausted"]),
            redirects_moved: with.counter(&REDIRECTS, ["moved"]),
            redirects_ask: with.counter(&REDIRECTS, ["ask"]),
        }
    }

    /// An attempt that failed with this error is about to be repeated.
    pub(crate) fn retried(&self, error: &Error) {
        match error.class() {
            Class::Ambiguous => self.retries_after_ambiguous.increment(1),
            Class::NotExecuted | Class::Permanent => self.retries_after_not_executed.increment(1),
        }
    }

    /// An attempt to open a connection has ended.
    pub(crate) fn connected(&self, ok: bool) {
        if ok { &self.connects_ok } else { &self.connects_failed }.increment(1);
    }

    /// Counts an open connection for as long as the answer lives.
    pub(crate) fn connection_open(&self) -> Counted {
        Counted::one(&self.connections_open)
    }

    /// Counts a lane that is up for as long as the answer lives.
    pub(crate) fn lane_up(&self) -> Counted {
        Counted::one(&self.lanes_up)
    }

    /// A call is refused before anything is sent.
    pub(crate) fn shed(&self, why: &Unavailable) {
        match why {
            Unavailable::Overloaded { .. } => &self.shed_overloaded,
            Unavailable::NotAnswering { .. } => &self.shed_not_answering,
            Unavailable::PoolExhausted { .. } => &self.shed_pool_exhausted,
        }
        .increment(1);
    }
}

/// Something that a gauge counts while it exists.
#[derive(Debug)]
pub(crate) struct Counted {
    gauge: Gauge,
}

impl Counted {
    fn one(gauge: &Gauge) -> Self {
        gauge.increment(1);
        Self { gauge: gauge.clone() }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.gauge.decrement(1);
    }
}

fn describe() {
    for Metric { name, form, unit, meaning, .. } in ALL {
        match form {
            Form::Counter => metrics::describe_counter!(*name, *unit, *meaning),
            Form::Gauge => metrics::describe_gauge!(*name, *unit, *meaning),
            Form::Histogram => metrics::describe_histogram!(*name, *unit, *meaning),
        }
    }
}

/// Makes handles for one client.
struct Registrar<'a> {
    client: &'a str,
}

impl Registrar<'_> {
    fn counter<const N: usize>(&self, metric: &Metric, values: [&'static str; N]) -> Counter {
        metrics::counter!(metric.name, self.labels(metric, &values))
    }

    fn histogram<const N: usize>(&self, metric: &Metric, values: [&'static str; N]) -> Histogram {
        metrics::histogram!(metric.name, self.labels(metric, &values))
    }

    fn gauge(&self, metric: &Metric) -> Gauge {
        metrics::gauge!(metric.name, self.labels(metric, &[]))
    }

    fn labels(&self, metric: &Metric, values: &[&'static str]) -> Vec<Label> {
        debug_assert_eq!(metric.labels.len(), values.len(), "{}", metric.name);
        let client = Label::new(CLIENT, self.client.to_owned());
        let others = metric.labels.iter().zip(values).map(|(name, value)| Label::new(*name, *value));
        [client].into_iter().chain(others).collect()
    }
}

/// A handle does not say whether it has a recorder behind it, but only one that has asks for the number.
fn is_recorded(gauge: &Gauge) -> bool {
    struct Probe<'a>(&'a Cell<bool>);

    impl IntoF64 for Probe<'_> {
        fn into_f64(self) -> f64 {
            self.0.set(true);
            0.0
        }
    }

    let asked = Cell::new(false);
    gauge.increment(Probe(&asked));
    asked.get()
}

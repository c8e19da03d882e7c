//! What a recorder is told, and that docs/operations.md says the same.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics::{CounterFn, GaugeFn, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString};
use roomkey_core::Reply;
use tracing::Span;

use super::call::CallOutcome;
use super::*;
use crate::breaker::Breaker;
use crate::manual;

/// Adds up what it is told, by name and labels.
#[derive(Clone, Default)]
struct Sums(Arc<Mutex<BTreeMap<String, f64>>>);

struct Sum(Sums, String);

impl Sum {
    fn add(&self, value: f64) {
        *self.0.0.lock().unwrap().entry(self.1.clone()).or_default() += value;
    }
}

impl Sums {
    fn of(&self, key: &Key) -> Arc<Sum> {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let sum = Sum(self.clone(), format!("{} {}", key.name(), labels.join(",")));
        sum.add(0.0);
        Arc::new(sum)
    }

    fn at(&self, name: &str) -> f64 {
        *self.0.lock().unwrap().get(name).unwrap_or_else(|| panic!("{name} is not recorded"))
    }
}

impl CounterFn for Sum {
    fn increment(&self, value: u64) {
        self.add(f64::from(u32::try_from(value).unwrap()));
    }
    fn absolute(&self, _: u64) {
        unreachable!("nothing is set");
    }
}

impl GaugeFn for Sum {
    fn increment(&self, value: f64) {
        self.add(value);
    }
    fn decrement(&self, value: f64) {
        self.add(-value);
    }
    fn set(&self, _: f64) {
        unreachable!("two stores would overwrite each other");
    }
}

impl HistogramFn for Sum {
    fn record(&self, _: f64) {
        self.add(1.0);
    }
}

impl Recorder for Sums {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.of(key))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.of(key))
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.of(key))
    }
}

fn recorded() -> (Sums, Metrics) {
    let sums = Sums::default();
    let metrics = metrics::with_local_recorder(&sums, || Metrics::new("shop"));
    (sums, metrics)
}

#[test]
fn without_a_recorder_no_clock_is_read() {
    assert!(!Metrics::new("shop").recorded);
    assert!(recorded().1.recorded);
}

#[test]
fn every_metric_is_there_from_the_start_with_its_labels() {
    let (sums, _metrics) = recorded();
    let recorded: Vec<String> = sums.0.lock().unwrap().keys().cloned().collect();
    for metric in ALL {
        let of_it: Vec<_> =
            recorded.iter().filter(|key| key.split(' ').next() == Some(metric.name)).collect();
        assert!(!of_it.is_empty(), "{} is not made", metric.name);
        for key in of_it {
            let labels: Vec<_> = key.split(' ').nth(1).unwrap().split(',').collect();
            let names: Vec<_> = labels.iter().map(|label| label.split('=').next().unwrap()).collect();
            assert_eq!(names[0], CLIENT);
            assert_eq!(&names[1..], metric.labels, "{key}");
            assert_eq!(labels[0], "client=shop");
        }
    }
}

#[tokio::test]
async fn a_call_is_counted_by_its_outcome_and_timed() {
    let (sums, metrics) = recorded();
    let calls =
        |outcome| sums.at(&format!("roomkey_store_calls_total client=shop,kind=run,outcome={outcome}"));
    let observe = async |result: Result<Vec<Result<Reply, Error>>, Error>| {
        let call = pin!(async { result });
        let _ = metrics.observe(CallKind::Run, Span::none(), call).await;
    };
    for (error, outcome) in [
        (None, "ok"),
        (Some(Error::WrongType), "refused"),
        (Some(Error::Full), "full"),
        (Some(Error::Contended), "not_executed"),
        (Some(Error::not_executed("x")), "not_executed"),
        (Some(Error::ambiguous("x")), "ambiguous"),
        (Some(Error::permanent("x")), "permanent"),
    ] {
        let before = calls(outcome);
        observe(error.clone().map_or_else(|| Ok(Vec::new()), Err)).await;
        assert_eq!(calls(outcome), before + 1.0, "{outcome}");
        // A batch counts as its worst part.
        if let Some(error) = error {
            let uncertain = calls("ambiguous");
            observe(Ok(vec![Ok(Reply::Skipped), Err(error), Err(Error::ambiguous("x"))])).await;
            assert_eq!(calls("ambiguous"), uncertain + 1.0);
        }
    }
    {
        let mut never = pin!(std::future::pending::<Result<Vec<_>, _>>());
        let mut call = Box::pin(metrics.observe(CallKind::Run, Span::none(), never.as_mut()));
        assert!(std::future::poll_fn(|cx| std::task::Poll::Ready(call.as_mut().poll(cx).is_pending())).await);
    }
    assert_eq!(calls("dropped"), 1.0);
    let all: f64 = CallOutcome::ALL.into_iter().map(|outcome| calls(outcome.name())).sum();
    assert_eq!(sums.at("roomkey_store_call_duration_seconds client=shop,kind=run"), all);
}

#[test]
fn gauges_count_what_lives() {
    let (sums, metrics) = recorded();
    let open = || sums.at("roomkey_store_connections_open client=shop");
    let one = metrics.connection_open();
    let other = metrics.connection_open();
    assert_eq!(open(), 2.0);
    drop(one);
    assert_eq!(open(), 1.0);
    drop(other);
    assert_eq!(open(), 0.0);
}

#[test]
fn retries_are_told_apart_by_what_they_follow() {
    let (sums, metrics) = recorded();
    metrics.retried(&Error::not_executed("x"));
    metrics.retried(&Error::ambiguous("x"));
    metrics.retried(&Error::ambiguous("x"));
    assert_eq!(sums.at("roomkey_store_retries_total client=shop,after=not_executed"), 1.0);
    assert_eq!(sums.at("roomkey_store_retries_total client=shop,after=ambiguous"), 2.0);
}

#[test]
fn the_manual_has_exactly_these_metrics() {
    let manual = manual::text();
    for Metric { name, form, unit, labels, meaning } in ALL {
        let form = match form {
            Form::Counter => "counter",
            Form::Gauge => "gauge",
            Form::Histogram => "histogram",
        };
        let unit = if *unit == Unit::Seconds { "seconds" } else { "–" };
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
        let row = format!("| `{name}` | {form} | {unit} | {labels} | {meaning}");
        assert!(manual.contains(&row), "docs/operations.md lacks: {row}");
    }
    for row in manual.lines().filter_map(|line| line.strip_prefix("| `roomkey_store_")) {
        let name = format!("roomkey_store_{}", row.split('`').next().unwrap());
        assert!(ALL.iter().any(|metric| metric.name == name), "docs/operations.md knows a {name}");
    }
}

#[test]
fn the_manual_names_the_values_of_labels() {
    let (sums, _metrics) = recorded();
    let manual = manual::text();
    for key in sums.0.lock().unwrap().keys() {
        let (name, labels) = key.split_once(' ').unwrap();
        let row = manual.lines().find(|line| line.starts_with(&format!("| `{name}`"))).unwrap();
        for value in labels.split(',').skip(1).map(|label| label.split('=').nth(1).unwrap()) {
            assert!(row.contains(&format!("`{value}`")), "docs/operations.md lacks the {value} of {name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_is_counted_until_it_closes_or_goes() {
    let (sums, metrics) = recorded();
    let open = || sums.at("roomkey_store_breakers_open client=shop");
    let deadline = Duration::from_secs(2);
    let breaker = Breaker::new(deadline, metrics.breakers_open.clone());
    for _ in 0..2 {
        breaker.unheard();
        tokio::time::advance(3 * deadline).await;
        assert!(breaker.is_open() && breaker.is_open());
        assert_eq!(open(), 1.0);
        breaker.heard();
        assert!(!breaker.is_open());
        assert_eq!(open(), 0.0);
    }
    breaker.unheard();
    tokio::time::advance(3 * deadline).await;
    assert!(breaker.is_open());
    drop(breaker);
    assert_eq!(open(), 0.0);
}

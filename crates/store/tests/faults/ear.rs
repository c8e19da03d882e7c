//! Listens to everything that is logged, and to every error, for what must not be in it.

use std::error::Error as StdError;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// The password of every server.
pub(crate) const PASSWORD: &str = "planted-password-77c2";
/// In every key, member and value.
pub(crate) const MARK: &str = "planted-payload-5d1e";
/// In the key that seals values, as bytes and as it would be printed.
pub(crate) const KEY: [u8; 32] = [0xa7; 32];

/// What was said aloud, over all tests.
static LEAKS: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// How much was listened to: an ear that hears nothing proves nothing.
static HEARD: AtomicU64 = AtomicU64::new(0);

/// Begins to listen to the log lines of this process.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Ear).expect("nobody else listens"));
}

/// Listens to an error and all its causes, in both forms.
pub(crate) fn heard(error: &dyn StdError) {
    let mut text = format!("{error:?} {error}");
    let mut next = error.source();
    while let Some(cause) = next {
        let _ = write!(text, " {cause:?} {cause}");
        next = cause.source();
    }
    overhear(&text);
}

/// Listens to anything else that is shown.
pub(crate) fn overhear(text: &str) {
    HEARD.fetch_add(1, Ordering::Relaxed);
    let sealing = format!("{:?}", &KEY[..4]);
    let hex = "a7a7a7a7";
    for secret in [PASSWORD, MARK, sealing.trim_matches(['[', ']']), hex] {
        if text.contains(secret) {
            LEAKS.lock().unwrap().push(text.to_owned());
        }
    }
}

/// Asserts that nothing secret was shown so far.
pub(crate) fn assert_discreet() {
    let leaks = LEAKS.lock().unwrap();
    assert!(leaks.is_empty(), "{} texts show a secret, the first: {}", leaks.len(), leaks[0]);
    assert!(HEARD.load(Ordering::Relaxed) > 0, "nothing was logged at all");
}

struct Ear;

impl Subscriber for Ear {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut words = Words(span.metadata().name().to_owned());
        span.record(&mut words);
        overhear(&words.0);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut words = Words(String::new());
        values.record(&mut words);
        overhear(&words.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = Words(event.metadata().target().to_owned());
        event.record(&mut words);
        overhear(&words.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }

    fn record_error(&mut self, _: &Field, value: &(dyn StdError + 'static)) {
        let mut next = Some(value);
        while let Some(cause) = next {
            let _ = write!(self.0, " {cause:?} {cause}");
            next = cause.source();
        }
    }
}

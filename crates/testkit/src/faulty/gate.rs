//! A point at which a call stops until the test lets it go on.

use std::sync::Arc;

use tokio::sync::Notify;

/// A stop for one call, so that a test decides what happens in between.
///
/// The test waits until the call has [reached](Self::reached) it, does what is to come first,
/// [opens](Self::open) it, and may wait until the call has [finished](Self::finished).
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<Stations>);

/// Each notification keeps a permit, so nobody has to wait before it is given.
#[derive(Debug, Default)]
struct Stations {
    reached: Notify,
    opened: Notify,
    finished: Notify,
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns when the call stands before the gate.
    pub async fn reached(&self) {
        self.0.reached.notified().await;
    }

    /// Lets the call go on; also before it has come.
    pub fn open(&self) {
        self.0.opened.notify_one();
    }

    /// Returns when the call is done.
    pub async fn finished(&self) {
        self.0.finished.notified().await;
    }

    pub(super) async fn pass(&self) {
        self.0.reached.notify_one();
        self.0.opened.notified().await;
    }

    pub(super) fn finish(&self) {
        self.0.finished.notify_one();
    }
}

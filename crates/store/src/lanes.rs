//! The lanes of a store, and which of them a call takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use roomkey_core::{Class, Error, Result};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::connect::{Connection, Connector};
use crate::lane::{Call, Lane};

/// Calls under way at which a lane is busy and the next one is taken as well.
///
/// One connection is faster than two as long as it keeps up: its calls share writes and reads of the socket, and the
/// server's wake-ups. Measured: 442 000 small reads a second over one against 315 000 over two, with 256 tasks.
const BUSY: u64 = 512;

/// The connections that all calls share.
#[derive(Debug)]
pub(crate) struct Lanes {
    lanes: Vec<Lane>,
    closed: AtomicBool,
    changed: Arc<Notify>,
}

impl Lanes {
    /// Starts `count` lanes, the first with a connection that is open already.
    pub(crate) fn start(
        connector: &Arc<Connector>,
        first: Connection,
        count: usize,
        patience: Duration,
    ) -> Self {
        let changed = Arc::new(Notify::new());
        let mut first = Some(first);
        let lanes = (0..count.max(1))
            .map(|_| Lane::start(Arc::clone(connector), first.take(), patience, Arc::clone(&changed)))
            .collect();
        Self { lanes, closed: AtomicBool::new(false), changed }
    }

    /// Begins a call on a lane that is up, waiting for one if none is.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`], and [`Error::Permanent`] when no lane can come up before somebody changes something.
    pub(crate) async fn begin(&self) -> Result<Call<'_>> {
        loop {
            if self.is_closed() {
                return Err(Error::Closed);
            }
            if let Some(call) = self.pick() {
                return Ok(call);
            }
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed, so what changed before is looked at once more.
            changed.as_mut().enable();
            if self.is_closed() || self.lanes.iter().any(|lane| lane.is_up()) {
                continue;
            }
            if let Some(error) = self.hopeless() {
                return Err(error);
            }
            changed.await;
        }
    }

    /// What keeps calls waiting, for an error that says so.
    pub(crate) fn trouble(&self) -> Error {
        self.lanes
            .iter()
            .find_map(Lane::trouble)
            .unwrap_or_else(|| Error::not_executed("no connection to the server is up yet"))
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Completes when the store is closed.
    pub(crate) async fn closed(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.is_closed() {
                return;
            }
            changed.await;
        }
    }

    /// Takes no more calls, waits for those under way until the deadline, and closes the connections.
    pub(crate) async fn close(&self, deadline: Instant) {
        self.closed.store(true, Ordering::Release);
        self.changed.notify_waiters();
        while self.lanes.iter().any(|lane| lane.load() > 0) && Instant::now() < deadline {
            sleep(Duration::from_millis(1)).await;
        }
        for lane in &self.lanes {
            lane.stop();
        }
    }

    fn pick(&self) -> Option<Call<'_>> {
        let free = self.lanes.iter().filter(|lane| lane.load() < BUSY).find_map(Lane::begin);
        free.or_else(|| {
            let least = self.lanes.iter().filter(|lane| lane.is_up()).min_by_key(|lane| lane.load())?;
            least.begin()
        })
    }

    /// The trouble of the lanes, if none of them can expect to get over it by itself.
    fn hopeless(&self) -> Option<Error> {
        let mut troubles = self.lanes.iter().map(Lane::trouble);
        let first = troubles.next()??;
        let permanent = |error: &Error| error.class() == Class::Permanent;
        (permanent(&first) && troubles.all(|other| other.as_ref().is_some_and(permanent))).then_some(first)
    }
}

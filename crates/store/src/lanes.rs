//! The lanes of a node, and which of them a call takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use roomkey_core::{Class, Error, Result};

use crate::connect::Connection;
use crate::lane::Lane;
use crate::line::Call;
use crate::site::Site;

/// Calls under way at which a lane is busy and reads take the next one as well.
///
/// Calls on one connection share writes and reads of the socket, so few calls are best on one. Many on one move in step: all
/// wait for the server, then the server waits for them. Measured with 256 tasks: 12 % more reads a second over two lanes
/// than over one; with 64 and with 1 024 the difference is noise, and four lanes are no better than two.
const BUSY: u64 = 128;

/// The connections that all calls share.
///
/// Writes take the first, and wait for it when it is down: a server runs the commands of one connection in order, so a
/// write that was given up there cannot overtake a later one. To let writes move to another lane would make a grave of
/// each connection they leave, and win little: what takes one connection down mostly takes all, and a lane opens its next
/// connection at once. Reads take whichever is there.
#[derive(Debug)]
pub(crate) struct Lanes {
    lanes: Vec<Lane>,
    /// Writes have the first to themselves: they hold up a connection while they wait for replicas.
    apart: bool,
    closed: AtomicBool,
    site: Arc<Site>,
}

impl Lanes {
    /// Starts `count` lanes, the first with a connection that is open already, if there is one.
    pub(crate) fn start(site: &Arc<Site>, first: Option<Connection>, count: usize, apart: bool) -> Self {
        let mut first = first;
        let lanes = (0..count.max(if apart { 2 } else { 1 }))
            .map(|_| Lane::start(Arc::clone(site), first.take()))
            .collect();
        Self { lanes, apart, closed: AtomicBool::new(false), site: Arc::clone(site) }
    }

    /// Begins a call on a lane that is up, waiting for one if none is.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`], and [`Error::Permanent`] when no lane can come up before somebody changes something.
    pub(crate) async fn begin(&self, writes: bool) -> Result<Call> {
        let lanes = self.open_to(writes);
        loop {
            if self.is_closed() {
                return Err(Error::Closed);
            }
            if let Some(call) = pick(lanes, writes) {
                return Ok(call);
            }
            let changed = self.site.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed, so what changed before is looked at once more.
            changed.as_mut().enable();
            if self.is_closed() || lanes.iter().any(Lane::is_up) {
                continue;
            }
            if let Some(error) = hopeless(lanes) {
                return Err(error);
            }
            changed.await;
        }
    }

    /// Returns when no write on the lane of writes may still run that nobody waits for.
    pub(crate) async fn lay_to_rest(&self) -> Result<()> {
        for lane in self.open_to(true) {
            lane.lay_to_rest().await?;
        }
        Ok(())
    }

    /// Whether any of them is up.
    pub(crate) fn is_up(&self) -> bool {
        self.lanes.iter().any(Lane::is_up)
    }

    /// Whether none is up, and not because none could be yet.
    pub(crate) fn have_failed(&self) -> bool {
        self.lanes.iter().all(|lane| lane.trouble().is_some())
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
            let changed = self.site.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.is_closed() {
                return;
            }
            changed.await;
        }
    }

    /// Takes no more calls.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.site.changed.notify_waiters();
    }

    /// Closes the connections, with whatever is under way on them.
    pub(crate) fn stop(&self) {
        self.lanes.iter().for_each(Lane::stop);
    }

    /// The lanes that a call may take.
    fn open_to(&self, writes: bool) -> &[Lane] {
        match (writes, self.apart) {
            (true, _) => &self.lanes[..1],
            (false, true) => &self.lanes[1..],
            (false, false) => &self.lanes,
        }
    }
}

fn pick(lanes: &[Lane], writes: bool) -> Option<Call> {
    let free = lanes.iter().find_map(|lane| lane.begin(writes, BUSY));
    free.or_else(|| {
        let least = lanes.iter().filter(|lane| lane.is_up()).min_by_key(|lane| lane.load())?;
        least.begin(writes, u64::MAX)
    })
}

/// The trouble of the lanes, if none of them can expect to get over it by itself.
fn hopeless(lanes: &[Lane]) -> Option<Error> {
    let mut troubles = lanes.iter().map(Lane::trouble);
    let first = troubles.next()??;
    let permanent = |error: &Error| error.class() == Class::Permanent;
    (permanent(&first) && troubles.all(|other| other.as_ref().is_some_and(permanent))).then_some(first)
}

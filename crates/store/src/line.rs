//! One connection in use by many calls, and one call on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::connect::Connection;
use crate::link::Link;
use crate::server::Server;
use crate::site::Site;
use crate::tally::{Entry, Tally};

/// A connection that calls share, from its first call to its last.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) link: Link,
    pub(crate) tally: Tally,
    /// By what name the server knows it, if it told.
    client: Option<u64>,
    /// Whether another connection has taken its place, so that calls still under way on it are not followed by later ones.
    retired: AtomicBool,
    site: Arc<Site>,
}

impl Line {
    pub(crate) fn new(connection: &Connection, site: Arc<Site>) -> Arc<Self> {
        Arc::new(Self {
            link: connection.link().clone(),
            tally: Tally::default(),
            client: connection.client(),
            retired: AtomicBool::new(false),
            site,
        })
    }

    /// Begins a call.
    pub(crate) fn begin(self: Arc<Self>, writes: bool) -> Call {
        let entry = self.tally.begin(writes);
        Call { line: self, entry, end: End::Unanswered }
    }

    /// Asks the server for a sign of life, and with it for everything before.
    pub(crate) async fn ping(self: Arc<Self>) -> bool {
        let call = self.begin(false);
        let alive = call.link().send(&redis::cmd("PING")).await.is_ok();
        if alive {
            call.answered();
        }
        alive
    }

    /// Lets another take its place. Calls under way may still be answered; one that is given up makes it a grave.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::SeqCst);
        if self.tally.haunted() {
            self.dig();
        }
    }

    /// Gives it up together with all calls on it.
    pub(crate) fn abandon(&self) {
        self.retired.store(true, Ordering::SeqCst);
        if self.tally.may_write() {
            self.dig();
        }
    }

    fn dig(&self) {
        self.site.graves.dig(&self.link.server.run, self.client);
    }
}

/// A call under way. Dropped without an answer, it is one that may yet happen.
#[derive(Debug)]
pub(crate) struct Call {
    line: Arc<Line>,
    entry: Entry,
    end: End,
}

/// How a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Unanswered,
    Answered,
    /// Nothing was sent.
    Unused,
}

impl Call {
    /// What is sent through.
    pub(crate) fn link(&self) -> &Link {
        &self.line.link
    }

    /// Ends the call with an answer, which proves the server alive, and tells whose answer it was.
    pub(crate) fn answered(mut self) -> Arc<Server> {
        self.end = End::Answered;
        self.line.site.breaker.heard();
        Arc::clone(&self.line.link.server)
    }

    /// Ends the call before anything was sent.
    pub(crate) fn unused(mut self) {
        self.end = End::Unused;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let line = &self.line;
        match self.end {
            End::Unused => line.tally.withdraw(&self.entry),
            end => line.tally.end(&self.entry, end == End::Answered),
        }
        if self.end == End::Unanswered {
            line.site.breaker.unheard();
            // Either this sees that the line is retired, or who retires it sees the call that was just counted as lost.
            if line.retired.load(Ordering::SeqCst) && line.tally.haunted() {
                line.dig();
            }
        }
    }
}

//! What commands are sent through, and how they learn that no answer can come any more.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisResult, Value};
use tokio::sync::Notify;

use crate::convoy::Convoy;
use crate::error::broken;
use crate::server::Server;

/// One handle on a connection; clones of it send through the same.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) server: Arc<Server>,
    wire: Wire,
    convoy: Arc<Convoy>,
}

/// Why a command has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    /// The connection had ended before the command was handed to it, so that the command certainly did not run.
    #[error("the connection had ended before the command was sent")]
    Unsent,
    /// The connection broke, and the command may have run, or may yet.
    #[error("the connection broke before the answer came")]
    Broken(#[source] io::Error),
}

impl Link {
    pub(crate) fn new(wire: Wire, server: Arc<Server>) -> Self {
        Self { server, wire, convoy: Arc::new(Convoy::new()) }
    }

    /// Sends one command and waits for its answer, which may be the server's refusal, as long as one can come.
    pub(crate) async fn send(&self, command: &Cmd) -> Result<Value, Lost> {
        self.wire.send(command).await
    }

    /// Sends commands together and waits for their answers, as long as they can come.
    pub(crate) async fn send_all(&self, commands: &Pipeline) -> Result<Vec<Value>, Lost> {
        self.wire.send_all(commands).await
    }

    /// Sends one command with whatever else is about to leave, and waits for its answer.
    pub(crate) async fn send_in_crowd(&self, command: &Cmd) -> roomkey_core::Result<Value> {
        self.convoy.send(command.clone(), &self.wire).await
    }
}

/// An open connection before it is known who answers, and all that its link needs after.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    multiplexed: MultiplexedConnection,
    end: Arc<End>,
}

impl Wire {
    pub(crate) fn new(multiplexed: MultiplexedConnection, end: Arc<End>) -> Self {
        Self { multiplexed, end }
    }

    /// As [`Link::send`].
    pub(crate) async fn send(&self, command: &Cmd) -> Result<Value, Lost> {
        let mut multiplexed = self.multiplexed.clone();
        let answer = pin!(multiplexed.send_packed_command(command));
        self.end.or(answer).await
    }

    /// As [`Link::send_all`].
    pub(crate) async fn send_all(&self, commands: &Pipeline) -> Result<Vec<Value>, Lost> {
        let mut multiplexed = self.multiplexed.clone();
        let answers = pin!(multiplexed.send_packed_commands(commands, 0, commands.len()));
        self.end.or(answers).await
    }
}

/// The end of a connection: nothing is read from it any more.
#[derive(Debug, Default)]
pub(crate) struct End {
    come: AtomicBool,
    waiting: Notify,
}

impl End {
    /// Tells everybody who waits for an answer that none will come.
    pub(crate) fn comes(&self) {
        self.come.store(true, Ordering::Release);
        self.waiting.notify_waiters();
    }

    /// Waits for an answer, but not after the end of the connection.
    ///
    /// A command that is handed over while the connection ends may come to lie in a queue that nobody empties any more,
    /// and that lives as long as somebody waits for it. (The channel of `redis` is closed and drained, and then a sender
    /// that had its place already puts its message in.)
    async fn or<T>(&self, answer: Pin<&mut impl Future<Output = RedisResult<T>>>) -> Result<T, Lost> {
        // Made before the look at the flag, so that an end between the two is not missed.
        let end = self.waiting.notified();
        if self.come.load(Ordering::Acquire) {
            return Err(Lost::Unsent);
        }
        tokio::select! {
            // An answer that is there counts, also when the connection has ended behind it.
            biased;
            answer = answer => answer.map_err(|error| Lost::Broken(broken(&error))),
            () = end => Err(Lost::Broken(io::ErrorKind::BrokenPipe.into())),
        }
    }
}

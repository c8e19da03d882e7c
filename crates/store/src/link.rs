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
use crate::server::Server;

/// One handle on a connection; commands are sent through clones of it.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) multiplexed: MultiplexedConnection,
    pub(crate) server: Arc<Server>,
    pub(crate) end: Arc<End>,
    /// What is about to be sent through it together.
    pub(crate) convoy: Arc<Convoy>,
}

impl Link {
    /// Sends one command and waits for its answer, as long as one can come.
    pub(crate) async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        let answer = pin!(self.multiplexed.send_packed_command(command));
        self.end.or(answer).await
    }

    /// Sends commands together and waits for their answers, as long as they can come.
    pub(crate) async fn send_all(&mut self, commands: &Pipeline) -> RedisResult<Vec<Value>> {
        let answers = pin!(self.multiplexed.send_packed_commands(commands, 0, commands.len()));
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
    async fn or<T>(&self, answer: Pin<&mut impl Future<Output = RedisResult<T>>>) -> RedisResult<T> {
        // Made before the look at the flag, so that an end between the two is not missed.
        let end = self.waiting.notified();
        if self.come.load(Ordering::Acquire) {
            return Err(io::Error::new(io::ErrorKind::NotConnected, Unsent).into());
        }
        tokio::select! {
            // An answer that is there counts, also when the connection has ended behind it.
            biased;
            answer = answer => answer,
            () = end => Err(io::Error::from(io::ErrorKind::BrokenPipe).into()),
        }
    }
}

/// The connection had ended before a command was handed to it, so that the command certainly did not run.
#[derive(Debug, thiserror::Error)]
#[error("the connection had ended before the command was sent")]
pub(crate) struct Unsent;

//! What commands are sent through, and how they learn that no answer can come any more.
//!
//! A connection is a task, the [`driver`], that alone touches the socket, and an [`outbox`] in which calls leave their
//! commands for it. Answers come in the order of the commands. That order is that of the calls, but for reads of single
//! values: they leave behind whatever waits with them.

mod driver;
mod outbox;
mod reply;
pub(crate) mod resp;

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use metrics::Histogram;
use redis::{Cmd, Pipeline, Value};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use self::outbox::{Answer, Outbox};
use crate::durability::{Durability, GroupCommit, Replicated};
use crate::error::lost;
use crate::packed::Packed;
use crate::server::Server;

/// One handle on a connection; clones of it send through the same.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) server: Arc<Server>,
    wire: Wire,
    /// Where writes wait for each other, if they are to wait for replicas.
    commits: Option<Arc<GroupCommit>>,
}

/// Why a command has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    /// The connection had ended before the command was handed to it, so that the command certainly did not run.
    #[error("the connection had ended before the command was sent")]
    Unsent,
    /// The deadline has passed while the command waited to be sent, and it never will be.
    #[error("the deadline passed before the command could be sent")]
    NotInTime,
    /// The deadline has passed, and the command may have run, or may yet.
    #[error("the deadline passed before the answer came")]
    Overdue,
    /// The connection broke, and the command may have run, or may yet.
    #[error("the connection broke before the answer came")]
    Broken(#[source] io::Error),
}

impl Link {
    pub(crate) fn new(wire: Wire, server: Arc<Server>, durability: Option<Durability>) -> Self {
        let commits = durability.map(|durability| Arc::new(GroupCommit::new(durability)));
        Self { server, wire, commits }
    }

    /// Sends one command and waits for its answer, which may be the server's refusal, as long as one can come.
    pub(crate) async fn send(&self, command: &Cmd) -> Result<Value, Lost> {
        self.wire.send(&command.into(), None).await
    }

    /// As [`send`](Self::send), but not much longer than until the deadline.
    pub(crate) async fn send_until(&self, deadline: Instant, command: &Packed) -> Result<Value, Lost> {
        self.wire.send(command, Some(deadline)).await
    }

    /// Sends commands together and in order, with nothing between them, and waits for their answers, as long as they can
    /// come.
    pub(crate) async fn send_all(&self, commands: &Pipeline) -> Result<Vec<Value>, Lost> {
        self.wire.send_all(commands).await
    }

    /// As [`send_until`](Self::send_until), and if it `writes`, waits also for the replicas that are to have it.
    pub(crate) async fn commit(
        &self,
        deadline: Instant,
        command: &Packed,
        writes: bool,
    ) -> roomkey_core::Result<Replicated<Value>> {
        match self.commits.as_ref().filter(|_| writes) {
            Some(commits) => timeout_at(deadline, commits.send(&self.wire, command))
                .await
                .unwrap_or_else(|_| Err(lost(Lost::Overdue))),
            None => Ok((self.send_until(deadline, command).await.map_err(lost)?, None)),
        }
    }

    /// As [`send_all`](Self::send_all), but not much longer than until the deadline; and if anything of it `writes`, waits
    /// also for the replicas that are to have it.
    pub(crate) async fn commit_unit(
        &self,
        deadline: Instant,
        commands: Vec<Cow<'_, Packed>>,
        writes: bool,
    ) -> roomkey_core::Result<Replicated<Vec<Value>>> {
        match self.commits.as_ref().filter(|_| writes) {
            Some(commits) => commits.send_unit(&self.wire, commands, deadline).await,
            None => Ok((self.wire.send_unit(&commands, Some(deadline)).await.map_err(lost)?, None)),
        }
    }
}

/// An open connection before it is known who answers.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    outbox: Arc<Outbox>,
}

impl Wire {
    /// A wire over an open socket, and the driver that has to run for anything to be sent. When the driver ends or is
    /// dropped, the socket closes, and whoever still waits is told. Reads of single values of different calls leave as
    /// one command, if `gathers`; in a cluster their keys may not stand together. `sizes` is told how much leaves together.
    pub(crate) fn new<S>(
        stream: S,
        gathers: bool,
        sizes: Histogram,
    ) -> (Self, impl Future<Output = ()> + Send + use<S>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let outbox = Arc::new(Outbox::new(gathers, sizes));
        (Self { outbox: Arc::clone(&outbox) }, driver::drive(stream, outbox))
    }

    /// As [`Link::send_until`], if there is a deadline.
    async fn send(&self, command: &Packed, deadline: Option<Instant>) -> Result<Value, Lost> {
        let (answer, answered) = Answer::new(deadline);
        self.outbox.add(command, answer)?;
        answered.await.unwrap_or_else(unanswered)
    }

    /// As [`Link::send_all`].
    pub(crate) async fn send_all(&self, commands: &Pipeline) -> Result<Vec<Value>, Lost> {
        let commands: Vec<_> = commands.cmd_iter().map(|command| Cow::Owned(command.into())).collect();
        self.send_unit(&commands, None).await
    }

    /// As [`Link::send_all`], if there is a deadline not much longer than until then.
    pub(crate) async fn send_unit(
        &self,
        commands: &[Cow<'_, Packed>],
        deadline: Option<Instant>,
    ) -> Result<Vec<Value>, Lost> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(answered) = self.outbox.add_gets(commands, deadline) {
            let answered = answered?;
            let mut values = Vec::with_capacity(answered.len());
            for answered in answered {
                values.push(answered.await.unwrap_or_else(unanswered)?);
            }
            return Ok(values);
        }
        let (answer, answered) = Answer::new(deadline);
        self.outbox.add_unit(commands, answer)?;
        answered.await.unwrap_or_else(unanswered)
    }
}

/// The driver tells everybody of its end; whoever it could not tell knows as little as the others.
fn unanswered<T>(_: oneshot::error::RecvError) -> Result<T, Lost> {
    Err(Lost::Broken(io::ErrorKind::BrokenPipe.into()))
}

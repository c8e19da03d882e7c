//! Writes that count as done only when replicas have them.
//!
//! `WAIT` holds up its connection until as many replicas as wanted have confirmed everything that was written on it
//! before. So one `WAIT` serves many writes (a group commit): those of different calls leave together with one behind
//! them, and those that come while it waits are the next group.

use std::borrow::Cow;
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::Value;
use roomkey_core::{Error, Failure, Result};
use tokio::runtime::Handle;
use tokio::sync::{OwnedMutexGuard, oneshot};
use tokio::time::Instant;

use crate::config::RedisConfig;
use crate::error::{lost, unexpected_answer};
use crate::link::Wire;
use crate::packed::Packed;

/// What an [`Error::Ambiguous`] comes from when the write was done, and too few replicas have confirmed it in time: it is
/// there, and a failover may take it back.
///
/// ```
/// use std::error::Error as _;
///
/// use roomkey_core::Error;
/// use roomkey_store::NotReplicated;
///
/// fn is_written(error: &Error) -> bool {
///     let Error::Ambiguous(failure) = error else { return false };
///     failure.source().is_some_and(|source| source.is::<NotReplicated>())
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{confirmed} of {wanted} replicas have confirmed it in time")]
#[non_exhaustive]
pub struct NotReplicated {
    /// How many replicas were to confirm it, see [`wait_replicas`](crate::RedisConfigBuilder::wait_replicas).
    pub wanted: u32,
    /// How many have.
    pub confirmed: u32,
}

impl From<NotReplicated> for Error {
    fn from(cause: NotReplicated) -> Self {
        Self::Ambiguous(Failure::new("it is written, but too few replicas have it", cause))
    }
}

/// How many replicas a write waits for, and how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Durability {
    replicas: u32,
    timeout: Duration,
}

/// What became of a write: its answer, and whether that may still be taken back.
pub(crate) type Replicated<T> = (T, Option<NotReplicated>);

impl Durability {
    /// None where a write counts as done when the master has it.
    pub(crate) fn of(config: &RedisConfig) -> Option<Self> {
        let (replicas, timeout) = (config.wait_replicas, config.wait_timeout);
        (replicas > 0).then_some(Self { replicas, timeout })
    }

    /// Sends commands together and then waits for the replicas.
    async fn send_unit(
        &self,
        wire: &Wire,
        mut commands: Vec<Cow<'_, Packed>>,
        deadline: Option<Instant>,
    ) -> Result<Replicated<Vec<Value>>> {
        commands.push(Cow::Owned(self.wait()));
        let mut answers = wire.send_unit(&commands, deadline).await.map_err(lost)?;
        let confirmed = match answers.pop() {
            Some(Value::Int(confirmed)) => u32::try_from(confirmed).unwrap_or_default(),
            // It refuses to wait, as one that has become a replica does.
            Some(Value::ServerError(_)) => 0,
            _ => return Err(unexpected_answer()),
        };
        let wanted = self.replicas;
        Ok((answers, (confirmed < wanted).then_some(NotReplicated { wanted, confirmed })))
    }

    fn wait(&self) -> Packed {
        // 0 would mean for ever.
        let milliseconds = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut wait = Packed::new("WAIT", 2, 0);
        wait.unsigned(self.replicas.into()).unsigned(milliseconds);
        wait
    }
}

/// The writes of one connection that wait to leave as a group.
pub(crate) struct GroupCommit {
    durability: Durability,
    /// A plain lock: it is held for a push or a swap, and never across an await.
    waiting: Mutex<Vec<Write>>,
    /// Who holds it sends the next group.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Where groups are sent from: the runtime of the store, not that of a caller, which may end while others wait.
    home: Handle,
}

struct Write {
    command: Packed,
    answer: oneshot::Sender<Result<Replicated<Value>>>,
}

impl GroupCommit {
    /// # Panics
    ///
    /// Outside of a runtime, where no connection can be opened either.
    pub(crate) fn new(durability: Durability) -> Self {
        Self { durability, waiting: Mutex::default(), turn: Arc::default(), home: Handle::current() }
    }

    /// Sends a write with all others that are waiting, and returns when enough replicas have it, or too few in time.
    pub(crate) async fn send(&self, wire: &Wire, command: &Packed) -> Result<Replicated<Value>> {
        let (answer, mut answered) = oneshot::channel();
        self.waiting().push(Write { command: command.clone(), answer });
        tokio::select! {
            // Another has taken this one along: nothing is left to be sent.
            biased;
            answer = &mut answered => return answer.unwrap_or_else(|_| Err(ended())),
            turn = Arc::clone(&self.turn).lock_owned() => {
                let group = mem::take(&mut *self.waiting());
                if !group.is_empty() {
                    // In a task of its own: the call that sends a group may be given up, the others go on.
                    self.home.spawn(commit(group, self.durability, wire.clone(), turn));
                }
            }
        }
        answered.await.unwrap_or_else(|_| Err(ended()))
    }

    /// Sends commands that go together anyway, and returns when enough replicas have them, or too few in time.
    pub(crate) async fn send_unit(
        &self,
        wire: &Wire,
        commands: Vec<Cow<'_, Packed>>,
        deadline: Instant,
    ) -> Result<Replicated<Vec<Value>>> {
        self.durability.send_unit(wire, commands, Some(deadline)).await
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Write>> {
        // A panic elsewhere cannot leave a vector half-pushed.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn commit(group: Vec<Write>, durability: Durability, wire: Wire, turn: OwnedMutexGuard<()>) {
    let mut commands = Vec::with_capacity(group.len() + 1);
    let mut waiting = Vec::with_capacity(group.len());
    // Nobody waits any more for what was given up, and it has not been sent yet.
    for Write { command, answer } in group.into_iter().filter(|write| !write.answer.is_closed()) {
        commands.push(Cow::Owned(command));
        waiting.push(answer);
    }
    if waiting.is_empty() {
        return;
    }
    // Each call keeps its own time.
    let outcome = durability.send_unit(&wire, commands, None).await;
    drop(turn);
    // A call that was given up in the meantime does not listen to what it is told.
    match outcome {
        Ok((answers, shortfall)) => {
            let mut answers = answers.into_iter();
            for waiting in waiting {
                let answer = answers.next().map(|answer| (answer, shortfall));
                let _ = waiting.send(answer.ok_or_else(unexpected_answer));
            }
        }
        Err(error) => {
            for waiting in waiting {
                let _ = waiting.send(Err(error.clone()));
            }
        }
    }
}

fn ended() -> Error {
    Error::ambiguous("the runtime of the store ended")
}

/// Shows nothing of what waits: commands hold what callers entrust to them.
impl fmt::Debug for GroupCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { durability, waiting: _, turn: _, home: _ } = self;
        f.debug_struct("GroupCommit").field("durability", durability).finish_non_exhaustive()
    }
}

//! Commands of different calls that wait at the same moment travel together.
//!
//! A command alone costs a message to the task of the connection, a wake-up of it and a write to the socket. When many
//! tasks call at once, most of a client's time goes there. So on a busy lane a command does not leave at once: it waits
//! for a task of the connection, which lets everybody run who is ready to, and takes along what they have to send.
//! Nothing waits for a clock, and a command that is alone does not come here at all.
//!
//! Those who travel together arrive together: the answers of a convoy are given out when the last has come, and if the
//! connection breaks before that, they are all lost.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::{Cmd, Pipeline, Value};
use roomkey_core::{Error, Result};
use tokio::sync::{Notify, oneshot};
use tokio::task::yield_now;

use crate::error::{lost, unexpected_answer};
use crate::link::Link;

/// The commands of one connection that are about to leave.
#[derive(Default)]
pub(crate) struct Convoy {
    /// A plain lock: it is held for a push or a swap, and never across an await.
    platform: Mutex<Platform>,
    called: Notify,
}

#[derive(Default)]
struct Platform {
    waiting: Vec<Passenger>,
    /// Nobody carries convoys any more.
    closed: bool,
}

struct Passenger {
    command: Cmd,
    answer: oneshot::Sender<Result<Value>>,
}

impl Convoy {
    /// Sends a command with whatever else is about to leave, and waits for its answer.
    ///
    /// # Errors
    ///
    /// That it could not leave, or that the answer is lost; what the server refuses is a value.
    pub(crate) async fn send(&self, command: Cmd) -> Result<Value> {
        let (answer, answered) = oneshot::channel();
        self.join(Passenger { command, answer })?;
        answered.await.unwrap_or_else(|_| Err(Error::ambiguous("the runtime of the store ended")))
    }

    /// Carries convoys over a connection, in a task of that connection, until the task is aborted.
    ///
    /// It is the connection's and not a caller's: a caller may be given up, and its runtime may end or rest, while
    /// others wait here.
    pub(crate) async fn carry(self: Arc<Self>, link: Link) {
        let _closing = Closing(Arc::clone(&self));
        loop {
            self.called.notified().await;
            yield_now().await;
            let passengers = std::mem::take(&mut self.platform().waiting);
            // The next convoy does not wait for this one to come back.
            tokio::spawn(travel(passengers, link.clone()));
        }
    }

    fn join(&self, passenger: Passenger) -> Result<()> {
        let mut platform = self.platform();
        if platform.closed {
            return Err(never_left());
        }
        platform.waiting.push(passenger);
        let first = platform.waiting.len() == 1;
        drop(platform);
        if first {
            self.called.notify_one();
        }
        Ok(())
    }

    fn platform(&self) -> MutexGuard<'_, Platform> {
        // A panic elsewhere cannot leave a vector half-pushed.
        self.platform.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn travel(passengers: Vec<Passenger>, mut link: Link) {
    let mut pipeline = Pipeline::with_capacity(passengers.len());
    let mut waiting = Vec::with_capacity(passengers.len());
    // Nobody waits any more for a command that was given up, and it has not been sent yet.
    for Passenger { command, answer } in passengers.into_iter().filter(|one| !one.answer.is_closed()) {
        pipeline.add_command(command);
        waiting.push(answer);
    }
    if waiting.is_empty() {
        return;
    }
    // A call that was given up in the meantime does not listen to what it is told.
    match link.send_all(&pipeline).await {
        Ok(answers) => {
            let mut answers = answers.into_iter();
            for answer in waiting {
                let _ = answer.send(answers.next().ok_or_else(unexpected_answer));
            }
        }
        Err(error) => {
            let error = lost(&error);
            for answer in waiting {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}

/// Sends home who still waits when the task that carries convoys ends.
struct Closing(Arc<Convoy>);

impl Drop for Closing {
    fn drop(&mut self) {
        let mut platform = self.0.platform();
        platform.closed = true;
        for passenger in platform.waiting.drain(..) {
            let _ = passenger.answer.send(Err(never_left()));
        }
    }
}

fn never_left() -> Error {
    Error::not_executed("the connection ended before the command left")
}

/// Shows nothing: commands hold what callers entrust to them.
impl fmt::Debug for Convoy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { platform: _, called: _ } = self;
        f.debug_struct("Convoy").finish_non_exhaustive()
    }
}

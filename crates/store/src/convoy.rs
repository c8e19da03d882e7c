//! Commands of different calls that wait at the same moment travel together.
//!
//! A command alone costs a message to the task of the connection, a wake-up of it and a write to the socket. When many
//! tasks call at once, most of a client's time goes there. So the first command of a busy lane does not leave at once:
//! it lets everybody run who is ready to, and takes along what they have to send. Nothing waits for a clock, and a
//! command that is alone does not come here at all.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::{Cmd, Pipeline, Value};
use roomkey_core::{Error, Result};
use tokio::sync::oneshot;
use tokio::task::yield_now;

use crate::error::{lost, unexpected_answer};
use crate::link::Link;

/// The commands of one connection that are about to leave.
#[derive(Default)]
pub(crate) struct Convoy {
    /// A plain lock: it is held for a push or a swap, and never across an await.
    waiting: Mutex<Vec<Passenger>>,
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
    /// That the answer is lost; what the server refuses is a value.
    pub(crate) async fn send(self: &Arc<Self>, command: Cmd, link: &Link) -> Result<Value> {
        let (answer, answered) = oneshot::channel();
        if self.join(Passenger { command, answer }) {
            // In a task of its own: the call that starts a convoy may be given up, those that travel with it go on.
            tokio::spawn(Arc::clone(self).leave(link.clone()));
        }
        answered
            .await
            .unwrap_or_else(|_| Err(Error::ambiguous("the runtime that carried the command has ended")))
    }

    /// Whether this passenger is the first, who has to see to it that the convoy leaves.
    fn join(&self, passenger: Passenger) -> bool {
        let mut waiting = self.waiting();
        waiting.push(passenger);
        waiting.len() == 1
    }

    /// Lets the others come, and leaves with all who have.
    async fn leave(self: Arc<Self>, mut link: Link) {
        yield_now().await;
        let passengers = std::mem::take(&mut *self.waiting());
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
        match link.send_all(&pipeline).await {
            Ok(answers) => {
                let mut answers = answers.into_iter();
                for answer in waiting {
                    // A call that was given up in the meantime does not listen.
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

    fn waiting(&self) -> MutexGuard<'_, Vec<Passenger>> {
        // A panic elsewhere cannot leave a vector half-pushed.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows nothing: commands hold what callers entrust to them.
impl fmt::Debug for Convoy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { waiting: _ } = self;
        f.debug_struct("Convoy").finish_non_exhaustive()
    }
}

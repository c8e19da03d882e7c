//! Commands of different calls that wait at the same moment travel together.
//!
//! A command alone costs a message to the task of the connection, a wake-up of it and a write to the socket. When many
//! tasks call at once, most of a client's time goes there. So the first command of a busy lane does not leave at once:
//! it lets everybody run who is ready to, and takes along what they have to send. Nothing waits for a clock, and a
//! command that is alone does not come here at all.
//!
//! Those who travel together arrive together: the answers of a convoy are given out when the last has come, and if the
//! connection breaks before that, they are all lost.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::{Cmd, Pipeline, Value};
use roomkey_core::{Error, Result};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::yield_now;

use crate::error::{lost, unexpected_answer};
use crate::link::Wire;

/// The commands of one connection that are about to leave.
pub(crate) struct Convoy {
    /// A plain lock: it is held for a push or a swap, and never across an await.
    waiting: Mutex<Vec<Passenger>>,
    /// Where convoys are driven: the runtime of the store, not that of a caller, which may end or rest while others wait.
    home: Handle,
}

struct Passenger {
    command: Cmd,
    answer: oneshot::Sender<Result<Value>>,
}

impl Convoy {
    /// Convoys that are driven by the runtime that this is called on.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, where no connection can be opened either.
    pub(crate) fn new() -> Self {
        Self { waiting: Mutex::default(), home: Handle::current() }
    }

    /// Sends a command with whatever else is about to leave, and waits for its answer.
    ///
    /// # Errors
    ///
    /// That it could not leave, or that the answer is lost; what the server refuses is a value.
    pub(crate) async fn send(self: &Arc<Self>, command: Cmd, wire: &Wire) -> Result<Value> {
        let (answer, answered) = oneshot::channel();
        if self.join(Passenger { command, answer }) {
            // In a task of its own: the call that starts a convoy may be given up, those that travel with it go on.
            let departure = Departure(Arc::clone(self));
            let wire = wire.clone();
            self.home.spawn(async move {
                yield_now().await;
                travel(departure.leave(), wire).await;
            });
        }
        answered.await.unwrap_or_else(|_| Err(Error::ambiguous("the runtime of the store ended")))
    }

    /// Whether this passenger is the first, who has to see to it that the convoy leaves.
    fn join(&self, passenger: Passenger) -> bool {
        let mut waiting = self.waiting();
        waiting.push(passenger);
        waiting.len() == 1
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Passenger>> {
        // A panic elsewhere cannot leave a vector half-pushed.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The promise that those who wait will leave. Given up, as by a runtime that ends, it sends them home.
struct Departure(Arc<Convoy>);

impl Departure {
    fn leave(self) -> Vec<Passenger> {
        std::mem::take(&mut *self.0.waiting())
    }
}

impl Drop for Departure {
    fn drop(&mut self) {
        for passenger in self.0.waiting().drain(..) {
            let _ = passenger.answer.send(Err(Error::not_executed("the runtime of the store ended")));
        }
    }
}

async fn travel(passengers: Vec<Passenger>, wire: Wire) {
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
    match wire.send_all(&pipeline).await {
        Ok(answers) => {
            let mut answers = answers.into_iter();
            for answer in waiting {
                let _ = answer.send(answers.next().ok_or_else(unexpected_answer));
            }
        }
        Err(error) => {
            let error = lost(error);
            for answer in waiting {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}

/// Shows nothing: commands hold what callers entrust to them.
impl fmt::Debug for Convoy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { waiting: _, home: _ } = self;
        f.debug_struct("Convoy").finish_non_exhaustive()
    }
}

//! What is about to leave on a connection: where calls put their commands, and its driver takes them.

use std::borrow::Cow;
use std::fmt;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use metrics::Histogram;
use redis::Value;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Lost;
use super::driver::write_get;
use crate::packed::Packed;

/// Where the answer to a command is waited for, or all those to a unit, and until when.
pub(super) struct Answer<T = Value> {
    /// None once it has been given.
    to: Option<oneshot::Sender<Result<T, Lost>>>,
    deadline: Option<Instant>,
}

/// What an answer comes out of.
pub(super) type Answered<T = Value> = oneshot::Receiver<Result<T, Lost>>;

/// The commands of one connection that wait to leave.
pub(super) struct Outbox {
    /// A plain lock: it is held to add a command or to swap a buffer, and never across an await.
    state: Mutex<State>,
    /// Whether reads of single values may leave as one.
    gathers: bool,
    /// How much leaves together.
    sizes: Histogram,
}

#[derive(Default)]
struct State {
    load: Load,
    /// The driver, if it has found nothing here and sleeps.
    driver: Option<Waker>,
    /// Nobody will take anything any more.
    ended: bool,
}

/// What leaves together.
#[derive(Default)]
pub(super) struct Load {
    /// Commands in the order in which they came.
    pub(super) commands: Queue<Waiter>,
    /// The keys of values to read, each as it stands in a command.
    pub(super) gets: Queue<Answer>,
}

/// Who waits for what a command or a unit of commands is answered.
pub(super) enum Waiter {
    One(Answer),
    Many { wanted: usize, answer: Answer<Vec<Value>> },
}

impl<T> Answer<T> {
    pub(super) fn new(deadline: Option<Instant>) -> (Self, Answered<T>) {
        let (to, answered) = oneshot::channel();
        (Self { to: Some(to), deadline }, answered)
    }

    /// Gives the answer, unless one was given. Who has given up does not listen.
    pub(super) fn give(&mut self, answer: Result<T, Lost>) {
        if let Some(to) = self.to.take() {
            let _ = to.send(answer);
        }
    }

    /// Gives up on the answer, if its time is up.
    pub(super) fn give_if_overdue(&mut self, now: Instant, lost: Lost) {
        if self.to.is_some() && self.deadline.is_some_and(|deadline| deadline <= now) {
            self.give(Err(lost));
        }
    }

    /// Whether nobody waits for it any more.
    fn is_given_up(&self) -> bool {
        self.to.as_ref().is_none_or(oneshot::Sender::is_closed)
    }
}

impl Outbox {
    /// An empty one; `gathers` says whether `GET`s of different calls may leave as one `MGET`.
    pub(super) fn new(gathers: bool, sizes: Histogram) -> Self {
        Self { state: Mutex::default(), gathers, sizes }
    }

    /// Adds a command.
    pub(super) fn add(&self, command: &Packed, answer: Answer) -> Result<(), Lost> {
        self.with(|load| match command.key_of_get().filter(|_| self.gathers) {
            Some(key) => load.add_get(key, answer),
            None => {
                command.write(&mut load.commands.bytes);
                load.commands.close(Waiter::One(answer));
            }
        })
    }

    /// Adds commands that stay together and in order.
    pub(super) fn add_unit(
        &self,
        commands: &[Cow<'_, Packed>],
        answer: Answer<Vec<Value>>,
    ) -> Result<(), Lost> {
        self.with(|load| {
            for command in commands {
                command.write(&mut load.commands.bytes);
            }
            load.commands.close(Waiter::Many { wanted: commands.len(), answer });
        })
    }

    /// Adds reads of single values, if all commands are that and may leave as one.
    pub(super) fn add_gets(
        &self,
        commands: &[Cow<'_, Packed>],
        deadline: Option<Instant>,
    ) -> Option<Result<Vec<Answered>, Lost>> {
        if !self.gathers || !commands.iter().all(|command| command.key_of_get().is_some()) {
            return None;
        }
        Some(self.with(|load| {
            let add = |key| {
                let (answer, answered) = Answer::new(deadline);
                load.add_get(key, answer);
                answered
            };
            commands.iter().filter_map(|command| command.key_of_get()).map(add).collect()
        }))
    }

    /// Adds the read of a value that is not to leave with others; the key stands as in a command.
    pub(super) fn add_single_get(&self, key: &[u8], answer: Answer) {
        // Once this has ended, the one who waits learns it from the answer that is dropped here.
        let _ = self.with(|load| {
            write_get(key, &mut load.commands.bytes);
            load.commands.close(Waiter::One(answer));
        });
    }

    /// Changes the load and wakes the driver for it, unless it is awake already.
    fn with<T>(&self, change: impl FnOnce(&mut Load) -> T) -> Result<T, Lost> {
        let mut state = self.state();
        if state.ended {
            return Err(Lost::Unsent);
        }
        let changed = change(&mut state.load);
        let driver = state.driver.take();
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
        Ok(changed)
    }

    /// How many calls wait here. If none does, the driver is woken by the next.
    pub(super) fn waiting(&self, context: &Context<'_>) -> usize {
        let mut state = self.state();
        let waiting = state.load.len();
        if waiting == 0 && !state.driver.as_ref().is_some_and(|driver| driver.will_wake(context.waker())) {
            state.driver = Some(context.waker().clone());
        }
        waiting
    }

    /// Takes everything and leaves an empty load in its place.
    pub(super) fn take(&self, empty: &mut Load) {
        mem::swap(&mut self.state().load, empty);
        empty.forget_given_up();
        self.sizes.record(u32::try_from(empty.len()).unwrap_or(u32::MAX));
    }

    /// Takes out whose time is up, and who has given up.
    pub(super) fn clear(&self, now: Instant) {
        let mut state = self.state();
        for (_, waiter) in &mut state.load.commands.waiters {
            match waiter {
                Waiter::One(answer) => answer.give_if_overdue(now, Lost::NotInTime),
                Waiter::Many { answer, .. } => answer.give_if_overdue(now, Lost::NotInTime),
            }
        }
        for (_, answer) in &mut state.load.gets.waiters {
            answer.give_if_overdue(now, Lost::NotInTime);
        }
        state.load.forget_given_up();
    }

    /// Takes no more, and tells everybody here that nothing of theirs was sent.
    pub(super) fn end(&self) {
        let load = {
            let mut state = self.state();
            state.ended = true;
            state.driver = None;
            mem::take(&mut state.load)
        };
        load.commands.waiters.into_iter().for_each(|(_, waiter)| waiter.lost(Lost::Unsent));
        load.gets.waiters.into_iter().for_each(|(_, mut answer)| answer.give(Err(Lost::Unsent)));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic between the two halves of an addition would leave bytes that nobody waits for, and there is none.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Load {
    fn add_get(&mut self, key: &[u8], answer: Answer) {
        self.gets.bytes.extend_from_slice(key);
        self.gets.close(answer);
    }

    /// Takes out what nobody waits for any more: it has not been sent yet.
    fn forget_given_up(&mut self) {
        self.commands.retain(|waiter| !waiter.is_given_up());
        self.gets.retain(|answer| !answer.is_given_up());
    }

    pub(super) fn len(&self) -> usize {
        self.commands.waiters.len() + self.gets.waiters.len()
    }
}

impl Waiter {
    fn is_given_up(&self) -> bool {
        match self {
            Self::One(answer) => answer.is_given_up(),
            Self::Many { answer, .. } => answer.is_given_up(),
        }
    }

    /// Says that no answer will come. Who has given up does not listen.
    pub(super) fn lost(self, lost: Lost) {
        match self {
            Self::One(mut answer) => answer.give(Err(lost)),
            Self::Many { mut answer, .. } => answer.give(Err(lost)),
        }
    }
}

/// Bytes in a row, and who waits for which of them.
pub(super) struct Queue<W> {
    pub(super) bytes: Vec<u8>,
    /// Each with where its bytes end.
    pub(super) waiters: Vec<(usize, W)>,
}

impl<W> Queue<W> {
    /// Ends the bytes of one waiter.
    pub(super) fn close(&mut self, waiter: W) {
        self.waiters.push((self.bytes.len(), waiter));
    }

    /// Forgets those that are not to be kept, and their bytes.
    fn retain(&mut self, keep: impl Fn(&W) -> bool) {
        if self.waiters.iter().all(|(_, waiter)| keep(waiter)) {
            return;
        }
        let old = mem::take(self);
        let mut start = 0;
        for (end, waiter) in old.waiters {
            if keep(&waiter) {
                self.bytes.extend_from_slice(&old.bytes[start..end]);
                self.close(waiter);
            }
            start = end;
        }
    }
}

impl<W> Default for Queue<W> {
    fn default() -> Self {
        Self { bytes: Vec::new(), waiters: Vec::new() }
    }
}

/// Shows nothing: commands hold what callers entrust to them.
impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state: _, gathers, sizes: _ } = self;
        f.debug_struct("Outbox").field("gathers", gathers).finish_non_exhaustive()
    }
}

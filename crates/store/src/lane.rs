//! One connection that all calls share, and the task that keeps it alive.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use redis::{Cmd, Value};
use roomkey_core::{Error, Result};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::backoff::Backoff;
use crate::connect::{Connection, Connector};
use crate::error::lost;
use crate::link::Link;
use crate::server::Server;

/// How often a lane is looked at.
const BEAT: Duration = Duration::from_secs(1);
/// Beats of silence after which an idle lane is asked for a sign of life: below the idle limits of servers and of load
/// balancers, which begin at 60 seconds.
const IDLE_BEATS: u32 = 20;

/// A supervised connection. Its task opens it, notices its end, and opens the next.
#[derive(Debug)]
pub(crate) struct Lane {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    /// Read by every call, written when the connection comes or goes.
    state: RwLock<State>,
    /// Calls that began, and calls that ended in any way.
    begun: AtomicU64,
    ended: AtomicU64,
    /// Calls that ended without an answer, which are no sign of life.
    forsaken: AtomicU64,
    /// Tells those who wait for any lane that one has changed.
    changed: Arc<Notify>,
}

#[derive(Debug)]
enum State {
    Up(Link),
    /// With the reason, once there is one.
    Down(Option<Error>),
}

impl Lane {
    /// Starts the task, with a connection that is open already or by opening one.
    pub(crate) fn start(
        connector: Arc<Connector>,
        first: Option<Connection>,
        patience: Duration,
        changed: Arc<Notify>,
    ) -> Self {
        let state =
            first.as_ref().map_or(State::Down(None), |connection| State::Up(connection.link().clone()));
        let shared = Arc::new(Shared {
            state: RwLock::new(state),
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            forsaken: AtomicU64::new(0),
            changed,
        });
        let task = tokio::spawn(supervise(Arc::clone(&shared), connector, first, patience));
        Self { shared, task }
    }

    /// How many calls are under way on it.
    pub(crate) fn load(&self) -> u64 {
        self.shared.load()
    }

    /// Begins a call on it, if it is up.
    pub(crate) fn begin(&self) -> Option<Call<'_>> {
        let link = match &*self.shared.state() {
            State::Up(link) => link.clone(),
            State::Down(_) => return None,
        };
        self.shared.begun.fetch_add(1, Ordering::Relaxed);
        Some(Call { link, answered: false, shared: &self.shared })
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(&*self.shared.state(), State::Up(_))
    }

    /// Why it is down; `None` while it is up or has not yet tried.
    pub(crate) fn trouble(&self) -> Option<Error> {
        match &*self.shared.state() {
            State::Up(_) => None,
            State::Down(error) => error.clone(),
        }
    }

    /// Closes the connection and opens no other.
    pub(crate) fn stop(&self) {
        self.task.abort();
        self.shared.set(State::Down(None));
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A call under way.
pub(crate) struct Call<'a> {
    pub(crate) link: Link,
    answered: bool,
    shared: &'a Shared,
}

impl Call<'_> {
    /// Sends one command and waits for its answer.
    pub(crate) async fn send(&self, command: &Cmd) -> Result<Value> {
        self.link.send(command).await.map_err(lost)
    }

    /// Ends the call with an answer, which proves the lane alive, and tells whose answer it was.
    pub(crate) fn answered(mut self) -> Arc<Server> {
        self.answered = true;
        Arc::clone(&self.link.server)
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.shared.forsaken.fetch_add(1, Ordering::Relaxed);
        }
        self.shared.ended.fetch_add(1, Ordering::Relaxed);
    }
}

impl Shared {
    fn state(&self) -> impl std::ops::Deref<Target = State> {
        // A state is replaced as a whole, so a panic elsewhere cannot have left it half-written.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
        self.changed.notify_waiters();
    }

    fn load(&self) -> u64 {
        self.begun.load(Ordering::Relaxed).saturating_sub(self.ended.load(Ordering::Relaxed))
    }

    fn answers(&self) -> u64 {
        self.ended.load(Ordering::Relaxed).wrapping_sub(self.forsaken.load(Ordering::Relaxed))
    }
}

/// Keeps the lane up until the task is aborted.
async fn supervise(
    shared: Arc<Shared>,
    connector: Arc<Connector>,
    mut next: Option<Connection>,
    patience: Duration,
) {
    let mut backoff = Backoff::of_a_lane();
    loop {
        let connection = match next.take() {
            Some(connection) => connection,
            None => match connector.open().await {
                Ok(connection) => {
                    shared.set(State::Up(connection.link().clone()));
                    tracing::debug!(server = %connection.link().server.engine, "a connection to the server is up");
                    connection
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot connect to the server, trying again");
                    shared.set(State::Down(Some(error.into())));
                    sleep(backoff.pause()).await;
                    continue;
                }
            },
        };
        let (opened, answers) = (Instant::now(), shared.answers());
        let up = connector.metrics.lane_up();
        attend(&shared, connection, patience).await;
        drop(up);
        connector.metrics.reconnects.increment(1);
        shared.set(State::Down(Some(Error::not_executed("the connection to the server was lost"))));
        tracing::warn!("a connection to the server was lost, opening another");
        if opened.elapsed() >= BEAT || shared.answers() != answers {
            backoff.reset();
        } else {
            // A server that takes connections only to close them is not to be hammered.
            sleep(backoff.pause()).await;
        }
    }
}

/// Returns when the connection has ended, or gives no sign of life.
///
/// A peer that vanished without a word leaves a connection on which every call runs into its deadline, for as long as
/// the kernel keeps sending again. So after a beat without an answer that somebody waits for, the server is asked.
async fn attend(shared: &Shared, mut connection: Connection, patience: Duration) {
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut answers = shared.answers();
    let mut silent = 0;
    loop {
        tokio::select! {
            () = connection.ended() => return,
            _ = beat.tick() => {}
        }
        let now = shared.answers();
        if now != answers {
            (answers, silent) = (now, 0);
            continue;
        }
        silent += 1;
        if shared.load() == 0 && silent < IDLE_BEATS {
            continue;
        }
        silent = 0;
        if !answers_a_ping(&mut connection, patience).await && shared.answers() == answers {
            tracing::warn!(?patience, "the server gives no sign of life, closing the connection");
            return;
        }
    }
}

async fn answers_a_ping(connection: &mut Connection, patience: Duration) -> bool {
    let link = connection.link().clone();
    let ping = async move { link.send(&redis::cmd("PING")).await.is_ok() };
    matches!(first(timeout(patience, ping), connection.ended()).await, Some(Ok(true)))
}

/// What the first future gives, unless the second is done before.
async fn first<T>(wanted: impl Future<Output = T>, end: impl Future<Output = ()>) -> Option<T> {
    tokio::select! {
        wanted = wanted => Some(wanted),
        () = end => None,
    }
}

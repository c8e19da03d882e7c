//! A place for one shared connection, and the task that keeps it filled.

use std::future::{Future, pending};
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use roomkey_core::{Error, Result};
use tokio::sync::watch::Receiver;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::backoff::{Backoff, jittered};
use crate::connect::Connection;
use crate::error::ConnectError;
use crate::line::{Call, Line};
use crate::site::Site;
use crate::watch::{BEAT, Look, Watch};

/// A supervised connection. Its task opens it, notices its end, opens the next, and replaces it when it is old.
#[derive(Debug)]
pub(crate) struct Lane {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    /// Read by every call, written when the connection comes or goes.
    state: RwLock<State>,
    site: Arc<Site>,
}

#[derive(Debug)]
enum State {
    Up(Arc<Line>),
    /// With the reason, once there is one.
    Down(Option<Error>),
}

impl Lane {
    /// Starts the task, with a connection that is open already or by opening one.
    pub(crate) fn start(site: Arc<Site>, first: Option<Connection>) -> Self {
        // Taken here, so that no order is missed that comes before the task runs.
        let orders = site.orders();
        let first = first.map(|connection| (Line::new(&connection, Arc::clone(&site)), connection));
        let state = match &first {
            Some((line, _)) => State::Up(Arc::clone(line)),
            None => State::Down(None),
        };
        let shared = Arc::new(Shared { state: RwLock::new(state), site });
        let home = shared.site.connector.home.clone();
        let task = home.spawn(supervise(Arc::clone(&shared), first, orders));
        Self { shared, task }
    }

    /// How many calls are under way on it.
    pub(crate) fn load(&self) -> u64 {
        match &*self.shared.state() {
            State::Up(line) => line.tally.load(),
            State::Down(_) => 0,
        }
    }

    /// Begins a call on it, if it is up and has fewer calls under way.
    pub(crate) fn begin(&self, writes: bool, below: u64) -> Option<Call> {
        let line = match &*self.shared.state() {
            State::Up(line) if line.tally.load() < below => Arc::clone(line),
            _ => return None,
        };
        Some(line.begin(writes))
    }

    /// Returns when no write of the present connection may still run that nobody waits for.
    pub(crate) async fn lay_to_rest(&self) -> Result<()> {
        let line = match &*self.shared.state() {
            State::Up(line) if line.tally.haunted() => Arc::clone(line),
            // What was under way on a connection that was given up has become a grave.
            _ => return Ok(()),
        };
        if line.ping().await {
            Ok(())
        } else {
            Err(Error::not_executed("an earlier write got lost, and with it the connection it was sent on"))
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(&*self.shared.state(), State::Up(..))
    }

    /// Why it is down; `None` while it is up or has not yet tried.
    pub(crate) fn trouble(&self) -> Option<Error> {
        match &*self.shared.state() {
            State::Up(..) => None,
            State::Down(error) => error.clone(),
        }
    }

    /// Closes the connection and opens no other.
    pub(crate) fn stop(&self) {
        self.task.abort();
        self.shared.down(None);
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn state(&self) -> impl Deref<Target = State> {
        // A state is replaced as a whole, so a panic elsewhere cannot have left it half-written.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection into use, in the place of the present one if there is one.
    fn up(&self, line: &Arc<Line>) {
        let mut state = self.state_mut();
        if let State::Up(old) = &*state {
            old.retire();
        }
        *state = State::Up(Arc::clone(line));
        drop(state);
        self.site.changed.notify_waiters();
    }

    /// Gives the present connection up, if there is one, before anything can be sent on another.
    fn down(&self, error: Option<Error>) {
        let mut state = self.state_mut();
        if let State::Up(line) = &*state {
            line.abandon();
        }
        *state = State::Down(error);
        drop(state);
        self.site.changed.notify_waiters();
    }

    fn state_mut(&self) -> impl DerefMut<Target = State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the lane up until the task is aborted.
async fn supervise(shared: Arc<Shared>, first: Option<(Arc<Line>, Connection)>, mut orders: Receiver<u64>) {
    let site = Arc::clone(&shared.site);
    let metrics = &site.connector.metrics;
    let mut backoff = Backoff::of_a_lane();
    // Connections whose last calls are waited for. They end with this task.
    let mut retired = JoinSet::new();
    let mut present = first;
    loop {
        let (line, mut connection) = match present.take() {
            Some(present) => present,
            None => match site.open().await {
                Ok(connection) => {
                    let line = Line::new(&connection, Arc::clone(&site));
                    shared.up(&line);
                    tracing::debug!(server = %line.link.server.engine, "a connection to the server is up");
                    (line, connection)
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot connect to the server, trying again");
                    let pause = if error.may_pass() { backoff.pause() } else { jittered(HOPELESS) };
                    shared.down(Some(error.into()));
                    sleep(pause).await;
                    continue;
                }
            },
        };
        let opened = Instant::now();
        let up = metrics.lane_up();
        let over = attend(&site, &line, &mut connection, &mut orders).await;
        drop(up);
        metrics.reconnects.increment(1);
        if let Over::Renewed(new) = over {
            let new_line = Line::new(&new, Arc::clone(&site));
            shared.up(&new_line);
            while retired.try_join_next().is_some() {}
            retired.spawn(see_off(connection, line, site.patience));
            present = Some((new_line, new));
            continue;
        }
        shared.down(Some(Error::not_executed("the connection to the server was lost")));
        drop(connection);
        tracing::warn!("a connection to the server was lost, opening another");
        if opened.elapsed() >= BEAT || line.tally.answered() > 0 {
            backoff.reset();
        } else {
            // A server that takes connections only to close them is not to be hammered.
            sleep(backoff.pause()).await;
        }
    }
}

/// How the time of a connection in its lane ends.
enum Over {
    /// It has ended, or gives no sign of life.
    Lost,
    /// Another is open to take its place.
    Renewed(Connection),
}

/// How long to wait before trying what will fail until somebody has changed something.
const HOPELESS: Duration = Duration::from_secs(1);
/// How long to wait before trying again to replace a connection that still serves.
const NOT_URGENT: Duration = Duration::from_secs(5);

type Renewal = Pin<Box<dyn Future<Output = Result<Connection, ConnectError>> + Send>>;
type Ping = Pin<Box<dyn Future<Output = bool> + Send>>;

/// Looks after a connection as long as it is in use.
async fn attend(
    site: &Arc<Site>,
    line: &Arc<Line>,
    connection: &mut Connection,
    orders: &mut Receiver<u64>,
) -> Over {
    let tally = &line.tally;
    let mut watch = Watch::new(tally);
    let mut alarm = Instant::now() + watch.pause();
    let mut old = Instant::now() + site.lifetime();
    let mut renewal: Option<Renewal> = None;
    let mut ping: Option<Ping> = None;
    loop {
        tokio::select! {
            () = connection.ended() => return Over::Lost,
            _ = orders.changed() => (old, renewal) = (Instant::now(), None),
            () = sleep_until(old) => {
                let site = Arc::clone(site);
                renewal = Some(Box::pin(async move { site.open().await }));
                old = Site::never();
            }
            opened = wanted(&mut renewal) => {
                renewal = None;
                match opened {
                    // What nobody waits for any more is to be past, rather than make the old one a grave.
                    Ok(new) if !tally.haunted() || sign(line, site.patience).await => return Over::Renewed(new),
                    Ok(_) => return Over::Lost,
                    Err(error) => {
                        tracing::warn!(%error, "cannot replace a connection that has become old, trying again");
                        old = Instant::now() + jittered(NOT_URGENT);
                    }
                }
            }
            () = tally.begins(), if watch.rests() && ping.is_none() => {
                watch.wake();
                alarm = Instant::now() + watch.pause();
            }
            () = sleep_until(alarm), if ping.is_none() => {
                if watch.look(tally) == Look::Ask {
                    ping = Some(sign(line, site.patience));
                }
                alarm = Instant::now() + watch.pause();
            }
            // Something went unanswered elsewhere: on an own connection, or on one that this one has replaced.
            () = site.breaker.silence(), if watch.rests() && ping.is_none() => {
                ping = Some(sign(line, site.patience));
            }
            alive = wanted(&mut ping) => {
                ping = None;
                if !alive && !watch.heard(tally) {
                    tracing::warn!(patience = ?site.patience, "the server gives no sign of life, closing the connection");
                    return Over::Lost;
                }
                watch = Watch::new(tally);
                alarm = Instant::now() + watch.pause();
            }
        }
    }
}

/// What a future gives, if there is one.
async fn wanted<T>(future: &mut Option<Pin<Box<dyn Future<Output = T> + Send>>>) -> T {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}

/// Asks for a sign of life, and tells whether one came in time.
fn sign(line: &Arc<Line>, patience: Duration) -> Ping {
    let ping = Arc::clone(line).ping();
    Box::pin(async move { timeout(patience, ping).await.unwrap_or(false) })
}

/// How often a connection that has been replaced is looked at.
const FAREWELL: Duration = Duration::from_millis(5);

/// Closes a connection when its last calls have been answered, or when nothing comes any more.
async fn see_off(connection: Connection, line: Arc<Line>, patience: Duration) {
    let (mut answered, mut since) = (line.tally.answered(), Instant::now());
    while line.tally.load() > 0 && connection.is_open() && since.elapsed() < patience {
        sleep(FAREWELL).await;
        let now = line.tally.answered();
        if now != answered {
            (answered, since) = (now, Instant::now());
        }
    }
}

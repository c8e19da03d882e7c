//! A network that fails as it is told to: a TCP proxy before a server, whose faults are switched while it runs.
//!
//! It understands just enough of RESP to know which reply belongs to which command, so that it can lose, cut, change or
//! invent a reply. What it does not understand, such as TLS, it passes on as it comes.

mod connection;
mod frame;
mod listen;
mod spoil;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;

pub use spoil::Spoil;

use state::{Rule, Shared};

/// One direction of every connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a connection has two directions")]
pub enum Way {
    /// Requests.
    ToServer,
    /// Replies.
    ToClient,
}

/// How fast bytes get through in one direction. The default: at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pace {
    /// How long every piece is under way.
    pub delay: Duration,
    /// How much longer at most, by chance. Order is kept.
    pub jitter: Duration,
    /// Into pieces of how many bytes the stream is chopped, each sent by itself.
    pub chunk: Option<usize>,
    /// The bandwidth of each connection.
    pub bytes_per_second: Option<u64>,
}

impl Pace {
    /// Everything is under way for so long, and up to `jitter` longer.
    #[must_use]
    pub fn delayed(delay: Duration, jitter: Duration) -> Self {
        Self { delay, jitter, ..Self::default() }
    }

    /// In pieces of so many bytes, each a packet of its own.
    #[must_use]
    pub fn chopped(bytes: usize) -> Self {
        Self { chunk: Some(bytes), ..Self::default() }
    }

    /// So many bytes a second on each connection.
    #[must_use]
    pub fn narrow(bytes_per_second: u64) -> Self {
        Self { bytes_per_second: Some(bytes_per_second), ..Self::default() }
    }
}

/// What happens to who connects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Door {
    /// The connection is passed on.
    #[default]
    Open,
    /// Nobody listens: the kernel refuses the connection.
    Refuse,
    /// The connection is taken and closed.
    HangUp,
    /// The connection is taken, and nothing ever comes back.
    Silent,
}

/// A TCP proxy on a free port of 127.0.0.1, before a server on 127.0.0.1. Dropping it ends its connections.
///
/// Its clock is the real one, and it runs on a thread of its own: a test may have no runtime, block its own, or pause its
/// clock. Chance is seeded; the seed is printed, and `ROOMKEY_FAULT_SEED` repeats it.
///
/// ```
/// use roomkey_testkit::{FaultProxy, RedisServer, proxy::Spoil};
///
/// let server = RedisServer::start();
/// let proxy = FaultProxy::before(server.port());
/// // A client connects to `proxy.port()`; its next INCRBY is carried out and the reply lost with the connection.
/// proxy.spoil("INCRBY", 1, Spoil::Lose);
/// # assert_ne!(proxy.port(), server.port());
/// ```
pub struct FaultProxy {
    port: u16,
    shared: Arc<Shared>,
    /// Dropped to stop the thread. Both are `None` only while the proxy is dropped.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FaultProxy {
    /// A proxy before the server on this port, which may not listen yet.
    ///
    /// # Panics
    /// When no port or thread can be had.
    #[must_use]
    pub fn before(server: u16) -> Self {
        let seed = seed();
        eprintln!("fault proxy: ROOMKEY_FAULT_SEED={seed}");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|e| panic!("no port is free: {e}"));
        let port = listener.local_addr().unwrap_or_else(|e| panic!("a listener has no port: {e}")).port();
        let shared = Arc::new(Shared::new(server, seed));
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("fault-proxy".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || listen::run(listener, port, shared, stopped)
        });
        let thread = thread.unwrap_or_else(|e| panic!("no thread for a fault proxy: {e}"));
        Self { port, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// The port that clients connect to. It stays the same.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Leads new connections to another server, as a name that has come to mean another address.
    pub fn lead_to(&self, server: u16) {
        self.shared.change(|state| state.server = server);
    }

    /// What happens to who connects from now on.
    pub fn door(&self, door: Door) {
        self.shared.change(|state| state.door = door);
    }

    /// How fast bytes get through from now on.
    pub fn pace(&self, way: Way, pace: Pace) {
        self.shared.change(|state| state.pace[way as usize] = pace);
    }

    /// The present connections stay open, and nothing gets through any more: the half-open connections that a vanished
    /// peer leaves behind. Connections opened later work.
    pub fn hold(&self) {
        self.hold_way(Way::ToServer);
        self.hold_way(Way::ToClient);
    }

    /// As [`hold`](Self::hold), in one direction: with replies held, requests are carried out.
    pub fn hold_way(&self, way: Way) {
        self.shared.change(|state| state.held_before[way as usize] = state.next_id);
    }

    /// What was [held](Self::hold) arrives after all, in order and however late, also from clients that have given up.
    pub fn release(&self) {
        self.shared.change(|state| state.held_before = [0; 2]);
    }

    /// Ends the present connections.
    pub fn cut(&self) {
        self.shared.change(|state| state.cut_before = state.next_id);
    }

    /// Ends a connection when so many more bytes have got through in this direction, on all connections together.
    pub fn cut_after(&self, way: Way, bytes: u64) {
        self.shared.change(|state| state.cut_after[way as usize] = Some(bytes));
    }

    /// Spoils the replies to the next `times` commands of this name, or of any with `"*"`. Earlier rules go first.
    pub fn spoil(&self, command: &str, times: u32, spoil: Spoil) {
        let command = (command != "*").then(|| command.to_ascii_uppercase());
        self.shared.change(|state| state.rules.push(Rule { command, left: times, spoil }));
    }

    /// How many replies are still to be spoiled.
    #[must_use]
    pub fn unspoiled(&self) -> u32 {
        self.shared.state().rules.iter().map(|rule| rule.left).fold(0, u32::saturating_add)
    }

    /// Ends every fault but what is held and cut.
    pub fn heal(&self) {
        self.shared.change(|state| {
            (state.door, state.pace, state.cut_after) = (Door::Open, Default::default(), Default::default());
            state.rules.clear();
        });
    }

    /// How many connections were taken so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.state().next_id
    }

    /// How many connections are open now.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.shared.state().open
    }

    /// How often each command was asked for so far, by the first word of each request.
    #[must_use]
    pub fn commands(&self) -> BTreeMap<String, u64> {
        self.shared.state().commands.clone()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed, and has broken the test's connections.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for FaultProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultProxy").field("port", &self.port).finish_non_exhaustive()
    }
}

/// Of the environment, or another one each time.
fn seed() -> u64 {
    let given = std::env::var("ROOMKEY_FAULT_SEED").ok();
    given.and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        // A hasher of the standard library begins with the only randomness that it has.
        use std::hash::{BuildHasher as _, RandomState};
        RandomState::new().hash_one(std::process::id()) >> 1
    })
}

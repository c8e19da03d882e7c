//! A real master with replicas, and sentinels that watch over them.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

mod options;
#[cfg(test)]
mod tests;

pub use options::SentinelOptions;

use crate::server::{RedisServer, Resp};

/// How long sentinels may take to agree on something. A bound for loaded machines, not a wait.
const PATIENCE: Duration = Duration::from_secs(60);

/// A master, its replicas and their sentinels on 127.0.0.1, which belong to this value. All of them are [`RedisServer`]s, to
/// be looked into, paused, killed and restarted.
///
/// ```
/// use roomkey_testkit::RedisSentinel;
///
/// let watched = RedisSentinel::start();
/// watched.failover();
/// assert!(std::ptr::eq(watched.current_master(), &watched.replicas()[0]));
/// ```
#[derive(Debug)]
pub struct RedisSentinel {
    /// In the order in which they end: without sentinels nobody takes the end for a failure.
    sentinels: Vec<RedisServer>,
    replicas: Vec<RedisServer>,
    master: RedisServer,
}

impl RedisSentinel {
    /// What the sentinels call the master and those that follow it.
    pub const MASTER: &str = "roomkey";

    /// Starts a master, one replica and three sentinels, of which two have to agree that a master is dead.
    ///
    /// # Panics
    /// When there is no `redis-server`, or they do not find each other. So do all methods here.
    pub fn start() -> Self {
        Self::options().start()
    }

    /// The options to start them with.
    pub fn options() -> SentinelOptions {
        SentinelOptions::default()
    }

    /// The server that began as the master.
    pub fn master(&self) -> &RedisServer {
        &self.master
    }

    /// The servers that began as replicas.
    pub fn replicas(&self) -> &[RedisServer] {
        &self.replicas
    }

    /// The sentinels.
    pub fn sentinels(&self) -> &[RedisServer] {
        &self.sentinels
    }

    /// The addresses of the sentinels.
    pub fn seeds(&self) -> Vec<String> {
        self.sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port())).collect()
    }

    /// The address in the form that Roomkey takes, logins included.
    pub fn url(&self) -> String {
        let scheme = if self.master.has_tls() { "rediss-sentinel" } else { "redis-sentinel" };
        let login = self.master.password().map(|p| format!(":{p}@")).unwrap_or_default();
        let sentinel_login = self.sentinels[0].password();
        let sentinel_login = sentinel_login.map(|p| format!("&sentinel_password={p}")).unwrap_or_default();
        format!("{scheme}://{login}{}/0?master={}{sentinel_login}", self.seeds().join(","), Self::MASTER)
    }

    /// The master on which all sentinels that answer agree, once they do.
    pub fn current_master(&self) -> &RedisServer {
        let named = |sentinel: &RedisServer| {
            let address = sentinel.command(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", Self::MASTER]);
            address.items()[1].text()
        };
        let mut port = String::new();
        self.wait_until("agree on a master", || {
            let ports: Vec<String> = self.answering().map(named).collect();
            port.clone_from(ports.first().unwrap_or_else(|| panic!("every sentinel is killed or paused")));
            ports.iter().all(|other| *other == port)
        });
        let mut servers = self.servers();
        let master = servers.find(|server| server.port().to_string() == port);
        master.unwrap_or_else(|| panic!("the sentinels name port {port}, where none of these servers is"))
    }

    /// Lets the sentinels put a replica in the master's place, and returns once all of them say so. The old master follows
    /// a moment later; see [`wait_until_agreed`](Self::wait_until_agreed).
    pub fn failover(&self) {
        let before = self.current_master();
        let started = || {
            let sentinel = self.answering().next();
            // It refuses while another failover is under way, or while no replica is known to be well.
            sentinel.is_some_and(|s| s.try_command(&["SENTINEL", "FAILOVER", Self::MASTER]).is_ok())
        };
        self.wait_until("begin a failover", started);
        self.wait_until("put a replica in the master's place", || {
            !std::ptr::eq(self.current_master(), before)
        });
    }

    /// Waits until every server that answers has the part that the sentinels see it in, and every replica its copy.
    pub fn wait_until_agreed(&self) {
        self.wait_until("bring everybody in order", || {
            let master = self.current_master();
            let in_order = |server: &RedisServer| match std::ptr::eq(server, master) {
                true => server.info("role") == "master",
                false => server.info("role") == "slave" && server.info("master_link_status") == "up",
            };
            self.servers().filter(|server| server.answers()).all(in_order)
                && self.answering().all(|sentinel| self.knows_all(sentinel))
        });
    }

    /// Whether a sentinel has found all others, and could call them to a vote.
    fn knows_all(&self, sentinel: &RedisServer) -> bool {
        let others = |what: &str| -> Vec<BTreeMap<String, String>> {
            let list = sentinel.command(&["SENTINEL", what, Self::MASTER]);
            list.items().iter().map(fields).collect()
        };
        let (sentinels, replicas) = (others("SENTINELS"), others("REPLICAS"));
        // The dead are remembered, so that all are always in the lists.
        let well =
            |other: &&BTreeMap<String, String>| matches!(other["flags"].as_str(), "sentinel" | "slave");
        sentinels.len() + 1 == self.sentinels.len()
            && replicas.len() == self.replicas.len()
            && sentinels.iter().filter(well).count() + 1 == self.answering().count()
            && replicas.iter().filter(well).count() + 1 == self.servers().filter(|s| s.answers()).count()
            && sentinel.try_command(&["SENTINEL", "CKQUORUM", Self::MASTER]).is_ok()
    }

    fn servers(&self) -> impl Iterator<Item = &RedisServer> {
        std::iter::once(&self.master).chain(&self.replicas)
    }

    fn answering(&self) -> impl Iterator<Item = &RedisServer> {
        self.sentinels.iter().filter(|sentinel| sentinel.answers())
    }

    fn wait_until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds() {
            assert!(
                Instant::now() < deadline,
                "the sentinels did not {what} within {PATIENCE:?}; the log of the first:\n{}",
                self.sentinels[0].log()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The pairs of names and values that an entry of a list is made of.
fn fields(entry: &Resp) -> BTreeMap<String, String> {
    entry.items().chunks_exact(2).map(|pair| (pair[0].text(), pair[1].text())).collect()
}

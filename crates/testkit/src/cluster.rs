//! A real Redis Cluster for one test, or for all tests of a program: masters, replicas, slots that move, failovers.
//!
//! It is formed and led by the harness itself over the nodes' administration sockets: no `redis-cli` is needed.

use std::thread;
use std::time::{Duration, Instant};

mod migration;
mod options;
#[cfg(test)]
mod tests;
mod view;

pub use migration::Migration;
pub use options::ClusterOptions;

use view::{Node, View};

use crate::server::RedisServer;

/// All slots of a cluster.
const SLOTS: u16 = 16_384;
/// How long a cluster may take to agree on something. A bound for loaded machines, not a wait.
const PATIENCE: Duration = Duration::from_secs(60);
/// After this time a node has given up a failover that did not come about, and may be asked again.
const FAILOVER: Duration = Duration::from_secs(6);

/// A running cluster on 127.0.0.1 that belongs to this value. Its nodes are [`RedisServer`]s, to be looked into,
/// paused, killed and restarted.
///
/// ```
/// use roomkey_testkit::RedisCluster;
///
/// let cluster = RedisCluster::start();
/// let (from, to) = (cluster.owner(12_182), &cluster.nodes()[0]); // The slot of "foo".
/// from.command(&["SET", "foo", "bar"]);
/// cluster.migrate_slot(12_182, to);
/// assert_eq!(to.command(&["GET", "foo"]).text(), "bar");
/// ```
#[derive(Debug)]
pub struct RedisCluster {
    /// The masters first, then the first replica of each, and so on.
    nodes: Vec<RedisServer>,
    /// What the nodes call each other, in the same order. It stays for good.
    ids: Vec<String>,
}

/// How a replica is to take its master's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failover {
    /// With the master's help: nothing is lost.
    Orderly,
    /// Without the master, by a vote of the other masters. What it has not copied is lost.
    Force,
    /// Without asking anybody.
    Takeover,
}

impl Failover {
    fn command(self) -> &'static [&'static str] {
        match self {
            Self::Orderly => &["CLUSTER", "FAILOVER"],
            Self::Force => &["CLUSTER", "FAILOVER", "FORCE"],
            Self::Takeover => &["CLUSTER", "FAILOVER", "TAKEOVER"],
        }
    }
}

impl RedisCluster {
    /// Starts three masters without replicas, of a third of the slots each.
    ///
    /// # Panics
    /// When there is no `redis-server`, or the cluster does not come about. So do all methods here.
    pub fn start() -> Self {
        Self::options().start()
    }

    /// The options to start a cluster with.
    pub fn options() -> ClusterOptions {
        ClusterOptions::default()
    }

    /// All nodes: first those that began as masters, in the order of their slots, then the first replica of each, in the
    /// same order, and so on.
    pub fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// The nodes that are masters now, as far as the others know.
    pub fn masters(&self) -> Vec<&RedisServer> {
        let view = self.newest_view();
        view.nodes.iter().filter(|node| node.is_master()).map(|node| self.node(&node.id)).collect()
    }

    /// The nodes that copy this one now, as far as the others know.
    pub fn replicas_of(&self, master: &RedisServer) -> Vec<&RedisServer> {
        let (view, id) = (self.newest_view(), self.id(master));
        let copies = view.nodes.iter().filter(|node| node.master.as_deref() == Some(id));
        copies.map(|node| self.node(&node.id)).collect()
    }

    /// The master that has the slot, by the newest that any node knows.
    pub fn owner(&self, slot: u16) -> &RedisServer {
        let views = self.views();
        let claims = views.iter().flat_map(|view| &view.nodes).filter(|node| node.has(slot));
        let newest = claims.max_by_key(|node| node.epoch);
        self.node(&newest.unwrap_or_else(|| panic!("nobody has the slot {slot}")).id)
    }

    /// The addresses of all nodes.
    pub fn seeds(&self) -> Vec<String> {
        self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect()
    }

    /// The address in the form that Roomkey takes, login included.
    pub fn url(&self) -> String {
        let scheme = if self.nodes[0].has_tls() { "rediss-cluster" } else { "redis-cluster" };
        let login = self.nodes[0].password().map(|p| format!(":{p}@")).unwrap_or_default();
        format!("{scheme}://{login}{}", self.seeds().join(","))
    }

    /// Begins to move a slot; its keys stay where they are until they are told to go.
    pub fn migration<'a>(&'a self, slot: u16, to: &'a RedisServer) -> Migration<'a> {
        Migration::begin(self, slot, to)
    }

    /// Moves a slot with its keys, one key after the other, as `redis-cli --cluster reshard` does.
    pub fn migrate_slot(&self, slot: u16, to: &RedisServer) {
        if !std::ptr::eq(self.owner(slot), to) {
            self.migration(slot, to).finish();
        }
    }

    /// Lets a replica take its master's place, and returns once it has. The others get to know it a moment later; see
    /// [`wait_until_agreed`](Self::wait_until_agreed).
    pub fn failover(&self, replica: &RedisServer, how: Failover) {
        assert_ne!(replica.info("role"), "master", "a replica takes over");
        let deadline = Instant::now() + PATIENCE;
        let mut asked: Option<Instant> = None;
        while replica.info("role") != "master" {
            assert!(
                Instant::now() < deadline,
                "the replica did not take over within {PATIENCE:?}; its log:\n{}",
                replica.log()
            );
            if asked.is_none_or(|asked| asked.elapsed() > FAILOVER) {
                replica.command(how.command());
                asked = Some(Instant::now());
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until all nodes that answer find the cluster in good order, and say the same about it.
    pub fn wait_until_agreed(&self) {
        self.wait_until(|cluster| {
            let views = cluster.views();
            views.iter().all(|view| view.is_ok() && view.owners() == views[0].owners())
        });
    }

    /// Waits until every node knows every other by its part, and every replica has its copy.
    fn wait_until_formed(&self) {
        self.wait_until(|cluster| {
            let complete = |view: &View| {
                let masters = view.nodes.iter().filter(|node| node.is_master());
                let known = view.nodes.len() == cluster.nodes.len();
                known && masters.count() == cluster.nodes.iter().filter(|node| is_master(node)).count()
            };
            cluster.views().iter().all(complete)
                && cluster.nodes.iter().all(|node| is_master(node) || node.info("master_link_status") == "up")
        });
        self.wait_until_agreed();
    }

    fn wait_until(&self, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(
                Instant::now() < deadline,
                "the cluster is not in order after {PATIENCE:?}: {:#?}",
                self.views()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// What each node that answers says about all.
    fn views(&self) -> Vec<View> {
        let answering = self.nodes.iter().filter(|node| node.answers());
        let views: Vec<View> = answering.map(View::of).collect();
        assert!(!views.is_empty(), "every node of the cluster is killed or paused");
        views
    }

    /// What the node says that has heard of the latest change.
    fn newest_view(&self) -> View {
        let newest = |view: &View| view.nodes.iter().map(|node| node.epoch).max();
        self.views().into_iter().max_by_key(newest).unwrap_or_else(|| panic!("there is at least one view"))
    }

    fn id(&self, node: &RedisServer) -> &str {
        let at = self.nodes.iter().position(|own| std::ptr::eq(own, node));
        &self.ids[at.unwrap_or_else(|| panic!("{node:?} is no node of this cluster"))]
    }

    fn node(&self, id: &str) -> &RedisServer {
        let at = self.ids.iter().position(|own| own == id);
        &self.nodes[at.unwrap_or_else(|| panic!("no node of this cluster is called {id}"))]
    }
}

fn is_master(node: &RedisServer) -> bool {
    node.info("role") == "master"
}

impl Node {
    fn has(&self, slot: u16) -> bool {
        self.slots.iter().any(|slots| slots.contains(&slot))
    }
}

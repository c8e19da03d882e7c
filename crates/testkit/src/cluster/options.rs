//! What a test can ask of its cluster, and how the cluster is formed.

use std::thread;
use std::time::Duration;

use super::{RedisCluster, SLOTS};
use crate::server::{BUS, Binary, RedisServer, Role, ServerOptions};

/// Options of a [`RedisCluster`], set one by one and ended by [`start`](Self::start).
///
/// ```
/// use roomkey_testkit::{Failover, RedisCluster, RedisServer};
///
/// let nodes = RedisServer::options().tls().password("hunter2");
/// let cluster = RedisCluster::options().replicas(1).nodes(nodes).start();
/// let replica = cluster.replicas_of(cluster.owner(0))[0];
/// cluster.failover(replica, Failover::Orderly);
/// assert_eq!(replica.info("role"), "master");
/// ```
#[derive(Debug, Clone)]
#[must_use = "options do nothing until start() is called"]
pub struct ClusterOptions {
    masters: u16,
    replicas: u16,
    node_timeout: Duration,
    full_coverage: bool,
    nodes: ServerOptions,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            masters: 3,
            replicas: 0,
            node_timeout: Duration::from_millis(1_500),
            full_coverage: true,
            nodes: ServerOptions::default(),
        }
    }
}

impl ClusterOptions {
    /// How many masters there are: three if not said. They share the slots evenly, in contiguous parts.
    pub fn masters(mut self, masters: u16) -> Self {
        self.masters = masters;
        self
    }

    /// How many replicas each master has: none if not said.
    pub fn replicas(mut self, replicas: u16) -> Self {
        self.replicas = replicas;
        self
    }

    /// After how long without an answer a node is taken for dead: 1.5 s if not said.
    pub fn node_timeout(mut self, timeout: Duration) -> Self {
        self.node_timeout = timeout;
        self
    }

    /// Whether the cluster stops serving at all when nobody has some of the slots. It does if not said, as Redis does.
    pub fn require_full_coverage(mut self, require: bool) -> Self {
        self.full_coverage = require;
        self
    }

    /// What every node is started with: TLS, a password, lines of its configuration.
    pub fn nodes(mut self, options: ServerOptions) -> Self {
        self.nodes = options;
        self
    }

    /// Starts the nodes, makes a cluster of them, and waits until every node serves.
    ///
    /// # Panics
    /// When there is no `redis-server`, or the cluster does not come about.
    #[must_use = "a cluster ends when it is dropped"]
    pub fn start(self) -> RedisCluster {
        let binary = Binary::find();
        let front = self.nodes.wants_tls() && !binary.has_tls();
        self.start_binary(&binary, front)
    }

    pub(super) fn start_binary(self, binary: &Binary, front: bool) -> RedisCluster {
        assert!(self.masters > 0, "a cluster has at least one master");
        let options = self
            .nodes
            .clone()
            .role(Role::ClusterNode)
            .default_config("cluster-node-timeout", &self.node_timeout.as_millis().to_string())
            .default_config("cluster-require-full-coverage", if self.full_coverage { "yes" } else { "no" });
        let nodes = start_nodes(binary, &options, front, self.masters * (1 + self.replicas));
        let ids = nodes.iter().map(|node| node.command(&["CLUSTER", "MYID"]).text()).collect();
        let cluster = RedisCluster { nodes, ids };
        cluster.form(self.masters);
        cluster
    }
}

/// Starts all nodes at once. They share an authority, and with it the certificates.
fn start_nodes(binary: &Binary, options: &ServerOptions, front: bool, count: u16) -> Vec<RedisServer> {
    let first = RedisServer::prepare(binary.clone(), options.clone(), front);
    let options = options.clone().tls_of(&first);
    let others = (1..count).map(|_| RedisServer::prepare(binary.clone(), options.clone(), front));
    let mut nodes: Vec<RedisServer> = others.collect();
    nodes.insert(0, first);
    thread::scope(|scope| {
        for node in &mut nodes {
            scope.spawn(|| node.open());
        }
    });
    nodes
}

impl RedisCluster {
    /// Gives out the slots, makes everybody known to everybody, and the replicas to copies of their masters.
    fn form(&self, masters: u16) {
        for (number, master) in (0..masters).zip(&self.nodes) {
            // Two masters that begin with the same epoch would have to find out which of them is the newer one.
            master.command(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]);
            let slots = part(number, masters)..part(number + 1, masters);
            let slots = slots.map(|slot| slot.to_string());
            let add: Vec<String> =
                ["CLUSTER".to_owned(), "ADDSLOTS".to_owned()].into_iter().chain(slots).collect();
            master.command(&add);
        }
        for (at, node) in self.nodes.iter().enumerate() {
            for other in &self.nodes[at + 1..] {
                let (port, bus) = (other.port().to_string(), (other.inner_port() + BUS).to_string());
                node.command(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
            }
        }
        let masters = usize::from(masters);
        for (at, replica) in self.nodes.iter().enumerate().skip(masters) {
            let master = &self.ids[at % masters];
            // It has to have met its master before it can follow it.
            self.wait_until(|_| replica.try_command(&["CLUSTER", "REPLICATE", master]).is_ok());
        }
        self.wait_until_formed();
    }
}

/// The first slot of a master of this number.
fn part(number: u16, masters: u16) -> u16 {
    let slot = u32::from(number) * u32::from(SLOTS) / u32::from(masters);
    u16::try_from(slot).unwrap_or(SLOTS)
}

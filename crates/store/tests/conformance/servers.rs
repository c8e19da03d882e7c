//! The servers that a store may find: one, one behind sentinels, or a cluster; with and without TLS.

use std::path::Path;
use std::time::Duration;

use roomkey_testkit::{RedisCluster, RedisSentinel, RedisServer};

/// Nothing is to fail over here, on no machine however loaded.
const DEAD_AFTER: Duration = Duration::from_secs(60);

/// How a store gets to its data. Ways with TLS ask for a login too.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    Plain,
    Tls,
    UnixSocket,
    Sentinel,
    SentinelTls,
    Cluster,
    ClusterTls,
}

#[derive(Debug)]
pub(crate) enum Servers {
    One(RedisServer),
    /// With a replica, and sentinels.
    Watched(RedisSentinel),
    /// Of three masters.
    Cluster(RedisCluster),
}

impl Servers {
    /// What servers with TLS ask for.
    pub(crate) const PASSWORD: &str = "a-password";
    /// What sentinels with TLS ask for.
    pub(crate) const SENTINEL_PASSWORD: &str = "another-password";

    pub(crate) fn start(way: Way) -> Self {
        let secure = RedisServer::options().tls().password(Self::PASSWORD);
        let sentinel = RedisSentinel::options().down_after(DEAD_AFTER);
        let cluster = RedisCluster::options().node_timeout(DEAD_AFTER);
        match way {
            Way::Plain => Self::One(RedisServer::start()),
            Way::Tls => Self::One(secure.start()),
            Way::UnixSocket => Self::One(RedisServer::options().unix_socket().start()),
            Way::Sentinel => Self::Watched(sentinel.start()),
            Way::SentinelTls => {
                Self::Watched(sentinel.servers(secure).password(Self::SENTINEL_PASSWORD).start())
            }
            Way::Cluster => Self::Cluster(cluster.start()),
            Way::ClusterTls => Self::Cluster(cluster.nodes(secure).start()),
        }
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.masters()[0].has_tls()
    }

    pub(crate) fn tls_ca(&self) -> &Path {
        self.masters()[0].tls_ca()
    }

    /// Ends what the behaviour before may have left under way: what it has sent and nobody waits for any more.
    pub(crate) fn disconnect_all(&self) {
        self.each_master(&["CLIENT", "KILL", "TYPE", "normal"]);
    }

    /// Makes the servers empty, and takes them off their limit.
    pub(crate) fn clear(&self) {
        self.limit_memory(false);
        self.each_master(&["FLUSHALL", "SYNC"]);
    }

    /// Lets the servers forget all scripts.
    pub(crate) fn forget_scripts(&self) {
        self.each_master(&["SCRIPT", "FLUSH", "SYNC"]);
    }

    pub(crate) fn limit_memory(&self, at_limit: bool) {
        // A server has always used more than one byte; 0 is no limit.
        self.each_master(&["CONFIG", "SET", "maxmemory", if at_limit { "1" } else { "0" }]);
    }

    fn each_master(&self, command: &[&str]) {
        for master in self.masters() {
            master.command(command);
        }
    }

    /// Nothing fails over here, so these are the masters from beginning to end.
    fn masters(&self) -> Vec<&RedisServer> {
        match self {
            Self::One(server) => vec![server],
            Self::Watched(watched) => vec![watched.master()],
            Self::Cluster(cluster) => cluster.nodes().iter().collect(),
        }
    }
}

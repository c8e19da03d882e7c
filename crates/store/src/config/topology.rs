//! Where the servers are.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;

/// Which servers there are, and who knows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Topology {
    /// One server.
    Single(Endpoint),
    /// A master and its replicas, watched by sentinels, which say who of them is the master.
    Sentinel {
        /// The sentinels to ask and to listen to. One that is not named here is not known.
        sentinels: Vec<Endpoint>,
        /// The name under which they watch the master.
        master: String,
    },
    /// A Redis Cluster.
    Cluster {
        /// Some of its nodes; the others are learned from them.
        seeds: Vec<Endpoint>,
    },
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single(endpoint) => endpoint.fmt(f),
            Self::Sentinel { sentinels, master } => {
                write!(f, "master {master} of the sentinels {}", List(sentinels))
            }
            Self::Cluster { seeds } => write!(f, "the cluster of {}", List(seeds)),
        }
    }
}

struct List<'a>(&'a [Endpoint]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, endpoint) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{endpoint}")?;
        }
        Ok(())
    }
}

/// The address of a server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// A name or address, looked up anew for every connection, and a TCP port.
    Tcp {
        /// Name or address, without brackets.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// A unix socket on this machine.
    Unix(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The port of a server, and of a sentinel, where none is named.
pub(super) const SERVER_PORT: u16 = 6379;
pub(super) const SENTINEL_PORT: u16 = 26379;

/// Reads `host[:port],host[:port]`, with IPv6 addresses in brackets.
pub(super) fn endpoints(text: &str, default_port: u16) -> Option<Vec<Endpoint>> {
    text.split(',').map(|item| endpoint(item.trim(), default_port)).collect()
}

fn endpoint(text: &str, default_port: u16) -> Option<Endpoint> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, behind) = rest.split_once(']')?;
            host.parse::<Ipv6Addr>().ok()?;
            (host, if behind.is_empty() { None } else { Some(behind.strip_prefix(':')?) })
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port != 0)?,
        None => default_port,
    };
    is_host(host).then(|| Endpoint::Tcp { host: host.to_owned(), port })
}

/// Catches the slips that would otherwise surface as a failed name lookup: `redis://db`, `db:6379`, `[::1]`.
pub(super) fn is_host(text: &str) -> bool {
    let colons = text.matches(':').count();
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_graphic())
        && !text.contains(['/', '@', '[', ']', ','])
        && (colons == 0 || text.parse::<Ipv6Addr>().is_ok())
}

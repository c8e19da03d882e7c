//! Ports that nobody listens on now. Whoever comes first gets them, hence the attempts of the callers.

use std::net::TcpListener;
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

/// The distance from the port of a cluster's node to that of its bus, over which the nodes talk to each other.
pub(crate) const BUS: u16 = 10_000;
/// Where the ports of nodes are looked for: they and those of their buses lie below those that systems give to outgoing
/// connections, of which a test has many.
const NODES: (u16, u16) = (12_000, 22_000);

pub(super) fn free_port() -> u16 {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    address.unwrap_or_else(|e| panic!("cannot find a free port on 127.0.0.1: {e}")).port()
}

/// A port for a node of a cluster, with that of its bus.
pub(super) fn free_node_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let (first, end) = NODES;
    let width = end - first;
    // Processes begin in different places, so that they rarely find the same port free at the same moment.
    let begin = process::id().wrapping_mul(211);
    for _ in 0..width {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let offset = begin.wrapping_add(step) % u32::from(width);
        let port = first + u16::try_from(offset).unwrap_or_default();
        if is_free(port) && is_free(port + BUS) {
            return port;
        }
    }
    panic!("no port from {first} to {end} is free for the node of a cluster")
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

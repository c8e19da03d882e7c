//! Servers of the benchmark's own: alone, or three masters of a cluster.

mod cluster;
mod process;

use std::net::SocketAddr;
use std::sync::Arc;

pub(crate) use self::cluster::Cluster;
pub(crate) use self::process::Keeper;
use self::process::Process;
use crate::Result;

/// How often another port is tried when somebody took the one just found free.
const PORT_ATTEMPTS: usize = 20;

/// A server on a free port of 127.0.0.1 that saves nothing and ends with this value, at Ctrl-C or at a
/// request to terminate.
pub(crate) struct Server {
    process: Arc<Process>,
    address: SocketAddr,
    version: String,
}

impl Server {
    pub(crate) fn start(keeper: &Keeper) -> Result<Self> {
        Self::start_with(keeper, || Ok(process::free_port()?), &[])
    }

    fn start_with(keeper: &Keeper, port: impl Fn() -> Result<u16>, args: &[&str]) -> Result<Self> {
        for _ in 0..PORT_ATTEMPTS {
            let address = SocketAddr::from(([127, 0, 0, 1], port()?));
            let process = keeper.spawn(address.port(), args)?;
            if let Some(version) = process.wait_until_ready(address)? {
                return Ok(Self { process, address, version });
            }
        }
        Err(format!("redis-server found no free port in {PORT_ATTEMPTS} attempts").into())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.stop();
    }
}

//! What work costs in CPU time, on both sides of the socket.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use crate::Result;
use crate::wire::Wire;

/// Reads the CPU time of this process and of some servers, user and system together.
#[derive(Clone)]
pub(crate) struct Meter(Arc<Mutex<Vec<Wire>>>);

/// CPU time since the start of the processes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    client: Duration,
    servers: Duration,
}

/// Microseconds of CPU time per operation.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Cpu {
    pub(crate) client_us: f64,
    pub(crate) server_us: f64,
}

impl Meter {
    pub(crate) fn new(servers: impl IntoIterator<Item = SocketAddr>) -> Result<Self> {
        let wires = servers.into_iter().map(Wire::connect).collect::<Result<_>>()?;
        Ok(Self(Arc::new(Mutex::new(wires))))
    }

    pub(crate) fn read(&self) -> Result<Reading> {
        let mut servers = Duration::ZERO;
        // A panic between a question and its answer ends the run.
        for wire in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            for field in ["used_cpu_sys", "used_cpu_user"] {
                servers += Duration::from_secs_f64(wire.info("INFO cpu", field)?.parse()?);
            }
        }
        Ok(Reading { client: process_time(), servers })
    }
}

/// The CPU time that all threads of this process have used.
pub(crate) fn process_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

impl Reading {
    /// What each of so many operations cost from `self` to `later`.
    pub(crate) fn cost_until(self, later: Self, operations: u64) -> Cpu {
        let each = |from: Duration, to: Duration| {
            to.saturating_sub(from).as_secs_f64() * 1e6 / operations.max(1) as f64
        };
        Cpu { client_us: each(self.client, later.client), server_us: each(self.servers, later.servers) }
    }
}

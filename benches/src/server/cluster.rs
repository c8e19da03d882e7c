//! Three masters that share the slots.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Keeper, Server};
use crate::Result;
use crate::wire::Wire;

const MASTERS: u16 = 3;
const SLOTS: u16 = 16_384;
/// The nodes talk to each other on their port plus this.
const BUS: u16 = 10_000;
/// A bound for loaded machines: nodes usually agree within a second or two.
const AGREEMENT: Duration = Duration::from_secs(60);

pub(crate) struct Cluster {
    masters: Vec<Server>,
    /// Where the nodes keep what they know of each other; servers insist on a file each.
    folder: PathBuf,
}

impl Cluster {
    pub(crate) fn start(keeper: &Keeper) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("roomkey-benches-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let mut cluster = Self { masters: Vec::new(), folder };
        for number in 0..MASTERS {
            let config = cluster.folder.join(format!("{number}.conf"));
            let config = config.to_str().ok_or("the folder for temporary files has no name in UTF-8")?;
            let args = ["--cluster-enabled", "yes", "--cluster-config-file", config];
            cluster.masters.push(Server::start_with(keeper, port_with_bus, &args)?);
        }
        cluster.join()?;
        Ok(cluster)
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.masters.iter().map(Server::address).collect()
    }

    /// Gives every master its third of the slots, introduces them, and waits until all of them serve.
    fn join(&self) -> Result {
        let first = self.masters[0].address();
        for (number, master) in (0..).zip(&self.masters) {
            let share = |number: u16| u32::from(number) * u32::from(SLOTS) / u32::from(MASTERS);
            let slots: String = (share(number)..share(number + 1)).map(|slot| format!(" {slot}")).collect();
            let mut wire = Wire::connect(master.address())?;
            wire.ask(&format!("CLUSTER SET-CONFIG-EPOCH {}", number + 1))?;
            wire.ask(&format!("CLUSTER ADDSLOTS{slots}"))?;
            if number > 0 {
                wire.ask(&format!("CLUSTER MEET {} {}", first.ip(), first.port()))?;
            }
        }
        let deadline = Instant::now() + AGREEMENT;
        while !self.agrees()? {
            if Instant::now() > deadline {
                return Err(format!("the masters of the cluster did not agree within {AGREEMENT:?}").into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn agrees(&self) -> Result<bool> {
        for master in &self.masters {
            let mut wire = Wire::connect(master.address())?;
            let mut tells = |field| wire.info("CLUSTER INFO", field);
            if tells("cluster_state")? != "ok"
                || tells("cluster_size")? != MASTERS.to_string()
                || tells("cluster_slots_ok")? != SLOTS.to_string()
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The servers do not need the files to end, and end right after this.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A free port whose bus port exists and is free too.
fn port_with_bus() -> Result<u16> {
    loop {
        let port = super::process::free_port()?;
        let bus = port.checked_add(BUS);
        if bus.is_some_and(|bus| TcpListener::bind(("127.0.0.1", bus)).is_ok()) {
            return Ok(port);
        }
    }
}

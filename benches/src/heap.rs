//! What a call allocates, sealed and raw, counted in a process of its own.

use std::fmt;
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::drive::Work as _;
use crate::loads::clients::{Client, Place, Sides};
use crate::loads::vault::{Load, Task};
use crate::loads::{Grid, Setting, peers};
use crate::server::{Keeper, Server};

const SIZE: usize = 256;
/// After the buffers have grown.
const WARM_UP: u64 = 2_000;
const CALLS: u64 = 20_000;

/// What an allocator has handed out since the start of the process.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "the other program of this package makes it")]
pub struct Allocated {
    /// Allocations and reallocations.
    pub times: usize,
    /// Bytes asked for; a reallocation counts what it added.
    pub bytes: usize,
}

/// What one call of a client allocates on average.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Allocations {
    load: String,
    client: String,
    per_call: f64,
    bytes_per_call: f64,
}

/// Lets the counting program, which stands beside this one, count.
pub(crate) fn ask() -> Result<Vec<Allocations>> {
    eprintln!("allocations: counting in a process of their own");
    let program = std::env::current_exe()?.with_file_name("roomkey-allocations");
    let said = Command::new(&program)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{}: {error}; `cargo xtask bench` builds it", program.display()))?;
    if said.status.success() {
        Ok(serde_json::from_slice(&said.stdout)?)
    } else {
        Err(format!("counting allocations failed ({})", said.status).into())
    }
}

/// Counts, and prints JSON.
#[expect(clippy::print_stdout, reason = "the program is started to be read")]
pub(crate) fn count(so_far: fn() -> Allocated) -> Result {
    let runtime = crate::runtime()?;
    let keeper = Keeper::new(runtime.handle());
    let server = Server::start(&keeper)?;
    let setting = Setting::new(runtime.handle().clone(), keeper, &server, Grid::Usual)?;
    let sides = Sides::connect(&setting)?;
    let places = Place::all(SIZE)?;
    sides.fill(&setting, &places)?;

    let mut counted = Vec::new();
    for load in [Load::Get, Load::Set] {
        let count = Count { setting: &setting, load, places: &places, so_far };
        counted.push(count.of(peers::OURS, sides.ours.clone())?);
        counted.push(count.of(peers::MULTIPLEXED, sides.redis.clone())?);
        counted.push(count.of(peers::RUSTIS, sides.rustis.clone())?);
        counted.push(count.of(peers::FRED, sides.fred.clone())?);
        counted.push(count.of(peers::POOL, sides.pool.clone())?);
    }
    println!("{}", serde_json::to_string(&counted)?);
    Ok(())
}

struct Count<'a> {
    setting: &'a Setting,
    load: Load,
    places: &'a Arc<[Place]>,
    so_far: fn() -> Allocated,
}

impl Count<'_> {
    /// One call after the other: whatever any thread of the process allocates meanwhile is the call's.
    fn of(&self, name: &str, client: impl Client) -> Result<Allocations> {
        let mut task = Task { client, load: self.load, places: self.places.clone(), at: 0 };
        self.setting.runtime.block_on(async {
            for n in 0..WARM_UP {
                task.step(n).await?;
            }
            let before = (self.so_far)();
            for n in 0..CALLS {
                task.step(n).await?;
            }
            let after = (self.so_far)();
            let each = |from: usize, to: usize| (to - from) as f64 / CALLS as f64;
            Ok(Allocations {
                load: format!("{} {SIZE} B", self.load),
                client: name.to_owned(),
                per_call: each(before.times, after.times),
                bytes_per_call: each(before.bytes, after.bytes),
            })
        })
    }
}

/// A line of the table.
impl fmt::Display for Allocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { load, client, per_call, bytes_per_call } = self;
        write!(f, "| {load} | {client} | {per_call:.1} | {bytes_per_call:.0} |")
    }
}

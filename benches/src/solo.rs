//! One side alone under one load, for profilers: `cargo xtask bench --profile`.

use crate::Result;
use crate::drive::{Work, to_the_end};
use crate::loads::clients::{Client, Place, Sides};
use crate::loads::vault::{Load, Task};
use crate::loads::{Grid, Setting, peers, rooms, tokens};
use crate::options::Solo;
use crate::server::{Keeper, Server};

/// Runs a fixed number of calls: profiles of two runs then differ by what the calls cost, and nothing else.
pub(crate) fn run(solo: &Solo) -> Result {
    let runtime = crate::runtime()?;
    let keeper = Keeper::new(runtime.handle());
    let server = Server::start(&keeper)?;
    let setting = Setting::new(runtime.handle().clone(), keeper, &server, Grid::Usual)?;
    match solo.load.as_str() {
        "verify" => return verify(&setting, solo),
        "join" => return rooms::repeat_joins(&setting, solo),
        _ => {}
    }
    let sides = Sides::connect(&setting)?;
    match solo.client.as_str() {
        "roomkey" => repeat(&setting, solo, sides.ours),
        "redis" => repeat(&setting, solo, sides.redis),
        "rustis" => repeat(&setting, solo, sides.rustis),
        "fred" => repeat(&setting, solo, sides.fred),
        "deadpool" => repeat(&setting, solo, sides.pool),
        other => Err(format!("there is no client {other}; see --help").into()),
    }
}

fn repeat(setting: &Setting, solo: &Solo, client: impl Client) -> Result {
    let load = match solo.load.as_str() {
        "get" => Load::Get,
        "set" => Load::Set,
        "mixed" => Load::Mixed,
        other => return Err(format!("there is no load {other} to profile; see --help").into()),
    };
    let places = Place::all(solo.size)?;
    setting.runtime.block_on(crate::loads::clients::fill(client.clone(), &places))?;
    let task = |task| Task { client: client.clone(), load, places: places.clone(), at: task * 61 };
    share_out(setting, solo, task)
}

/// Tokens are ours alone.
fn verify(setting: &Setting, solo: &Solo) -> Result {
    if solo.client != "roomkey" {
        return Err("only roomkey verifies tokens".into());
    }
    let tokens = tokens::tokens(setting, peers::store(setting)?)?;
    let texts = tokens::issue_all(setting, &tokens, "access")?;
    share_out(setting, solo, |task| tokens::Verify::new(&tokens, "access", &texts, task, solo.tasks))
}

/// Runs the calls on as many tasks as are wanted, each its share.
fn share_out<W: Work>(setting: &Setting, solo: &Solo, work: impl Fn(usize) -> W) -> Result {
    let share = solo.calls / solo.tasks as u64;
    to_the_end(setting, (0..solo.tasks).map(|task| (work(task), share)).collect())?;
    Ok(())
}

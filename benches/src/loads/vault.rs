//! Sealed values on a real Redis, against clients that seal nothing.
//!
//! The peers send the plain value under a ready key as long as ours; ours hides the name, encodes, seals and opens.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::clients::{Client, Place, Sides, fill};
use super::{Grid, Setting, peers};
use crate::Result;
use crate::comparison::{Comparison, Contender, Sample, Target};
use crate::drive::{Work, on_tasks};

const TASKS: [usize; 5] = [1, 16, 64, 256, 1_024];
const SIZES: [(usize, &str); 4] = [(64, "64 B"), USUAL, (4 * 1024, "4 KiB"), (64 * 1024, "64 KiB")];
const USUAL: (usize, &str) = (256, "256 B");

pub(crate) fn comparisons(setting: &Setting) -> Result<Vec<Comparison>> {
    let sides = Sides::connect(setting)?;
    let mut comparisons = Vec::new();
    for (size, called) in SIZES {
        let places = Place::all(size)?;
        sides.fill(setting, &places)?;
        for load in [Load::Get, Load::Set, Load::Mixed] {
            for tasks in TASKS {
                if wanted(setting.grid, load, size, tasks) {
                    let turns = Turns { setting: setting.clone(), load, tasks, places: places.clone() };
                    comparisons.push(compare(&turns, &format!("vault/{load} {called}"), &sides));
                }
            }
        }
    }
    comparisons.extend(lanes(setting)?);
    Ok(comparisons)
}

/// Concurrency matters most at the usual size, and size at a usual concurrency.
fn wanted(grid: Grid, load: Load, size: usize, tasks: usize) -> bool {
    let usual = match (load, size) {
        (Load::Get | Load::Set, 256) => true,
        (Load::Mixed, 256) => matches!(tasks, 64 | 256),
        (Load::Get | Load::Set, _) => tasks == 64,
        (Load::Mixed, _) => false,
    };
    usual || grid == Grid::Full
}

fn compare(turns: &Turns, name: &str, sides: &Sides<roomkey_store::RedisStore>) -> Comparison {
    let tasks = turns.tasks;
    Comparison::new(name, tasks, turns.of(peers::OURS, sides.ours.clone()))
        .peer(turns.of(peers::MULTIPLEXED, sides.redis.clone()), of_redis(tasks))
        .peer(turns.of(peers::RUSTIS, sides.rustis.clone()), of_rustis(tasks))
        .peer(turns.of(peers::FRED, sides.fred.clone()), None)
        .peer(turns.of(peers::POOL, sides.pool.clone()), (tasks >= 16).then_some(Target::Ratio(8.0)))
        .control(tasks == 64)
}

/// What is wanted of the rate of raw `redis`.
pub(super) fn of_redis(tasks: usize) -> Option<Target> {
    match tasks {
        1 => Some(Target::Ratio(0.9)),
        64 => Some(Target::Ratio(1.1)),
        256 => Some(Target::Ratio(1.5)),
        1_024 => Some(Target::Ratio(2.0)),
        _ => None,
    }
}

fn of_rustis(tasks: usize) -> Option<Target> {
    match tasks {
        256 => Some(Target::Ratio(1.0)),
        1_024 => Some(Target::Ratio(1.2)),
        _ => None,
    }
}

/// One lane and two, beside one connection of `redis` and two.
fn lanes(setting: &Setting) -> Result<Vec<Comparison>> {
    let places = Place::all(USUAL.0)?;
    let one = peers::vault(setting, peers::store_with_lanes(setting, 1)?)?;
    let two = peers::vault(setting, peers::store_with_lanes(setting, 2)?)?;
    let raw = peers::multiplexed(setting)?;
    let twin = Twin { connections: [raw.clone(), peers::multiplexed(setting)?], next: 0 };
    setting.runtime.block_on(async {
        fill(one.clone(), &places).await?;
        fill(raw.clone(), &places).await
    })?;
    let compare = |tasks| {
        let turns = Turns { setting: setting.clone(), load: Load::Get, tasks, places: places.clone() };
        Comparison::new("vault/get 256 B, one lane", tasks, turns.of("roomkey, one lane", one.clone()))
            .peer(turns.of(peers::MULTIPLEXED, raw.clone()), of_redis(tasks))
            .peer(turns.of("roomkey, two lanes", two.clone()), None)
            .peer(turns.of("redis, 2 multiplexed connections", twin.clone()), None)
    };
    Ok([64, 1_024].into_iter().map(compare).collect())
}

/// Two connections of `redis`, used in turns.
#[derive(Clone)]
struct Twin {
    connections: [redis::aio::MultiplexedConnection; 2],
    next: usize,
}

impl Twin {
    fn next(&mut self) -> &mut redis::aio::MultiplexedConnection {
        self.next += 1;
        &mut self.connections[self.next % 2]
    }
}

impl Client for Twin {
    async fn get(&mut self, place: &Place) -> Result<Option<impl AsRef<[u8]> + Send>> {
        Client::get(self.next(), place).await
    }

    async fn set(&mut self, place: &Place) -> Result {
        Client::set(self.next(), place).await
    }

    async fn delete(&mut self, place: &Place) -> Result {
        Client::delete(self.next(), place).await
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    Get,
    Set,
    /// Nine reads to one write.
    Mixed,
}

impl Load {
    fn writes(self, n: u64) -> bool {
        match self {
            Self::Get => false,
            Self::Set => true,
            Self::Mixed => n.is_multiple_of(10),
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "get",
            Self::Set => "set",
            Self::Mixed => "mixed 9:1",
        })
    }
}

/// The turns of one load at one concurrency.
pub(crate) struct Turns {
    pub(crate) setting: Setting,
    pub(crate) load: Load,
    pub(crate) tasks: usize,
    /// All tasks share them.
    pub(crate) places: Arc<[Place]>,
}

impl Turns {
    pub(crate) fn of(&self, name: &'static str, client: impl Client) -> Contender {
        let turn = self.turn(client);
        Contender::new(name, turn)
    }

    /// A turn: runs the load for the given time and checks what is found.
    pub(crate) fn turn<C: Client>(&self, mut client: C) -> impl FnMut(Duration) -> Result<Sample> + use<C> {
        let Self { setting, load, tasks, places } = self;
        let (setting, load, tasks, places) = (setting.clone(), *load, *tasks, places.clone());
        move |time| {
            let first = &places[0];
            if load.writes(0) {
                setting.runtime.block_on(client.delete(first))?;
            }
            let task = |task| Task {
                client: client.clone(),
                load,
                places: places.clone(),
                at: task * places.len() / tasks,
            };
            let sample = on_tasks(&setting, time, (0..tasks).map(task).collect())?;
            // Where the load writes, the first step of the first task set it.
            setting.runtime.block_on(async { first.check(client.get(first).await?) })?;
            Ok(sample)
        }
    }
}

pub(crate) struct Task<C> {
    pub(crate) client: C,
    pub(crate) load: Load,
    pub(crate) places: Arc<[Place]>,
    /// Where it begins; tasks stand apart, so that they do not follow each other.
    pub(crate) at: usize,
}

impl<C: Client> Work for Task<C> {
    async fn step(&mut self, n: u64) -> Result {
        let place = &self.places[(self.at + n as usize) % self.places.len()];
        if self.load.writes(n) {
            self.client.set(place).await
        } else {
            place.check(self.client.get(place).await?)
        }
    }
}

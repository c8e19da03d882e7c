//! A hundred values in one call, against one command or one pipeline with the same keys; and a few reads of one partition.

mod reads;

use std::sync::Arc;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use roomkey_core::Store;
use roomkey_vault::Vault;

use super::clients::{EXPIRY, Place, fill};
use super::{Setting, peers};
use crate::Result;
use crate::comparison::{Comparison, Contender, Target};
use crate::drive::{Work, on_tasks};

const VALUES: usize = 100;
const TASKS: [usize; 2] = [1, 16];
const SIZE: usize = 256;
const TARGET: Target = Target::Ratio(0.85);

pub(crate) fn comparisons(setting: &Setting) -> Result<Vec<Comparison>> {
    let raw = peers::multiplexed(setting)?;
    setting.runtime.block_on(peers::clear(&raw))?;
    let store = peers::store(setting)?;
    let mut comparisons = reads::comparisons(setting, &store, &raw)?;
    let ours = peers::vault(setting, store)?;
    comparisons.extend(gets("batch", setting, &ours, &raw)?);
    let places = Place::all(SIZE)?;
    for tasks in TASKS {
        let turns = Turns { setting, tasks, places: &places };
        let name = format!("batch/set_many {VALUES} × {SIZE} B");
        comparisons.push(
            Comparison::new(name, tasks, turns.of(peers::OURS, SetMany(ours.clone())))
                .peer(turns.of("redis, pipeline of SETEX", Pipeline(raw.clone())), Some(TARGET))
                .peer(turns.of("redis, MSET (no expiry)", MultiSet(raw.clone())), None),
        );
    }
    Ok(comparisons)
}

/// Reading: the same on one server and on a cluster.
pub(super) fn gets<S, R>(family: &str, setting: &Setting, ours: &Vault<S>, raw: &R) -> Result<Vec<Comparison>>
where
    S: Store,
    R: ConnectionLike + super::clients::Client,
{
    let places = Place::all(SIZE)?;
    setting.runtime.block_on(async {
        fill(ours.clone(), &places).await?;
        fill(raw.clone(), &places).await
    })?;
    let compare = |tasks| {
        let turns = Turns { setting, tasks, places: &places };
        let name = format!("{family}/get_many {VALUES} × {SIZE} B");
        Comparison::new(name, tasks, turns.of(peers::OURS, GetMany(ours.clone())))
            .peer(turns.of("redis, MGET", MultiGet(raw.clone())), Some(TARGET))
            .control(tasks == 1)
    };
    Ok(TASKS.into_iter().map(compare).collect())
}

struct Turns<'a> {
    setting: &'a Setting,
    tasks: usize,
    places: &'a Arc<[Place]>,
}

impl Turns<'_> {
    fn of(&self, name: &'static str, batches: impl Batches) -> Contender {
        let (setting, tasks, places) = (self.setting.clone(), self.tasks, self.places.clone());
        Contender::new(name, move |time| {
            let task = |task| Task { batches: batches.clone(), places: places.clone(), at: task * VALUES };
            on_tasks(&setting, time, (0..tasks).map(task).collect())
        })
    }
}

/// Somebody who handles a hundred places at once, and checks what it gets.
trait Batches: Clone + Send + 'static {
    fn batch(&mut self, places: &[Place]) -> impl Future<Output = Result> + Send;
}

struct Task<B> {
    batches: B,
    places: Arc<[Place]>,
    at: usize,
}

impl<B: Batches> Work for Task<B> {
    async fn step(&mut self, n: u64) -> Result {
        let batches = self.places.len() / VALUES;
        let first = (self.at / VALUES + n as usize) % batches * VALUES;
        self.batches.batch(&self.places[first..first + VALUES]).await
    }
}

fn check(places: &[Place], found: &[Option<impl AsRef<[u8]>>]) -> Result {
    if places.len() != found.len() {
        return Err("a batch found more or less than it asked for".into());
    }
    places.iter().zip(found).try_for_each(|(place, found)| place.check(found.as_ref()))
}

#[derive(Clone)]
struct GetMany<S>(Vault<S>);

impl<S: Store> Batches for GetMany<S> {
    async fn batch(&mut self, places: &[Place]) -> Result {
        let names: Vec<&str> = places.iter().map(|place| place.name.as_str()).collect();
        let found: Vec<Option<String>> = self.0.get_many(names).await?;
        check(places, &found)
    }
}

#[derive(Clone)]
struct MultiGet<R>(R);

impl<R: ConnectionLike + Clone + Send + 'static> Batches for MultiGet<R> {
    async fn batch(&mut self, places: &[Place]) -> Result {
        let mut command = redis::cmd("MGET");
        for place in places {
            command.arg(&place.key);
        }
        let found: Vec<Option<Vec<u8>>> = command.query_async(&mut self.0).await?;
        check(places, &found)
    }
}

#[derive(Clone)]
struct SetMany<S>(Vault<S>);

impl<S: Store> Batches for SetMany<S> {
    async fn batch(&mut self, places: &[Place]) -> Result {
        let values: Vec<(&str, &String)> =
            places.iter().map(|place| (place.name.as_str(), &place.value)).collect();
        Ok(self.0.set_many(values, EXPIRY).await?)
    }
}

#[derive(Clone)]
struct Pipeline(MultiplexedConnection);

impl Batches for Pipeline {
    async fn batch(&mut self, places: &[Place]) -> Result {
        let mut pipeline = redis::pipe();
        for place in places {
            pipeline.set_ex(&place.key, &place.value, EXPIRY.as_secs()).ignore();
        }
        Ok(pipeline.query_async(&mut self.0).await?)
    }
}

#[derive(Clone)]
struct MultiSet(MultiplexedConnection);

impl Batches for MultiSet {
    async fn batch(&mut self, places: &[Place]) -> Result {
        let mut command = redis::cmd("MSET");
        for place in places {
            command.arg(&place.key).arg(&place.value);
        }
        Ok(command.query_async(&mut self.0).await?)
    }
}

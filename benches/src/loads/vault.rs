//! Sealed values on a real Redis, against clients that seal nothing.
//!
//! The peers are `redis` at its best, one multiplexed connection cloned per task, and the usual idiom of
//! `deadpool-redis`, a connection from the pool for every command. Both send the plain value under a ready key as long
//! as ours; ours hides the name, encodes, seals and opens.

use std::sync::Arc;
use std::time::Duration;

use deadpool_redis::Pool;
use redis::AsyncCommands as _;
use redis::aio::MultiplexedConnection;
use roomkey_core::{Key, Kind, Namespace, Spread, Store};
use roomkey_vault::{Keyring, Vault};

use super::{Setting, peers};
use crate::Result;
use crate::comparison::{Comparison, Contender, Target};
use crate::drive::{Work, on_tasks};

const TASKS: [usize; 5] = [1, 16, 64, 256, 1_024];
/// All tasks share them, so that no concurrency has a cache of its own.
const PLACES: usize = 4_096;
const EXPIRY: Duration = Duration::from_secs(3_600);

pub(crate) fn comparisons(setting: &Setting) -> Result<Vec<Comparison>> {
    let store = peers::store(setting)?;
    let vault = setting.runtime.block_on(Vault::open(store, Keyring::generate()?))?;
    let raw = peers::multiplexed(setting)?;
    let pool = peers::pool(setting)?;
    let places: Arc<[Place]> = (0..PLACES as u64).map(Place::new).collect::<Result<Vec<_>>>()?.into();
    setting.runtime.block_on(async {
        fill(vault.clone(), &places).await?;
        fill(raw.clone(), &places).await
    })?;

    let mut comparisons = Vec::new();
    for load in [Load::Get, Load::Set] {
        for tasks in TASKS {
            let turns = Turns { setting: setting.clone(), load, tasks, places: places.clone() };
            let many = tasks >= 64;
            let of_raw = if many { Some(0.8) } else { (tasks == 1).then_some(0.85) };
            comparisons.push(
                Comparison::new(load.name(), tasks, turns.of("roomkey", vault.clone()))
                    .peer(turns.of(peers::MULTIPLEXED, raw.clone()), of_raw.map(Target::Ratio))
                    .peer(turns.of(peers::POOL, pool.clone()), many.then_some(Target::Ratio(6.0)))
                    .control(tasks == 64),
            );
        }
    }
    Ok(comparisons)
}

#[derive(Clone, Copy)]
enum Load {
    Get,
    Set,
}

impl Load {
    fn name(self) -> &'static str {
        match self {
            Self::Get => "vault/get 256 B",
            Self::Set => "vault/set 256 B",
        }
    }
}

/// A value and where it is kept.
struct Place {
    /// What a caller of ours calls it.
    name: String,
    /// What a caller of a peer calls it; as long as the key that ours makes of the name.
    key: String,
    /// 256 bytes that no other place has.
    value: String,
}

impl Place {
    fn new(number: u64) -> Result<Self> {
        let tag = super::tag(number);
        let namespace = Namespace::new("plain", "v1", "default")?;
        Ok(Self {
            name: format!("user:session:{number}"),
            key: Key::new(Kind::Value, &namespace, Spread::over(16_384).partition(tag), tag).to_string(),
            value: format!("{number:0>256}"),
        })
    }
}

/// What all sides can do, as their users write it.
trait Client: Clone + Send + 'static {
    fn get(&mut self, place: &Place) -> impl Future<Output = Result<Option<Vec<u8>>>> + Send;
    fn set(&mut self, place: &Place) -> impl Future<Output = Result> + Send;
    fn delete(&mut self, place: &Place) -> impl Future<Output = Result> + Send;
}

async fn fill(mut client: impl Client, places: &[Place]) -> Result {
    for place in places {
        client.set(place).await?;
    }
    Ok(())
}

/// The turns of one load at one concurrency.
struct Turns {
    setting: Setting,
    load: Load,
    tasks: usize,
    places: Arc<[Place]>,
}

impl Turns {
    fn of(&self, name: &'static str, mut client: impl Client) -> Contender {
        let Self { setting: Setting { runtime, .. }, load, tasks, places } = self;
        let (runtime, load, tasks, places) = (runtime.clone(), *load, *tasks, places.clone());
        Contender::new(name, move |time| {
            if matches!(load, Load::Set) {
                runtime.block_on(client.delete(&places[0]))?;
            }
            let task = |task| Task {
                client: client.clone(),
                load,
                places: places.clone(),
                at: task * PLACES / tasks,
            };
            let rate = on_tasks(&runtime, time, (0..tasks).map(task).collect())?;
            // The first step of the first task set it.
            let found = runtime.block_on(client.get(&places[0]))?;
            right(found, &places[0]).map(|()| rate)
        })
    }
}

struct Task<C> {
    client: C,
    load: Load,
    places: Arc<[Place]>,
    /// Where it begins; tasks stand apart, so that they do not follow each other.
    at: usize,
}

impl<C: Client> Work for Task<C> {
    async fn step(&mut self, n: u64) -> Result {
        let place = &self.places[(self.at + n as usize) % PLACES];
        match self.load {
            Load::Get => right(self.client.get(place).await?, place),
            Load::Set => self.client.set(place).await,
        }
    }
}

fn right(found: Option<Vec<u8>>, place: &Place) -> Result {
    match found {
        Some(found) if found == place.value.as_bytes() => Ok(()),
        Some(_) => Err("another value than the one that was set".into()),
        None => Err("no value where one was set".into()),
    }
}

impl<S: Store> Client for Vault<S> {
    async fn get(&mut self, place: &Place) -> Result<Option<Vec<u8>>> {
        let found: Option<String> = Self::get(self, place.name.as_str()).await?;
        Ok(found.map(String::into_bytes))
    }

    async fn set(&mut self, place: &Place) -> Result {
        Ok(Self::set(self, place.name.as_str(), &place.value, EXPIRY).await?)
    }

    async fn delete(&mut self, place: &Place) -> Result {
        Self::delete(self, place.name.as_str()).await?;
        Ok(())
    }
}

impl Client for MultiplexedConnection {
    async fn get(&mut self, place: &Place) -> Result<Option<Vec<u8>>> {
        Ok(redis::AsyncCommands::get(self, &place.key).await?)
    }

    async fn set(&mut self, place: &Place) -> Result {
        Ok(self.set_ex(&place.key, &place.value, EXPIRY.as_secs()).await?)
    }

    async fn delete(&mut self, place: &Place) -> Result {
        Ok(self.del(&place.key).await?)
    }
}

impl Client for Pool {
    async fn get(&mut self, place: &Place) -> Result<Option<Vec<u8>>> {
        let mut connection = Self::get(self).await?;
        Ok(connection.get(&place.key).await?)
    }

    async fn set(&mut self, place: &Place) -> Result {
        let mut connection = Self::get(self).await?;
        Ok(connection.set_ex(&place.key, &place.value, EXPIRY.as_secs()).await?)
    }

    async fn delete(&mut self, place: &Place) -> Result {
        let mut connection = Self::get(self).await?;
        Ok(connection.del(&place.key).await?)
    }
}

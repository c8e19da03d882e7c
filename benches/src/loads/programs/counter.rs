//! `check_and_increment`: the whole call of rooms, names hidden, against a script written by hand.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use roomkey_core::{Key, Kind, Namespace, Spread, Store};
use roomkey_rooms::Rooms;
use roomkey_vault::Name;

use super::room::{LIMIT, Phase, number};
use crate::Result;
use crate::drive::Work;
use crate::loads::tag;

/// What every change of a room's size lengthens its life to.
const LIFE: Duration = Duration::from_secs(3_600);

/// Somebody who can count a room.
pub(crate) trait Counts: Clone + Send + 'static {
    /// Whether there was room for one more.
    fn check_and_increment(&mut self, room: u64) -> impl Future<Output = Result<bool>> + Send;
}

/// Visits one room after the other; each count is one operation.
pub(crate) struct Visits<C> {
    counts: C,
    task: usize,
}

impl<C> Visits<C> {
    pub(crate) fn new(counts: C, task: usize) -> Self {
        Self { counts, task }
    }
}

impl<C: Counts> Work for Visits<C> {
    async fn step(&mut self, n: u64) -> Result {
        let wanted = Phase::of(n) == Phase::Free;
        let counted = self.counts.check_and_increment(number(self.task, n)).await?;
        if counted == wanted {
            Ok(())
        } else {
            Err(format!("step {n}: {counted} instead of {wanted}").into())
        }
    }
}

/// Through rooms and their store.
#[derive(Clone)]
pub(crate) struct Compiled<S>(pub(crate) Rooms<S>);

impl<S: Store> Counts for Compiled<S> {
    async fn check_and_increment(&mut self, room: u64) -> Result<bool> {
        Ok(self.0.check_and_increment_within(Name::new("room").arg(room), LIMIT).await?)
    }
}

/// The same steps as one script, called by its hash over one connection.
#[derive(Clone)]
pub(crate) struct ByHand {
    connection: MultiplexedConnection,
    hash: String,
    rooms: Namespace,
}

impl ByHand {
    pub(crate) async fn new(mut connection: MultiplexedConnection) -> Result<Self> {
        let script = include_str!("counter.lua");
        let hash = redis::cmd("SCRIPT").arg("LOAD").arg(script).query_async(&mut connection).await?;
        Ok(Self { connection, hash, rooms: Namespace::new("bench", "c1", "rooms")? })
    }
}

impl Counts for ByHand {
    async fn check_and_increment(&mut self, room: u64) -> Result<bool> {
        let tag = tag(room);
        let key = Key::new(Kind::Value, &self.rooms, Spread::over(1_024).partition(tag), tag);
        let mut call = redis::cmd("EVALSHA");
        call.arg(&self.hash).arg(1).arg(&key.bytes()[..]).arg(LIMIT).arg(LIFE.as_millis() as u64);
        let size: Option<i64> = call.query_async(&mut self.connection).await?;
        Ok(size.is_some())
    }
}

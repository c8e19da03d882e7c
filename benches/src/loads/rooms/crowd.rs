//! Rooms full of members, and what is done with them.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::side::Side;
use crate::Result;
use crate::comparison::{Contender, Sample};
use crate::drive::{Work, on_tasks, to_the_end};
use crate::loads::Setting;

/// How many seats of a room are renewed together.
pub(crate) const BATCH: usize = 50;
/// How many join at the same time while a crowd gathers.
const AT_ONCE: usize = 64;
/// Members of no crowd have numbers from here on.
const GUESTS: u64 = 1 << 38;
/// More seats than anybody takes.
const ROOMY: u32 = 10_000_000;

/// Rooms that have so many members each.
pub(crate) struct Crowd<S: Side> {
    side: S,
    rooms: Range<usize>,
    size: usize,
    /// The seats of the members, fifty of a room together.
    batches: Vec<Vec<S::Lease>>,
    /// How many seats the rooms have at the moment.
    limit: Arc<AtomicU32>,
}

/// What is done with a crowd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// New members join.
    Join,
    /// They leave.
    Leave,
    /// New members find the rooms full.
    Refused,
    /// Members renew their seats, fifty of a room at a time.
    Renew,
}

impl<S: Side> Crowd<S> {
    /// Configures the rooms and lets the members join.
    pub(crate) fn gather(setting: &Setting, side: S, rooms: Range<usize>, size: usize) -> Result<Arc<Self>> {
        let numbers = (0..size as u64).step_by(BATCH);
        let lots: Vec<_> =
            rooms.clone().flat_map(|room| numbers.clone().map(move |first| (room, first))).collect();
        let mut crowd = Self { side, rooms, size, batches: Vec::new(), limit: Arc::default() };
        crowd.allow(setting, ROOMY)?;
        let tasks: Vec<_> = lots
            .chunks(lots.len().div_ceil(AT_ONCE))
            .map(|lots| setting.runtime.spawn(admit(crowd.side.clone(), lots.to_vec(), size as u64)))
            .collect();
        for task in tasks {
            crowd.batches.extend(setting.runtime.block_on(task)??);
        }
        Ok(Arc::new(crowd))
    }

    /// The same members of the same rooms, visited by another way.
    pub(crate) fn by(&self, side: S) -> Arc<Self> {
        let Self { side: _, rooms, size, batches, limit } = self;
        let (rooms, batches, limit) = (rooms.clone(), batches.clone(), Arc::clone(limit));
        Arc::new(Self { side, rooms, size: *size, batches, limit })
    }

    /// Gives the rooms another number of seats.
    fn allow(&self, setting: &Setting, limit: u32) -> Result {
        if self.limit.swap(limit, Ordering::Relaxed) == limit {
            return Ok(());
        }
        setting.runtime.block_on(async {
            for room in self.rooms.clone() {
                self.side.configure(room, limit).await?;
            }
            Ok(())
        })
    }

    /// Somebody who does so with the crowd.
    pub(crate) fn contender(
        self: &Arc<Self>,
        name: &'static str,
        setting: &Setting,
        tasks: usize,
        load: Load,
    ) -> Contender {
        let (crowd, setting) = (Arc::clone(self), setting.clone());
        Contender::new(name, move |time| crowd.turn(&setting, time, tasks, load))
    }

    /// So many joins on so many tasks.
    pub(crate) fn join(self: &Arc<Self>, setting: &Setting, tasks: usize, times: u64) -> Result {
        let coming = (0..tasks).map(|task| (Coming(self.guests(task), Seats::default()), times));
        to_the_end(setting, coming.collect())?;
        Ok(())
    }

    fn guests(self: &Arc<Self>, task: usize) -> Guests<S> {
        Guests { crowd: Arc::clone(self), task }
    }

    fn turn(self: &Arc<Self>, setting: &Setting, time: Duration, tasks: usize, load: Load) -> Result<Sample> {
        self.allow(setting, if load == Load::Refused { self.size as u32 } else { ROOMY })?;
        match load {
            Load::Join | Load::Leave => {
                let seats: Vec<Seats<S>> = (0..tasks).map(|_| Seats::default()).collect();
                let coming =
                    seats.iter().zip(0..).map(|(seats, task)| Coming(self.guests(task), seats.clone()));
                let came = on_tasks(setting, time, coming.collect())?;
                // So that the rooms stay as large as they are.
                let left = leave_all(setting, &self.side, &seats)?;
                Ok(if load == Load::Join { came } else { left })
            }
            Load::Refused => {
                on_tasks(setting, time, (0..tasks).map(|task| Refused(self.guests(task))).collect())
            }
            Load::Renew => {
                let renewing = |task| Renewing { crowd: Arc::clone(self), at: task * 61 };
                on_tasks(setting, time, (0..tasks).map(renewing).collect())
            }
        }
    }
}

/// Lets the lots of members join: fifty of a room each.
async fn admit<S: Side>(side: S, lots: Vec<(usize, u64)>, size: u64) -> Result<Vec<Vec<S::Lease>>> {
    let mut batches = Vec::with_capacity(lots.len());
    for (room, first) in lots {
        let mut batch = Vec::with_capacity(BATCH);
        for member in first..size.min(first + BATCH as u64) {
            batch.push(side.join(room, member).await?.ok_or("a room was full too soon")?);
        }
        batches.push(batch);
    }
    Ok(batches)
}

/// Those who join, one after the other, one room after the other.
struct Guests<S: Side> {
    crowd: Arc<Crowd<S>>,
    task: usize,
}

impl<S: Side> Guests<S> {
    async fn join(&self, n: u64) -> Result<Option<S::Lease>> {
        let rooms = &self.crowd.rooms;
        let room = rooms.start + (self.task * 61 + n as usize) % rooms.len();
        self.crowd.side.join(room, guest(self.task, n)).await
    }
}

/// The number of a member that is of no crowd.
pub(super) fn guest(task: usize, n: u64) -> u64 {
    GUESTS + ((task as u64) << 28) + n
}

/// Those who join rooms with free seats.
struct Coming<S: Side>(Guests<S>, Seats<S>);

impl<S: Side> Work for Coming<S> {
    async fn step(&mut self, n: u64) -> Result {
        let Self(guests, seats) = self;
        seats.keep(guests.join(n).await?.ok_or("a room with free seats was full")?);
        Ok(())
    }
}

/// The seats that a task took in a turn.
pub(super) struct Seats<S: Side>(Arc<Mutex<Vec<S::Lease>>>);

impl<S: Side> Seats<S> {
    pub(super) fn keep(&self, seat: S::Lease) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(seat);
    }
}

impl<S: Side> Default for Seats<S> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<S: Side> Clone for Seats<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Gives back all seats, each task those that it took.
pub(super) fn leave_all<S: Side>(setting: &Setting, side: &S, seats: &[Seats<S>]) -> Result<Sample> {
    let leaving = seats.iter().map(|Seats(seats)| {
        let seats = std::mem::take(&mut *seats.lock().unwrap_or_else(PoisonError::into_inner));
        let count = seats.len() as u64;
        (Leaving { side: side.clone(), seats }, count)
    });
    to_the_end(setting, leaving.collect())
}

struct Leaving<S: Side> {
    side: S,
    seats: Vec<S::Lease>,
}

impl<S: Side> Work for Leaving<S> {
    async fn step(&mut self, n: u64) -> Result {
        self.side.leave(&self.seats[n as usize]).await
    }
}

/// Those who join rooms that are full.
struct Refused<S: Side>(Guests<S>);

impl<S: Side> Work for Refused<S> {
    async fn step(&mut self, n: u64) -> Result {
        match self.0.join(n).await? {
            Some(_) => Err("a full room had a free seat".into()),
            None => Ok(()),
        }
    }
}

struct Renewing<S: Side> {
    crowd: Arc<Crowd<S>>,
    at: usize,
}

impl<S: Side> Work for Renewing<S> {
    async fn step(&mut self, n: u64) -> Result {
        let Crowd { side, batches, .. } = &*self.crowd;
        side.renew(&batches[(self.at + n as usize) % batches.len()]).await
    }
}

//! What is known of the rooms and the workers: filled by those who follow, read by those who show.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use roomkey_rooms::{Occupancy, Standing};

use crate::ROOMS;

/// How many events are remembered.
const EVENTS: usize = 200;

/// All of it.
#[derive(Debug)]
pub(crate) struct Scene {
    began: Instant,
    inner: Mutex<Inner>,
}

/// What those who show see.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inner {
    pub(crate) rooms: BTreeMap<&'static str, Room>,
    pub(crate) workers: BTreeMap<u32, State>,
    /// The newest last.
    pub(crate) events: VecDeque<Happened>,
    /// How many events there were before those.
    pub(crate) forgotten: usize,
    pub(crate) totals: Totals,
}

/// One room.
#[derive(Clone, Debug, Default)]
pub(crate) struct Room {
    pub(crate) occupancy: Option<Occupancy>,
    pub(crate) members: Vec<(String, Standing)>,
}

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Works,
    Killed,
}

/// An event, and when it was seen.
#[derive(Clone, Debug)]
pub(crate) struct Happened {
    pub(crate) at: Duration,
    pub(crate) room: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) member: String,
}

/// What there was in all.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) joined: u64,
    pub(crate) left: u64,
    pub(crate) promoted: u64,
    pub(crate) expired: u64,
    pub(crate) crashes: u64,
    pub(crate) looks: u64,
    /// By how much a room was over its limit, at worst.
    pub(crate) most_over: u64,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let rooms = ROOMS.into_iter().map(|(name, ..)| (name, Room::default())).collect();
        Self { began: Instant::now(), inner: Mutex::new(Inner { rooms, ..Inner::default() }) }
    }

    /// How long it goes on already.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// What it is at this moment.
    pub(crate) fn now(&self) -> Inner {
        self.locked().clone()
    }

    pub(crate) fn totals(&self) -> Totals {
        self.locked().totals
    }

    pub(crate) fn worker(&self, number: u32, state: State) {
        let mut inner = self.locked();
        if state == State::Killed {
            inner.totals.crashes += 1;
        }
        inner.workers.insert(number, state);
        drop(inner);
        if state == State::Killed {
            self.happened("", "killed", format!("worker {number}"));
        }
    }

    pub(crate) fn note(&self, what: String) {
        self.happened("", "trouble", what);
    }

    pub(crate) fn looked(&self, room: &'static str, occupancy: Occupancy, members: Vec<(String, Standing)>) {
        let mut inner = self.locked();
        let over = occupancy.live.saturating_sub(occupancy.limit.into());
        inner.totals.looks += 1;
        inner.totals.most_over = inner.totals.most_over.max(over);
        inner.rooms.insert(room, Room { occupancy: Some(occupancy), members });
    }

    pub(crate) fn happened(&self, room: &'static str, kind: &'static str, member: String) {
        let at = self.elapsed();
        let mut inner = self.locked();
        let totals = &mut inner.totals;
        match kind {
            "joined" => totals.joined += 1,
            "left" => totals.left += 1,
            "promoted" => totals.promoted += 1,
            "expired" => totals.expired += 1,
            _ => {}
        }
        inner.events.push_back(Happened { at, room, kind, member });
        if inner.events.len() > EVENTS {
            inner.events.pop_front();
            inner.forgotten += 1;
        }
    }

    fn locked(&self) -> MutexGuard<'_, Inner> {
        // Every change is one step, so what a panicking holder leaves is whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { joined, left, promoted, expired, crashes, looks, most_over } = self;
        write!(
            f,
            "{joined} joined, {left} left, {promoted} promoted, {expired} expired after {crashes} kills"
        )?;
        match most_over {
            0 => write!(f, "; never over a limit in {looks} looks"),
            _ => write!(f, "; OVER A LIMIT by {most_over}"),
        }
    }
}

//! The keys of one shard.
//!
//! Every change of a key goes through [`write`](Keyspace::write), [`shrink`](Keyspace::shrink),
//! [`expire`](Keyspace::expire) and `remove`, which keep three things true: no key is empty, every key with a deadline
//! stands in the index at that deadline or before, and the sum of sizes is the sum of sizes.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::Arc;

use bytes::Bytes;
use roomkey_core::{Life, Result, StoreTime};
use tokio::sync::Notify;

use crate::entry::{Data, Entry, Structure, deadline};
use crate::expiry::Expiry;
use crate::names::Names;
use crate::wait::Waiters;

#[derive(Debug, Default)]
pub(crate) struct Keyspace {
    /// May hold keys whose deadline has passed; [`live`](Self::live) does not show them.
    ///
    /// Hashed, because finding a key in an ordered map compares the bytes of a dozen others, each of them a trip to
    /// memory. The standard hasher, because whoever names keys must not be able to make them collide.
    entries: HashMap<Bytes, Entry>,
    names: Names,
    expiry: Expiry,
    pub(crate) waiters: Waiters,
    traces: Traces,
}

/// What a program leaves to be done: the sum of sizes is kept by the store, and everything else happens after the lock
/// is given back.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    /// By how much the sum of sizes has changed.
    pub(crate) grown: i64,
    /// The earliest deadline that was filed.
    pub(crate) soonest: Option<StoreTime>,
    /// Large structures that were removed; freeing them takes long.
    pub(crate) buried: Vec<Data>,
    /// Who waits for what was appended.
    pub(crate) woken: Vec<Arc<Notify>>,
    wrote: bool,
}

impl Keyspace {
    /// What a key holds, if it is there and its deadline has not passed.
    pub(crate) fn live(&self, key: &Bytes, now: StoreTime) -> Option<&Entry> {
        self.entries.get(key).filter(|entry| entry.is_alive(now))
    }

    /// The structure of a key. [`Error::WrongType`](roomkey_core::Error::WrongType) if it is another one.
    pub(crate) fn read<T: Structure>(&self, key: &Bytes, now: StoreTime) -> Result<Option<&T>> {
        self.live(key, now).map(|entry| T::of(&entry.data)).transpose()
    }

    /// Changes a key, creating it where it is missing, and applies `life` if `change` says that it wrote something.
    /// Returns also the deadline that the key then has.
    ///
    /// `change` may fail only before it changes anything, and not on a structure that is new.
    pub(crate) fn write<R>(
        &mut self,
        key: &Bytes,
        now: StoreTime,
        life: Life,
        new: Data,
        change: impl FnOnce(&mut Data) -> Result<(R, bool)>,
    ) -> Result<(R, Option<StoreTime>)> {
        let (entry, old) = match self.entries.entry(key.clone()) {
            Slot::Vacant(slot) => {
                let id = self.names.add(key.clone());
                (slot.insert(Entry { data: new, deadline: None, turn: None, id }), None)
            }
            Slot::Occupied(slot) => {
                let entry = slot.into_mut();
                let size = entry.size(key);
                if entry.is_alive(now) {
                    let deadline = entry.deadline;
                    (entry, Some((size, deadline)))
                } else {
                    // Expired and not reaped yet: for the program it is a missing key.
                    self.traces.grown -= signed(size);
                    entry.deadline = None;
                    self.traces.bury(std::mem::replace(&mut entry.data, new));
                    (entry, None)
                }
            }
        };
        let (reply, wrote) = change(&mut entry.data)?;
        if wrote {
            entry.deadline = deadline(life, old.map(|(_, deadline)| deadline), now);
        }
        self.traces.wrote = true;
        self.traces.grown += signed(entry.size(key)) - signed(old.map_or(0, |(size, _)| size));
        let deadline = entry.deadline;
        if entry.data.is_empty() || !entry.is_alive(now) {
            self.remove(key);
            return Ok((reply, None));
        }
        self.traces.note(file(entry, &mut self.expiry));
        Ok((reply, deadline))
    }

    /// Changes a structure that is there by taking from it; `None` where the key is missing.
    pub(crate) fn shrink<T: Structure, R>(
        &mut self,
        key: &Bytes,
        now: StoreTime,
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<Option<R>> {
        let Some(entry) = self.entries.get_mut(key).filter(|entry| entry.is_alive(now)) else {
            return Ok(None);
        };
        let before = entry.size(key);
        let reply = change(T::of_mut(&mut entry.data)?);
        self.traces.wrote = true;
        self.traces.grown += signed(entry.size(key)) - signed(before);
        if entry.data.is_empty() {
            self.remove(key);
        }
        Ok(Some(reply))
    }

    /// Changes the expiry of a key that is there: the deadline that it then has, or `None` where it is missing.
    pub(crate) fn expire(&mut self, key: &Bytes, now: StoreTime, life: Life) -> Option<Option<StoreTime>> {
        let entry = self.entries.get_mut(key).filter(|entry| entry.is_alive(now))?;
        entry.deadline = deadline(life, Some(entry.deadline), now);
        self.traces.wrote = true;
        let deadline = entry.deadline;
        if !entry.is_alive(now) {
            self.remove(key);
            return Some(None);
        }
        self.traces.note(file(entry, &mut self.expiry));
        Some(deadline)
    }

    /// Removes a key if it is there and its deadline has not passed; returns whether it was.
    pub(crate) fn delete(&mut self, key: &Bytes, now: StoreTime) -> bool {
        let existed = self.live(key, now).is_some();
        self.remove(key);
        existed
    }

    /// Frees what a key held before, see [`Traces::bury`].
    pub(crate) fn bury(&mut self, data: Data) {
        self.traces.bury(data);
    }

    /// Notes that something was appended to a log.
    pub(crate) fn appended(&mut self, key: &Bytes) {
        self.waiters.collect(key, &mut self.traces.woken);
    }

    /// Looks at up to `most` keys whose turn has come and frees those whose deadline has passed; returns at how many it
    /// looked.
    pub(crate) fn reap(&mut self, now: StoreTime, most: usize) -> usize {
        for looked in 0..most {
            let Some(id) = self.expiry.take_due(now) else { return looked };
            let Some(key) = self.names.key(id).cloned() else { continue };
            let Some(entry) = self.entries.get_mut(&key) else { continue };
            entry.turn = None;
            if entry.is_alive(now) {
                // Its life was lengthened since.
                self.traces.note(file(entry, &mut self.expiry));
            } else {
                self.remove(&key);
            }
        }
        most
    }

    /// No key expires before this moment.
    pub(crate) fn earliest_deadline(&self) -> Option<StoreTime> {
        self.expiry.earliest()
    }

    /// The keys from a number on that begin with `prefix`: at most `count`, among at most `looked_at`. With the number
    /// to go on from, if there is more.
    pub(crate) fn scan(
        &self,
        prefix: &[u8],
        first: usize,
        count: usize,
        looked_at: usize,
        now: StoreTime,
    ) -> (Vec<Bytes>, Option<usize>) {
        let mut found = Vec::new();
        let mut next = None;
        for (number, key) in self.names.from(first) {
            if found.len() == count || number - first > looked_at {
                next = Some(number - 1);
                break;
            }
            if let Some(key) = key.filter(|key| key.starts_with(prefix))
                && self.live(key, now).is_some()
            {
                found.push(key.clone());
            }
        }
        (found, next)
    }

    /// Ends a program: every program that writes also frees a few expired keys, so that memory does not depend on the
    /// background task alone.
    pub(crate) fn finish(&mut self, now: StoreTime) -> Traces {
        if self.traces.wrote {
            self.reap(now, REAPED_BY_A_WRITE);
        }
        std::mem::take(&mut self.traces)
    }

    /// Drops everything; whoever waits is woken.
    pub(crate) fn clear(&mut self) -> Traces {
        for (key, entry) in std::mem::take(&mut self.entries) {
            self.traces.grown -= signed(entry.size(&key));
            self.traces.bury(entry.data);
        }
        self.names = Names::default();
        self.expiry.clear();
        self.waiters.collect_all(&mut self.traces.woken);
        std::mem::take(&mut self.traces)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Every live key with its structure and deadline in words.
    #[cfg(test)]
    pub(crate) fn contents(&self, now: StoreTime) -> Vec<(Bytes, String)> {
        let live = self.entries.iter().filter(|(_, entry)| entry.is_alive(now));
        live.map(|(key, entry)| (key.clone(), format!("{:?} {:?}", entry.data, entry.deadline))).collect()
    }

    /// The sum of sizes, counted anew; asserts the other two promises of this module on the way.
    #[cfg(test)]
    pub(crate) fn recount(&self) -> usize {
        let mut turns = 0;
        for (key, entry) in &self.entries {
            assert!(!entry.data.is_empty(), "an empty structure stays behind");
            assert_eq!(self.names.key(entry.id), Some(key));
            assert!(entry.deadline.is_none() || entry.turn.is_some_and(|turn| Some(turn) <= entry.deadline));
            if let Some(turn) = entry.turn {
                assert!(self.expiry.holds(turn, entry.id), "a key is missing in the index of deadlines");
                turns += 1;
            }
        }
        assert_eq!(self.expiry.len(), turns, "the index of deadlines holds more than the keys");
        assert_eq!(self.names.from(0).filter(|(_, key)| key.is_some()).count(), self.entries.len());
        self.entries.iter().map(|(key, entry)| entry.size(key)).sum()
    }

    fn remove(&mut self, key: &Bytes) {
        let Some(entry) = self.entries.remove(key) else { return };
        self.names.remove(entry.id);
        if let Some(turn) = entry.turn {
            self.expiry.unfile(turn, entry.id);
        }
        self.traces.wrote = true;
        self.traces.grown -= signed(entry.size(key));
        self.traces.bury(entry.data);
        if self.entries.capacity() > 1_024 && self.entries.len() < self.entries.capacity() / 8 {
            // Room for twice as many, so that a shard does not go to and fro between two sizes.
            self.entries.shrink_to(self.entries.len() * 2);
        }
    }
}

/// Files a key in the index of deadlines, unless it stands there early enough; returns the deadline if it was filed.
fn file(entry: &mut Entry, expiry: &mut Expiry) -> Option<StoreTime> {
    let deadline = entry.deadline?;
    match entry.turn {
        Some(turn) if turn <= deadline => return None,
        Some(turn) => expiry.unfile(turn, entry.id),
        None => {}
    }
    expiry.file(deadline, entry.id);
    entry.turn = Some(deadline);
    Some(deadline)
}

impl Traces {
    /// Notes a deadline that was filed.
    fn note(&mut self, filed: Option<StoreTime>) {
        self.soonest = [self.soonest, filed].into_iter().flatten().min();
    }

    /// Frees data that a key no longer holds: at once where that is quick, else when the lock is given back.
    pub(crate) fn bury(&mut self, data: Data) {
        if data.len() > FREED_UNDER_THE_LOCK {
            self.buried.push(data);
        }
    }
}

/// How many expired keys a writing program frees beside its own work: more than it can create with deadlines of its
/// own in the usual program, so that expired keys do not pile up.
const REAPED_BY_A_WRITE: usize = 2;

/// Up to how many elements a removed structure is freed while the shard is locked.
const FREED_UNDER_THE_LOCK: usize = 64;

/// Sizes are sums of lengths of what is in memory, far below 2^63.
const fn signed(size: usize) -> i64 {
    size.cast_signed() as i64
}

//! The keys of one shard.
//!
//! Every change of a key goes through the three methods [`write`](Keyspace::write), [`shrink`](Keyspace::shrink) and
//! [`remove`](Keyspace::remove), which keep three things true: no key is empty, the index of deadlines is exact, and
//! the sum of sizes is the sum of sizes.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use roomkey_core::{Life, Result, StoreTime};
use tokio::sync::Notify;

use crate::entry::{Data, Entry, Structure, deadline};
use crate::expiry::Expiry;
use crate::wait::Waiters;

#[derive(Debug, Default)]
pub(crate) struct Keyspace {
    /// Ordered by name, so that a scan can go on after the last key that it has seen. May hold keys whose deadline has
    /// passed; [`live`](Self::live) does not show them.
    entries: BTreeMap<Bytes, Entry>,
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
            Slot::Vacant(slot) => (slot.insert(Entry { data: new, deadline: None }), None),
            Slot::Occupied(slot) => {
                let entry = slot.into_mut();
                if entry.is_alive(now) {
                    let old = (entry.size(key), entry.deadline);
                    (entry, Some(old))
                } else {
                    // Expired and not reaped yet: for the program it is a missing key.
                    self.traces.grown -= signed(entry.size(key));
                    if let Some(passed) = entry.deadline.take() {
                        self.expiry.unfile(passed, key.clone());
                    }
                    self.traces.bury(std::mem::replace(&mut entry.data, new));
                    (entry, None)
                }
            }
        };
        let (reply, wrote) = change(&mut entry.data)?;
        let before = entry.deadline;
        if wrote {
            entry.deadline = deadline(life, old.map(|(_, deadline)| deadline), now);
        }
        let (after, gone) = (entry.deadline, entry.data.is_empty() || !entry.is_alive(now));
        self.traces.wrote = true;
        self.traces.grown += signed(entry.size(key)) - signed(old.map_or(0, |(size, _)| size));
        self.refile(key, before, after);
        if gone {
            self.remove(key);
            return Ok((reply, None));
        }
        Ok((reply, after))
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
        let before = entry.deadline;
        let after = deadline(life, Some(before), now);
        entry.deadline = after;
        let gone = !entry.is_alive(now);
        self.traces.wrote = true;
        self.refile(key, before, after);
        if gone {
            self.remove(key);
            return Some(None);
        }
        Some(after)
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

    /// Frees up to `most` keys whose deadline has passed; returns how many there were.
    pub(crate) fn reap(&mut self, now: StoreTime, most: usize) -> usize {
        for freed in 0..most {
            let Some(key) = self.expiry.take_passed(now) else { return freed };
            self.remove(&key);
        }
        most
    }

    /// The earliest deadline of all keys.
    pub(crate) fn earliest_deadline(&self) -> Option<StoreTime> {
        self.expiry.earliest()
    }

    /// The keys that begin with `prefix`, in order, after the one given; expired ones included.
    pub(crate) fn keys_from<'a>(
        &'a self,
        prefix: &'a [u8],
        after: Option<&'a Bytes>,
    ) -> impl Iterator<Item = (&'a Bytes, &'a Entry)> {
        let from = after.map_or(Bound::Included(prefix), |key| Bound::Excluded(key.as_ref()));
        let rest = self.entries.range::<[u8], _>((from, Bound::Unbounded));
        rest.take_while(move |(key, _)| key.starts_with(prefix))
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
        self.expiry.clear();
        self.waiters.collect_all(&mut self.traces.woken);
        std::mem::take(&mut self.traces)
    }

    fn remove(&mut self, key: &Bytes) {
        let Some(entry) = self.entries.remove(key) else { return };
        if let Some(deadline) = entry.deadline {
            self.expiry.unfile(deadline, key.clone());
        }
        self.traces.wrote = true;
        self.traces.grown -= signed(entry.size(key));
        self.traces.bury(entry.data);
    }

    fn refile(&mut self, key: &Bytes, before: Option<StoreTime>, after: Option<StoreTime>) {
        if before == after {
            return;
        }
        if let Some(before) = before {
            self.expiry.unfile(before, key.clone());
        }
        if let Some(after) = after {
            self.expiry.file(after, key.clone());
            self.traces.soonest = Some(self.traces.soonest.map_or(after, |soonest| soonest.min(after)));
        }
    }
}

impl Traces {
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

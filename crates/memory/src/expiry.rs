//! The deadlines of a shard in their order.

use std::collections::BTreeSet;

use bytes::Bytes;
use roomkey_core::StoreTime;

/// Every key with a deadline, the earliest first. Exact: a key stands here once, under the deadline that it has, so the
/// index never outgrows the keys.
#[derive(Debug, Default)]
pub(crate) struct Expiry {
    deadlines: BTreeSet<(StoreTime, Bytes)>,
}

impl Expiry {
    pub(crate) fn file(&mut self, deadline: StoreTime, key: Bytes) {
        self.deadlines.insert((deadline, key));
    }

    pub(crate) fn unfile(&mut self, deadline: StoreTime, key: Bytes) {
        self.deadlines.remove(&(deadline, key));
    }

    pub(crate) fn earliest(&self) -> Option<StoreTime> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Takes out a key whose deadline has passed.
    pub(crate) fn take_passed(&mut self, now: StoreTime) -> Option<Bytes> {
        if self.earliest()? < now { self.deadlines.pop_first().map(|(_, key)| key) } else { None }
    }

    pub(crate) fn clear(&mut self) {
        self.deadlines.clear();
    }

    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(StoreTime, Bytes)> {
        self.deadlines.iter()
    }
}

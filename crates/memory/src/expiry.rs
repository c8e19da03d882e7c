//! The deadlines of a shard in their order.

use std::collections::BTreeSet;

use roomkey_core::StoreTime;

use crate::names::NameId;

/// When to look at which key, the earliest first.
///
/// A key stands here at most once, at its deadline or before it: lengthening a life, which is what renewals do all the
/// time, leaves it where it is, and when its turn comes it is filed anew.
#[derive(Debug, Default)]
pub(crate) struct Expiry {
    turns: BTreeSet<(StoreTime, NameId)>,
}

impl Expiry {
    pub(crate) fn file(&mut self, turn: StoreTime, key: NameId) {
        self.turns.insert((turn, key));
    }

    pub(crate) fn unfile(&mut self, turn: StoreTime, key: NameId) {
        self.turns.remove(&(turn, key));
    }

    /// No key expires before this moment.
    pub(crate) fn earliest(&self) -> Option<StoreTime> {
        self.turns.first().map(|(turn, _)| *turn)
    }

    /// Takes out a key whose turn has come.
    pub(crate) fn take_due(&mut self, now: StoreTime) -> Option<NameId> {
        if self.earliest()? < now { self.turns.pop_first().map(|(_, key)| key) } else { None }
    }

    pub(crate) fn clear(&mut self) {
        self.turns.clear();
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.turns.len()
    }

    #[cfg(test)]
    pub(crate) fn holds(&self, turn: StoreTime, key: NameId) -> bool {
        self.turns.contains(&(turn, key))
    }
}

//! What must hold of tokens that a caller brought: each is valid from when it was stored to its end.

use std::collections::HashMap;

use crate::kinds::{Kind, Tick};

/// When each ends, by type and text.
#[derive(Debug, Default)]
pub(crate) struct Brought(HashMap<(&'static str, usize), Tick>);

impl Brought {
    /// Stores one. Returns whether it was not there.
    pub(crate) fn store(&mut self, now: Tick, kind: &'static Kind, text: usize, life: Tick) -> bool {
        let free = !self.is_valid(now, kind, text);
        if free {
            self.0.insert((kind.name, text), now + life);
        }
        free
    }

    pub(crate) fn is_valid(&self, now: Tick, kind: &'static Kind, text: usize) -> bool {
        self.0.get(&(kind.name, text)).is_some_and(|&until| now < until)
    }

    pub(crate) fn was_stored(&self, kind: &'static Kind, text: usize) -> bool {
        self.0.contains_key(&(kind.name, text))
    }

    /// Ends one. Returns whether it was there.
    pub(crate) fn revoke(&mut self, now: Tick, kind: &'static Kind, text: usize) -> bool {
        let there = self.is_valid(now, kind, text);
        self.0.remove(&(kind.name, text));
        there
    }
}

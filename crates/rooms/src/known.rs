//! What this process knows of how rooms are configured.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::RoomId;
use crate::terms::Terms;

/// How many rooms are remembered. One that is forgotten costs a round trip when somebody joins it.
const MOST: usize = 65_536;

/// The terms of rooms that are configured, as they were last seen.
///
/// Whoever relies on them says so in the program, which does nothing if they have changed; so what is remembered may be
/// old, but never wrong for long, and never decides anything.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<HashMap<RoomId, Terms>>);

impl Known {
    pub(crate) fn of(&self, room: RoomId) -> Option<Terms> {
        self.locked().get(&room).copied()
    }

    /// Remembers the terms of a room; `None` if it has no configuration.
    pub(crate) fn learn(&self, room: RoomId, terms: Option<Terms>) {
        let mut known = self.locked();
        match terms {
            Some(terms) => {
                if known.len() >= MOST && !known.contains_key(&room) {
                    // All at once: what is in use comes back by itself, and nothing has to be counted.
                    known.clear();
                }
                known.insert(room, terms);
            }
            None => {
                known.remove(&room);
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<RoomId, Terms>> {
        // Every change is one step of the map.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

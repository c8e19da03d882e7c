//! One ear for all who follow rooms in this process.
//!
//! However many follow however many rooms, a task waits for up to 1 024 logs with one call of the store, reads each new
//! entry once, and hands it to all who follow its room. What it hands over is a copy: whoever lags behind, or comes
//! later, reads the log itself, so nothing is missed between.

mod ear;

use std::sync::{Arc, Mutex, PoisonError};

use roomkey_core::{Entry, LogId, MAX_LOGS, Store};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::keys::{Keys, RoomKeys};
use crate::{Occupancy, Result, RoomEvent};
use ear::Ear;

/// The ears of a process.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    ears: Mutex<Vec<Arc<Ear>>>,
}

/// An entry that was heard, and what it says; `None` if that has to be found out by whoever wants to know.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) entry: Entry,
    pub(crate) event: Option<RoomEvent>,
}

/// What is shared by all who follow the counts of a room: the last count, and when it was asked for.
pub(crate) type LastCount = Arc<tokio::sync::Mutex<Option<(tokio::time::Instant, Occupancy)>>>;

/// One who listens to the log of a room.
#[derive(Debug)]
pub(crate) struct Listener {
    receiver: Receiver<Arc<Heard>>,
    pub(crate) last_count: LastCount,
    ear: Arc<Ear>,
    log: bytes::Bytes,
}

/// What a listener learns.
pub(crate) enum News {
    Heard(Arc<Heard>),
    /// Some entries were not handed over, as too many came.
    Lagged,
    /// Nobody listens for it any more: the log, or the store, is not what it was.
    Over,
}

impl Hub {
    /// Listens to the log of a room. What was appended after `at` and before this call may be handed over or not.
    ///
    /// # Panics
    /// Outside a runtime, on which the ear listens.
    pub(crate) fn listen<S: Store>(&self, store: &S, keys: &Keys, room: &RoomKeys, at: LogId) -> Listener {
        // What a panicking holder leaves is a list of ears, whole at every moment.
        let mut ears = self.ears.lock().unwrap_or_else(PoisonError::into_inner);
        ears.retain(|ear| !ear.is_over());
        let known = ears.iter().find_map(|ear| ear.join(room));
        let listener = known.or_else(|| ears.iter().find_map(|ear| ear.open(room, at, MAX_LOGS)));
        listener.unwrap_or_else(|| {
            let (ear, listener) = Ear::new(room, at);
            ears.push(Arc::clone(&ear));
            tokio::spawn(ear::listen(ear, store.clone(), keys.clone()));
            listener
        })
    }
}

impl Listener {
    pub(crate) async fn news(&mut self) -> News {
        match self.receiver.recv().await {
            Ok(heard) => News::Heard(heard),
            Err(RecvError::Lagged(_)) => News::Lagged,
            Err(RecvError::Closed) => News::Over,
        }
    }

    /// Whether something has been handed over, or cannot be any more, that was not looked at. Takes it away.
    pub(crate) fn drain(&mut self) -> bool {
        use tokio::sync::broadcast::error::TryRecvError;
        let mut some = false;
        loop {
            match self.receiver.try_recv() {
                Ok(_) | Err(TryRecvError::Lagged(_)) => some = true,
                Err(TryRecvError::Empty) => return some,
                Err(TryRecvError::Closed) => return true,
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.ear.leave(&self.log, &self.last_count);
    }
}

/// What an entry of a room's log says; `None` for a kind of event that this version does not know.
pub(crate) fn event(keys: &Keys, room: &RoomKeys, entry: &Entry) -> Result<Option<RoomEvent>> {
    use crate::event::{EventId, Kind, What};
    let empty = bytes::Bytes::new();
    let field = |name| entry.field(name).unwrap_or(&empty);
    let id = EventId(entry.id);
    let Some(kind) = Kind::read(field("k")) else { return Ok(None) };
    if kind == Kind::Changed {
        return Ok(Some(RoomEvent { id, what: What::Changed }));
    }
    let (member, metadata) = keys.open_member(room, field("m"), field("i"))?;
    Ok(kind.of(crate::Member { id: member, metadata }).map(|what| RoomEvent { id, what }))
}

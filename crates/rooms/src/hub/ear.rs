//! A task that waits for logs, and those who listen to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Batch, Entry, Error, Key, LogId, MAX_LIMIT, Op, Order, Reply, Store, Wait, Woken};
use tokio::sync::{Notify, broadcast};
use tokio::time::sleep;

use super::{Heard, LastCount, Listener, event};
use crate::keys::{Keys, RoomKeys};

/// How many entries a listener may be behind before it has to read the log itself.
const BACKLOG: usize = 1_024;

/// How long one wait lasts. At its end the logs are looked at: one that was lost is not waited for in vain.
const SLICE: Duration = Duration::from_secs(30);

/// How long the task waits for more listeners to come or go when one has, as each time it has to wait anew.
const GATHER: Duration = Duration::from_millis(10);

/// The shortest and the longest pause after an error of the store.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// The rooms that one task listens to.
#[derive(Debug)]
pub(super) struct Ear {
    channels: Mutex<Channels>,
    /// A room was added or is listened to no more.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Channels {
    by_log: HashMap<Bytes, Channel>,
    /// The task has ended, and nobody may be added.
    over: bool,
}

#[derive(Debug)]
struct Channel {
    room: RoomKeys,
    /// The last entry that was handed over, or after which to begin.
    last: LogId,
    sender: broadcast::Sender<Arc<Heard>>,
    last_count: LastCount,
}

impl Channel {
    fn new(room: &RoomKeys, at: LogId) -> Self {
        let (sender, _) = broadcast::channel(BACKLOG);
        Self { room: room.clone(), last: at, sender, last_count: LastCount::default() }
    }
}

impl Ear {
    /// An ear with one listener.
    pub(super) fn new(room: &RoomKeys, at: LogId) -> (Arc<Self>, Listener) {
        let ear = Arc::new(Self { channels: Mutex::default(), changed: Notify::new() });
        let mut channels = ear.locked();
        let channel =
            channels.by_log.entry(room.events.bytes().clone()).or_insert_with(|| Channel::new(room, at));
        let listener = listener(&ear, channel);
        drop(channels);
        (ear, listener)
    }

    /// Listens to a room that somebody listens to already.
    pub(super) fn join(self: &Arc<Self>, room: &RoomKeys) -> Option<Listener> {
        let channels = self.locked();
        channels.by_log.get(room.events.bytes()).map(|channel| listener(self, channel))
    }

    /// Listens to another room, if there is space for one.
    pub(super) fn open(self: &Arc<Self>, room: &RoomKeys, at: LogId, most: usize) -> Option<Listener> {
        let mut channels = self.locked();
        if channels.over || channels.by_log.len() >= most {
            return None;
        }
        let channel = Channel::new(room, at);
        let listener = listener(self, &channel);
        channels.by_log.insert(room.events.bytes().clone(), channel);
        drop(channels);
        self.changed.notify_one();
        Some(listener)
    }

    /// A listener goes, which still counts at this moment.
    pub(super) fn leave(&self, log: &Bytes, last_count: &LastCount) {
        let mut channels = self.locked();
        // It may have been closed, and opened anew for others.
        let is_last = |channel: &Channel| {
            Arc::ptr_eq(&channel.last_count, last_count) && channel.sender.receiver_count() <= 1
        };
        if channels.by_log.get(log).is_some_and(is_last) {
            channels.by_log.remove(log);
            drop(channels);
            self.changed.notify_one();
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.locked().over
    }

    /// What to wait for; nothing if there is nobody to listen, and then never again.
    fn logs(&self) -> Vec<(Key, LogId)> {
        let mut channels = self.locked();
        channels.over |= channels.by_log.is_empty();
        channels.by_log.values().map(|channel| (channel.room.events.clone(), channel.last)).collect()
    }

    /// Hands over what a log holds from the last entry on that was handed over. Where that is not there any more, others
    /// that came after it may be missing too.
    fn hand_over(&self, keys: &Keys, log: &Key, last: LogId, entries: Vec<Entry>) {
        if last != LogId::MIN && entries.first().is_none_or(|first| first.id != last) {
            return self.close(log);
        }
        let mut channels = self.locked();
        let Some(channel) = channels.by_log.get_mut(log.bytes()) else { return };
        for entry in entries {
            if entry.id <= channel.last {
                continue;
            }
            channel.last = entry.id;
            let event = event(keys, &channel.room, &entry).ok().flatten();
            // That nobody listens any more is noticed by who goes last.
            let _ = channel.sender.send(Arc::new(Heard { entry, event }));
        }
    }

    /// Ends listening to a log: those who listen find out for themselves what became of it.
    fn close(&self, log: &Key) {
        self.locked().by_log.remove(log.bytes());
    }

    fn close_all(&self) {
        let mut channels = self.locked();
        channels.by_log.clear();
        channels.over = true;
    }

    fn locked(&self) -> MutexGuard<'_, Channels> {
        // Every change is one step of the map or of one channel.
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn listener(ear: &Arc<Ear>, channel: &Channel) -> Listener {
    Listener {
        receiver: channel.sender.subscribe(),
        last_count: Arc::clone(&channel.last_count),
        ear: Arc::clone(ear),
        log: channel.room.events.bytes().clone(),
    }
}

/// Listens until nobody wants to know any more.
pub(super) async fn listen<S: Store>(ear: Arc<Ear>, store: S, keys: Keys) {
    let mut pause = PAUSE.0;
    loop {
        let logs = ear.logs();
        if logs.is_empty() {
            return;
        }
        let turn = tokio::select! {
            turn = turn(&ear, &store, &keys, logs) => turn,
            () = ear.changed.notified() => {
                sleep(GATHER).await;
                continue;
            }
        };
        match turn {
            Ok(()) => pause = PAUSE.0,
            Err(Error::Closed) => return ear.close_all(),
            Err(_) => {
                sleep(pause).await;
                pause = (pause * 2).min(PAUSE.1);
            }
        }
    }
}

/// Waits once, and hands over what came.
async fn turn<S: Store>(
    ear: &Ear,
    store: &S,
    keys: &Keys,
    logs: Vec<(Key, LogId)>,
) -> roomkey_core::Result<()> {
    match store.wait(Wait::new(logs.iter().cloned(), SLICE)?).await? {
        Woken::Ready(ready) => {
            let last: HashMap<&Key, LogId> = logs.iter().map(|(log, last)| (log, *last)).collect();
            let last = |key: &Key| last.get(key).copied().unwrap_or(LogId::MIN);
            let new = |key: &Key| Op::log_range(key, last(key), LogId::MAX, Order::Lowest, MAX_LIMIT);
            let replies = store.run(Batch::new(ready.iter().map(new))?).await?;
            for (log, reply) in ready.iter().zip(replies) {
                if let Reply::Entries(entries) = reply? {
                    ear.hand_over(keys, log, last(log), entries);
                }
            }
        }
        Woken::TimedOut => {
            // A log that lost what was last read of it begins at ids that are not after it, so nothing of it would come.
            let (logs, last): (Vec<_>, Vec<_>) =
                logs.into_iter().filter(|(_, last)| *last != LogId::MIN).unzip();
            let there =
                logs.iter().zip(&last).map(|(log, last)| Op::log_range(log, *last, *last, Order::Lowest, 1));
            let replies = store.run(Batch::new(there)?).await?;
            for (log, reply) in logs.iter().zip(replies) {
                if matches!(reply?, Reply::Entries(entries) if entries.is_empty()) {
                    ear.close(log);
                }
            }
        }
    }
    Ok(())
}

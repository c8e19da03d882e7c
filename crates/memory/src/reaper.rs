//! Freeing expired keys: in the background, and when the store is full.
//!
//! No program ever reads what has expired: every read checks the deadline. This only gives memory back.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use roomkey_core::StoreTime;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::shard::SHARDS;
use crate::store::Inner;

/// What programs know of the background task. They start it with the first deadline that they file inside a runtime,
/// and again if that runtime has ended.
#[derive(Debug)]
pub(crate) struct Reaper {
    /// Whether there is to be a task at all.
    on: bool,
    running: AtomicBool,
    /// The deadline that the task sleeps towards, in milliseconds since 1970; [`FOREVER`] for none.
    due: AtomicU64,
    /// Outlives the store, so that the task learns that there is nothing left to do.
    signal: Arc<Notify>,
}

const FOREVER: u64 = u64::MAX;

/// How many expired keys of one shard one step frees, holding its lock.
const STEP: usize = 16;

/// At how many keys whose turn has come a call looks that finds the store full.
const FREED_BY_A_CALL: usize = 1_024;

/// How long the task rests at least between two passes, so that a steady stream of expiries is freed in bundles.
const REST: Duration = Duration::from_millis(100);

impl Reaper {
    pub(crate) fn new(on: bool) -> Self {
        Self {
            on,
            running: AtomicBool::new(false),
            due: AtomicU64::new(FOREVER),
            signal: Arc::new(Notify::new()),
        }
    }

    /// A program has filed this deadline.
    pub(crate) fn expect(&self, deadline: StoreTime, store: &Arc<Inner>) {
        if !self.on {
            return;
        }
        let millis = deadline.as_millis();
        if millis < self.due.load(Ordering::Relaxed) {
            self.due.fetch_min(millis, Ordering::Relaxed);
            self.signal.notify_one();
        }
        if !self.running.load(Ordering::Relaxed)
            && let Ok(runtime) = Handle::try_current()
            && !self.running.swap(true, Ordering::AcqRel)
        {
            runtime.spawn(reap(
                Arc::downgrade(store),
                Arc::clone(&self.signal),
                Running { store: Arc::downgrade(store), arming: false },
            ));
        }
    }

    /// Wakes the task to let it see that the store was closed or dropped.
    pub(crate) fn wake(&self) {
        self.signal.notify_one();
    }
}

/// Tells the store when the task ends, also when its runtime is shut down and drops it.
struct Running {
    store: Weak<Inner>,
    /// Whether a timer is being made, which is what fails in a runtime without timers: tokio panics, and has no way to
    /// ask before. That the thread panics says nothing: a runtime may also be dropped while its thread unwinds.
    arming: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Without timers, leave it at that: the next task would most likely fail as well, and writes free expired keys
        // too.
        if !self.arming
            && let Some(store) = self.store.upgrade()
        {
            store.reaper.running.store(false, Ordering::Release);
        }
    }
}

async fn reap(store: Weak<Inner>, signal: Arc<Notify>, mut running: Running) {
    loop {
        // The store itself is held only while it is worked on, so that the last handle can go at any time.
        let Some(pause) = store.upgrade().filter(|store| !store.is_closed()).map(|store| step(&store)) else {
            return drop(running);
        };
        match pause {
            Pause::None => tokio::task::yield_now().await,
            Pause::For(time) => {
                running.arming = true;
                let sleep = tokio::time::timeout(time, signal.notified());
                running.arming = false;
                // Whether it is the time or a nearer deadline that ends the sleep, the next step finds out.
                drop(sleep.await);
            }
            Pause::Forever => signal.notified().await,
        }
    }
}

/// Frees expired keys until the store is no longer full, those of one shard first; returns whether it came to that.
/// Bounded, like every call: where more would have to be freed, the next call goes on.
pub(crate) fn make_room(store: &Arc<Inner>, first: usize) -> bool {
    let mut left = FREED_BY_A_CALL;
    for shard in (first..SHARDS).chain(0..first) {
        loop {
            if !store.is_full() {
                return true;
            }
            if left == 0 {
                return false;
            }
            let most = left.min(STEP);
            // A lock is held for one step only, and never two at once.
            let looked_at = store.maintain(shard, |keyspace, now| keyspace.reap(now, most));
            left -= looked_at;
            if looked_at < most {
                break;
            }
        }
    }
    !store.is_full()
}

enum Pause {
    /// There is more to free now.
    None,
    For(Duration),
    /// No key expires.
    Forever,
}

/// One bounded piece of work: some expired keys of each shard.
fn step(store: &Arc<Inner>) -> Pause {
    // Deadlines filed from here on are noted anew, whether their shard is still to come or not.
    store.reaper.due.store(FOREVER, Ordering::Relaxed);
    let mut more = false;
    let mut earliest: Option<StoreTime> = None;
    for shard in 0..SHARDS {
        let (freed, next) =
            store.maintain(shard, |keyspace, now| (keyspace.reap(now, STEP), keyspace.earliest_deadline()));
        more |= freed == STEP;
        earliest = [earliest, next].into_iter().flatten().min();
    }
    if more {
        return Pause::None;
    }
    let Some(earliest) = earliest else { return Pause::Forever };
    store.reaper.due.fetch_min(earliest.as_millis(), Ordering::Relaxed);
    // A key is readable at its deadline still, and gone a millisecond later.
    let until_gone = earliest.since(store.now()) + Duration::from_millis(1);
    Pause::For(until_gone.max(REST))
}

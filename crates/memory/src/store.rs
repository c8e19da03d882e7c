//! The store itself: handles, capacity, and the methods of the contract.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use roomkey_core::{
    Batch, Error, Health, Key, Outcome, Page, Reply, Result, Scan, Store, StoreTime, Txn, Wait, Woken,
};
use tokio::task::coop::consume_budget;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::cursor::{Instance, Place};
use crate::keyspace::{Keyspace, Traces};
use crate::program::Machine;
use crate::reaper::{Reaper, make_room};
use crate::shard::{SHARDS, Shard, shard_of};
use crate::wait::{self, Waiter};

/// The embedded store: the whole contract of [`Store`], in the memory of one process.
///
/// A clone is another handle on the same data; with the last handle the data is gone. Programs run on the caller's
/// thread, under a lock of the shard that their partition belongs to.
///
/// # Time
/// Store time is wall time when the store was made, moved on by tokio's clock. A test that pauses and advances tokio's
/// time moves every deadline with it. [`Store::wait`] and the reaper need a runtime with timers; everything else runs
/// without a runtime too.
///
/// # The reaper
/// No program ever sees an expired key. The memory of expired keys is given back by every program that writes, a few at
/// a time, by programs that find the store at its capacity, and by the reaper: a background task on the runtime from
/// which the first key with an expiry was written, or when that runtime has ended, on the next one.
/// [`MemoryOptions::reaper`] switches it off where its timer is unwelcome:
/// - On a runtime without timers the task panics when it first needs one, as every use of timers there does. The panic
///   hook prints it, tokio contains it, and the store goes on without a reaper, also on other runtimes. A program that
///   is compiled with `panic = "abort"` ends.
/// - While time is paused and every task waits, tokio advances it to the next timer. With a reaper that is at the latest
///   the next deadline of a key. So a test that waits for real I/O or for another thread may find that its keys have
///   expired meanwhile.
///
/// # Memory
/// The store counts the bytes of keys and contents and estimates what holding them costs. Bytes are kept as they are
/// given, not copied: a short slice of a long buffer keeps the whole buffer, and counts as short.
#[derive(Clone)]
pub struct MemoryStore {
    inner: Arc<Inner>,
}

/// How a [`MemoryStore`] is made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryOptions {
    /// See [`MemoryStore::set_capacity`]; `None`, the default, is no limit.
    pub capacity: Option<u64>,
    /// Whether a background task frees expired keys, see [the reaper](MemoryStore#the-reaper); `true` is the default.
    pub reaper: bool,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self { capacity: None, reaper: true }
    }
}

impl MemoryOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// See [`MemoryStore::set_capacity`].
    #[must_use]
    pub fn capacity(self, bytes: impl Into<Option<u64>>) -> Self {
        Self { capacity: bytes.into(), ..self }
    }

    /// Whether a background task frees expired keys, see [the reaper](MemoryStore#the-reaper).
    #[must_use]
    pub fn reaper(self, on: bool) -> Self {
        Self { reaper: on, ..self }
    }
}

impl MemoryStore {
    /// An empty store without a limit of memory.
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(MemoryOptions::new())
    }

    /// An empty store.
    #[must_use]
    pub fn with_options(options: MemoryOptions) -> Self {
        let MemoryOptions { capacity, reaper } = options;
        let store = Self { inner: Arc::new(Inner::new(Clock::new(), Reaper::new(reaper))) };
        store.set_capacity(capacity);
        store
    }

    /// Sets the bytes from which on the store refuses to grow; `None` is no limit. It never evicts.
    ///
    /// While [`used`](Self::used) is at or above it, a program whose first write grows is [`Error::Full`] and changes
    /// nothing; reading, deleting and programs that begin by freeing still run. As with `maxmemory` of Redis, the
    /// program that crosses the limit is not refused, the next one is. Before it refuses, the store frees expired keys,
    /// up to a thousand per call.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.inner.capacity.store(bytes.unwrap_or(UNLIMITED), Ordering::Relaxed);
    }

    /// The bytes from which on the store refuses to grow.
    #[must_use]
    pub fn capacity(&self) -> Option<u64> {
        Some(self.inner.capacity.load(Ordering::Relaxed)).filter(|bytes| *bytes != UNLIMITED)
    }

    /// The bytes that the data takes: exact in what keys and contents hold, an estimate in what holding them costs.
    /// Expired keys count until they are freed.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.inner.used.load(Ordering::Relaxed)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner } = self;
        f.debug_struct("MemoryStore")
            .field("used", &self.used())
            .field("capacity", &self.capacity())
            .field("closed", &inner.is_closed())
            .finish_non_exhaustive()
    }
}

impl Store for MemoryStore {
    async fn run(&self, batch: Batch) -> Result<Vec<Result<Reply>>> {
        if self.inner.is_closed() {
            return Err(Error::Closed);
        }
        let mut replies = Vec::with_capacity(batch.ops().len());
        for op in batch.ops() {
            // Nothing here ever waits, so without this a long batch, or a task that only talks to the store, would keep
            // its thread from all other tasks.
            consume_budget().await;
            replies.push(self.inner.program(shard_of(op.key().partition()), |machine| machine.run(op)));
        }
        Ok(replies)
    }

    async fn transact(&self, txn: &Txn) -> Result<Outcome> {
        consume_budget().await;
        // Those of a prepared transaction are made now, and not under the lock.
        let steps = txn.steps();
        self.inner.program(shard_of(txn.partition()), |machine| machine.transact(txn, steps))
    }

    async fn scan(&self, scan: Scan) -> Result<Page> {
        consume_budget().await;
        self.inner.scan(&scan)
    }

    async fn wait(&self, wait: Wait) -> Result<Woken> {
        let deadline = Instant::now() + wait.timeout();
        let waiter = Waiter::register(&self.inner.shards, wait.logs());
        let woken = async {
            loop {
                // As for a batch.
                consume_budget().await;
                let ready = self.inner.ready(&waiter)?;
                if !ready.is_empty() {
                    return Ok(Woken::Ready(ready));
                }
                waiter.woken().await;
            }
        };
        tokio::time::timeout_at(deadline, woken).await.unwrap_or(Ok(Woken::TimedOut))
    }

    async fn health(&self) -> Result<Health> {
        if self.inner.is_closed() {
            return Err(Error::Closed);
        }
        let mut health = Health::new(concat!("memory ", env!("CARGO_PKG_VERSION")));
        // A program that grows would make room first, too.
        let full = self.inner.is_full() && !make_room(&self.inner, 0);
        health.memory_used = Some(self.used());
        health.memory_limit = self.capacity();
        if full {
            health.warnings.push("The store is at its capacity and refuses to grow.".to_owned());
        }
        Ok(health)
    }

    async fn close(&self) -> Result<()> {
        self.inner.close();
        Ok(())
    }
}

/// At how many keys of a shard one page of a scan looks at most, holding its lock.
const LOOKED_AT: usize = 1_000;

/// The capacity that no store reaches.
const UNLIMITED: u64 = u64::MAX;

/// What all handles share.
#[derive(Debug)]
pub(crate) struct Inner {
    shards: Box<[Shard]>,
    clock: Clock,
    instance: Instance,
    /// Set before the shards are cleared. Read under the lock of a shard, so that no program writes into a shard after
    /// it was cleared.
    closed: AtomicBool,
    capacity: AtomicU64,
    /// The sum of the sizes of all keys. Changed under the lock of the shard whose keys changed.
    used: AtomicU64,
    pub(crate) reaper: Reaper,
}

impl Inner {
    fn new(clock: Clock, reaper: Reaper) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            clock,
            instance: Instance::new(),
            closed: AtomicBool::new(false),
            capacity: AtomicU64::new(UNLIMITED),
            used: AtomicU64::new(0),
            reaper,
        }
    }

    pub(crate) fn now(&self) -> StoreTime {
        self.clock.now()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.used.load(Ordering::Relaxed) >= self.capacity.load(Ordering::Relaxed)
    }

    /// Runs a program on a shard, and once more if it is refused for memory that expired keys can give back.
    fn program<R>(
        self: &Arc<Self>,
        shard: usize,
        program: impl Fn(&mut Machine<'_>) -> Result<R>,
    ) -> Result<R> {
        match self.attempt(shard, &program) {
            // What is refused has changed nothing.
            Err(Error::Full) if make_room(self, shard) => self.attempt(shard, program),
            result => result,
        }
    }

    fn attempt<R>(
        self: &Arc<Self>,
        shard: usize,
        program: impl FnOnce(&mut Machine<'_>) -> Result<R>,
    ) -> Result<R> {
        self.maintain(shard, |keyspace, now| {
            if self.is_closed() {
                return Err(Error::Closed);
            }
            program(&mut Machine { keyspace, now, instance: self.instance, full: self.is_full() })
        })
    }

    /// Works on a shard under its lock, on the time at which the lock was taken, and then does what is left to be done.
    pub(crate) fn maintain<R>(
        self: &Arc<Self>,
        shard: usize,
        work: impl FnOnce(&mut Keyspace, StoreTime) -> R,
    ) -> R {
        let mut keyspace = self.shards[shard].lock();
        let now = self.now();
        let result = work(&mut keyspace, now);
        let traces = keyspace.finish(now);
        self.count(traces.grown);
        drop(keyspace);
        self.follow(traces);
        result
    }

    fn scan(self: &Arc<Self>, scan: &Scan) -> Result<Page> {
        let (first, mut number) = match scan.cursor() {
            None => (0, 0),
            Some(_) if self.is_closed() => return Err(Error::Closed),
            Some(cursor) => match Place::decode(cursor, self.instance)? {
                Place::Key { shard, number } if usize::from(shard) < SHARDS => {
                    (shard, usize::try_from(number).unwrap_or(usize::MAX))
                }
                _ => return Err(Error::CursorLost),
            },
        };
        let mut page = Page { keys: Vec::new(), next: None };
        for shard in first..SHARDS as u8 {
            let count = scan.limit() as usize - page.keys.len();
            let (found, next) = self.program(usize::from(shard), |Machine { keyspace, now, .. }| {
                Ok(keyspace.scan(scan.namespace().prefix(), number, count, LOOKED_AT, *now))
            })?;
            page.keys.extend(found);
            if let Some(next) = next {
                page.next = Some(Place::Key { shard, number: next as u64 }.encode(self.instance));
                return Ok(page);
            }
            number = 0;
        }
        Ok(page)
    }

    /// The logs that have what is waited for, each shard seen at its own time.
    fn ready(self: &Arc<Self>, waiter: &Waiter<'_>) -> Result<Vec<Key>> {
        let mut ready = Vec::new();
        for (shard, logs) in waiter.by_shard() {
            ready.extend(self.program(shard, |machine| wait::ready(logs, machine.keyspace, machine.now))?);
        }
        Ok(ready)
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
        for shard in &self.shards {
            let mut keyspace = shard.lock();
            let traces = keyspace.clear();
            self.count(traces.grown);
            drop(keyspace);
            for signal in traces.woken {
                signal.notify_one();
            }
        }
        self.reaper.wake();
    }

    /// Compares every running sum and index with what it stands for.
    #[cfg(test)]
    pub(crate) fn assert_consistent(&self) {
        let keyspaces: Vec<_> = self.shards.iter().map(Shard::lock).collect();
        let recount: usize = keyspaces.iter().map(|keyspace| keyspace.recount()).sum();
        assert_eq!(self.used.load(Ordering::Relaxed), recount as u64, "the sum of sizes has drifted");
    }

    /// What programs can see.
    #[cfg(test)]
    pub(crate) fn contents(&self) -> std::collections::BTreeMap<bytes::Bytes, String> {
        self.shards.iter().flat_map(|shard| shard.lock().contents(self.now())).collect()
    }

    /// How many keys are in memory, expired ones included.
    #[cfg(test)]
    pub(crate) fn keys_held(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    fn count(&self, grown: i64) {
        if grown != 0 {
            // Two's complement: adding a negative number wraps around to the difference.
            self.used.fetch_add(grown.cast_unsigned(), Ordering::Relaxed);
        }
    }

    fn follow(self: &Arc<Self>, traces: Traces) {
        for signal in traces.woken {
            signal.notify_one();
        }
        if let Some(deadline) = traces.soonest {
            self.reaper.expect(deadline, self);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.reaper.wake();
    }
}

//! Waiting for entries of logs, without polling.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use roomkey_core::{Key, LogId, Result, StoreTime};
use tokio::sync::Notify;

use crate::keyspace::Keyspace;
use crate::shard::{Shard, shard_of};
use crate::structures::Log;

/// Who waits for which log of a shard. A call that waits has one signal, registered under each of its logs, in each shard.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    by_log: BTreeMap<Bytes, Vec<Arc<Notify>>>,
}

impl Waiters {
    /// Adds those who wait for this log to `woken`.
    pub(crate) fn collect(&self, log: &Bytes, woken: &mut Vec<Arc<Notify>>) {
        if let Some(signals) = self.by_log.get(log) {
            woken.extend_from_slice(signals);
        }
    }

    /// Adds everybody to `woken`.
    pub(crate) fn collect_all(&self, woken: &mut Vec<Arc<Notify>>) {
        woken.extend(self.by_log.values().flatten().cloned());
    }

    /// How many registrations there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.by_log.values().map(Vec::len).sum()
    }

    fn add(&mut self, log: &Bytes, signal: &Arc<Notify>) {
        self.by_log.entry(log.clone()).or_default().push(Arc::clone(signal));
    }

    fn remove(&mut self, log: &Bytes, signal: &Arc<Notify>) {
        let Some(signals) = self.by_log.get_mut(log) else { return };
        signals.retain(|other| !Arc::ptr_eq(other, signal));
        if signals.is_empty() {
            self.by_log.remove(log);
        }
    }
}

/// One waiting call. It registers before it looks at the logs, and its signal keeps a wake-up that comes before anyone
/// listens, so none is lost. Dropping it, also by dropping the call's future, leaves no trace.
#[derive(Debug)]
pub(crate) struct Waiter<'a> {
    shards: &'a [Shard],
    /// Those of one shard stand together.
    logs: Vec<&'a (Key, LogId)>,
    signal: Arc<Notify>,
}

impl<'a> Waiter<'a> {
    pub(crate) fn register(shards: &'a [Shard], logs: &'a [(Key, LogId)]) -> Self {
        let mut logs: Vec<_> = logs.iter().collect();
        logs.sort_by_key(|log| shard(log));
        let waiter = Self { shards, logs, signal: Arc::new(Notify::new()) };
        for (shard, logs) in waiter.by_shard() {
            let mut keyspace = shards[shard].lock();
            logs.iter().for_each(|(key, _)| keyspace.waiters.add(key.bytes(), &waiter.signal));
        }
        waiter
    }

    /// The logs of each shard that has any.
    pub(crate) fn by_shard(&self) -> impl Iterator<Item = (usize, &[&'a (Key, LogId)])> {
        self.logs.chunk_by(|one, other| shard(one) == shard(other)).map(|logs| (shard(logs[0]), logs))
    }

    pub(crate) async fn woken(&self) {
        self.signal.notified().await;
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        for (shard, logs) in self.by_shard() {
            let mut keyspace = self.shards[shard].lock();
            logs.iter().for_each(|(key, _)| keyspace.waiters.remove(key.bytes(), &self.signal));
        }
    }
}

/// Those of some logs of one shard that have an entry after their ids.
pub(crate) fn ready(logs: &[&(Key, LogId)], keyspace: &Keyspace, now: StoreTime) -> Result<Vec<Key>> {
    let mut ready = Vec::new();
    for (key, after) in logs {
        let log = keyspace.read::<Log>(key.bytes(), now)?;
        if log.and_then(Log::last).is_some_and(|last| last > *after) {
            ready.push(key.clone());
        }
    }
    Ok(ready)
}

const fn shard((key, _): &(Key, LogId)) -> usize {
    shard_of(key.partition())
}

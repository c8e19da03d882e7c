//! Waiting for entries of logs, without polling.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use roomkey_core::{Key, LogId, Result, StoreTime};
use tokio::sync::Notify;

use crate::keyspace::Keyspace;
use crate::shard::Shard;
use crate::structures::Log;

/// Who waits for which log of a shard. A call that waits has one signal, registered under each of its logs.
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
    shard: &'a Shard,
    logs: &'a [(Key, LogId)],
    signal: Arc<Notify>,
}

impl<'a> Waiter<'a> {
    pub(crate) fn register(shard: &'a Shard, logs: &'a [(Key, LogId)]) -> Self {
        let signal = Arc::new(Notify::new());
        let mut keyspace = shard.lock();
        for (key, _) in logs {
            keyspace.waiters.add(key.bytes(), &signal);
        }
        drop(keyspace);
        Self { shard, logs, signal }
    }

    /// Whether one of the logs has an entry after its id.
    pub(crate) fn is_ready(&self, keyspace: &Keyspace, now: StoreTime) -> Result<bool> {
        for (key, after) in self.logs {
            let log = keyspace.read::<Log>(key.bytes(), now)?;
            if log.and_then(Log::last).is_some_and(|last| last > *after) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(crate) async fn woken(&self) {
        self.signal.notified().await;
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut keyspace = self.shard.lock();
        for (key, _) in self.logs {
            keyspace.waiters.remove(key.bytes(), &self.signal);
        }
    }
}

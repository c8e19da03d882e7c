//! Shards: a lock each, so that programs on different partitions seldom wait for each other.

use std::sync::{Mutex, MutexGuard, PoisonError};

use roomkey_core::{Partition, SLOTS};

use crate::keyspace::Keyspace;

/// How many shards a store has: a power of two, well above the number of threads that run programs at once.
pub(crate) const SHARDS: usize = 64;

/// Part of the keys, and the lock that makes programs on them atomic. Never held across an await.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    keyspace: Mutex<Keyspace>,
}

impl Shard {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Keyspace> {
        // A lock is poisoned if a program panicked half way, which takes a bug of ours or an allocation that failed.
        // A keyspace has no state that would be unsafe to read then, and refusing every later program of the shard
        // would help nobody.
        self.keyspace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The shard of a partition. Contiguous slots share one: the partitions of a small spread lie at equal distances, so
/// they fall evenly on the shards, which a remainder would not give.
pub(crate) const fn shard_of(partition: Partition) -> usize {
    partition.slot() as usize * SHARDS / SLOTS as usize
}

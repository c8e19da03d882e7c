//! Cleaning up what expired tokens leave behind.

use roomkey_core::{Batch, Key, Op, Reply, Store};

use super::Tokens;
use crate::Result;
use crate::cursor::CleanupCursor;
use crate::error::broken;

/// How many partitions one step of a cleanup covers.
const PARTITIONS: usize = 512;

/// How many entries a step takes from one partition: it holds a server for a fraction of a millisecond.
const ENTRIES: u32 = 500;

/// What a step of a cleanup did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cleanup {
    /// How many entries it removed.
    pub removed: u64,
    /// Where the next step begins; `None` when all partitions have been covered.
    pub next: Option<CleanupCursor>,
}

impl<S: Store> Tokens<S> {
    /// Removes what expired tokens of a type leave behind in the index, and returns how many entries that were;
    /// always 0 where [`track`](crate::TokensOptions::track) is off, as nothing is left behind then.
    ///
    /// Nobody needs to call it: each token that is added removes up to two expired entries of its partition, and an
    /// index ends by itself a day after its last token. It never touches a live token, and any number of processes may
    /// run it at once: each entry is counted by one. It runs [`cleanup_step`](Self::cleanup_step) until all is done: 8
    /// round trips a node, and more only where 500 entries and more wait in one partition.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store); what was removed before stays removed.
    /// [`Error::Empty`](crate::Error::Empty) and [`Error::TooLong`](crate::Error::TooLong).
    pub async fn cleanup_expired(&self, token_type: &str) -> Result<u64> {
        let (mut removed, mut after) = (0, None);
        loop {
            let step = self.cleanup_step(token_type, after).await?;
            removed += step.removed;
            after = step.next;
            if after.is_none() {
                return Ok(removed);
            }
        }
    }

    /// One step of [`cleanup_expired`](Self::cleanup_expired), for those who spread the work over time or processes:
    /// one round trip a node, and a bounded amount of work on each. The cursor may be kept, as text, for another
    /// process to go on from, at any time.
    ///
    /// # Errors
    /// As `cleanup_expired`; the same step again does no harm.
    pub async fn cleanup_step(&self, token_type: &str, after: Option<CleanupCursor>) -> Result<Cleanup> {
        let from = after.map_or(0, CleanupCursor::partition);
        let indexes = self.keys.indexes(token_type)?;
        let (partitions, indexes): (_, Vec<Key>) =
            (indexes.len(), indexes.skip(from).take(PARTITIONS).collect());
        if !self.options().track || indexes.is_empty() {
            return Ok(Cleanup { removed: 0, next: None });
        }
        let covered = from + indexes.len();
        let taken = self.take_expired(&indexes).await;
        let taken = self.faults(token_type, taken)?;
        // A partition that was full may hold more: the next step begins with it.
        let full = taken.iter().position(|&entries| entries >= ENTRIES as usize);
        let next = full.map_or(covered, |at| from + at);
        let removed = taken.iter().map(|&entries| entries as u64).sum();
        Ok(Cleanup { removed, next: (next < partitions).then(|| CleanupCursor::at(next)) })
    }

    /// Takes a bounded number of expired entries from each index; returns how many of each.
    async fn take_expired(&self, indexes: &[Key]) -> Result<Vec<usize>> {
        let batch = Batch::new(indexes.iter().map(|index| Op::rank_take(index, ENTRIES)))?;
        let entries = |reply: roomkey_core::Result<Reply>| match reply? {
            Reply::Items(taken) => Ok(taken.len()),
            _ => Err(broken("another reply than the members of a ranking")),
        };
        self.vault.store().run(batch).await?.into_iter().map(entries).collect()
    }
}

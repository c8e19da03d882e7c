//! A log: entries under ids that only grow.

use std::collections::VecDeque;

use bytes::Bytes;
use roomkey_core::{Entry, LogId, Order, StoreTime};

use super::ELEMENT_OVERHEAD;

/// Never empty once something was appended: trimming keeps at least one entry and no op removes any.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Log {
    /// Appends an entry under the next id: this millisecond's, or where the clock has stepped back the last one's.
    pub(crate) fn append(&mut self, now: StoreTime, fields: Vec<(Bytes, Bytes)>) -> LogId {
        let id = match self.last() {
            Some(last) if last.ms() >= now.as_millis() => LogId::new(last.ms(), last.seq() + 1),
            _ => LogId::new(now.as_millis(), 0),
        };
        let entry = Entry { id, fields };
        self.bytes += weight(&entry);
        self.entries.push_back(entry);
        id
    }

    /// Drops all but the newest `keep` entries.
    pub(crate) fn trim(&mut self, keep: usize) {
        let excess = self.entries.len().saturating_sub(keep);
        self.bytes -= self.entries.drain(..excess).map(|entry| weight(&entry)).sum::<usize>();
    }

    /// Up to `limit` entries from one id to another, both inclusive.
    pub(crate) fn range(&self, from: LogId, to: LogId, order: Order, limit: usize) -> Vec<Entry> {
        let first = self.entries.partition_point(|entry| entry.id < from);
        let end = self.entries.partition_point(|entry| entry.id <= to).max(first);
        let found = self.entries.range(first..end).cloned();
        match order {
            Order::Lowest => found.take(limit).collect(),
            Order::Highest => found.rev().take(limit).collect(),
        }
    }

    pub(crate) fn last(&self) -> Option<LogId> {
        self.entries.back().map(|entry| entry.id)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }
}

/// The names are constants of the program and take no memory of their own.
fn weight(entry: &Entry) -> usize {
    entry.fields.iter().map(|(_, bytes)| ELEMENT_OVERHEAD + bytes.len()).sum()
}

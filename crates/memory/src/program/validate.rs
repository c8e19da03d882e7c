//! Validating: what would make an op of the path fail is found before the first op writes.

use bytes::Bytes;
use roomkey_core::{Error, Memory, Op, Result};

use super::{Machine, Planned};
use crate::integer;

impl Machine<'_> {
    /// Checks an op of the path against the state at the start and returns its limit, if it has one.
    ///
    /// An op that its path will skip for lack of a referenced element is checked too: whether it is skipped is known
    /// only when the ops before it have run. One whose list was given empty is not.
    pub(super) fn validate(&self, op: &Op) -> Result<Option<i64>> {
        if op.is_empty() {
            return Ok(None);
        }
        if let Some(kind) = op.stored_kind()
            && let Some(entry) = self.keyspace.live(op.key().bytes(), self.now)
            && entry.data.kind() != kind
        {
            return Err(Error::WrongType);
        }
        if let Op::Add { key, by, .. } = op {
            // No earlier op of the path has written the key, so the sum is the one that acting will find.
            self.read(key.bytes())?.map(|value: &Bytes| integer::sum(value, *by)).transpose()?;
        }
        op.limit().map(|limit| self.limit_of(limit)).transpose()
    }

    /// At the limit of memory: whether this op settles that the path may run, being the first write and one that frees.
    /// If it is the first write and grows, the path is refused. An op that grows but is skipped is no write, and
    /// one that was given an empty list is as if not there, whatever it would do.
    pub(super) fn admit(&self, op: &Op, earlier: &[Planned<'_>]) -> Result<bool> {
        match op.memory() {
            _ if op.is_empty() => Ok(false),
            Memory::Reads => Ok(false),
            Memory::Frees => Ok(true),
            Memory::Grows if super::args::is_skipped(op, earlier) => Ok(false),
            Memory::Grows => Err(Error::Full),
        }
    }
}

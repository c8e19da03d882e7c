//! Ending sessions that were issued here.

use bytes::Bytes;
use roomkey_core::{BranchId, Key, Op, OpId, Outcome, Reply, Result, Txn, TxnBuilder};

use crate::keys::Entry;

/// Removes what holds a session, and its entries in the indexes. It begins by freeing, so it works on a full store.
pub(crate) struct EndProgram {
    pub(crate) txn: Txn,
    existed: Vec<OpId>,
}

impl EndProgram {
    /// ```text
    /// Delete t | f n | t f n; RankRemove s handle; [RankRemove x id]
    /// ```
    pub(crate) fn new(keys: &[Key], subject: &Key, handle: Bytes, entry: Option<&Entry>) -> Result<Self> {
        let mut program = TxnBuilder::new("tokens.end");
        let existed = keys.iter().map(|key| program.op(BranchId::ROOT, Op::delete(key))).collect();
        program.quiet_op(BranchId::ROOT, Op::rank_remove(subject, handle));
        if let Some(Entry { index, member }) = entry {
            program.quiet_op(BranchId::ROOT, Op::rank_remove(index, member.clone()));
        }
        Ok(Self { txn: program.retry_safe().build()?, existed })
    }

    /// Whether there was anything of the session; `None` if the store did not say.
    pub(crate) fn existed(&self, outcome: &Outcome) -> Option<bool> {
        let flags: Option<Vec<bool>> =
            self.existed.iter().map(|op| outcome.reply(*op).and_then(Reply::flag)).collect();
        Some(flags?.contains(&true))
    }
}

//! Ending sessions that were issued here.

use bytes::Bytes;
use roomkey_core::{BranchId, Key, Op, OpId, Outcome, Reply, Result, Txn, TxnBuilder};

use crate::keys::Entry;

/// Removes what holds a session, and its entries in the indexes. It begins by freeing, so it works on a full store.
pub(crate) struct EndProgram {
    pub(crate) txn: Txn,
    existed: OpId,
}

impl EndProgram {
    /// ```text
    /// Delete t|f; [Delete n …]; RankRemove s handle; [RankRemove x id]
    /// ```
    ///
    /// Whether there was a session is told by the first key.
    pub(crate) fn new(keys: &[Key], subject: &Key, handle: Bytes, entry: Option<&Entry>) -> Result<Self> {
        let mut program = TxnBuilder::new("tokens.end");
        let (first, others) = keys.split_first().ok_or(roomkey_core::Invalid::Branch)?;
        let existed = program.op(BranchId::ROOT, Op::delete(first));
        for key in others {
            program.quiet_op(BranchId::ROOT, Op::delete(key));
        }
        program.quiet_op(BranchId::ROOT, Op::rank_remove(subject, handle));
        if let Some(Entry { index, member }) = entry {
            program.quiet_op(BranchId::ROOT, Op::rank_remove(index, member.clone()));
        }
        Ok(Self { txn: program.retry_safe().build()?, existed })
    }

    /// Whether there was a session; `None` if the store did not say.
    pub(crate) fn existed(&self, outcome: &Outcome) -> Option<bool> {
        outcome.reply(self.existed).and_then(Reply::flag)
    }
}

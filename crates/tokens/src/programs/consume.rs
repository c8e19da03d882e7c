//! Using a token up.

use bytes::Bytes;
use roomkey_core::{BranchId, Key, Op, OpId, Outcome, Reply, Result, StoreTime, Txn, TxnBuilder};

use crate::keys::Entry;

/// Takes a record away together with everything that it rests on, at one moment.
///
/// It is not safe to repeat: whoever takes a record is the one who used the token, so a second run would tell that
/// nobody did. It begins by freeing, so it works on a full store.
pub(crate) struct ConsumeProgram {
    pub(crate) txn: Txn,
    reads: Vec<OpId>,
}

impl ConsumeProgram {
    /// ```text
    /// Take t; RankRange s 0..0; MapGet g types; [MapGet f c]; RankRemove s handle; [RankRemove x id]; now
    /// ```
    ///
    /// `reads` are the parts of a token, of which the first takes it.
    pub(crate) fn new(reads: Vec<Op>, subject: &Key, handle: Bytes, entry: Option<&Entry>) -> Result<Self> {
        let mut program = TxnBuilder::new("tokens.consume").with_now();
        let reads = reads.into_iter().map(|op| program.op(BranchId::ROOT, op)).collect();
        program.quiet_op(BranchId::ROOT, Op::rank_remove(subject, handle));
        if let Some(Entry { index, member }) = entry {
            program.quiet_op(BranchId::ROOT, Op::rank_remove(index, member.clone()));
        }
        Ok(Self { txn: program.build()?, reads })
    }

    /// The time and what the reads replied; `None` if the store did not say.
    pub(crate) fn replies(&self, mut outcome: Outcome) -> Option<(StoreTime, Vec<Reply>)> {
        let now = outcome.now()?;
        Some((now, self.reads.iter().map(|op| outcome.take_reply(*op)).collect::<Option<_>>()?))
    }
}

//! Replacing what a session stands for.

use bytes::Bytes;
use roomkey_core::{BranchId, Check, OpId, Outcome, Reply, Result, Txn, TxnBuilder};

use super::Remains;

/// Replaces records, unless one has changed meanwhile.
pub(crate) struct UpdateProgram {
    pub(crate) txn: Txn,
    updated: BranchId,
    found: OpId,
    /// What this call wrote first: no two are the same.
    own: Bytes,
}

impl UpdateProgram {
    /// ```text
    /// when Value t = seen [∧ Field f m = seen] | Field f m = seen ∧ Field f c = presented:
    ///       Put t new Keep; [MapPut f m:new Keep] | MapPut f m:new Keep
    /// else: Get t | MapGet f m
    /// ```
    ///
    /// What was ended is not there to compare with, so it is not brought back. What was ended by its generation stays
    /// so: a new record carries the print of the old one, and no generation comes back.
    ///
    /// Safe to repeat: after a first success the second finds its own record.
    pub(crate) fn new(records: Vec<Remains>) -> Result<Self> {
        let first = records.first().ok_or(roomkey_core::Invalid::Branch)?;
        let (own, read) = (first.resealed.clone(), first.read());
        let checks: Vec<Check> = records.iter().flat_map(Remains::checks).collect();

        let mut program = TxnBuilder::new("tokens.update");
        let (updated, refused) = program.fork(BranchId::ROOT, checks);
        for record in records {
            program.quiet_op(updated, record.put());
        }
        let found = program.op(refused, read);
        Ok(Self { txn: program.retry_safe().build()?, updated, found, own })
    }

    /// Whether this call replaced the records: just now, or in an earlier attempt whose reply was lost.
    pub(crate) fn updated(&self, outcome: &Outcome) -> bool {
        outcome.took(self.updated)
            || match outcome.reply(self.found) {
                Some(Reply::Bytes(Some(found))) => *found == self.own,
                Some(Reply::Optionals(found)) => found.first() == Some(&Some(self.own.clone())),
                _ => false,
            }
    }
}

#[cfg(test)]
mod tests;

//! Reading at one moment.

use roomkey_core::{BranchId, Op, OpId, Outcome, Reply, Result, StoreTime, Txn, TxnBuilder};

/// Reads what a token rests on at one moment, and tells which moment that is.
pub(crate) struct MomentProgram {
    pub(crate) txn: Txn,
    reads: Vec<OpId>,
}

impl MomentProgram {
    /// ```text
    /// Get t | MapGet f [c, m]; Ttl t; RankRange s 0..0; MapGet g types; [MapGet f c]; [MapGet f m]; now
    /// ```
    pub(crate) fn new(reads: Vec<Op>) -> Result<Self> {
        let mut program = TxnBuilder::new("tokens.moment").with_now();
        let reads = reads.into_iter().map(|op| program.op(BranchId::ROOT, op)).collect();
        Ok(Self { txn: program.retry_safe().build()?, reads })
    }

    /// The time and what the reads replied; `None` if the store did not say.
    pub(crate) fn replies(&self, mut outcome: Outcome) -> Option<(StoreTime, Vec<Reply>)> {
        let now = outcome.now()?;
        Some((now, self.reads.iter().map(|op| outcome.take_reply(*op)).collect::<Option<_>>()?))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use roomkey_memory::MemoryStore;
    use roomkey_testkit::assert_retry_safe;
    use roomkey_vault::{Keyring, Vault};

    use super::*;
    use crate::keys::Keys;

    #[tokio::test]
    async fn reading_twice_tells_the_same() {
        let vault = Vault::open(MemoryStore::new(), Keyring::from_key_bytes([7; 32])).await.unwrap();
        let keys = Keys::new(&vault, std::iter::empty());
        let subject = keys.subject(keys.subject_tag("alice"));
        let member = roomkey_core::RankPut::new(&subject, "member", roomkey_core::Score::Is(1));
        vault.run(member).await.unwrap();
        let program = MomentProgram::new(vec![Op::rank_count(&subject), Op::ttl(&subject)]).unwrap();
        let verdict = |outcome: &Outcome| program.replies(outcome.clone()).map(|(_, replies)| replies);
        let replies = assert_retry_safe(vault.store(), &program.txn, verdict).await;
        assert_eq!(replies.map(|replies| replies.len()), Some(2));
    }
}

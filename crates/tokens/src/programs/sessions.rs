//! Looking through what a subject holds.

use bytes::Bytes;
use roomkey_core::{
    BranchId, Cursor, Key, Op, OpId, Outcome, Reply, Result, StoreTime, Txn, TxnBuilder, WalkItems, WalkPage,
};

/// About how many members of a subject's ranking make a page.
const PAGE: u32 = 100;

/// Reads a page of the ranking of a subject, and the time by which its members are live.
pub(crate) struct WalkProgram {
    pub(crate) txn: Txn,
    page: OpId,
}

/// A page of the ranking of a subject.
pub(crate) struct Walked {
    pub(crate) now: StoreTime,
    pub(crate) members: Vec<(Bytes, i64)>,
    pub(crate) next: Option<Cursor>,
}

impl WalkProgram {
    /// ```text
    /// Walk s cursor 100; now
    /// ```
    pub(crate) fn new(subject: &Key, after: Option<Cursor>) -> Result<Self> {
        let mut program = TxnBuilder::new("tokens.walk").with_now();
        let page = program.op(BranchId::ROOT, Op::walk(subject, after, PAGE));
        Ok(Self { txn: program.retry_safe().build()?, page })
    }

    /// `None` if the store did not say.
    pub(crate) fn walked(&self, mut outcome: Outcome) -> Option<Walked> {
        match outcome.take_reply(self.page)? {
            Reply::Page(WalkPage { items: WalkItems::Members(members), next }) => {
                Some(Walked { now: outcome.now()?, members, next })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use roomkey_core::Kind;
    use roomkey_memory::MemoryStore;
    use roomkey_testkit::assert_retry_safe;
    use roomkey_vault::{Keyring, Vault};

    use super::*;
    use crate::keys::Keys;

    #[tokio::test]
    async fn walking_twice_tells_the_same() {
        let vault = Vault::open(MemoryStore::new(), Keyring::from_key_bytes([7; 32])).await.unwrap();
        let keys = Keys::new(&vault, std::iter::empty());
        let subject = keys.subject(keys.subject_tag("alice"));
        assert_eq!(subject.kind(), Kind::Ranking);
        let member = roomkey_core::RankPut::new(&subject, "member", roomkey_core::Score::Is(1));
        vault.run(member).await.unwrap();
        let walk = WalkProgram::new(&subject, None).unwrap();
        let verdict = |outcome: &Outcome| walk.walked(outcome.clone()).map(|walked| walked.members);
        let members = assert_retry_safe(vault.store(), &walk.txn, verdict).await;
        assert_eq!(members, Some(vec![(Bytes::from("member"), 1)]));
    }
}

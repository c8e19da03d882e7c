//! Sliding: a session that is used goes on.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{
    BranchId, Check, Key, Life, Op, RankPut, Result, Score, Standing, StoreTime, Txn, TxnBuilder, Until,
};

/// Lengthens a session that is still there.
pub(crate) struct TouchProgram {
    pub(crate) txn: Txn,
}

impl TouchProgram {
    /// ```text
    /// when Exists t|(Value t = seen) ∧ Ranked s e Present:
    ///       dl = Expire t Set(InCapped idle ends); [Put t resealed Set(…)]; [RankPut s handle From(dl) ↑]
    /// ```
    ///
    /// It brings nothing back that was revoked, and begins by changing an expiry, so it works on a full store. With
    /// `resealed`, the record as it was and as it is under the active key, the record is replaced as well. `session` is what stands
    /// for it among the sessions of the subject, unless a family does.
    pub(crate) fn new(
        record: &Key,
        subject: &Key,
        generation: Bytes,
        session: Option<Bytes>,
        idle: Duration,
        ends: StoreTime,
        resealed: Option<(Bytes, Bytes)>,
    ) -> Result<Self> {
        let until = Until::InCapped(idle, ends);
        let there = match &resealed {
            None => Check::exists(record),
            Some((seen, _)) => Check::value_equals(record, seen.clone()),
        };
        let mut program = TxnBuilder::new("tokens.touch").with_now();
        let checks = [there, Check::ranked(subject, generation, Standing::Present)];
        let (live, _) = program.fork(BranchId::ROOT, checks);
        let deadline = program.quiet_op(live, Op::expire(record, Life::Set(until)));
        if let Some((_, resealed)) = resealed {
            // Where the session ends at this very moment, the key is gone already, and a new one would stay for ever.
            program.quiet_op(live, Op::put(record, resealed, Life::Set(until)));
        }
        if let Some(session) = session {
            let put = RankPut::new(subject, session, Score::From(deadline)).life(Life::AtLeast(until));
            program.quiet_op(live, put);
        }
        Ok(Self { txn: program.retry_safe().build()? })
    }
}

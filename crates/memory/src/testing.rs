//! What the tests share: keys, and programs of one op.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{
    Batch, Check, Fork, Key, Kind, Life, Namespace, Op, OpId, Outcome, Partition, Reply, Result, Store as _,
    TxnBuilder, Until,
};

use crate::MemoryStore;

pub(crate) fn namespace() -> Namespace {
    Namespace::new("app", "t1", "tests").unwrap()
}

/// The n-th key of a kind, all in one partition.
pub(crate) fn key(kind: Kind, n: u8) -> Key {
    key_in(0, kind, n)
}

pub(crate) fn key_in(slot: u16, kind: Kind, n: u8) -> Key {
    Key::new(kind, &namespace(), Partition::from_slot(slot).unwrap(), [n; 16])
}

pub(crate) fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub(crate) fn list<const N: usize>(items: [&str; N]) -> Vec<Bytes> {
    items.map(bytes).to_vec()
}

pub(crate) fn ms(millis: u64) -> Until {
    Until::In(Duration::from_millis(millis))
}

pub(crate) fn set(millis: u64) -> Life {
    Life::Set(ms(millis))
}

/// Runs one op by itself.
pub(crate) async fn one(store: &MemoryStore, op: impl Into<Op>) -> Result<Reply> {
    store.run(Batch::one(op)?).await?.remove(0)
}

/// Runs ops as one transaction without a decision.
pub(crate) async fn all(store: &MemoryStore, ops: impl IntoIterator<Item = Op>) -> Result<Vec<Reply>> {
    let mut program = TxnBuilder::new("all");
    let ids: Vec<OpId> = ops.into_iter().map(|op| program.op(roomkey_core::BranchId::ROOT, op)).collect();
    let outcome = store.transact(&program.build()?).await?;
    Ok(replies(outcome, &ids))
}

pub(crate) fn replies(mut outcome: Outcome, ids: &[OpId]) -> Vec<Reply> {
    ids.iter().map(|id| outcome.take_reply(*id).unwrap()).collect()
}

/// Whether a check holds.
pub(crate) async fn holds(store: &MemoryStore, check: Check) -> Result<bool> {
    let mut program = TxnBuilder::new("holds");
    let here = key(Kind::Value, 255);
    program.op(roomkey_core::BranchId::ROOT, Op::get(&here));
    let (then, _) = program.fork(roomkey_core::BranchId::ROOT, [check]);
    let txn = program.build()?;
    assert!(matches!(txn.steps(), [_, roomkey_core::Step::Fork(Fork { .. })]));
    Ok(store.transact(&txn).await?.took(then))
}

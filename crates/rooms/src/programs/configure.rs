//! Configuring a room.

use bytes::Bytes;
use roomkey_core::{BranchId, Check, FieldTest, Life, Op, Result, Txn};

use super::plan::Plan;
use super::{Basis, CAPACITY, METADATA, QUEUE, TERMS, fence};
use crate::event::Kind;
use crate::keys::RoomKeys;

#[cfg(test)]
mod tests;

/// How a room shall work.
pub(crate) struct Configured<'a> {
    pub(crate) room: &'a RoomKeys,
    pub(crate) basis: Basis,
    pub(crate) limit: i64,
    pub(crate) queue: i64,
    /// The sealed name and metadata.
    pub(crate) sealed: Bytes,
}

/// Writes how a room works.
pub(crate) struct ConfigureProgram {
    pub(crate) txn: Txn,
}

impl ConfigureProgram {
    /// ```text
    /// when Field cfg m StartsWith fence: (it is written already)
    /// else: MapPut cfg {l, q, t, m} ↑kept; EVENT(changed); PROMOTE within limit; INDEX
    /// ```
    ///
    /// A raised limit seats those who wait at once; a lowered one ends nobody's seat. Safe to repeat: the second time it
    /// finds its own record.
    pub(crate) fn new(configured: Configured<'_>) -> Result<Self> {
        let Configured { room, basis, limit, queue, sealed } = configured;
        let mut plan = Plan::new("rooms.configure", room, basis);
        let own = FieldTest::StartsWith(fence(&sealed));
        let (_, other) = plan.fork(BranchId::ROOT, [Check::field(&room.config, METADATA, own)]);
        let decimal = |number: i64| Bytes::from(number.to_string());
        let fields = vec![CAPACITY, QUEUE, TERMS, METADATA];
        let values = vec![decimal(limit), decimal(queue), basis.terms.bytes(), sealed];
        plan.quiet(other, Op::map_put(&room.config, fields, values, Life::AtLeast(basis.terms.kept())));
        plan.event(other, Kind::Changed, Bytes::new(), Bytes::new());
        plan.promote(other, limit);
        plan.freed(other);
        plan.index(other);
        Ok(Self { txn: plan.safe()? })
    }
}

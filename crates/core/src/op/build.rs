//! Constructors of ops, so that a program reads as what it does.

use bytes::Bytes;

use super::{Bound, End, Op, Order};
use crate::{Args, Cursor, Key, Life, LogId};

impl Op {
    /// See [`Op::Ttl`].
    #[must_use]
    pub fn ttl(key: &Key) -> Self {
        Self::Ttl { key: key.clone() }
    }

    /// See [`Op::Expire`].
    #[must_use]
    pub fn expire(key: &Key, life: Life) -> Self {
        Self::Expire { key: key.clone(), life }
    }

    /// See [`Op::Delete`].
    #[must_use]
    pub fn delete(key: &Key) -> Self {
        Self::Delete { key: key.clone() }
    }

    /// See [`Op::Get`].
    #[must_use]
    pub fn get(key: &Key) -> Self {
        Self::Get { key: key.clone() }
    }

    /// See [`Op::Put`].
    pub fn put(key: &Key, value: impl Into<Args>, life: Life) -> Self {
        Self::Put { key: key.clone(), value: value.into(), life }
    }

    /// See [`Op::Take`].
    #[must_use]
    pub fn take(key: &Key) -> Self {
        Self::Take { key: key.clone() }
    }

    /// See [`Op::Add`].
    #[must_use]
    pub fn add(key: &Key, by: i64, life: Life) -> Self {
        Self::Add { key: key.clone(), by, life }
    }

    /// See [`Op::MapGet`].
    pub fn map_get(key: &Key, fields: impl Into<Args>) -> Self {
        Self::MapGet { key: key.clone(), fields: fields.into() }
    }

    /// See [`Op::MapAll`].
    #[must_use]
    pub fn map_all(key: &Key) -> Self {
        Self::MapAll { key: key.clone() }
    }

    /// See [`Op::MapPut`].
    pub fn map_put(key: &Key, fields: impl Into<Args>, values: impl Into<Args>, life: Life) -> Self {
        Self::MapPut { key: key.clone(), fields: fields.into(), values: values.into(), life }
    }

    /// See [`Op::MapRemove`].
    pub fn map_remove(key: &Key, fields: impl Into<Args>) -> Self {
        Self::MapRemove { key: key.clone(), fields: fields.into() }
    }

    /// See [`Op::MapMatch`]; takes pairs of a field and the bytes it must begin with.
    pub fn map_match(key: &Key, pairs: impl IntoIterator<Item = (Bytes, Bytes)>) -> Self {
        let (fields, prefixes) = pairs.into_iter().unzip();
        Self::MapMatch { key: key.clone(), fields, prefixes }
    }

    /// See [`Op::Push`].
    pub fn push(key: &Key, end: End, values: impl Into<Args>, life: Life) -> Self {
        Self::Push { key: key.clone(), end, values: values.into(), life }
    }

    /// See [`Op::Pop`].
    #[must_use]
    pub fn pop(key: &Key, end: End, count: u32) -> Self {
        Self::Pop { key: key.clone(), end, count }
    }

    /// See [`Op::Range`].
    #[must_use]
    pub fn range(key: &Key, from: i64, to: i64) -> Self {
        Self::Range { key: key.clone(), from, to }
    }

    /// See [`Op::RankRemove`].
    pub fn rank_remove(key: &Key, members: impl Into<Args>) -> Self {
        Self::RankRemove { key: key.clone(), members: members.into() }
    }

    /// See [`Op::RankTake`].
    #[must_use]
    pub fn rank_take(key: &Key, limit: u32) -> Self {
        Self::RankTake { key: key.clone(), limit }
    }

    /// See [`Op::RankRange`].
    #[must_use]
    pub fn rank_range(key: &Key, min: Bound, max: Bound, order: Order, limit: u32) -> Self {
        Self::RankRange { key: key.clone(), min, max, order, limit }
    }

    /// See [`Op::RankCount`].
    #[must_use]
    pub fn rank_count(key: &Key) -> Self {
        Self::RankCount { key: key.clone() }
    }

    /// See [`Op::RankScores`].
    pub fn rank_scores(key: &Key, members: impl Into<Args>) -> Self {
        Self::RankScores { key: key.clone(), members: members.into() }
    }

    /// See [`Op::RankPlace`].
    pub fn rank_place(key: &Key, member: impl Into<Bytes>) -> Self {
        Self::RankPlace { key: key.clone(), member: member.into() }
    }

    /// See [`Op::LogRange`].
    #[must_use]
    pub fn log_range(key: &Key, from: LogId, to: LogId, order: Order, limit: u32) -> Self {
        Self::LogRange { key: key.clone(), from, to, order, limit }
    }

    /// See [`Op::Walk`].
    #[must_use]
    pub fn walk(key: &Key, cursor: Option<Cursor>, count: u32) -> Self {
        Self::Walk { key: key.clone(), cursor, count }
    }
}

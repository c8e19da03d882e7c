//! Sizes of rooms: set, read, changed, and raised within a limit.

use std::time::Duration;

use roomkey_core::{Key, Life, Op, Store};
use roomkey_vault::Expiry;

use super::Rooms;
use crate::id::RoomRef;
use crate::member::Drift;
use crate::programs::{IncrementProgram, ReconcileProgram, UpdateProgram};
use crate::{DEFAULT_EXPIRY, DEFAULT_LIMIT, Result};

/// # Sizes
/// A number per room, of which the service says what it counts. It cannot survive a crash: a process that ends between
/// counting somebody in and out leaves them counted, until [`reconcile`](Self::reconcile) sets the size anew. Members with
/// leases, below, need no such care.
impl<S: Store> Rooms<S> {
    /// Sets the size of a room for [`DEFAULT_EXPIRY`]. 0 or less removes the room.
    ///
    /// # Errors
    /// [`Name`](crate::Error::Name), [`Store`](crate::Error::Store).
    pub async fn set_size<'n>(&self, room: impl Into<RoomRef<'n>>, size: i64) -> Result<()> {
        self.set_size_for(room, size, DEFAULT_EXPIRY).await
    }

    /// Sets the size of a room, and how long the room lives from now on unless it changes.
    ///
    /// Setting is the one change of a room that a store repeats by itself when a reply was lost; what others added in
    /// between is then overwritten, as it would have been by a call a moment later.
    ///
    /// # Errors
    /// [`Name`](crate::Error::Name), [`Expiry`](crate::Error::Expiry), [`Store`](crate::Error::Store).
    pub async fn set_size_for<'n>(
        &self,
        room: impl Into<RoomRef<'n>>,
        size: i64,
        expiry: Duration,
    ) -> Result<()> {
        let life = Expiry::After(expiry).life()?;
        let key = self.size_key(room)?;
        let op = if size > 0 { put_size(&key, size, life) } else { Op::delete(&key) };
        self.vault.run(op).await?;
        Ok(())
    }

    /// The size of a room, 0 if there is none. It is never negative.
    ///
    /// # Errors
    /// [`Name`](crate::Error::Name), [`Foreign`](crate::Error::Foreign), [`Store`](crate::Error::Store).
    pub async fn size<'n>(&self, room: impl Into<RoomRef<'n>>) -> Result<i64> {
        Ok(self.vault.counter_at(&self.size_key(room)?).await?.max(0))
    }

    /// Adds `delta`, which may be negative, to the size of a room, and returns the new size. Where that is 0 or
    /// less, the room is removed and its size is 0.
    ///
    /// On a store at its memory limit a room can become smaller, but not larger.
    ///
    /// # Errors
    /// [`Overflow`](crate::Error::Overflow) beyond `i64`, without a change; [`Name`](crate::Error::Name),
    /// [`Foreign`](crate::Error::Foreign), [`Store`](crate::Error::Store).
    pub async fn update_size<'n>(&self, room: impl Into<RoomRef<'n>>, delta: i64) -> Result<i64> {
        let program = UpdateProgram::new(&self.size_key(room)?, delta)?;
        let outcome = self.vault.store().transact(&program.txn).await?;
        program.size(&outcome)
    }

    /// Adds one to the size of a room if it then is at most [`DEFAULT_LIMIT`]. Returns whether it did.
    ///
    /// # Errors
    /// Those of [`check_and_increment_within`](Self::check_and_increment_within).
    pub async fn check_and_increment<'n>(&self, room: impl Into<RoomRef<'n>>) -> Result<bool> {
        self.check_and_increment_within(room, DEFAULT_LIMIT).await
    }

    /// Adds one to the size of a room if it then is at most `limit`. Returns whether it did: `false` is a full
    /// room and nothing else. A limit of 0 or less admits nobody.
    ///
    /// # Errors
    /// [`Name`](crate::Error::Name), [`Foreign`](crate::Error::Foreign), [`Store`](crate::Error::Store); after
    /// [`Ambiguous`](roomkey_core::Error::Ambiguous) the size may be one higher.
    pub async fn check_and_increment_within<'n>(
        &self,
        room: impl Into<RoomRef<'n>>,
        limit: i64,
    ) -> Result<bool> {
        let program = IncrementProgram::new(&self.size_key(room)?, limit)?;
        let outcome = self.vault.store().transact(&program.txn).await?;
        Ok(program.admitted(&outcome))
    }

    /// Sets the size of a room to the number of seats that are taken in it, and tells what it was: for a service that
    /// counts and keeps members, or moves from one to the other. Where nobody has a seat the room has no size afterwards.
    ///
    /// # Errors
    /// [`Name`](crate::Error::Name), [`Foreign`](crate::Error::Foreign), [`Store`](crate::Error::Store).
    pub async fn reconcile<'n>(&self, room: impl Into<RoomRef<'n>>) -> Result<Drift> {
        let id = self.keys.id(room)?;
        let (size, room) = (self.keys.size(id), self.keys.room(id));
        let program = ReconcileProgram::new(&size, &room.seats)?;
        let (counted, live) = program.sizes(&self.vault.store().transact(&program.txn).await?);
        let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse().ok();
        // What is no number is no size; it was replaced by one.
        let counted = counted.and_then(|text| number(&text)).unwrap_or(0);
        Ok(Drift { counted, live })
    }

    fn size_key<'n>(&self, room: impl Into<RoomRef<'n>>) -> Result<Key> {
        Ok(self.keys.size(self.keys.id(room)?))
    }
}

/// A size as a store adds to it: a canonical decimal number.
fn put_size(key: &Key, size: i64, life: Life) -> Op {
    Op::put(key, bytes::Bytes::from(size.to_string()), life)
}

//! Sizes of rooms: set, read, changed, and raised within a limit.

use std::time::Duration;

use roomkey_core::{Key, Kind, Life, Op, Spread, Store};
use roomkey_vault::{Expiry, Name, Space, Vault};

use crate::Result;
use crate::programs::{IncrementProgram, UpdateProgram};

/// How long a room lives at least after every change: an hour.
pub const DEFAULT_EXPIRY: Duration = Duration::from_secs(3_600);

/// The limit of [`Rooms::check_and_increment`].
pub const DEFAULT_LIMIT: i64 = 100;

/// Over how many partitions rooms spread. It never changes.
const SPREAD: Spread = Spread::over(1_024);

/// Rooms that never hold more than they may, by their sizes.
///
/// A size is a number that the store keeps and adds to, so whoever sees the store sees the number; the room's name is
/// hidden. A room without a size, or with an expired one, has size 0, and a size of 0 or less is none. Every room
/// expires: [`set_size`](Self::set_size) says when, and every other change lengthens that to
/// [`DEFAULT_EXPIRY`] at least and never shortens it.
///
/// Every operation is one step in the store, so a limit holds however many processes try at once. The changes that
/// are relative are never repeated after a lost reply: better told than counted twice.
///
/// Cloning costs little.
#[derive(Clone, Debug)]
pub struct Rooms<S> {
    vault: Vault<S>,
    /// `c1`: one counter per room. The letters `m`, `i`, `h`, `o`, `w` and `e` are for members and what happens to
    /// them.
    sizes: Space,
}

impl<S: Store> Rooms<S> {
    /// Rooms in the namespace of a vault.
    #[must_use]
    pub fn new(vault: Vault<S>) -> Self {
        Self { sizes: vault.space("c1", SPREAD), vault }
    }

    /// Sets the size of a room for [`DEFAULT_EXPIRY`]. 0 or less removes the room.
    ///
    /// # Errors
    /// [`Name`](crate::Error::Name), [`Store`](crate::Error::Store).
    pub async fn set_size<'n>(&self, room: impl Into<Name<'n>>, size: i64) -> Result<()> {
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
        room: impl Into<Name<'n>>,
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
    /// [`Name`](crate::Error::Name), [`NotASize`](crate::Error::NotASize), [`Store`](crate::Error::Store).
    pub async fn size<'n>(&self, room: impl Into<Name<'n>>) -> Result<i64> {
        Ok(self.vault.counter_at(&self.size_key(room)?).await?.max(0))
    }

    /// Adds `delta`, which may be negative, to the size of a room, and returns the new size. Where that is 0 or
    /// less, the room is removed and its size is 0.
    ///
    /// On a store at its memory limit a room can become smaller, but not larger.
    ///
    /// # Errors
    /// [`Overflow`](crate::Error::Overflow) beyond `i64`, without a change; [`Name`](crate::Error::Name),
    /// [`NotASize`](crate::Error::NotASize), [`Store`](crate::Error::Store).
    pub async fn update_size<'n>(&self, room: impl Into<Name<'n>>, delta: i64) -> Result<i64> {
        let program = UpdateProgram::new(&self.size_key(room)?, delta)?;
        let outcome = self.vault.store().transact(&program.txn).await?;
        program.size(&outcome)
    }

    /// Adds one to the size of a room if it then is at most [`DEFAULT_LIMIT`]. Returns whether it did.
    ///
    /// # Errors
    /// Those of [`check_and_increment_within`](Self::check_and_increment_within).
    pub async fn check_and_increment<'n>(&self, room: impl Into<Name<'n>>) -> Result<bool> {
        self.check_and_increment_within(room, DEFAULT_LIMIT).await
    }

    /// Adds one to the size of a room if it then is at most `limit`. Returns whether it did: `false` is a full
    /// room and nothing else. A limit of 0 or less admits nobody.
    ///
    /// # Errors
    /// [`Name`](crate::Error::Name), [`NotASize`](crate::Error::NotASize), [`Store`](crate::Error::Store); after
    /// [`Ambiguous`](roomkey_core::Error::Ambiguous) the size may be one higher.
    pub async fn check_and_increment_within<'n>(
        &self,
        room: impl Into<Name<'n>>,
        limit: i64,
    ) -> Result<bool> {
        let program = IncrementProgram::new(&self.size_key(room)?, limit)?;
        let outcome = self.vault.store().transact(&program.txn).await?;
        Ok(program.admitted(&outcome))
    }

    fn size_key<'n>(&self, room: impl Into<Name<'n>>) -> Result<Key> {
        Ok(self.sizes.key(Kind::Value, self.sizes.hide_name("room", room)?))
    }
}

/// A size as a store adds to it: a canonical decimal number.
fn put_size(key: &Key, size: i64, life: Life) -> Op {
    Op::put(key, bytes::Bytes::from(size.to_string()), life)
}

//! Configuring rooms.

use roomkey_core::Store;
use roomkey_vault::Encode;

use super::Rooms;
use crate::id::{Named, RoomRef};
use crate::programs::{ConfigureProgram, Configured};
use crate::record::Draft;
use crate::{Error, Result, RoomConfig};

impl<S: Store> Rooms<S> {
    /// Says how a room works from now on. What was said before is replaced, [metadata](Self::configure_with) too.
    ///
    /// A lower limit ends nobody's seat, it only keeps others out; a higher one seats those who wait, in the same step.
    /// A seat keeps the lease it was given until it is joined again.
    ///
    /// # Errors
    /// [`Config`](Error::Config) for what cannot be, [`Name`](Error::Name), [`Seal`](Error::Seal),
    /// [`Store`](Error::Store).
    pub async fn configure<'n>(&self, room: impl Into<RoomRef<'n>>, config: RoomConfig) -> Result<()> {
        self.configure_with(room, config, ()).await
    }

    /// [`configure`](Self::configure), with something that is sealed and given back by the [list](Self::rooms) of rooms.
    ///
    /// # Errors
    /// [`Metadata`](Error::Metadata), and those of [`configure`](Self::configure).
    pub async fn configure_with<'n, M: Encode>(
        &self,
        room: impl Into<RoomRef<'n>>,
        config: RoomConfig,
        metadata: M,
    ) -> Result<()> {
        config.check()?;
        let room = room.into();
        let metadata = self.vault.encode(&metadata).map_err(Error::Metadata)?;
        let draft = match &room.0 {
            Named::Name(name) => Draft::new(name.as_text().unwrap_or_default().as_bytes(), metadata),
            Named::Id(_) => Draft::new(b"", metadata),
        };
        let room = self.room(room)?;
        let terms = config.terms();
        let program = ConfigureProgram::new(Configured {
            room: &room,
            basis: self.basis(terms),
            limit: config.limit.into(),
            queue: config.queue.into(),
            sealed: self.keys.seal_room(&room, &draft)?,
        })?;
        self.vault.store().transact(&program.txn).await?;
        self.shared.known.learn(room.id, Some(terms));
        Ok(())
    }
}

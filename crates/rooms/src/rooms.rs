//! Rooms over a vault.

mod configure;
mod counters;
mod join;
mod keep;
mod look;
mod pool;
mod registry;
mod sweep;
mod watch;

pub use pool::Pool;
pub use sweep::Swept;
pub use watch::{RoomCounts, RoomEvents};

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use roomkey_core::{Limit, Store};
use roomkey_vault::Vault;

use crate::hub::Hub;
use crate::id::RoomRef;
use crate::keys::{Keys, RoomKeys};
use crate::known::Known;
use crate::programs::{Basis, Forms, stored_limit};
use crate::terms::Terms;
use crate::{Result, RoomConfig, RoomId};

/// How long a size lives at least after every change: an hour. What belongs to members lives for so long after the last
/// lease that was given out.
pub const DEFAULT_EXPIRY: Duration = Duration::from_secs(3_600);

/// The limit of [`Rooms::check_and_increment`], and of rooms of which nothing is configured.
pub const DEFAULT_LIMIT: i64 = 100;

/// Rooms that never hold more than they may.
///
/// There are two ways to say who is in a room. **Sizes** are numbers that a service adds to. **Members** hold seats under
/// leases: a seat that nobody renews is free again, so a crash leaves no ghosts, and a limit holds through it. The two do
/// not know of each other, but for [`reconcile`](Self::reconcile).
///
/// Every operation is one step in the store and on the store's clock, so a limit holds however many processes try at
/// once, and whatever their clocks say. Names of rooms, ids of members and metadata are hidden from the store; how many
/// seats there are, how many are taken, and until when, it can see.
///
/// Cloning costs little.
pub struct Rooms<S> {
    vault: Vault<S>,
    keys: Keys,
    shared: Arc<Shared>,
}

struct Shared {
    /// Of rooms that are not configured.
    config: RoomConfig,
    known: Known,
    forms: Forms,
    hub: Hub,
}

impl<S: Store> Rooms<S> {
    /// Rooms in the namespace of a vault, of [`DEFAULT_LIMIT`] seats unless they are configured.
    #[must_use]
    pub fn new(vault: Vault<S>) -> Self {
        Self::assemble(vault, RoomConfig::default())
    }

    /// Rooms in the namespace of a vault, which work so unless they are [configured](Self::configure) one by one. All
    /// processes that share rooms should say the same here.
    ///
    /// # Errors
    /// [`Config`](crate::Error::Config) for what cannot be.
    pub fn with_config(vault: Vault<S>, config: RoomConfig) -> Result<Self> {
        config.check()?;
        Ok(Self::assemble(vault, config))
    }

    /// What stands for a room, to show, to send, and to name it by.
    ///
    /// # Errors
    /// [`Name`](crate::Error::Name).
    pub fn id<'n>(&self, room: impl Into<RoomRef<'n>>) -> Result<RoomId> {
        self.keys.id(room)
    }

    fn assemble(vault: Vault<S>, config: RoomConfig) -> Self {
        let keys = Keys::new(&vault);
        Self {
            vault,
            keys,
            shared: Arc::new(Shared {
                config,
                known: Known::default(),
                forms: Forms::default(),
                hub: Hub::default(),
            }),
        }
    }

    fn room<'n>(&self, room: impl Into<RoomRef<'n>>) -> Result<RoomKeys> {
        Ok(self.keys.room(self.keys.id(room)?))
    }

    /// What holds under these terms where the room itself says nothing.
    fn basis(&self, terms: Terms) -> Basis {
        Basis { terms, limit: self.shared.config.limit.into() }
    }

    /// How many seats a room has: what was said, what is configured, or the default.
    fn limit(&self, room: &RoomKeys, said: Option<u32>) -> Limit {
        said.map_or_else(
            || stored_limit(room, self.shared.config.limit.into()),
            |limit| Limit::Given(limit.into()),
        )
    }
}

impl<S> Clone for Rooms<S> {
    fn clone(&self) -> Self {
        let Self { vault, keys, shared } = self;
        Self { vault: vault.clone(), keys: keys.clone(), shared: Arc::clone(shared) }
    }
}

/// Shows the vault and the configuration.
impl<S: fmt::Debug> fmt::Debug for Rooms<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { vault, keys: _, shared } = self;
        f.debug_struct("Rooms").field("vault", vault).field("config", &shared.config).finish_non_exhaustive()
    }
}

//! One vault for the whole process, for those who want it.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use roomkey_core::Store;

use super::Vault;
use crate::{Error, Result};

/// The global vaults by the type of their store, as a static cannot be generic: a service has one.
static GLOBALS: Mutex<Option<HashMap<TypeId, Box<dyn Any + Send + Sync>>>> = Mutex::new(None);

impl<S: Store> Vault<S> {
    /// Makes this vault the one that [`Vault::global`] gives for this type of store. Call it once, at the start.
    ///
    /// Passing a vault on, as an argument or in the application's state, says more and tests better.
    ///
    /// ```
    /// # use roomkey_memory::MemoryStore;
    /// # use roomkey_vault::{Keyring, Result, Vault};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<()> {
    /// Vault::open(MemoryStore::new(), Keyring::generate()?).await?.init_global()?;
    ///
    /// // Anywhere else in the process:
    /// let vault = Vault::<MemoryStore>::global()?;
    /// vault.incr("visits").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::GlobalTaken`] if there is one for this type of store already; it stays.
    pub fn init_global(self) -> Result<()> {
        match lock().get_or_insert_default().entry(TypeId::of::<S>()) {
            Entry::Vacant(place) => {
                place.insert(Box::new(self));
                Ok(())
            }
            Entry::Occupied(_) => Err(Error::GlobalTaken { store: type_name::<S>() }),
        }
    }

    /// The vault that [`Vault::init_global`] was given.
    ///
    /// # Errors
    /// [`Error::NoGlobal`] if there is none for this type of store.
    pub fn global() -> Result<Self> {
        let globals = lock();
        let vault = globals.as_ref().and_then(|globals| globals.get(&TypeId::of::<S>()));
        vault
            .and_then(|vault| vault.downcast_ref().cloned())
            .ok_or(Error::NoGlobal { store: type_name::<S>() })
    }
}

/// A panic while the lock is held leaves the map as it was before or after one insertion, so poison means nothing.
fn lock() -> MutexGuard<'static, Option<HashMap<TypeId, Box<dyn Any + Send + Sync>>>> {
    GLOBALS.lock().unwrap_or_else(PoisonError::into_inner)
}

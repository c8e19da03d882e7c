//! Opening a vault with settings of one's own.

use std::any::TypeId;
use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use roomkey_core::Store;
use roomkey_crypto::Keyring;

use super::{MAX_VALUE_BYTES, Vault};
use crate::Result;
use crate::codec::Policy;

impl<S: Store> Vault<S> {
    /// Starts a vault with settings of one's own.
    ///
    /// ```
    /// # use roomkey_memory::MemoryStore;
    /// # use roomkey_vault::{Keyring, Result, Vault};
    /// # async fn example() -> Result<()> {
    /// let vault = Vault::builder()
    ///     .app("shop")
    ///     .namespace("sessions")
    ///     .max_value_bytes(64 * 1024)
    ///     .open(MemoryStore::new(), Keyring::generate()?)
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> Builder<S> {
        let policy = Policy { limit: MAX_VALUE_BYTES, trusted: HashSet::new() };
        Builder { app: "roomkey".into(), namespace: "default".into(), policy, store: PhantomData }
    }
}

/// The settings of a [`Vault`].
#[must_use = "a builder does nothing until `open`"]
pub struct Builder<S> {
    app: String,
    namespace: String,
    policy: Policy,
    /// The type of store that `open` will be given: it makes `Vault::builder()` need no annotation.
    store: PhantomData<fn() -> S>,
}

impl<S: Store> Builder<S> {
    /// The application whose keys these are, `roomkey` unless set: 1 to 64 letters, digits, `-`, `_` and `.`. It
    /// stays readable in the store.
    pub fn app(self, app: impl Into<String>) -> Self {
        Self { app: app.into(), ..self }
    }

    /// The namespace, `default` unless set; as readable as the application. Names in two namespaces have nothing
    /// to do with each other.
    pub fn namespace(self, namespace: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), ..self }
    }

    /// The most bytes that an encoded value may take, at most and unless set [`MAX_VALUE_BYTES`]. A larger one is
    /// [`Error::TooLarge`](crate::Error::TooLarge) before anything is sent. What is read is not bounded by it.
    pub fn max_value_bytes(mut self, bytes: usize) -> Self {
        self.policy.limit = bytes.min(MAX_VALUE_BYTES);
        self
    }

    /// Does not read values of this type back before they are sent; see [`Encode`](crate::Encode).
    ///
    /// Trust a type after a test has stored each of its shapes in a vault that did not trust it. Types that
    /// contain it are types of their own.
    pub fn trust<T: ?Sized + 'static>(mut self) -> Self {
        self.policy.trusted.insert(TypeId::of::<T>());
        self
    }

    /// Opens the vault; see [`Vault::open`].
    ///
    /// # Errors
    /// [`Error::Namespace`](crate::Error::Namespace) for an application or namespace that cannot be part of a key,
    /// besides those of [`Vault::open`].
    pub async fn open(self, store: S, keyring: Keyring) -> Result<Vault<S>> {
        let Self { app, namespace, policy, store: PhantomData } = self;
        Vault::assemble(store, keyring, app, namespace, policy).await
    }
}

impl<S> fmt::Debug for Builder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { app, namespace, policy, store: PhantomData } = self;
        let Policy { limit, trusted } = policy;
        f.debug_struct("Builder")
            .field("app", app)
            .field("namespace", namespace)
            .field("max_value_bytes", limit)
            .field("trusted_types", &trusted.len())
            .finish()
    }
}

//! The vault: typed, sealed values over a store.

mod builder;
mod canary;
mod conditional;
mod counters;
mod global;
mod hashes;
mod lists;
mod values;

use std::fmt;
use std::sync::Arc;

use roomkey_core::{Batch, Failure, Key, Kind, Namespace, Op, Reply, Spread, Store};
use roomkey_crypto::{Keyring, OVERHEAD};

use crate::codec::{Payload, Policy};
use crate::{Encode, Error, Name, Result, Space};

pub use builder::Builder;

/// The most bytes that a value may take when it is encoded: what a store takes, less the seal and the codec's number.
pub const MAX_VALUE_BYTES: usize = roomkey_core::MAX_VALUE_BYTES - OVERHEAD - 1;

/// The layout of the vault's own keys, whatever structure they hold, so that `delete`, `exists`, `expire` and `ttl`
/// work on all of them.
const LAYOUT: &str = "v1";

/// Over how many partitions values spread. It never changes.
const SPREAD: Spread = Spread::over(16_384);

/// Typed values over a store, sealed before they leave the process and under names that the store cannot read.
///
/// A vault works in one namespace of one application. Cloning costs next to nothing: hand clones around, or keep one
/// in [`Vault::global`].
///
/// # Operations
/// | | |
/// |---|---|
/// | values | [`get`](Self::get) [`set`](Self::set) [`get_many`](Self::get_many) [`set_many`](Self::set_many) |
/// | | [`set_if_absent`](Self::set_if_absent) [`set_if_present`](Self::set_if_present) |
/// | any key | [`delete`](Self::delete) [`exists`](Self::exists) [`expire`](Self::expire) [`ttl`](Self::ttl) |
/// | counters | [`incr`](Self::incr) [`decr`](Self::decr) [`incr_by`](Self::incr_by) [`counter`](Self::counter) |
/// | hashes | [`hset`](Self::hset) [`hget`](Self::hget) [`hdel`](Self::hdel) [`hgetall`](Self::hgetall) |
/// | lists | [`lpush`](Self::lpush) [`rpush`](Self::rpush) [`lpop`](Self::lpop) [`rpop`](Self::rpop) |
/// | | [`lrange`](Self::lrange) |
///
/// Each is one round trip. One name holds one structure; another operation on it is [`Error::WrongType`].
///
/// After a lost reply a store repeats what is safe to apply twice and nothing else. Where an operation tells what was
/// there before (`delete`, `hset`, `hdel`), the answer may then be that of the repeat.
///
/// # Errors
/// Every operation fails with [`Error::EmptyName`] or [`Error::NameTooLong`] before anything is sent, with
/// [`Error::WrongType`] if the name holds another structure (but not where "any key" stands), and with
/// [`Error::Store`] for the store's own trouble. Reading a sealed value may find [`Error::NotSealed`],
/// [`Error::UnknownKey`], [`Error::UnknownFormat`], [`Error::Rejected`], [`Error::WrongCodec`] or [`Error::Decode`];
/// writing one may be refused by [`Error::NotRoundTrip`], [`Error::Encode`] or [`Error::TooLarge`] before it is sent.
/// What an operation adds to these is said there.
pub struct Vault<S> {
    inner: Arc<Inner<S>>,
}

struct Inner<S> {
    store: S,
    keyring: Keyring,
    app: String,
    namespace: String,
    policy: Policy,
    space: Space,
}

impl<S: Store> Vault<S> {
    /// Opens the namespace `default` of the application `roomkey`. For others see [`Vault::builder`].
    ///
    /// The key ring is checked against a sealed canary in the store, which the first vault of a namespace leaves
    /// there; so a wrong ring is told here, not at the first read. If the canary was sealed under a retired key it
    /// is sealed anew.
    ///
    /// Where there is no canary the namespace counts as new: if it was evicted or deleted, any ring opens the
    /// namespace and leaves its own canary, and the right ring is then the one that is refused. To recover from that,
    /// or from a canary that is damaged, delete its key, the only one that begins with `<app>:canary:<namespace>:`,
    /// and open the namespace with the right ring first. The values are not touched by any of this.
    ///
    /// # Errors
    /// [`Error::WrongKeyring`] if the namespace was made with another ring; [`Error::Canary`] if the canary was
    /// damaged; [`Error::Store`] for the store's trouble, among it a store that is full before it has a canary.
    pub async fn open(store: S, keyring: Keyring) -> Result<Self> {
        Self::builder().open(store, keyring).await
    }

    /// Another namespace of the same application, over the same store and with the same ring and limits.
    ///
    /// Names, values, tokens and rooms of two namespaces have nothing to do with each other. It costs a round trip,
    /// for the canary: keep the vault rather than asking for it each time.
    ///
    /// # Errors
    /// [`Error::Namespace`] for a name that cannot be part of a key, besides those of [`Vault::open`].
    pub async fn namespace(&self, namespace: &str) -> Result<Self> {
        let Inner { store, keyring, app, policy, .. } = &*self.inner;
        Self::assemble(store.clone(), keyring.clone(), app.clone(), namespace.into(), policy.clone()).await
    }

    /// The store under the vault.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.inner.store
    }

    /// The keys of another layout in this namespace, for crates that keep structures of their own.
    ///
    /// # Panics
    /// If `layout` is not 1 to 64 letters, digits, `-`, `_` and `.`. Layouts are constants.
    #[must_use]
    pub fn space(&self, layout: &'static str, spread: Spread) -> Space {
        let Inner { keyring, app, namespace, .. } = &*self.inner;
        space(keyring, app, layout, namespace, spread).expect("a layout is a constant of letters and digits")
    }

    /// Encodes a value as [`set`](Self::set) would, for crates that seal it inside a record of their own. The payload
    /// begins with the number of its codec; [`decode`](crate::decode) reads it.
    ///
    /// # Errors
    /// [`Error::NotRoundTrip`], [`Error::Encode`] and [`Error::TooLarge`].
    pub fn encode<T: Encode + ?Sized>(&self, value: &T) -> Result<Payload> {
        value.encode(&self.inner.policy)
    }

    /// Runs one op, for crates that keep structures of their own.
    ///
    /// # Errors
    /// What the store replies, as an error of this crate.
    pub async fn run(&self, op: impl Into<Op>) -> Result<Reply> {
        let replies = self.inner.store.run(Batch::one(op)?).await?;
        Ok(replies.into_iter().next().ok_or_else(|| broken("no reply to an op"))??)
    }

    async fn assemble(
        store: S,
        keyring: Keyring,
        app: String,
        namespace: String,
        policy: Policy,
    ) -> Result<Self> {
        let space = space(&keyring, &app, LAYOUT, &namespace, SPREAD)?;
        let vault = Self { inner: Arc::new(Inner { store, keyring, app, namespace, policy, space }) };
        vault.check_canary().await?;
        Ok(vault)
    }

    /// The key of a name. Its kind says what the operation expects to find there.
    fn key<'n>(&self, kind: Kind, name: impl Into<Name<'n>>) -> Result<Key> {
        let space = &self.inner.space;
        Ok(space.key(kind, space.hide_name("value", name)?))
    }
}

impl<S> Clone for Vault<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

/// Shows the store, the application, the namespace and the ids of keys.
impl<S: fmt::Debug> fmt::Debug for Vault<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner } = self;
        let Inner { store, keyring, app, namespace, policy: _, space: _ } = &**inner;
        f.debug_struct("Vault")
            .field("app", app)
            .field("namespace", namespace)
            .field("keyring", keyring)
            .field("store", store)
            .finish_non_exhaustive()
    }
}

fn space(keyring: &Keyring, app: &str, layout: &str, namespace: &str, spread: Spread) -> Result<Space> {
    let keys = Namespace::new(app, layout, namespace).map_err(Error::Namespace)?;
    Ok(Space::new(keys, spread, keyring.scope(&format!("{app}:{namespace}"))))
}

/// A reply that the contract of a store rules out.
fn broken(what: &'static str) -> Error {
    Error::Store(roomkey_core::Error::permanent(Failure::from(what)))
}

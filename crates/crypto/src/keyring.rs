//! The keys of one application: one that seals, older ones that still open, and one that hides names.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::labels;
use crate::primitives::{HASH_LEN, KEY_LEN, Prk, length_prefix};
use crate::scope::Scope;
use crate::secret::{Passphrase, SecretKey};

mod env;

/// The keys of one application. Cheap to clone; the clones share the keys, which are wiped with the last of
/// them.
///
/// One key is *active* and seals. Any number of *retired* ones still open what they sealed. A third kind, the
/// *name key*, hides names: it stays when the active key changes, so that rotating values moves no key in the
/// store.
///
/// To rotate: save the [`name_key`](Self::name_key) of the present ring, make a new [`SecretKey`], and build
/// the next ring of the new key as active, the present one as retired, and the saved name key. While
/// processes with the old configuration still run, they cannot open what the new key seals; to avoid that,
/// first deploy the new key as *retired* everywhere, then make it active.
#[derive(Clone)]
pub struct Keyring {
    keys: Arc<Keys>,
}

struct Keys {
    active: RootKey,
    retired: Vec<RootKey>,
    /// Kept as it is, to be handed to the operator before a rotation.
    name_key: SecretKey,
    names: Prk,
}

impl Keyring {
    /// A ring of one new random key, which is lost with the process: for tests, and for an embedded store
    /// whose data is lost with it. For a key to keep, see [`SecretKey::generate`].
    ///
    /// # Errors
    /// [`Error::Random`] if the operating system gives no random bytes.
    pub fn generate() -> Result<Self> {
        Ok(SecretKey::generate()?.into())
    }

    /// A ring of one key, written in base64 as [`SecretKey::from_base64`] takes it.
    ///
    /// # Errors
    /// [`Error::InvalidKey`] if `key` is not base64 of 32 bytes.
    pub fn from_key(key: &str) -> Result<Self> {
        Ok(SecretKey::from_base64(key)?.into())
    }

    /// A ring of one key of 32 random bytes.
    #[must_use]
    pub fn from_key_bytes(key: [u8; KEY_LEN]) -> Self {
        SecretKey::from_bytes(key).into()
    }

    /// A ring of the key that a passphrase gives.
    ///
    /// It takes 0.15 to 0.5 seconds of one core, by intent. Call it once per process and off the async
    /// threads, as in `spawn_blocking(move || Keyring::from_passphrase(Passphrase::new(&passphrase,
    /// &salt)))`.
    ///
    /// # Errors
    /// [`Error::InvalidKey`] as [`SecretKey::from_passphrase`] gives it.
    pub fn from_passphrase(passphrase: Passphrase<'_>) -> Result<Self> {
        Ok(SecretKey::from_passphrase(&passphrase)?.into())
    }

    /// The ring that the process environment describes.
    ///
    /// | Variable | Meaning |
    /// |---|---|
    /// | `ROOMKEY_KEY` | the active key, base64 of 32 random bytes |
    /// | `ROOMKEY_PASSPHRASE` | instead of a key: the passphrase that gives it |
    /// | `ROOMKEY_SALT` | with a passphrase: base64 of at least 16 random bytes |
    /// | `ROOMKEY_RETIRED_KEYS` | keys that still open, base64, separated by commas |
    /// | `ROOMKEY_NAME_KEY` | the key that hides names, base64; needed as soon as there are retired keys |
    ///
    /// Each may instead be given as the path of a file that holds it, in a variable of the same name with
    /// `_FILE` after it; one line end after the value is not part of it. An empty variable counts as not set.
    /// With a passphrase this takes as long as [`from_passphrase`](Self::from_passphrase) and belongs off the
    /// async threads.
    ///
    /// ```no_run
    /// // ROOMKEY_KEY=$(openssl rand -base64 32)
    /// let ring = roomkey_crypto::Keyring::from_env()?;
    /// # Ok::<(), roomkey_crypto::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`], which names the variable and says what to do and never quotes a value.
    pub fn from_env() -> Result<Self> {
        env::from_lookup(|name| std::env::var_os(name))
    }

    /// Starts a ring whose active key is `active`.
    pub fn builder(active: SecretKey) -> KeyringBuilder {
        KeyringBuilder { active, retired: Vec::new(), names: None }
    }

    /// The keys of one namespace. The derivation costs a few microseconds: keep the scope.
    ///
    /// The namespace is part of what every value is bound to and every name is hidden with. Roomkey's stores
    /// use `<app>:<namespace>`.
    #[must_use]
    pub fn scope(&self, namespace: &str) -> Scope {
        Scope::new(namespace, &self.keys.active, &self.keys.retired, &self.keys.names)
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn active_id(&self) -> KeyId {
        self.keys.active.id
    }

    /// The ids of all keys that open, the active one first.
    pub fn key_ids(&self) -> impl Iterator<Item = KeyId> {
        self.keys.ids()
    }

    /// The key that hides names, to be saved before the first rotation. It opens no value.
    #[must_use]
    pub fn name_key(&self) -> &SecretKey {
        &self.keys.name_key
    }
}

impl From<SecretKey> for Keyring {
    fn from(active: SecretKey) -> Self {
        let root = RootKey::new(&active);
        let name_key = root.name_key();
        Self { keys: Arc::new(Keys::new(root, Vec::new(), name_key)) }
    }
}

/// Shows key ids only.
impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { keys } = self;
        let Keys { active, retired, name_key: _, names: _ } = &**keys;
        f.debug_struct("Keyring").field("active", active).field("retired", retired).finish_non_exhaustive()
    }
}

impl Keys {
    fn new(active: RootKey, retired: Vec<RootKey>, name_key: SecretKey) -> Self {
        let names = Prk::extract(labels::NAMES_SALT, name_key.as_bytes());
        Self { active, retired, name_key, names }
    }

    fn ids(&self) -> impl Iterator<Item = KeyId> {
        std::iter::once(&self.active).chain(&self.retired).map(RootKey::id)
    }
}

/// Puts a [`Keyring`] of several keys together.
#[derive(Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct KeyringBuilder {
    active: SecretKey,
    retired: Vec<SecretKey>,
    names: Option<SecretKey>,
}

impl KeyringBuilder {
    /// Adds a key that opens and no longer, or not yet, seals.
    pub fn retired(mut self, key: SecretKey) -> Self {
        self.retired.push(key);
        self
    }

    /// Sets the key that hides names. Without it, it is derived from the active key, which is possible only
    /// while no key is retired: names hidden with one key are not found with another.
    pub fn names(mut self, key: SecretKey) -> Self {
        self.names = Some(key);
        self
    }

    /// Makes the ring.
    ///
    /// # Errors
    /// [`Error::InvalidKeyring`] if there are retired keys and no name key, or if two keys have the same id:
    /// one was given twice, or, for one pair of keys in 2^32, another must be generated.
    pub fn build(self) -> Result<Keyring> {
        let Self { active, retired, names } = self;
        let active = RootKey::new(&active);
        let retired: Vec<_> = retired.iter().map(RootKey::new).collect();
        let name_key = match names {
            Some(key) => key,
            None if retired.is_empty() => active.name_key(),
            None => {
                return Err(Error::InvalidKeyring("with retired keys, give the name key of the first ring"));
            }
        };
        let keys = Keys::new(active, retired, name_key);
        let mut ids: Vec<_> = keys.ids().collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Error::InvalidKeyring("two keys have the same id; give each key once"));
        }
        Ok(Keyring { keys: Arc::new(keys) })
    }
}

/// Shows key ids only.
impl fmt::Debug for KeyringBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { active, retired, names: _ } = self;
        f.debug_struct("KeyringBuilder")
            .field("active", active)
            .field("retired", retired)
            .finish_non_exhaustive()
    }
}

/// Names a key without telling anything about it: 32 bits derived from the key, never zero.
///
/// Every sealed value carries the id of its key in the clear, so that a ring finds the key at once and a
/// value of another ring is told from a damaged one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(NonZeroU32);

impl KeyId {
    /// The id as a number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The id that is this number; `None` for 0.
    #[must_use]
    pub const fn new(id: u32) -> Option<Self> {
        match NonZeroU32::new(id) {
            Some(id) => Some(Self(id)),
            None => None,
        }
    }
}

/// Eight hexadecimal digits.
impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// A secret key after extraction: the root of the tree in [`labels`].
#[derive(Clone)]
pub(crate) struct RootKey {
    id: KeyId,
    prk: Prk,
}

impl RootKey {
    pub(crate) fn new(secret: &SecretKey) -> Self {
        let prk = Prk::extract(labels::ROOT_SALT, secret.as_bytes());
        let id = u32::from_be_bytes(*prk.expand(&[labels::KEY_ID]));
        // Zero marks no key. Sharing 1 makes two ids in 2^32 equally likely, which changes nothing.
        Self { id: KeyId(NonZeroU32::new(id).unwrap_or(NonZeroU32::MIN)), prk }
    }

    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    pub(crate) fn name_key(&self) -> SecretKey {
        self.prk.expand::<KEY_LEN>(&[labels::NAME_KEY]).into()
    }

    /// The key from which the messages of one namespace are expanded.
    pub(crate) fn values_of(&self, namespace: &[u8]) -> Prk {
        let key = self.prk.expand::<HASH_LEN>(&[labels::VALUES, &length_prefix(namespace), namespace]);
        Prk::from_bytes(&key)
    }
}

/// Shows the id only.
impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, prk: _ } = self;
        id.fmt(f)
    }
}

#[cfg(test)]
impl RootKey {
    /// The same key under another id, as the published vector and the tests of commitment need it.
    pub(crate) fn with_id(mut self, id: u32) -> Self {
        self.id = KeyId::new(id).expect("a test names no key 0");
        self
    }
}

#[cfg(test)]
impl From<RootKey> for Keyring {
    fn from(root: RootKey) -> Self {
        let name_key = root.name_key();
        Self { keys: Arc::new(Keys::new(root, Vec::new(), name_key)) }
    }
}

#[cfg(test)]
mod tests;

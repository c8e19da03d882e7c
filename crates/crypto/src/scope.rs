//! The keys of one namespace: seal, open, hide names.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use hmac::Mac;

use crate::context::Context;
use crate::envelope::{self, MessageKey, Opened};
use crate::error::Result;
use crate::keyring::RootKey;
use crate::labels;
use crate::primitives::{Absorb, HASH_LEN, MacKey, Prk, length_prefix};
use crate::random;

/// The keys of one namespace, derived once by [`Keyring::scope`](crate::Keyring::scope). Cheap to clone.
#[derive(Clone)]
pub struct Scope {
    keys: Arc<ScopeKeys>,
}

struct ScopeKeys {
    namespace: Box<str>,
    active: MessageKey,
    /// Searched from front to back: a ring has a handful of keys, and the active one is asked first.
    retired: Vec<MessageKey>,
    names: MacKey,
    fingerprint: [u8; Tag::LEN],
}

impl Scope {
    pub(crate) fn new(namespace: &str, active: &RootKey, retired: &[RootKey], names: &Prk) -> Self {
        let values = |root: &RootKey| MessageKey::new(root.id(), root.values_of(namespace.as_bytes()));
        let len = length_prefix(namespace.as_bytes());
        let of_names = |label: &[u8]| names.expand::<HASH_LEN>(&[label, &len, namespace.as_bytes()]);
        let mut fingerprint = [0; Tag::LEN];
        fingerprint.copy_from_slice(&of_names(labels::FINGERPRINT)[..Tag::LEN]);
        Self {
            keys: Arc::new(ScopeKeys {
                namespace: namespace.into(),
                active: values(active),
                retired: retired.iter().map(values).collect(),
                names: MacKey::new(of_names(labels::NAMES).as_slice()),
                fingerprint,
            }),
        }
    }

    /// The namespace whose keys these are.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.keys.namespace
    }

    /// Seals `plaintext` under the active key so that it opens in `context` only. The result is [`OVERHEAD`]
    /// bytes longer than the plaintext, and another one each time.
    ///
    /// [`OVERHEAD`]: crate::OVERHEAD
    ///
    /// # Errors
    /// [`Error::Random`](crate::Error::Random) if the operating system gives no random bytes, and
    /// [`Error::TooLong`](crate::Error::TooLong) for a plaintext of 64 GiB.
    pub fn seal(&self, context: &Context<'_>, plaintext: &[u8]) -> Result<Vec<u8>> {
        self.seal_parts(context, &[plaintext])
    }

    /// Seals the concatenation of `parts`, as [`seal`](Self::seal) does, without a copy of the whole.
    ///
    /// # Errors
    /// Those of [`seal`](Self::seal).
    pub fn seal_parts(&self, context: &Context<'_>, parts: &[&[u8]]) -> Result<Vec<u8>> {
        let salt = random::salt()?;
        envelope::seal(&self.keys.active, &context.digest(self.keys.namespace.as_bytes()), &salt, parts)
    }

    /// Opens what [`seal`](Self::seal) sealed for this namespace and `context`, with whichever key of the
    /// ring did.
    ///
    /// What is given as a vector is opened in place, without a copy.
    ///
    /// That the value opens says that a holder of the key sealed it for this very place. It does not say that
    /// it is the latest one sealed for it.
    ///
    /// # Errors
    /// Everything but the exact bytes is refused, and nothing of the plaintext is shown:
    /// [`Error::NotSealed`](crate::Error::NotSealed) if they do not begin like a sealed value,
    /// [`Error::UnknownFormat`](crate::Error::UnknownFormat) if a newer version may have sealed them,
    /// [`Error::UnknownKey`](crate::Error::UnknownKey) if the ring has no such key, and
    /// [`Error::Rejected`](crate::Error::Rejected) if they were altered, cut or moved.
    pub fn open<'s>(&self, context: &Context<'_>, sealed: impl Into<Cow<'s, [u8]>>) -> Result<Opened> {
        let keys = std::iter::once(&self.keys.active).chain(&self.keys.retired);
        envelope::open(keys, || context.digest(self.keys.namespace.as_bytes()), sealed.into())
    }

    /// The same scope, except that what it seals opens only with `secret` besides the key ring: who holds the keys and
    /// a copy of the store, but not the secret, cannot read it. Names are hidden as before.
    ///
    /// The secret needs at least 128 bits of its own: it is not stretched, so whoever holds the keys can try guesses
    /// at full speed.
    ///
    /// ```
    /// # use roomkey_crypto::{Context, Error, Keyring, Result};
    /// # fn example() -> Result<()> {
    /// let scope = Keyring::generate()?.scope("shop:default");
    /// let context = Context::value(b"key");
    /// let sealed = scope.bound_to(b"a random token").seal(&context, b"for its bearer")?;
    /// assert_eq!(*scope.bound_to(b"a random token").open(&context, &sealed)?, *b"for its bearer");
    /// assert!(matches!(scope.open(&context, &sealed), Err(Error::Rejected)));
    /// # Ok(())
    /// # }
    /// # example().unwrap();
    /// ```
    #[must_use]
    pub fn bound_to(&self, secret: &[u8]) -> Self {
        let ScopeKeys { namespace, active, retired, names, fingerprint } = &*self.keys;
        Self {
            keys: Arc::new(ScopeKeys {
                namespace: namespace.clone(),
                active: active.bound_to(secret),
                retired: retired.iter().map(|key| key.bound_to(secret)).collect(),
                names: names.clone(),
                fingerprint: *fingerprint,
            }),
        }
    }

    /// Hides a name: the HMAC-SHA256 of `parts` under the name key of this namespace, cut to 16 bytes.
    ///
    /// `domain` is a constant such as `"value"`, `"field"` or `"member"`: the same parts hide differently in
    /// each. The same input always gives the same tag, so who sees the store sees which names are equal and
    /// no more. Where bytes go from one part to its neighbour, the tag is another one.
    #[must_use]
    pub fn blind(&self, domain: &str, parts: &[&[u8]]) -> Tag {
        // tag = HMAC( lp(domain) | lp(part) ... )[..16]      lp(x) = u32 length of x | x
        let mut mac = self.keys.names.start();
        mac.absorb_prefixed(domain.as_bytes());
        for part in parts {
            mac.absorb_prefixed(part);
        }
        let mac = mac.finalize().into_bytes();
        let mut tag = [0; Tag::LEN];
        tag.copy_from_slice(&mac[..Tag::LEN]);
        Tag(tag)
    }

    /// Whether a sealed value names the active key. `false` also for what is no sealed value.
    #[must_use]
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        envelope::inspect(sealed).is_ok_and(|header| header.key_id == self.keys.active.id())
    }

    /// Tells whether two scopes hide names alike: equal for the same name key and namespace, else unrelated.
    /// It may be stored in the clear.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; Tag::LEN] {
        self.keys.fingerprint
    }
}

/// Shows the namespace and key ids only.
impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { keys } = self;
        let ScopeKeys { namespace, active, retired, names: _, fingerprint: _ } = &**keys;
        f.debug_struct("Scope")
            .field("namespace", namespace)
            .field("active", active)
            .field("retired", retired)
            .finish_non_exhaustive()
    }
}

/// A hidden name: 16 bytes that stand for it in the store. Not a secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag([u8; Self::LEN]);

impl Tag {
    /// The length of a tag in bytes. Two of 2^48 names share a tag with probability 2^-33.
    pub const LEN: usize = 16;

    /// The bytes of the tag.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl AsRef<[u8]> for Tag {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// A tag read back from the store.
impl From<[u8; Self::LEN]> for Tag {
    fn from(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }
}

impl From<Tag> for [u8; Tag::LEN] {
    fn from(tag: Tag) -> Self {
        tag.0
    }
}

/// Hexadecimal digits: a tag is public.
impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({:032x})", u128::from_be_bytes(self.0))
    }
}

#[cfg(test)]
mod tests;

//! One family of keys: where a crate over the vault keeps its data, and what it seals it with.

use std::borrow::Cow;

use bytes::Bytes;
use roomkey_core::{Key, Kind, Namespace, Partition, Spread};
use roomkey_crypto::{Context, Opened, Scope, Tag};

use crate::{Name, Result, metrics};

/// The keys of one layout in one namespace: `<app>:<layout>:<namespace>:{<partition>}<tag>`.
///
/// Made by [`Vault::space`](crate::Vault::space) for crates that keep structures of their own beside the vault's, as
/// tokens and rooms do. Layouts in use, each standing for one structure for ever: `v1` and `canary` here, others
/// where they are made. Kinds of sealed values in use, see [`Context::new`]: 16 here, 17 to 31 in tokens, 32 to 47
/// in rooms.
#[derive(Clone, Debug)]
pub struct Space {
    namespace: Namespace,
    spread: Spread,
    scope: Scope,
}

impl Space {
    pub(crate) const fn new(namespace: Namespace, spread: Spread, scope: Scope) -> Self {
        Self { namespace, spread, scope }
    }

    /// Hides the parts of a name.
    ///
    /// # Errors
    /// [`Error::EmptyName`](crate::Error::EmptyName) and [`Error::NameTooLong`](crate::Error::NameTooLong).
    pub fn hide_name<'n>(&self, domain: &str, name: impl Into<Name<'n>>) -> Result<Tag> {
        name.into().hide(|parts| self.hide(domain, parts))
    }

    /// Hides any bytes; see [`Scope::blind`]. `domain` is a constant that says what is named.
    #[must_use]
    pub fn hide(&self, domain: &str, parts: &[&[u8]]) -> Tag {
        self.scope.blind(domain, parts)
    }

    /// The key of a tag, in the partition that the tag falls into.
    #[must_use]
    pub fn key(&self, kind: Kind, tag: Tag) -> Key {
        self.key_in(self.partition(tag), kind, tag)
    }

    /// The key of a tag in a partition that something else chose.
    #[must_use]
    pub fn key_in(&self, partition: Partition, kind: Kind, tag: Tag) -> Key {
        Key::new(kind, &self.namespace, partition, <[u8; Tag::LEN]>::from(tag))
    }

    /// As [`key`](Self::key), named by the last 9 bytes of the tag only, which makes a small key of very many cheaper.
    /// With the partition, which its first bits choose, that is 84 bits over 4 096 partitions: two of 2^32 such keys are
    /// the same with probability 2^-21, so nothing may rest on their being different but what anyone may lose.
    #[must_use]
    pub fn short_key(&self, kind: Kind, tag: Tag) -> Key {
        let name: &[u8; 9] = tag.as_bytes().last_chunk().expect("a tag has 16 bytes");
        Key::new(kind, &self.namespace, self.partition(tag), *name)
    }

    /// The partition that a tag falls into.
    #[must_use]
    pub fn partition(&self, tag: Tag) -> Partition {
        self.spread.partition(tag.into())
    }

    /// All partitions of the layout, in ascending order.
    pub fn partitions(&self) -> impl ExactSizeIterator<Item = Partition> + use<> {
        self.spread.partitions()
    }

    /// What the keys of the layout begin with, for a [`Scan`](roomkey_core::Scan).
    #[must_use]
    pub const fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// See [`Scope::fingerprint`].
    pub(crate) fn fingerprint(&self) -> [u8; Tag::LEN] {
        self.scope.fingerprint()
    }

    /// The same keys and names, sealing values that open only with a secret besides the key ring; see
    /// [`Scope::bound_to`].
    #[must_use]
    pub fn bound_to(&self, secret: &[u8]) -> Self {
        let Self { namespace, spread, scope } = self;
        Self { namespace: namespace.clone(), spread: *spread, scope: scope.bound_to(secret) }
    }

    /// Seals the concatenation of `parts` for a context.
    ///
    /// # Errors
    /// [`Error::Seal`](crate::Error::Seal) if the operating system gives no random bytes.
    pub fn seal(&self, context: &Context<'_>, parts: &[&[u8]]) -> Result<Bytes> {
        Ok(self.scope.seal_parts(context, parts)?.into())
    }

    /// Whether a sealed value is under the active key; see [`Scope::is_current`].
    #[must_use]
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        self.scope.is_current(sealed)
    }

    /// Opens what was sealed for a context; a vector, in place.
    ///
    /// # Errors
    /// One of the data's faults: [`NotSealed`](crate::Error::NotSealed),
    /// [`UnknownFormat`](crate::Error::UnknownFormat), [`UnknownKey`](crate::Error::UnknownKey),
    /// [`Rejected`](crate::Error::Rejected).
    pub fn open<'s>(&self, context: &Context<'_>, sealed: impl Into<Cow<'s, [u8]>>) -> Result<Opened> {
        Ok(self.scope.open(context, sealed).inspect_err(metrics::decrypt_failed)?)
    }
}

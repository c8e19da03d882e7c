//! Where a sealed value belongs.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::primitives::{Absorb, HASH_LEN};

/// Where a sealed value belongs: what it is, and the key and field it is stored under.
///
/// A value opens in exactly the context it was sealed for, so that whoever can write to the store cannot move
/// it. Key and field are the *physical* ones, as the store sees them: a sweeper that seals everything anew
/// then needs no logical name. The namespace is part of the context too; the [`Scope`](crate::Scope) brings
/// it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Context<'a> {
    kind: u8,
    key: &'a [u8],
    field: &'a [u8],
}

impl<'a> Context<'a> {
    /// The kind of [`value`](Self::value).
    pub const VALUE: u8 = 1;
    /// The kind of [`field`](Self::field).
    pub const FIELD: u8 = 2;
    /// The kind of [`element`](Self::element).
    pub const ELEMENT: u8 = 3;
    /// The first kind that is free for other crates: tokens, rooms and whatever comes. Those below are this
    /// crate's.
    pub const FIRST_FREE: u8 = 16;

    /// The value of a key.
    #[must_use]
    pub const fn value(key: &'a [u8]) -> Self {
        Self::new(Self::VALUE, key, b"")
    }

    /// The value of one field of a map.
    #[must_use]
    pub const fn field(key: &'a [u8], field: &'a [u8]) -> Self {
        Self::new(Self::FIELD, key, field)
    }

    /// An element of a list, or an entry of a log. It binds the key only, because positions change as others
    /// come and go: whoever can write to the store can reorder, repeat and drop the elements of one key.
    #[must_use]
    pub const fn element(key: &'a [u8]) -> Self {
        Self::new(Self::ELEMENT, key, b"")
    }

    /// A context of another kind: a token's record, a room's member.
    ///
    /// `kind` is a constant of the calling crate, from [`FIRST_FREE`](Self::FIRST_FREE) on, and stands for
    /// one purpose for ever, as values sealed for it are in stores. `field` is empty where there is none.
    #[must_use]
    pub const fn new(kind: u8, key: &'a [u8], field: &'a [u8]) -> Self {
        Self { kind, key, field }
    }

    // ctx = SHA-256( kind u8 | lp(namespace) | lp(key) | lp(field) )      lp(x) = u32 length of x | x
    pub(crate) fn digest(&self, namespace: &[u8]) -> [u8; HASH_LEN] {
        let mut hash = Sha256::new();
        hash.absorb(&[self.kind]);
        hash.absorb_prefixed(namespace);
        hash.absorb_prefixed(self.key);
        hash.absorb_prefixed(self.field);
        hash.finalize().into()
    }
}

/// Shows lengths only: what names a caller uses is the caller's to log.
impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, key, field } = self;
        f.debug_struct("Context")
            .field("kind", kind)
            .field("key_len", &key.len())
            .field("field_len", &field.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_do_not_cross_the_boundaries_between_namespace_key_and_field() {
        let digest = |namespace: &str, key: &str, field: &str| {
            Context::field(key.as_bytes(), field.as_bytes()).digest(namespace.as_bytes())
        };
        assert_ne!(digest("n", "ab", "c"), digest("n", "a", "bc"));
        assert_ne!(digest("n", "abc", ""), digest("n", "", "abc"));
        assert_ne!(digest("na", "b", "c"), digest("n", "ab", "c"));
        // Nor does a length look like text.
        assert_ne!(digest("n", "a\0\0\0\u{1}b", ""), digest("n", "a", "b"));
    }
}

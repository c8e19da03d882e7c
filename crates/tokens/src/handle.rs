//! What may be seen of a token and of a subject.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use roomkey_crypto::Tag;

/// Which session of a subject: 11 bytes that stand for one token, or for one family of them.
///
/// It is a keyed hash, not a secret: it lets nobody in, and may be shown, logged and put into a web page's form. As
/// text it is 15 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle([u8; Self::LEN]);

impl Handle {
    /// The length of a handle in bytes.
    pub const LEN: usize = 11;

    // handle = tag of the type 2 | id 9
    pub(crate) fn new(token_type: TypeTag, id: [u8; 9]) -> Self {
        let mut bytes = [0; Self::LEN];
        bytes[..2].copy_from_slice(&token_type.0);
        bytes[2..].copy_from_slice(&id);
        Self(bytes)
    }

    /// The bytes of the handle.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    pub(crate) fn bytes(&self) -> Bytes {
        Bytes::copy_from_slice(&self.0)
    }

    pub(crate) const fn token_type(&self) -> TypeTag {
        TypeTag([self.0[0], self.0[1]])
    }
}

impl From<[u8; Self::LEN]> for Handle {
    fn from(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({self})")
    }
}

impl FromStr for Handle {
    type Err = NotAHandle;

    fn from_str(text: &str) -> Result<Self, NotAHandle> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| NotAHandle)?;
        bytes.try_into().map(Self).map_err(|_| NotAHandle)
    }
}

/// The text is no handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a handle: 15 characters of base64url are wanted")]
#[non_exhaustive]
pub struct NotAHandle;

/// Which subject: 16 bytes that stand for its name in the store and in audit events.
///
/// A keyed hash: the same for the same subject, key ring and namespace, and telling nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubjectTag(pub(crate) Tag);

impl SubjectTag {
    /// The bytes of the tag.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Tag::LEN] {
        self.0.as_bytes()
    }
}

impl fmt::Display for SubjectTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.as_bytes()))
    }
}

impl fmt::Debug for SubjectTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectTag({self})")
    }
}

/// Which type of token: 2 bytes of a keyed hash, so that an index of ten sessions stays small. Two types share a tag
/// with probability 1 in 65 536; they then share limits, lists and `revoke_type`, and nothing that lets anyone in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TypeTag(pub(crate) [u8; 2]);

impl TypeTag {
    pub(crate) fn bytes(self) -> Bytes {
        Bytes::copy_from_slice(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_handle_comes_back_from_its_text() {
        let handle = Handle::new(TypeTag([1, 2]), [3; 9]);
        assert_eq!(handle.to_string().len(), 15);
        assert_eq!(handle.to_string().parse(), Ok(handle));
        assert_eq!(handle.token_type(), TypeTag([1, 2]));
        for text in ["", "AAAA", "AAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAA=", "AAAAAAAAAAAAAA\n"]
        {
            assert_eq!(text.parse::<Handle>(), Err(NotAHandle), "{text:?}");
        }
    }
}

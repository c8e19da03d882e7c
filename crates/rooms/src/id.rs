//! Which room is meant: by the name that a caller gave it, or by what stands for it in the store.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use roomkey_crypto::Tag;
use roomkey_vault::Name;

/// What stands for a room: 16 bytes of a keyed hash of its name, or 24 bytes for a room of a pool.
///
/// It is no secret: it may be shown, logged and put into a page or a message, and tells nothing of the name. It means
/// the same room to every process with the same key ring and namespace, and names it wherever a name does. As text it
/// is 22 or 32 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomId(pub(crate) Form);

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Form {
    /// A room with a name: the tag of the name.
    Named(Tag),
    /// A room of a pool: the tag of the pool's name, and the room's number in it.
    Pooled { pool: Tag, number: u64 },
}

impl RoomId {
    // named = tag of the name 16        pooled = tag of the pool 16 | number u64 big-endian
    pub(crate) fn to_vec(self) -> Vec<u8> {
        match self.0 {
            Form::Named(tag) => tag.as_bytes().to_vec(),
            Form::Pooled { pool, number } => [&pool.as_bytes()[..], &number.to_be_bytes()].concat(),
        }
    }

    /// What stands for the room in the indexes of its partition.
    pub(crate) fn bytes(self) -> Bytes {
        self.to_vec().into()
    }

    /// What stands for a room of a pool among those of its pool; nothing for any other.
    pub(crate) fn number(self) -> Bytes {
        match self.0 {
            Form::Named(_) => Bytes::new(),
            Form::Pooled { number, .. } => Bytes::copy_from_slice(&number.to_be_bytes()),
        }
    }

    pub(crate) fn from_slice(bytes: &[u8]) -> Result<Self, NotARoomId> {
        let (tag, number) = bytes.split_first_chunk::<{ Tag::LEN }>().ok_or(NotARoomId)?;
        let tag = Tag::from(*tag);
        match number {
            [] => Ok(Self(Form::Named(tag))),
            _ => {
                let number = u64::from_be_bytes(number.try_into().map_err(|_| NotARoomId)?);
                Ok(Self(Form::Pooled { pool: tag, number }))
            }
        }
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.to_vec()))
    }
}

impl fmt::Debug for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoomId({self})")
    }
}

impl FromStr for RoomId {
    type Err = NotARoomId;

    fn from_str(text: &str) -> Result<Self, NotARoomId> {
        let mut bytes = [0; Tag::LEN + 8 + 3];
        let length = BASE64_URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).map_err(|_| NotARoomId)?;
        Self::from_slice(&bytes[..length])
    }
}

/// The text is no id of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a room: 22 or 32 characters of base64url are wanted")]
#[non_exhaustive]
pub struct NotARoomId;

/// A room, as callers name it: a text, a [`Name`] of several parts, or a [`RoomId`].
#[derive(Clone, Debug)]
pub struct RoomRef<'n>(pub(crate) Named<'n>);

#[derive(Clone, Debug)]
pub(crate) enum Named<'n> {
    Name(Name<'n>),
    Id(RoomId),
}

impl From<RoomId> for RoomRef<'_> {
    fn from(id: RoomId) -> Self {
        Self(Named::Id(id))
    }
}

impl From<&RoomId> for RoomRef<'_> {
    fn from(id: &RoomId) -> Self {
        Self(Named::Id(*id))
    }
}

/// Whatever is a name of a value is a name of a room.
macro_rules! names {
    ($($name:ty),*) => {
        $(impl<'n> From<$name> for RoomRef<'n> {
            fn from(name: $name) -> Self {
                Self(Named::Name(name.into()))
            }
        })*
    };
}

names!(Name<'n>, &'n Name<'_>, &'n str, &'n &str, &'n String, String, &'n [u8]);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn an_id_comes_back_from_its_text_and_its_bytes() {
        let tag = Tag::from([7; 16]);
        for (id, characters) in
            [(Form::Named(tag), 22), (Form::Pooled { pool: tag, number: u64::MAX - 1 }, 32)]
        {
            let id = RoomId(id);
            assert_eq!(id.to_string().len(), characters);
            assert_eq!(id.to_string().parse(), Ok(id));
            assert_eq!(RoomId::from_slice(&id.bytes()), Ok(id));
        }
    }

    #[test]
    fn other_texts_are_no_ids() {
        let long = "A".repeat(100_000);
        for text in [
            "",
            "AAAA",
            "AAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAA==",
            "AAAAAAAAAAAAAAAAAAAAAAAA",
            &long,
        ] {
            assert_eq!(text.parse::<RoomId>(), Err(NotARoomId), "{} characters", text.len());
        }
    }
}

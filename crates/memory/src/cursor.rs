//! Cursors of walks and scans.
//!
//! A cursor holds the last element seen, or the number of a key, not a position among what is there: nothing that comes
//! or goes between two pages moves it.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use bytes::{BufMut as _, Bytes, BytesMut};
use roomkey_core::{Cursor, Error, Result};

/// Tells one store's cursors from those of any other store or earlier process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instance(u64);

impl Instance {
    pub(crate) fn new() -> Self {
        // The standard library's randomly keyed hasher is the randomness at hand; nothing here is a secret.
        Self(RandomState::new().build_hasher().finish())
    }
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// After this field of a map or member of a ranking.
    Element(Bytes),
    /// At the key of this number in this shard, or the next that there is.
    Key { shard: u8, number: u64 },
}

impl Place {
    // Layout: the instance (8 bytes, big-endian) · 'e' and the element, or 'k', the shard (1) and the number (8).
    pub(crate) fn encode(&self, instance: Instance) -> Cursor {
        let mut bytes = BytesMut::new();
        bytes.put_u64(instance.0);
        match self {
            Self::Element(last) => {
                bytes.put_u8(b'e');
                bytes.put_slice(last);
            }
            Self::Key { shard, number } => {
                bytes.put_u8(b'k');
                bytes.put_u8(*shard);
                bytes.put_u64(*number);
            }
        }
        Cursor::from_bytes(bytes.freeze())
    }

    /// Reads a cursor of this instance; any other bytes are [`Error::CursorLost`].
    pub(crate) fn decode(cursor: &Cursor, instance: Instance) -> Result<Self> {
        let bytes = cursor.as_bytes();
        let rest = bytes.strip_prefix(&instance.0.to_be_bytes()).ok_or(Error::CursorLost)?;
        match rest {
            [b'e', last @ ..] => Ok(Self::Element(bytes.slice_ref(last))),
            [b'k', shard, number @ ..] => {
                let number = number.try_into().map_err(|_| Error::CursorLost)?;
                Ok(Self::Key { shard: *shard, number: u64::from_be_bytes(number) })
            }
            _ => Err(Error::CursorLost),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_in_its_own_instance_only() {
        let (here, elsewhere) = (Instance::new(), Instance::new());
        assert_ne!(here, elsewhere);
        for place in [
            Place::Element(Bytes::new()),
            Place::Element(Bytes::from_static(b"last")),
            Place::Key { shard: 63, number: u64::MAX },
        ] {
            let cursor = place.encode(here);
            assert_eq!(Place::decode(&cursor, here).unwrap(), place);
            assert!(matches!(Place::decode(&cursor, elsewhere), Err(Error::CursorLost)));
        }
        for len in 0..=8 {
            let cut = Place::Element(Bytes::from_static(b"last")).encode(here).as_bytes().slice(..len);
            assert!(matches!(Place::decode(&Cursor::from_bytes(cut), here), Err(Error::CursorLost)));
        }
    }
}

//! What is sealed for a member and for a room, and read back.

use std::fmt;

use roomkey_crypto::{OVERHEAD, Opened};
use roomkey_vault::{Decode, Payload};
use zeroize::Zeroizing;

use crate::{Error, Result};

/// How many bytes of a sealed record tell it from every other: the header of the envelope, which names the key, and its
/// random salt.
pub(crate) const FENCE_LEN: usize = 32;

const _: () = assert!(FENCE_LEN < OVERHEAD, "a fence lies within what every sealed value has");

// record of a member = length of the id, varint of 1 or 2 bytes | id, UTF-8 | metadata: an encoded value of the vault
// record of a room   = length of the name, varint             | name, UTF-8 | metadata
//
// A room that was configured by its id has a name of length 0.

/// What somebody said of a member or of a room, as it was sealed with it: any serde type.
#[derive(Clone)]
pub struct Metadata {
    opened: Opened,
    /// Where in the record it begins.
    at: usize,
}

impl Metadata {
    /// The value that was given. Where none was, it is `()`.
    ///
    /// # Errors
    /// [`Error::Metadata`] for a value of another type.
    pub fn get<T: Decode>(&self) -> Result<T> {
        roomkey_vault::decode(&self.opened[self.at..]).map_err(Error::Metadata)
    }
}

/// Shows nothing of the value.
impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metadata(..)")
    }
}

/// The parts to seal.
pub(crate) struct Draft {
    head: Zeroizing<Vec<u8>>,
    metadata: Payload,
}

impl Draft {
    /// `name` is shorter than 2^14 bytes.
    pub(crate) fn new(name: &[u8], metadata: Payload) -> Self {
        let mut head = Zeroizing::new(Vec::with_capacity(2 + name.len()));
        let mut length = name.len();
        if length >= 0x80 {
            head.push(length as u8 | 0x80);
            length >>= 7;
        }
        head.push(length as u8);
        head.extend_from_slice(name);
        Self { head, metadata }
    }

    pub(crate) fn parts(&self) -> [&[u8]; 2] {
        [&self.head, &self.metadata]
    }
}

/// Reads what a [`Draft`] wrote: the name and the metadata.
pub(crate) fn read(opened: Opened) -> Result<(String, Metadata)> {
    let unknown = || Error::Record(roomkey_vault::Error::UnknownFormat);
    let (length, rest) = varint(&opened).ok_or_else(unknown)?;
    let (name, metadata) = rest.split_at_checked(length).ok_or_else(unknown)?;
    let name = std::str::from_utf8(name).map_err(|_| unknown())?.to_owned();
    let at = opened.len() - metadata.len();
    Ok((name, Metadata { opened, at }))
}

/// A number below 2^14 in one or two bytes, written one way only.
fn varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&low, rest) = bytes.split_first()?;
    if low < 0x80 {
        return Some((low.into(), rest));
    }
    let (&high, rest) = rest.split_first()?;
    let is_last = (1..0x80).contains(&high);
    is_last.then(|| (usize::from(low & 0x7f) | usize::from(high) << 7, rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use bytes::Bytes;
    use roomkey_memory::MemoryStore;
    use roomkey_vault::{Keyring, Vault};

    use super::*;
    use crate::keys::Keys;

    async fn vault() -> Vault<MemoryStore> {
        Vault::open(MemoryStore::new(), Keyring::from_key_bytes([7; 32])).await.unwrap()
    }

    #[tokio::test]
    async fn names_and_metadata_come_back() {
        let vault = vault().await;
        let keys = Keys::new(&vault);
        let room = keys.room(keys.id("room").unwrap());
        for length in [0, 1, 127, 128, 1_024, 16_383] {
            let name = "n".repeat(length);
            let draft = Draft::new(name.as_bytes(), vault.encode(&(3_u8, "blue".to_owned())).unwrap());
            let sealed: Bytes = keys.seal_room(&room, &draft).unwrap();
            let (read_name, metadata) = keys.open_room(&room, &sealed).unwrap();
            assert_eq!(read_name, name);
            assert_eq!(metadata.get::<(u8, String)>().unwrap(), (3, "blue".to_owned()));
            assert!(matches!(metadata.get::<String>(), Err(Error::Metadata(_))));
            assert_eq!(format!("{metadata:?}"), "Metadata(..)");
        }
    }

    #[test]
    fn a_number_is_written_one_way_only() {
        for (bytes, number) in
            [(&[0][..], 0), (&[0x7f], 127), (&[0x80, 1], 128), (&[0xff, 0x7f], 16_383), (&[5, 9, 9], 5)]
        {
            assert_eq!(varint(bytes).map(|(number, _)| number), Some(number), "{bytes:?}");
        }
        for bytes in [&b""[..], &[0x80], &[0x80, 0], &[0x81, 0x80, 1]] {
            assert_eq!(varint(bytes), None, "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn two_seals_of_the_same_begin_with_different_bytes() {
        let vault = vault().await;
        let keys = Keys::new(&vault);
        let room = keys.room(keys.id("room").unwrap());
        let member = keys.member(&room, "ada").unwrap();
        let draft = Draft::new(b"ada", vault.encode(&()).unwrap());
        let fence = || keys.seal_member(&room, member, &draft).unwrap().slice(..FENCE_LEN);
        assert_ne!(fence(), fence());
    }
}

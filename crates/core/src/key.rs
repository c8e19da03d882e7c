//! Physical keys: what a store sees of a name.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::{BufMut as _, Bytes};

use crate::{Invalid, Partition};

/// The structure that a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a store must handle every structure; a sixth is a breaking change"
)]
pub enum Kind {
    /// Bytes; a counter is a value that holds a canonical decimal `i64`. A Redis string.
    Value,
    /// Fields with bytes. A Redis hash.
    Map,
    /// Bytes in order. A Redis list.
    List,
    /// Members with an integer score within ±2^53, ordered by score, ties by member bytes. A Redis sorted set.
    Ranking,
    /// Entries of named bytes under ids that only grow while the log lives. A Redis stream.
    Log,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value => "value",
            Self::Map => "map",
            Self::List => "list",
            Self::Ranking => "ranking",
            Self::Log => "log",
        })
    }
}

/// The readable front of a family of keys: `<app>:<layout>:<namespace>:`.
///
/// All three parts are constants that a developer chose; they stay readable in the store. `layout` names what the keys
/// hold and the version of that layout, for example `v1` for sealed values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Namespace {
    prefix: Bytes,
}

impl Namespace {
    /// A namespace of an application.
    ///
    /// # Errors
    /// [`Invalid::Namespace`] if a part is empty, longer than 64 bytes, or holds anything but ASCII letters, digits,
    /// `-`, `_` and `.` (braces and colons would move keys to other partitions or families).
    pub fn new(app: &str, layout: &str, namespace: &str) -> Result<Self, Invalid> {
        if [app, layout, namespace].into_iter().all(is_part) {
            Ok(Self { prefix: Bytes::from(format!("{app}:{layout}:{namespace}:")) })
        } else {
            Err(Invalid::Namespace)
        }
    }

    /// The bytes that every key of the namespace begins with.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }
}

/// The name of one structure in a store: its [`Kind`], its [`Partition`] and its bytes.
///
/// The bytes are `<app>:<layout>:<namespace>:{<partition>}<tag>`, the tag being 16 bytes of a keyed hash written as 22
/// characters of base64url. A key shows nothing of the name it stands for, and can be rebuilt from a stored tag. A layout
/// with very many small keys may have shorter tags, of 9 bytes at least: the partition tells them apart, too.
///
/// ```
/// use roomkey_core::{Key, Kind, Namespace, Spread};
///
/// # fn main() -> Result<(), roomkey_core::Invalid> {
/// let sessions = Namespace::new("shop", "v1", "sessions")?;
/// let tag = [7; 16]; // From the keyed hash of the logical name.
/// let key = Key::new(Kind::Value, &sessions, Spread::over(16_384).partition(tag), tag);
/// assert_eq!(key.to_string(), "shop:v1:sessions:{OP}BwcHBwcHBwcHBwcHBwcHBw");
/// assert_eq!(Key::parse(Kind::Value, key.bytes().clone())?, key);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    bytes: Bytes,
    kind: Kind,
    partition: Partition,
}

impl Key {
    /// The key of a tag of 9 to 16 bytes, a length that its layout fixes, in a namespace and partition.
    #[must_use]
    pub fn new<const N: usize>(
        kind: Kind,
        namespace: &Namespace,
        partition: Partition,
        tag: [u8; N],
    ) -> Self {
        const { assert!(MIN_TAG <= N && N <= MAX_TAG, "a tag has 9 to 16 bytes") };
        let slot = partition.tag().as_bytes();
        let mut text = [0; MAX_TAG_CHARS];
        // The longest tag fits, so the only error, a short buffer, cannot happen.
        let chars = URL_SAFE_NO_PAD.encode_slice(tag, &mut text).unwrap_or(MAX_TAG_CHARS);
        let bytes = joined([&namespace.prefix, b"{", slot, b"}", &text[..chars]]);
        Self { bytes, kind, partition }
    }

    /// The key that a [`Scan`](crate::Scan) found, as a key of `kind`.
    ///
    /// # Errors
    /// [`Invalid::Key`] if the bytes are no key that [`Key::new`] writes.
    pub fn parse(kind: Kind, bytes: Bytes) -> Result<Self, Invalid> {
        let text = str::from_utf8(&bytes).map_err(|_| Invalid::Key)?;
        let (front, rest) = text.split_once('{').ok_or(Invalid::Key)?;
        let (slot, tag) = rest.split_once('}').ok_or(Invalid::Key)?;
        let mut decoded = [0; MAX_TAG];
        let len = URL_SAFE_NO_PAD.decode_slice(tag, &mut decoded).map_err(|_| Invalid::Key)?;
        let whole = is_prefix(front) && len >= MIN_TAG;
        let partition = Partition::from_tag(slot).filter(|_| whole).ok_or(Invalid::Key)?;
        Ok(Self { bytes, kind, partition })
    }

    /// The structure that the key holds.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Where the key lives.
    #[must_use]
    pub const fn partition(&self) -> Partition {
        self.partition
    }

    /// The bytes that the store sees.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.bytes))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} {self})", self.kind)
    }
}

/// Whether the text is the prefix of a namespace.
fn is_prefix(text: &str) -> bool {
    let mut parts = text.split(':');
    parts.by_ref().take(3).filter(|part| is_part(part)).count() == 3 && parts.eq([""])
}

fn is_part(text: &str) -> bool {
    let readable = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=64).contains(&text.len()) && text.bytes().all(readable)
}

/// How short and how long a tag may be, in bytes.
const MIN_TAG: usize = 9;
const MAX_TAG: usize = 16;

/// How many characters of base64url, unpadded, the longest tag takes.
const MAX_TAG_CHARS: usize = 22;

/// All parts in a row.
fn joined(parts: [&[u8]; 5]) -> Bytes {
    let len = parts.iter().map(|part| part.len()).sum();
    let mut short = Short { bytes: [0; SHORT], len };
    match short.bytes.get_mut(..len) {
        Some(mut room) => {
            parts.iter().for_each(|part| room.put_slice(part));
            Bytes::from_owner(short)
        }
        None => parts.concat().into(),
    }
}

/// How long most keys are at most.
const SHORT: usize = 72;

/// A key in the same allocation as the count of who shares it. Bytes of a vector get theirs, in one more, from the first
/// clone, and every key is cloned into its op.
struct Short {
    bytes: [u8; SHORT],
    len: usize,
}

impl AsRef<[u8]> for Short {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_namespace_hold_no_braces_colons_or_blanks() {
        for bad in ["", "a:b", "a{b", "a}b", "a b", "ä", &"x".repeat(65)] {
            assert_eq!(Namespace::new(bad, "v1", "n").unwrap_err(), Invalid::Namespace, "{bad:?}");
            assert_eq!(Namespace::new("a", bad, "n").unwrap_err(), Invalid::Namespace, "{bad:?}");
            assert_eq!(Namespace::new("a", "v1", bad).unwrap_err(), Invalid::Namespace, "{bad:?}");
        }
        assert_eq!(Namespace::new("a", "v1", "n-_.9").unwrap().prefix(), b"a:v1:n-_.9:");
    }

    #[test]
    fn keys_of_every_length_read_back() {
        for len in 1..=64 {
            let part = "x".repeat(len);
            let namespace = Namespace::new(&part, "v1", &part).unwrap();
            let slot = Partition::from_slot(len as u16).unwrap();
            let long = Key::new(Kind::Value, &namespace, slot, [len as u8; 16]);
            let short = Key::new(Kind::Value, &namespace, slot, [len as u8; 9]);
            assert_eq!(long.bytes().len(), short.bytes().len() + 10);
            for key in [long, short] {
                assert!(key.bytes().starts_with(format!("{part}:v1:{part}:{{").as_bytes()));
                assert_eq!(Key::parse(Kind::Value, Bytes::copy_from_slice(key.bytes())).unwrap(), key);
            }
        }
    }

    #[test]
    fn foreign_bytes_are_no_key() {
        for bad in [
            "",
            "a:v1:n:",
            "a:v1:n:{0}short",
            "a:v1:n:{0}BwcHBwcHBwc",
            "a:v1:n:{0}BwcHBwcHBwcHBwcHBwcHBwc",
            // Bits behind the last byte of a tag.
            "a:v1:n:{0}BwcHBwcHBwcHBwcHBwcHBx",
            "a:v1:n:{zz!}BwcHBwcHBwcHBwcHBwcHBw",
            "{}",
            "a:v1:n:{0}BwcHBwcHBwcHBwcHBwcHB*",
            // A partition and a tag, yet no namespace before them.
            "{OP}BwcHBwcHBwcHBwcHBwcHBw",
            ":{OP}BwcHBwcHBwcHBwcHBwcHBw",
            "a:v1:{OP}BwcHBwcHBwcHBwcHBwcHBw",
            "a:v1:n{OP}BwcHBwcHBwcHBwcHBwcHBw",
            "a::n:{OP}BwcHBwcHBwcHBwcHBwcHBw",
            "a:v1:n:m:{OP}BwcHBwcHBwcHBwcHBwcHBw",
            "a:v1:n n:{OP}BwcHBwcHBwcHBwcHBwcHBw",
        ] {
            assert_eq!(
                Key::parse(Kind::Value, Bytes::from(bad.to_owned())).unwrap_err(),
                Invalid::Key,
                "{bad}"
            );
        }
    }
}

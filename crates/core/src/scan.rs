//! Walking over the keys of a namespace, a page at a time.

use bytes::Bytes;

use crate::{Invalid, MAX_LIMIT, Namespace, Result};

/// One page of the keys of a namespace.
///
/// A key that is there throughout the whole walk is seen at least once, maybe twice; a page may be empty, or hold more
/// than `count` keys. On Redis a full walk costs a pass over all keys of the server, not only of the namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    namespace: Namespace,
    after: Option<Cursor>,
    count: u32,
}

impl Scan {
    /// The first page, of about 100 keys.
    #[must_use]
    pub const fn new(namespace: Namespace) -> Self {
        Self { namespace, after: None, count: 100 }
    }

    /// The page after this cursor; `None` is the first.
    #[must_use]
    pub fn after(self, cursor: impl Into<Option<Cursor>>) -> Self {
        Self { after: cursor.into(), ..self }
    }

    /// About so many keys, from 1 to 1 000.
    ///
    /// # Errors
    /// [`Invalid::Limit`] outside that range.
    pub fn count(self, count: u32) -> Result<Self> {
        if (1..=MAX_LIMIT).contains(&count) { Ok(Self { count, ..self }) } else { Err(Invalid::Limit.into()) }
    }

    /// The namespace walked over.
    #[must_use]
    pub const fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Where the page begins.
    #[must_use]
    pub const fn cursor(&self) -> Option<&Cursor> {
        self.after.as_ref()
    }

    /// About how many keys the page should hold.
    #[must_use]
    pub const fn limit(&self) -> u32 {
        self.count
    }
}

/// A page of physical keys; [`Key::parse`](crate::Key::parse) makes a key of each.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a page is exactly its keys and where to go on")]
pub struct Page {
    /// The bytes of the keys.
    pub keys: Vec<Bytes>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}

/// Where a walk goes on. Opaque, resumable, and bound to one run of one store.
///
/// A cursor from before a restart is [`Error::CursorLost`](crate::Error::CursorLost), never silently a gap.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor(Bytes);

impl Cursor {
    /// The cursor that [`Cursor::as_bytes`] wrote. Any bytes make a cursor; a store recognises its own.
    #[must_use]
    pub const fn from_bytes(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The bytes, to keep or to hand on.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}

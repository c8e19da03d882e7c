//! Where lists and cleanups go on.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use roomkey_core::Cursor;

/// The most bytes of a cursor: far more than any store's have here.
const MAX_CURSOR_BYTES: usize = 256;

/// Where a list of sessions goes on, to be handed to a web page and back.
///
/// It is opaque and short-lived: it means something only to the server, and only while that runs. It is no secret, and
/// gives access to nothing: whoever sends another one sees other sessions of the same subject, or an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCursor(Cursor);

impl SessionCursor {
    /// The bytes of the cursor.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub(crate) const fn new(cursor: Cursor) -> Self {
        Self(cursor)
    }

    pub(crate) fn into_cursor(self) -> Cursor {
        self.0
    }
}

impl TryFrom<&[u8]> for SessionCursor {
    type Error = NotACursor;

    /// Any bytes may be a cursor, if they are not too many: whether they are is for the store to say.
    fn try_from(bytes: &[u8]) -> Result<Self, NotACursor> {
        if bytes.is_empty() || bytes.len() > MAX_CURSOR_BYTES {
            return Err(NotACursor);
        }
        Ok(Self(Cursor::from_bytes(Bytes::copy_from_slice(bytes))))
    }
}

/// Base64url, fit for a query.
impl fmt::Display for SessionCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.as_bytes()))
    }
}

impl FromStr for SessionCursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        if text.len() > MAX_CURSOR_BYTES * 4 / 3 + 1 {
            return Err(NotACursor);
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| NotACursor)?;
        Self::try_from(bytes.as_slice())
    }
}

/// Where a [cleanup](crate::Tokens::cleanup_step) goes on: at a partition. Partitions never change, so it means the same
/// to every process at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CleanupCursor(u16);

impl CleanupCursor {
    /// There are far fewer partitions than numbers; one that is none is behind the last, where nothing is left to do.
    pub(crate) fn at(partition: usize) -> Self {
        Self(u16::try_from(partition).unwrap_or(u16::MAX))
    }

    pub(crate) fn partition(self) -> usize {
        self.0.into()
    }
}

/// A decimal number.
impl fmt::Display for CleanupCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for CleanupCursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        text.parse().map(Self).map_err(|_| NotACursor)
    }
}

/// The text or bytes are no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor: it was cut or made up; begin again at the first page")]
#[non_exhaustive]
pub struct NotACursor;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_partition_comes_back_from_its_text() {
        for partition in [0, 511, 4_095] {
            let cursor = CleanupCursor::at(partition);
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
            assert_eq!(cursor.partition(), partition);
        }
        for text in ["", "-1", "x", "65536", "1.5", "99999999999999999999999"] {
            assert_eq!(text.parse::<CleanupCursor>(), Err(NotACursor), "{text:?}");
        }
    }

    #[test]
    fn a_cursor_comes_back_from_its_text() {
        for len in [1, 2, 3, 48, MAX_CURSOR_BYTES] {
            let cursor = SessionCursor::try_from(vec![0xff; len].as_slice()).unwrap();
            assert_eq!(cursor.to_string().parse(), Ok(cursor.clone()));
            assert_eq!(SessionCursor::try_from(cursor.as_bytes()), Ok(cursor));
        }
        let long = "A".repeat(10_000);
        for text in ["", "A", "AAA=", "A A", "ä", "+/", &long] {
            assert_eq!(text.parse::<SessionCursor>(), Err(NotACursor), "{text:?}");
        }
        assert_eq!(SessionCursor::try_from(&[0; MAX_CURSOR_BYTES + 1][..]), Err(NotACursor));
    }
}

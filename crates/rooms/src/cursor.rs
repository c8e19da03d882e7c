//! Where lists go on.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use roomkey_core::Cursor;

/// The most bytes of a cursor: far more than any store's have here.
const MAX_CURSOR_BYTES: usize = 256;

/// Where a list of members goes on, to be handed to a web page and back.
///
/// It is opaque and short-lived: it means something only to the server, and only while that runs. It is no secret, and
/// gives access to nothing: whoever sends another one sees other members of the same room, or an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberCursor(Cursor);

impl MemberCursor {
    pub(crate) const fn new(cursor: Cursor) -> Self {
        Self(cursor)
    }

    pub(crate) fn into_cursor(self) -> Cursor {
        self.0
    }
}

/// Base64url, fit for a query.
impl fmt::Display for MemberCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0.as_bytes()))
    }
}

impl FromStr for MemberCursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let bytes = decode(text)?;
        if bytes.is_empty() { Err(NotACursor) } else { Ok(Self(Cursor::from_bytes(bytes.into()))) }
    }
}

/// Where the list of rooms goes on. As opaque and short-lived as a [`MemberCursor`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomCursor {
    partition: u16,
    /// Where in the partition; at its beginning if there is none.
    within: Option<Cursor>,
}

// room cursor = partition u16 big-endian | [where in it, as the store wrote it]
impl RoomCursor {
    /// There are far fewer partitions than numbers; one that is none is behind the last.
    pub(crate) fn new(partition: usize, within: Option<Cursor>) -> Self {
        Self { partition: u16::try_from(partition).unwrap_or(u16::MAX), within }
    }

    pub(crate) fn into_parts(self) -> (usize, Option<Cursor>) {
        (self.partition.into(), self.within)
    }
}

/// Base64url, fit for a query.
impl fmt::Display for RoomCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, within } = self;
        let within = within.as_ref().map_or(&[][..], |cursor| cursor.as_bytes());
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode([&partition.to_be_bytes()[..], within].concat()))
    }
}

impl FromStr for RoomCursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let bytes = decode(text)?;
        let (partition, within) = bytes.split_first_chunk().ok_or(NotACursor)?;
        let within = (!within.is_empty()).then(|| Cursor::from_bytes(Bytes::copy_from_slice(within)));
        Ok(Self { partition: u16::from_be_bytes(*partition), within })
    }
}

fn decode(text: &str) -> Result<Vec<u8>, NotACursor> {
    if text.len() > MAX_CURSOR_BYTES * 4 / 3 + 1 {
        return Err(NotACursor);
    }
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| NotACursor)
}

/// The text is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor: it was cut or made up; begin again at the first page")]
#[non_exhaustive]
pub struct NotACursor;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn cursors_come_back_from_their_texts() {
        let within = Cursor::from_bytes(Bytes::from_static(b"where"));
        let member = MemberCursor::new(within.clone());
        assert_eq!(member.to_string().parse(), Ok(member));
        for within in [None, Some(within)] {
            let room = RoomCursor::new(1_023, within);
            assert_eq!(room.to_string().parse(), Ok(room));
        }
    }

    #[test]
    fn other_texts_are_no_cursors() {
        let long = "A".repeat(100_000);
        for text in ["", "A", "AAA=", "A A", "ä", "+/", &long] {
            assert_eq!(text.parse::<MemberCursor>(), Err(NotACursor), "{text:?}");
            assert_eq!(text.parse::<RoomCursor>(), Err(NotACursor), "{text:?}");
        }
    }
}

//! Names of values.

use std::borrow::Cow;
use std::fmt;

use crate::{Error, Result};

/// The most bytes that all parts of a name may have together. A longer name is more likely a value in the wrong
/// place.
pub const MAX_NAME_BYTES: usize = 4_096;

/// The name of a value: a front that a developer chose, and any arguments.
///
/// The store sees a keyed hash of the parts and nothing else. Parts do not run into each other: the names
/// `user` + `12` + `3` and `user` + `1` + `23` are different ones, and neither is `user:12:3`.
///
/// `Debug` shows the number of parts only, as names often identify someone.
///
/// ```
/// use roomkey_vault::Name;
///
/// let session = Name::new("user:session").arg(42);
/// let avatar = Name::new("user:avatar").arg("ann@example.org").bytes([0xca, 0xfe]);
/// assert_eq!(format!("{avatar:?}"), "Name { parts: 3, .. }");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name<'n> {
    first: Cow<'n, [u8]>,
    rest: Vec<Vec<u8>>,
}

impl<'n> Name<'n> {
    /// A name of one part.
    #[must_use]
    pub fn new(front: &'n (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self { first: Cow::Borrowed(front.as_ref()), rest: Vec::new() }
    }

    /// Adds a part: the text that the argument displays as, so that `42` and `"42"` are the same.
    #[must_use]
    pub fn arg(self, part: impl fmt::Display) -> Self {
        self.bytes(part.to_string())
    }

    /// Adds a part of any bytes.
    #[must_use]
    pub fn bytes(mut self, part: impl Into<Vec<u8>>) -> Self {
        self.rest.push(part.into());
        self
    }

    /// The name as text, if it is of one part that is text: for crates that seal names beside what they stand for.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if self.rest.is_empty() { std::str::from_utf8(&self.first).ok() } else { None }
    }

    /// Hands the parts to `hide`, after checking their lengths.
    pub(crate) fn hide<T>(&self, hide: impl FnOnce(&[&[u8]]) -> T) -> Result<T> {
        let bytes = self.first.len() + self.rest.iter().map(Vec::len).sum::<usize>();
        match (self.first.len(), bytes) {
            (0, _) => Err(Error::EmptyName),
            (_, bytes) if bytes > MAX_NAME_BYTES => Err(Error::NameTooLong { bytes }),
            _ if self.rest.is_empty() => Ok(hide(&[&self.first])),
            _ => {
                let rest = self.rest.iter().map(Vec::as_slice);
                Ok(hide(&std::iter::once(&*self.first).chain(rest).collect::<Vec<_>>()))
            }
        }
    }
}

impl<'n> From<&'n str> for Name<'n> {
    fn from(name: &'n str) -> Self {
        Self::new(name)
    }
}

/// For the elements of a borrowed array, as in `get_many(&["a", "b"])`.
impl<'n> From<&'n &str> for Name<'n> {
    fn from(name: &'n &str) -> Self {
        Self::new(*name)
    }
}

impl<'n> From<&'n String> for Name<'n> {
    fn from(name: &'n String) -> Self {
        Self::new(name)
    }
}

impl From<String> for Name<'_> {
    fn from(name: String) -> Self {
        Self { first: Cow::Owned(name.into_bytes()), rest: Vec::new() }
    }
}

impl<'n> From<&'n [u8]> for Name<'n> {
    fn from(name: &'n [u8]) -> Self {
        Self::new(name)
    }
}

impl<'n> From<&'n Name<'_>> for Name<'n> {
    fn from(name: &'n Name<'_>) -> Self {
        Self { first: Cow::Borrowed(&name.first), rest: name.rest.clone() }
    }
}

/// Shows the number of parts only.
impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first: _, rest } = self;
        f.debug_struct("Name").field("parts", &(1 + rest.len())).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(name: &Name<'_>) -> Result<Vec<Vec<u8>>> {
        name.hide(|parts| parts.iter().map(|part| part.to_vec()).collect())
    }

    #[test]
    fn parts_stay_apart_and_may_be_any_bytes() {
        let name = Name::new("user").arg(12).arg("").bytes([0xff, 0]);
        assert_eq!(parts(&name).unwrap(), [b"user".to_vec(), b"12".to_vec(), vec![], vec![0xff, 0]]);
        assert_eq!(parts(&Name::from("a:b")).unwrap(), [b"a:b"]);
        assert_eq!(Name::from(&name), name);
    }

    #[test]
    fn the_front_is_not_empty() {
        assert!(matches!(parts(&Name::from("")), Err(Error::EmptyName)));
        assert!(matches!(parts(&Name::new("").arg(1)), Err(Error::EmptyName)));
    }

    #[test]
    fn all_parts_together_are_at_most_4096_bytes() {
        let long = "x".repeat(MAX_NAME_BYTES - 1);
        assert!(parts(&Name::new(&long).arg(1)).is_ok());
        assert!(matches!(parts(&Name::new(&long).arg(12)), Err(Error::NameTooLong { bytes: 4_097 })));
        let huge = "x".repeat(64 * 1_024);
        assert!(matches!(parts(&Name::from(&huge)), Err(Error::NameTooLong { bytes: 65_536 })));
    }

    #[test]
    fn debug_shows_no_part() {
        let shown = format!("{:?}", Name::new("sentinel").arg("sentinel").bytes(*b"sentinel"));
        assert_eq!(shown, "Name { parts: 3, .. }");
    }
}

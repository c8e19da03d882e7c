//! What can go wrong, sorted by whose fault it is.

use std::time::Duration;

/// The result of an operation on rooms.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation on rooms did not give an answer.
///
/// A full room is no error, and trouble is never told as a full room. No variant carries the name of a room or of a
/// member.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // The caller's: nothing was changed.
    /// The name of the room is empty or too long; the source says which.
    #[error("the name of the room cannot be used")]
    Name(#[source] roomkey_vault::Error),
    /// The id of the member is empty.
    #[error("the id of the member is empty; it stands for one member of the room")]
    EmptyMember,
    /// The id of the member is too long.
    #[error("the id of the member has {bytes} bytes, and at most {max} can be hidden", max = crate::MAX_MEMBER_BYTES)]
    MemberTooLong {
        /// How long it is.
        bytes: usize,
    },
    /// The metadata cannot be encoded, or is not what was asked for; the source says why.
    #[error("the metadata cannot be written or read as this type")]
    Metadata(#[source] roomkey_vault::Error),
    /// A configuration that cannot be.
    #[error("this cannot be a room: {0}")]
    Config(&'static str),
    /// An expiry of zero, or of more than 100 years.
    #[error("an expiry of {0:?} is zero or over 100 years; to remove a room set its size to 0")]
    Expiry(Duration),
    /// The size would leave the range of a 64-bit integer; it is unchanged.
    #[error("the size of the room would leave the range of a 64-bit integer; it is unchanged")]
    Overflow,

    // The data's.
    /// Where something of the room should be there is something else, which no version of Roomkey wrote.
    #[error("what is kept of the room is not of Roomkey's making; it was left as it is")]
    Foreign(#[source] roomkey_vault::Error),
    /// What is kept of a member or of a room does not open: it was sealed under another key, moved, or damaged. The
    /// source says which. Seats and limits do not rest on it.
    #[error("what is sealed of a member or of the room cannot be read")]
    Record(#[source] roomkey_vault::Error),

    // The system's.
    /// The operating system gives no random bytes.
    #[error("no random bytes to seal with")]
    Seal(#[source] roomkey_vault::Error),

    // The store's.
    /// The store did not answer; [`class`](roomkey_core::Error::class) says whether to try again. After
    /// [`Ambiguous`](roomkey_core::Error::Ambiguous) a change may have happened: it was not repeated, as that could
    /// count twice.
    #[error("the store failed, so nothing is known of the room")]
    Store(#[source] roomkey_core::Error),
}

impl From<roomkey_core::Error> for Error {
    fn from(error: roomkey_core::Error) -> Self {
        roomkey_vault::Error::from(error).into()
    }
}

impl From<roomkey_vault::Error> for Error {
    fn from(error: roomkey_vault::Error) -> Self {
        match error {
            roomkey_vault::Error::Store(error) => Self::Store(error),
            roomkey_vault::Error::Expiry(duration) => Self::Expiry(duration),
            name @ (roomkey_vault::Error::EmptyName | roomkey_vault::Error::NameTooLong { .. }) => {
                Self::Name(name)
            }
            roomkey_vault::Error::Overflow => Self::Overflow,
            seal @ roomkey_vault::Error::Seal(_) => Self::Seal(seal),
            other => Self::Foreign(other),
        }
    }
}

/// A reply that the contract of a store rules out.
pub(crate) fn broken(what: &'static str) -> Error {
    Error::Store(roomkey_core::Error::permanent(what))
}

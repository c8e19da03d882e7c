//! What can go wrong, sorted by whose fault it is.

use std::time::Duration;

use crate::MAX_TOKEN_BYTES;

/// The result of an operation on tokens.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation on tokens did not give an answer.
///
/// No variant carries a token, its type or a part of one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // The caller's: nothing was sent.
    /// A token or the name of a type is empty.
    #[error("a token or the name of its type is empty; give it at least one byte")]
    Empty,
    /// A token or the name of a type is too long.
    #[error("a token or the name of a type of {bytes} bytes is too long; use at most {MAX_TOKEN_BYTES}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// An expiry of zero, or of more than 100 years.
    #[error("an expiry of {0:?} is zero or over 100 years; a token needs a lifetime, to end it revoke it")]
    Expiry(Duration),

    // Someone else's.
    /// The token is there already, stored by another call. It is unchanged, its expiry too.
    #[error("the token exists already; it is unchanged, revoke it first to store it anew")]
    AlreadyExists,

    // The data's.
    /// What the store holds for the token is not what this key ring sealed there. It counts neither as valid nor as
    /// revoked; [`revoke`](crate::Tokens::revoke) removes it.
    #[error("the record of the token cannot be trusted; revoke the token")]
    Record(#[source] roomkey_vault::Error),

    // The store's, and the machine's.
    /// The store did not answer; [`class`](roomkey_core::Error::class) says whether to try again.
    #[error("the store failed, so nothing is known of the token")]
    Store(#[source] roomkey_core::Error),
    /// The record could not be sealed: the operating system gave no random bytes.
    #[error("the record of the token could not be sealed")]
    Seal(#[source] roomkey_vault::Error),
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
            seal @ roomkey_vault::Error::Seal(_) => Self::Seal(seal),
            other => Self::Record(other),
        }
    }
}

//! What can go wrong, sorted by whose fault it is.

use std::time::Duration;

use crate::MAX_TOKEN_BYTES;

/// The result of an operation on tokens.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation on tokens did not give an answer.
///
/// A token that is not accepted is no error: verifying one gives `None`. No variant carries a token, a subject, a
/// claim or a part of one; [`Policy`](Self::Policy) and [`WrongType`](Self::WrongType) name the type, which is the
/// service's own constant.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // The caller's: nothing was sent.
    /// A token, a subject or the name of a type is empty.
    #[error("a token, a subject or the name of a type is empty; give it at least one byte")]
    Empty,
    /// A token, a subject, a device, all scopes together or the name of a type is too long.
    #[error(
        "a text of {bytes} bytes is too long; a token or the name of a type has at most {MAX_TOKEN_BYTES}, a subject \
         or device 1024, all scopes together 4096"
    )]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// A scope is empty or holds what RFC 6749 section 3.3 does not allow.
    #[error("a scope is one or more printable ASCII characters but space, quote and backslash")]
    BadScope,
    /// An expiry of zero, or of more than 100 years.
    #[error("an expiry of {0:?} is zero or over 100 years; a token needs a lifetime, to end it revoke it")]
    Expiry(Duration),
    /// A policy that cannot be.
    #[error("the policy of the tokens of type {token_type:?} cannot be: {what}")]
    Policy {
        /// The type.
        token_type: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The operation does not go with tokens of the type.
    #[error("the operation does not go with the policy of the type {token_type:?}: {what}")]
    WrongType {
        /// The type.
        token_type: String,
        /// What it is for, and what to use.
        what: &'static str,
    },
    /// The claims could not be encoded; the source says why.
    #[error("the claims cannot be sealed: their type does not come back, or they are too large")]
    Claims(#[source] roomkey_vault::Error),

    // Someone else's.
    /// The token is there already, stored by another call. It is unchanged, its expiry too.
    #[error("the token exists already; it is unchanged, revoke it first to store it anew")]
    AlreadyExists,
    /// The subject has as many sessions as the policy allows, and its type rejects more.
    #[error("the subject has as many sessions of this type as its policy allows; end one of them first")]
    LimitReached,

    // The data's.
    /// What the store holds for the token is not what this key ring sealed there, or its claims are of another type.
    /// It counts neither as valid nor as revoked; [`revoke`](crate::Tokens::revoke) removes it.
    #[error("the record of the token cannot be trusted; revoke the token")]
    Record(#[source] roomkey_vault::Error),

    // The store's, and the machine's.
    /// The store did not answer; [`class`](roomkey_core::Error::class) says whether to try again.
    #[error("the store failed, so nothing is known of the token")]
    Store(#[source] roomkey_core::Error),
    /// A token could not be made or sealed: the operating system gave no random bytes.
    #[error("the token could not be made: no random bytes")]
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

/// A reply that the contract of a store rules out.
pub(crate) fn broken(what: &'static str) -> Error {
    Error::Store(roomkey_core::Error::permanent(roomkey_core::Failure::from(what)))
}

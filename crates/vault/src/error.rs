//! What can go wrong, sorted by whose fault it is.

use std::time::Duration;

use roomkey_core::{Invalid, Key};
use roomkey_crypto::KeyId;

use crate::MAX_VALUE_BYTES;
use crate::codec::Codec;
use crate::name::MAX_NAME_BYTES;

/// The result of a vault's operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a vault did not do what it was asked.
///
/// A missing value is never an error, and an error is never told as a missing value. No variant carries a name, a
/// value or a part of one; types are named by [`std::any::type_name`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // The caller's: nothing was sent.
    /// A name or field name is empty; give it at least one byte.
    #[error("a name is empty; give it at least one byte")]
    EmptyName,
    /// A name or field name is too long; names are for finding a value, not for holding one.
    #[error("a name of {bytes} bytes is too long; use at most {MAX_NAME_BYTES}")]
    NameTooLong {
        /// The bytes of all its parts.
        bytes: usize,
    },
    /// An expiry of zero, or of more than 100 years.
    #[error(
        "an expiry of {0:?} is zero or over 100 years; to remove a key delete it, to keep it use Expiry::Never"
    )]
    Expiry(Duration),
    /// The value is larger than this vault takes. Encoding stops at the limit, so the whole size is not known.
    #[error("the value is larger than {limit} bytes; split it, or keep it elsewhere and store where it is")]
    TooLarge {
        /// The most bytes that an encoded value may have.
        limit: usize,
    },
    /// Too many names or values in one call.
    #[error("too much for one call: {0}; split it")]
    TooMany(#[source] Invalid),
    /// What serde makes of the type cannot be read back, or comes back as something else. See [`Json`](crate::Json).
    #[error("{type_name} does not come back from {codec}: {reason}; {}", advice(.codec))]
    NotRoundTrip {
        /// The type.
        type_name: &'static str,
        /// What would have written it.
        codec: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The value could not be encoded.
    #[error("a value of {type_name} could not be encoded: {reason}")]
    Encode {
        /// The type.
        type_name: &'static str,
        /// Why, in words that show nothing of the value.
        reason: &'static str,
    },
    /// The name of an application or namespace that cannot be part of a key.
    #[error("an application or namespace is 1 to 64 letters, digits, '-', '_' and '.'")]
    Namespace(#[source] Invalid),
    /// [`Vault::global`](crate::Vault::global) before [`Vault::init_global`](crate::Vault::init_global).
    #[error("there is no global vault over {store} yet; call Vault::init_global once at the start")]
    NoGlobal {
        /// The type of the store.
        store: &'static str,
    },
    /// [`Vault::init_global`](crate::Vault::init_global) for the second time with the same type of store.
    #[error("there is a global vault over {store} already; call Vault::init_global once")]
    GlobalTaken {
        /// The type of the store.
        store: &'static str,
    },
    /// The namespace was made with another key ring: another key (named where it is known), or another name key.
    #[error(
        "the namespace {namespace} belongs to another key ring{}; check ROOMKEY_KEY, ROOMKEY_RETIRED_KEYS and \
         ROOMKEY_NAME_KEY, or use another namespace",
        .key.map_or_else(String::new, |key| format!(" (sealed under key {key})"))
    )]
    WrongKeyring {
        /// The namespace, as `<app>:<namespace>`.
        namespace: String,
        /// The key that sealed the namespace, if the ring lacks it; `None` if the name key is the wrong one.
        key: Option<KeyId>,
    },

    // The data's.
    /// The canary, by which a namespace tells a wrong key ring, is damaged or was overwritten; the values may still be
    /// whole. See [`Vault::open`](crate::Vault::open).
    #[error(
        "the canary {key}, which tells a wrong key ring, does not open; restore it, or delete that key and open the \
         namespace with the ring that made it"
    )]
    Canary {
        /// The key of the canary, as the store sees it.
        key: Key,
        /// What is wrong with what it holds.
        source: Box<Self>,
    },
    /// The key holds another structure: a list where a value should be, or the like.
    #[error("the key holds another structure than this operation works on; delete it or use another name")]
    WrongType,
    /// Plaintext where a sealed value should be. It is never taken for a value.
    #[error(
        "plaintext where a sealed value should be; a counter is read with `counter`, foreign data not at all"
    )]
    NotSealed,
    /// Sealed by a version of Roomkey that this one does not know.
    #[error("sealed in a format that this version does not know; update Roomkey")]
    UnknownFormat,
    /// Sealed under a key that the ring does not hold.
    #[error("sealed under key {0}, which is not on the key ring; add it as a retired key")]
    UnknownKey(KeyId),
    /// The value was altered, cut, or moved from another key, field or namespace. It cannot be recovered.
    #[error("a sealed value did not open: it was altered, cut or moved; overwrite or delete it")]
    Rejected,
    /// The value was written with another codec.
    #[error("the value was written as {found}, not as {expected}; read it with that codec")]
    WrongCodec {
        /// What wrote it.
        found: &'static str,
        /// What should read it.
        expected: &'static str,
    },
    /// The value is whole, but no value of the type: another type wrote it, or another version of this one.
    #[error("the value is no {type_name}: {reason}; another type or version of it wrote the value")]
    Decode {
        /// The type.
        type_name: &'static str,
        /// Why, in words that show nothing of the value.
        reason: &'static str,
    },
    /// What should be a counter holds something else; it is unchanged.
    #[error("the key holds no counter; it is unchanged")]
    NotANumber,
    /// The counter would leave the range of `i64`; it is unchanged.
    #[error("the counter would leave the range of a 64-bit integer; it is unchanged")]
    Overflow,

    // The store's, and the machine's.
    /// The store did not do it; [`class`](roomkey_core::Error::class) says whether to try again.
    #[error("the store did not do it; the source says why, and whether to try again")]
    Store(#[source] roomkey_core::Error),
    /// The key ring could not seal: the operating system gave no random bytes.
    #[error("the value could not be sealed; the source says why")]
    Seal(#[source] roomkey_crypto::Error),
}

impl From<roomkey_core::Error> for Error {
    fn from(error: roomkey_core::Error) -> Self {
        match error {
            roomkey_core::Error::WrongType => Self::WrongType,
            roomkey_core::Error::NotANumber => Self::NotANumber,
            roomkey_core::Error::Overflow => Self::Overflow,
            roomkey_core::Error::Invalid(
                rule @ (Invalid::TooManyOps | Invalid::TooManyElements | Invalid::ProgramTooLarge),
            ) => Self::TooMany(rule),
            // The long name of a field made a value too large that is not by itself.
            roomkey_core::Error::Invalid(Invalid::ValueTooLarge) => Self::TooLarge { limit: MAX_VALUE_BYTES },
            other => Self::Store(other),
        }
    }
}

impl From<roomkey_crypto::Error> for Error {
    fn from(error: roomkey_crypto::Error) -> Self {
        match error {
            roomkey_crypto::Error::UnknownKey(key) => Self::UnknownKey(key),
            roomkey_crypto::Error::NotSealed => Self::NotSealed,
            roomkey_crypto::Error::UnknownFormat { .. } => Self::UnknownFormat,
            roomkey_crypto::Error::Rejected => Self::Rejected,
            other => Self::Seal(other),
        }
    }
}

/// What to do about a type that a codec cannot bring back.
fn advice(codec: &str) -> &'static str {
    if codec == Codec::Json.name() {
        "change its serde attributes"
    } else {
        "wrap it in Json or change its serde attributes"
    }
}

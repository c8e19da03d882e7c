//! What can go wrong, sorted by whose fault it is.

use std::borrow::Cow;
use std::error::Error as StdError;

use crate::keyring::KeyId;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a key ring could not be made, or a value not be sealed or opened.
///
/// No variant carries a secret, a plaintext or a part of one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // The caller's: correct the call or the configuration.
    /// A key, passphrase or salt that cannot be used. The text says what is expected.
    #[error("unusable key material: {0}")]
    InvalidKey(&'static str),

    /// Keys that do not make a ring together. The text says what to change.
    #[error("unusable key ring: {0}")]
    InvalidKeyring(&'static str),

    /// An environment variable that is missing, malformed or contradicts another one.
    #[error("{variable} {advice}")]
    Config {
        /// The variable at fault.
        variable: Cow<'static, str>,
        /// What is wrong with it and what to do.
        advice: &'static str,
        /// The cause, where there is one: a key that does not parse, a secret file that cannot be read.
        source: Option<Box<dyn StdError + Send + Sync>>,
    },

    /// A plaintext beyond what AES-GCM can seal, 2^36 - 32 bytes (NIST SP 800-38D, section 5.2.1.1).
    #[error("a plaintext of {0} bytes is too long to be sealed")]
    TooLong(usize),

    // The data's: the bytes are not what this ring sealed for this context.
    /// The value was sealed by a key that this ring does not hold: another ring's, or one retired too early.
    #[error("sealed under key {0}, which is not on this key ring")]
    UnknownKey(KeyId),

    /// The bytes do not begin like a sealed value: plaintext where a sealed value should be, or a cut header.
    #[error("not a sealed value")]
    NotSealed,

    /// The bytes begin like a sealed value of a format that this version does not know, as a newer one may
    /// write.
    #[error("sealed in an unknown format (version {version}, suite {suite})")]
    UnknownFormat {
        /// The version byte of the header.
        version: u8,
        /// The suite byte of the header.
        suite: u8,
    },

    /// The value was altered, cut, moved to another context, or its key id is forged. Which of them is not
    /// told.
    #[error("a sealed value did not open: it was altered, cut or moved")]
    Rejected,

    // The environment's: try again, or look at the machine.
    /// The operating system gave no random bytes. Nothing was sealed.
    #[error("the operating system gave no random bytes")]
    Random(#[source] Box<dyn StdError + Send + Sync>),
}

impl From<getrandom::Error> for Error {
    fn from(error: getrandom::Error) -> Self {
        Self::Random(Box::new(error))
    }
}

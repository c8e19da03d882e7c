//! What an operator keeps: a random key, or a passphrase that gives one.

use std::fmt;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::keyring::{KeyId, RootKey};
use crate::primitives::{self, KEY_LEN};
use crate::random;

/// The least, and default, number of PBKDF2 iterations: what the OWASP password storage cheat sheet asks of
/// PBKDF2-HMAC-SHA256.
pub const MIN_ITERATIONS: u32 = 600_000;

/// The least length of a passphrase's salt, in bytes (NIST SP 800-132, section 5.1).
pub const MIN_SALT_LEN: usize = 16;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// A secret of 32 uniformly random bytes. It is wiped when dropped, and shown nowhere but by
/// [`to_base64`](Self::to_base64).
#[derive(Clone)]
pub struct SecretKey(Zeroizing<[u8; KEY_LEN]>);

impl SecretKey {
    /// A new random key.
    ///
    /// # Errors
    /// [`Error::Random`] if the operating system gives no random bytes.
    pub fn generate() -> Result<Self> {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        random::fill(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// The key that is written `text`: base64 of 32 bytes, in the standard or the URL-safe alphabet, with or
    /// without padding, as `openssl rand -base64 32` prints one. Blanks and line ends around it are ignored.
    ///
    /// # Errors
    /// [`Error::InvalidKey`] if the text is anything else. The error does not quote it.
    pub fn from_base64(text: &str) -> Result<Self> {
        let bytes = decode_base64(text)
            .ok_or(Error::InvalidKey("a key is base64 of 32 bytes, this is not base64"))?;
        if bytes.len() != KEY_LEN {
            return Err(Error::InvalidKey("a key is base64 of exactly 32 bytes, this is another length"));
        }
        let mut key = Zeroizing::new([0; KEY_LEN]);
        key.copy_from_slice(&bytes);
        Ok(Self(key))
    }

    /// The key of these bytes. They must be random: nothing stretches them.
    #[must_use]
    pub fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key that a passphrase gives: PBKDF2-HMAC-SHA256, 0.15 to 0.5 seconds of one core.
    ///
    /// Call it once per process and off the async threads (`spawn_blocking`).
    ///
    /// # Errors
    /// [`Error::InvalidKey`] if the passphrase is empty, the salt shorter than [`MIN_SALT_LEN`] or the
    /// iterations fewer than [`MIN_ITERATIONS`].
    pub fn from_passphrase(passphrase: &Passphrase<'_>) -> Result<Self> {
        let Passphrase { passphrase, salt, iterations } = passphrase;
        if passphrase.is_empty() {
            return Err(Error::InvalidKey("the passphrase is empty"));
        }
        if salt.len() < MIN_SALT_LEN {
            return Err(Error::InvalidKey("the salt of a passphrase is at least 16 random bytes"));
        }
        if *iterations < MIN_ITERATIONS {
            return Err(Error::InvalidKey("a passphrase needs at least 600,000 iterations"));
        }
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        primitives::stretch(passphrase.as_bytes(), salt, *iterations, bytes.as_mut_slice());
        Ok(Self(bytes))
    }

    /// The key in base64, for the operator's secret store. Whoever reads it reads everything.
    #[must_use]
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64.encode(self.0.as_slice()))
    }

    /// The id that values sealed by this key carry.
    #[must_use]
    pub fn id(&self) -> KeyId {
        RootKey::new(self).id()
    }

    /// The key that hides names in a ring of which this is the only key.
    ///
    /// Save it before the first rotation and give it to every later ring
    /// ([`KeyringBuilder::names`](crate::KeyringBuilder::names), `ROOMKEY_NAME_KEY`). It opens no value.
    #[must_use]
    pub fn name_key(&self) -> Self {
        RootKey::new(self).name_key()
    }

    pub(crate) fn as_bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

impl From<Zeroizing<[u8; KEY_LEN]>> for SecretKey {
    fn from(bytes: Zeroizing<[u8; KEY_LEN]>) -> Self {
        Self(bytes)
    }
}

/// Shows the id only.
impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(_) = self;
        f.debug_tuple("SecretKey").field(&self.id()).finish()
    }
}

/// A passphrase and how to stretch it. It borrows, so that no copy of the passphrase needs wiping.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Passphrase<'a> {
    /// The passphrase, taken as it is: no trimming, no Unicode normalization.
    pub passphrase: &'a str,
    /// At least [`MIN_SALT_LEN`] random bytes, chosen once and kept beside the passphrase. Not a secret.
    pub salt: &'a [u8],
    /// PBKDF2 iterations, at least and by default [`MIN_ITERATIONS`]. Another number gives another key.
    pub iterations: u32,
}

impl<'a> Passphrase<'a> {
    /// A passphrase with the default number of iterations.
    #[must_use]
    pub const fn new(passphrase: &'a str, salt: &'a [u8]) -> Self {
        Self { passphrase, salt, iterations: MIN_ITERATIONS }
    }

    /// The same with another number of iterations.
    #[must_use]
    pub const fn with_iterations(self, iterations: u32) -> Self {
        Self { iterations, ..self }
    }
}

/// Shows the iterations only.
impl fmt::Debug for Passphrase<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passphrase: _, salt: _, iterations } = self;
        f.debug_struct("Passphrase").field("iterations", iterations).finish_non_exhaustive()
    }
}

/// Decodes either alphabet, padded or not; `None` if it is neither.
pub(crate) fn decode_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.trim();
    let engine = if text.contains(['-', '_']) { &BASE64_URL } else { &BASE64 };
    // Into a buffer that is wiped even if the text turns out wrong halfway.
    let mut bytes = Zeroizing::new(Vec::new());
    engine.decode_vec(text, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_key_survives_base64_in_every_spelling() {
        let bytes = [0xfb; 32];
        let standard = SecretKey::from_bytes(bytes).to_base64();
        assert!(standard.contains('+') && standard.ends_with('='));
        let url_safe = standard.replace('+', "-").replace('/', "_");
        for text in [
            standard.as_str(),
            standard.trim_end_matches('='),
            &url_safe,
            url_safe.trim_end_matches('='),
            &format!("  {}\r\n", standard.as_str()),
        ] {
            assert_eq!(SecretKey::from_base64(text).unwrap().as_bytes(), &bytes, "{text:?}");
        }
    }

    #[test]
    fn what_is_not_a_key_is_refused_without_being_quoted() {
        let short = BASE64.encode([7; 31]);
        let long = BASE64.encode([7; 33]);
        for text in ["", "sentinel!", "sentinelsentinel", "+-+-", &short, &long] {
            let error = SecretKey::from_base64(text).unwrap_err();
            assert!(matches!(error, Error::InvalidKey(_)), "{text:?}");
            assert!(!format!("{error} {error:?}").contains("sentinel"));
        }
    }

    #[test]
    fn two_generated_keys_differ() {
        assert_ne!(SecretKey::generate().unwrap().as_bytes(), SecretKey::generate().unwrap().as_bytes());
    }

    #[test]
    fn a_passphrase_must_be_salted_and_stretched() {
        let salt = [9; MIN_SALT_LEN];
        for weak in [
            Passphrase::new("", &salt),
            Passphrase::new("sentinel", &salt[1..]),
            Passphrase::new("sentinel", &salt).with_iterations(MIN_ITERATIONS - 1),
        ] {
            assert!(matches!(SecretKey::from_passphrase(&weak), Err(Error::InvalidKey(_))), "{weak:?}");
        }
    }

    /// Computed with Python: `hashlib.pbkdf2_hmac("sha256", b"correct horse", bytes(range(16)), 600_000)`.
    #[test]
    fn a_passphrase_gives_the_key_that_other_implementations_derive() {
        let salt: Vec<u8> = (0..16).collect();
        let key = SecretKey::from_passphrase(&Passphrase::new("correct horse", &salt)).unwrap();
        assert_eq!(key.to_base64().as_str(), "lqWQTC4IyNpCMF28xdfPGOrSY21J9ZUmtgbyZpYoFHM=");
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = SecretKey::from_bytes([0xab; 32]);
        let passphrase = Passphrase::new("sentinel", b"sentinel-of-salt");
        let shown = format!("{key:?} {key:#?} {passphrase:?} {passphrase:#?}");
        assert!(!shown.contains("sentinel") && !shown.contains("171") && !shown.contains("abab"), "{shown}");
        assert!(!shown.contains(key.to_base64().as_str()));
    }
}

//! The four primitives, each wrapped once: the only code that names their crates.
//!
//! The wrappers fix key, nonce and tag sizes in types, so that no call can fail for a length. They are what
//! the Wycheproof vectors run against.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

pub(crate) const KEY_LEN: usize = 32;
pub(crate) const NONCE_LEN: usize = 12;
pub(crate) const TAG_LEN: usize = 16;
pub(crate) const HASH_LEN: usize = 32;

/// SP 800-38D, section 5.2.1.1: the length of the plaintext is at most 2^39 - 256 bits.
pub(crate) const MAX_PLAINTEXT_LEN: u64 = aes_gcm::P_MAX;

/// A pseudorandom key of HKDF-SHA256 (RFC 5869), held as a keyed HMAC state so that an expansion hashes no
/// key.
#[derive(Clone)]
pub(crate) struct Prk(Hkdf<Sha256>);

impl Prk {
    pub(crate) fn extract(salt: &[u8], secret: &[u8]) -> Self {
        let (mut prk, state) = Hkdf::extract(Some(salt), secret);
        zeroize::Zeroize::zeroize(prk.as_mut_slice());
        Self(state)
    }

    pub(crate) fn from_bytes(prk: &[u8; HASH_LEN]) -> Self {
        Self(Hkdf::from_prk(prk).expect("a key of one hash length is a valid pseudorandom key"))
    }

    /// Expands to `N` bytes. `info` is the concatenation of its parts.
    pub(crate) fn expand<const N: usize>(&self, info: &[&[u8]]) -> Zeroizing<[u8; N]> {
        const { assert!(N <= 255 * HASH_LEN) };
        let mut okm = Zeroizing::new([0; N]);
        self.expand_into(info, okm.as_mut_slice()).expect("the length was checked when this was compiled");
        okm
    }

    fn expand_into(&self, info: &[&[u8]], okm: &mut [u8]) -> Result<(), hkdf::InvalidLength> {
        self.0.expand_multi_info(info, okm)
    }
}

/// A key of HMAC-SHA256 (RFC 2104), held as the state after the key block.
#[derive(Clone)]
pub(crate) struct MacKey(Hmac<Sha256>);

impl MacKey {
    pub(crate) fn new(key: &[u8]) -> Self {
        Self(<Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of every length"))
    }

    pub(crate) fn start(&self) -> Hmac<Sha256> {
        self.0.clone()
    }
}

/// Whatever takes bytes in order: a hash or a MAC.
pub(crate) trait Absorb {
    fn absorb(&mut self, bytes: &[u8]);

    /// Takes `bytes` with their length before them, so that neighbours cannot trade bytes at their boundary.
    fn absorb_prefixed(&mut self, bytes: &[u8]) {
        self.absorb(&length_prefix(bytes));
        self.absorb(bytes);
    }
}

/// What stands before `bytes` wherever they are hashed together with others: their length, a big-endian u32.
pub(crate) fn length_prefix(bytes: &[u8]) -> [u8; 4] {
    // Stores refuse names far shorter than 4 GiB, so saturating never makes two of them look alike.
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes()
}

impl Absorb for Sha256 {
    fn absorb(&mut self, bytes: &[u8]) {
        Digest::update(self, bytes);
    }
}

impl Absorb for Hmac<Sha256> {
    fn absorb(&mut self, bytes: &[u8]) {
        Mac::update(self, bytes);
    }
}

/// Encrypts `buffer` in place under AES-256-GCM and returns the tag, or `None` if it is too long.
pub(crate) fn encrypt_in_place(
    key: &[u8; KEY_LEN],
    nonce: &[u8; NONCE_LEN],
    aad: &[u8],
    buffer: &mut [u8],
) -> Option<[u8; TAG_LEN]> {
    let cipher = Aes256Gcm::new(key.into());
    cipher.encrypt_inout_detached(nonce.into(), aad, buffer.into()).ok().map(Into::into)
}

/// Checks the tag over `aad` and `buffer` and then decrypts `buffer` in place. On `false` it still holds
/// ciphertext.
#[must_use]
pub(crate) fn decrypt_in_place(
    key: &[u8; KEY_LEN],
    nonce: &[u8; NONCE_LEN],
    aad: &[u8],
    buffer: &mut [u8],
    tag: &[u8; TAG_LEN],
) -> bool {
    let cipher = Aes256Gcm::new(key.into());
    cipher.decrypt_inout_detached(nonce.into(), aad, buffer.into(), tag.into()).is_ok()
}

/// PBKDF2-HMAC-SHA256 (RFC 8018) into `out`. Its cost is `iterations` times two blocks of SHA-256 per 32
/// bytes.
pub(crate) fn stretch(passphrase: &[u8], salt: &[u8], iterations: u32, out: &mut [u8]) {
    pbkdf2::pbkdf2_hmac::<Sha256>(passphrase, salt, iterations, out);
}

#[cfg(test)]
mod tests;

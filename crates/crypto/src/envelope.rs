//! The sealed form of a value.
//!
//! Each message has a key of its own, expanded from the key of its namespace, a random salt, the header and
//! the context. So there is no number of messages to count towards: 2^80 of one key and namespace share a
//! salt with probability 2^-32, where AES-GCM under one key stops at 2^32 messages.
//!
//! The same expansion gives a *commitment*: AES-GCM alone lets an attacker who knows two keys make one
//! ciphertext that opens under both. Key id and commitment are 160 bits, all derived from the key and all
//! checked, so two keys that accept one envelope take 2^80 work to find, and each try costs
//! [`MIN_ITERATIONS`](crate::MIN_ITERATIONS) for a passphrase. That is why rings of keys and of passphrases
//! share one suite.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, Range};

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::error::{Error, Result};
use crate::keyring::KeyId;
use crate::labels;
use crate::primitives::{self, HASH_LEN, KEY_LEN, MAX_PLAINTEXT_LEN, NONCE_LEN, Prk, TAG_LEN};
use crate::random::SALT_LEN;

/// How many bytes longer a sealed value is than its plaintext.
pub const OVERHEAD: usize = CIPHERTEXT_AT + TAG_LEN;

/// What the first bytes of a sealed value say, readable without a key: which one it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// The algorithms it is sealed with.
    pub suite: Suite,
    /// The key it is sealed under.
    pub key_id: KeyId,
}

/// A set of algorithms, with all their sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Suite {
    /// `0x01`: HKDF-SHA256, AES-256-GCM, commitment of 16 bytes.
    HkdfSha256Aes256GcmCommit16,
}

/// Reads the header of a sealed value, for operators: which key it needs, how many values still need an old
/// one.
///
/// The first 8 bytes are enough (`GETRANGE key 0 7`). Nothing is authenticated: only opening proves a header
/// true.
///
/// # Errors
/// [`Error::NotSealed`] and [`Error::UnknownFormat`], as [`Scope::open`](crate::Scope::open) gives them.
pub fn inspect(sealed: &[u8]) -> Result<Header> {
    let Some(&[magic, version, suite, reserved, k0, k1, k2, k3]) = sealed.first_chunk::<HEADER_LEN>() else {
        return Err(Error::NotSealed);
    };
    if magic != MAGIC {
        return Err(Error::NotSealed);
    }
    let suite = match (version, suite, reserved) {
        (VERSION, SUITE_1, RESERVED) => Suite::HkdfSha256Aes256GcmCommit16,
        _ => return Err(Error::UnknownFormat { version, suite }),
    };
    let key_id = KeyId::new(u32::from_be_bytes([k0, k1, k2, k3])).ok_or(Error::NotSealed)?;
    Ok(Header { suite, key_id })
}

impl Header {
    fn to_bytes(self) -> [u8; HEADER_LEN] {
        let Self { suite: Suite::HkdfSha256Aes256GcmCommit16, key_id } = self;
        let [k0, k1, k2, k3] = key_id.get().to_be_bytes();
        [MAGIC, VERSION, SUITE_1, RESERVED, k0, k1, k2, k3]
    }
}

/// A plaintext that was opened. It is wiped when dropped and shown by no `Debug`.
#[derive(Clone)]
pub struct Opened {
    /// All of what was sealed, with the plaintext in place of the ciphertext: it was decrypted where it stood.
    envelope: Vec<u8>,
}

impl Opened {
    const fn plaintext(&self) -> Range<usize> {
        CIPHERTEXT_AT..self.envelope.len() - TAG_LEN
    }

    fn plaintext_mut(&mut self) -> &mut [u8] {
        let plaintext = self.plaintext();
        &mut self.envelope[plaintext]
    }
}

impl Deref for Opened {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.envelope[self.plaintext()]
    }
}

impl AsRef<[u8]> for Opened {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl PartialEq for Opened {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Opened {}

impl Drop for Opened {
    fn drop(&mut self) {
        // As a slice: `Vec` wipes byte by byte, which takes as long as decrypting.
        self.plaintext_mut().zeroize();
    }
}

impl ZeroizeOnDrop for Opened {}

/// Shows the length only.
impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { envelope: _ } = self;
        f.debug_struct("Opened").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// The key that seals the messages of one namespace, or opens them.
pub(crate) struct MessageKey {
    header: Header,
    prk: Prk,
}

impl MessageKey {
    pub(crate) fn new(key_id: KeyId, prk: Prk) -> Self {
        Self { header: Header { suite: Suite::HkdfSha256Aes256GcmCommit16, key_id }, prk }
    }

    pub(crate) const fn id(&self) -> KeyId {
        self.header.key_id
    }

    /// The key of values that need `secret` besides this one. It has the same id: a ring tells by it what it lacks.
    pub(crate) fn bound_to(&self, secret: &[u8]) -> Self {
        let prk = self.prk.expand::<HASH_LEN>(&[labels::BOUND, secret]);
        Self { header: self.header, prk: Prk::from_bytes(&prk) }
    }
}

/// Shows the key id only.
impl fmt::Debug for MessageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { header, prk: _ } = self;
        header.key_id.fmt(f)
    }
}

const MAGIC: u8 = 0xff;
const VERSION: u8 = 0x01;
const SUITE_1: u8 = 0x01;
const RESERVED: u8 = 0;
const HEADER_LEN: usize = 8;
const COMMITMENT_LEN: usize = 16;
const SALT_AT: usize = HEADER_LEN;
const COMMITMENT_AT: usize = SALT_AT + SALT_LEN;
const CIPHERTEXT_AT: usize = COMMITMENT_AT + COMMITMENT_LEN;
const INFO_LEN: usize = labels::MESSAGE.len() + HEADER_LEN + SALT_LEN + HASH_LEN;
const OKM_LEN: usize = KEY_LEN + NONCE_LEN + COMMITMENT_LEN;

// off len  all numbers big-endian
//  0   1   magic 0xFF: no UTF-8 text and no length of bincode begins so
//  1   1   version 0x01
//  2   1   suite 0x01 = HKDF-SHA256, AES-256-GCM, commitment of 16 bytes
//  3   1   reserved, 0
//  4   4   key id, not 0                                            0..8 is the header
//  8  24   salt, random
// 32  16   commitment
// 48   n   ciphertext
// 48+n 16  tag
//
// OKM    = HKDF-Expand( PRK of the namespace, "msg" | header | salt | ctx, 60 )     ctx: `Context::digest`
//        = key 32 | nonce 12 | commitment 16
// cipher = AES-256-GCM( key, nonce, plaintext, additional data = header | ctx )
//
/// Seals the concatenation of `parts` in one allocation. The caller gives a salt that no other message has.
pub(crate) fn seal(
    key: &MessageKey,
    ctx: &[u8; HASH_LEN],
    salt: &[u8; SALT_LEN],
    parts: &[&[u8]],
) -> Result<Vec<u8>> {
    let len = parts.iter().map(|part| part.len()).fold(0, usize::saturating_add);
    if len as u64 > MAX_PLAINTEXT_LEN {
        return Err(Error::TooLong(len));
    }
    let message = Message::derive(key, ctx, salt);
    let mut sealed = Vec::with_capacity(len + OVERHEAD);
    sealed.extend_from_slice(message.header());
    sealed.extend_from_slice(salt);
    sealed.extend_from_slice(message.commitment());
    for part in parts {
        sealed.extend_from_slice(part);
    }
    let plaintext = &mut sealed[CIPHERTEXT_AT..];
    let tag = primitives::encrypt_in_place(message.key(), message.nonce(), &message.aad, plaintext)
        .expect("the length was checked above");
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

/// Opens `sealed` with the one of `keys` that it names, in place if it is owned. `ctx` is asked for only once there is
/// such a key.
pub(crate) fn open<'k>(
    keys: impl IntoIterator<Item = &'k MessageKey>,
    ctx: impl FnOnce() -> [u8; HASH_LEN],
    sealed: Cow<'_, [u8]>,
) -> Result<Opened> {
    let header = inspect(&sealed)?;
    let (head, tag) = sealed.split_last_chunk::<TAG_LEN>().ok_or(Error::Rejected)?;
    let (head, _) = head.split_at_checked(CIPHERTEXT_AT).ok_or(Error::Rejected)?;
    let (head, commitment) = head.split_last_chunk::<COMMITMENT_LEN>().ok_or(Error::Rejected)?;
    let (_, salt) = head.split_last_chunk::<SALT_LEN>().ok_or(Error::Rejected)?;
    let key = keys.into_iter().find(|key| key.header == header).ok_or(Error::UnknownKey(header.key_id))?;

    let message = Message::derive(key, &ctx(), salt);
    if !bool::from(message.commitment().ct_eq(commitment)) {
        return Err(Error::Rejected);
    }
    // The buffer holds ciphertext until the tag has been found right.
    let tag = *tag;
    let mut opened = Opened { envelope: sealed.into_owned() };
    let buffer = opened.plaintext_mut();
    if !primitives::decrypt_in_place(message.key(), message.nonce(), &message.aad, buffer, &tag) {
        return Err(Error::Rejected);
    }
    Ok(opened)
}

/// What one message is sealed with.
struct Message {
    okm: Zeroizing<[u8; OKM_LEN]>,
    /// Header and context.
    aad: [u8; HEADER_LEN + HASH_LEN],
}

impl Message {
    fn derive(key: &MessageKey, ctx: &[u8; HASH_LEN], salt: &[u8; SALT_LEN]) -> Self {
        let header = key.header.to_bytes();
        let aad = concatenated(&[&header, ctx]);
        // As one piece: the expansion reads it twice, and hashing four pieces costs more than joining them.
        let info: [u8; INFO_LEN] = concatenated(&[labels::MESSAGE, &header, salt, ctx]);
        Self { okm: key.prk.expand(&[&info]), aad }
    }

    fn header(&self) -> &[u8] {
        &self.aad[..HEADER_LEN]
    }

    fn key(&self) -> &[u8; KEY_LEN] {
        self.okm.first_chunk().expect("the output begins with the key")
    }

    fn nonce(&self) -> &[u8; NONCE_LEN] {
        self.okm[KEY_LEN..].first_chunk().expect("the nonce follows the key")
    }

    fn commitment(&self) -> &[u8; COMMITMENT_LEN] {
        self.okm.last_chunk().expect("the output ends with the commitment")
    }
}

/// The `parts`, which are `N` bytes together.
fn concatenated<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut whole = [0; N];
    let mut rest = &mut whole[..];
    for part in parts {
        let (head, tail) = rest.split_at_mut(part.len());
        head.copy_from_slice(part);
        rest = tail;
    }
    debug_assert!(rest.is_empty(), "the parts fill the whole");
    whole
}

#[cfg(test)]
mod tests;

//! The text of an issued token: what its bearer carries.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// How many random bytes a token holds: 192 bits, where RFC 6749 section 10.10 asks for 128 and advises 160.
pub(crate) const SECRET_LEN: usize = 24;

/// How many bytes prove that a token was issued here.
pub(crate) const MAC_LEN: usize = 12;

/// The longest prefix, in characters.
pub(crate) const MAX_PREFIX_LEN: usize = 16;

/// How many base62 digits hold a checksum.
const CHECKSUM_LEN: usize = 6;

/// The text of a token that was issued here: `<prefix>_<base62>`, letters and digits only, at most 111 characters.
///
/// It is a secret: whoever has it is let in. So it has no `Display`, its `Debug` shows nothing, and it is wiped when
/// dropped. Hand [`reveal`](Self::reveal) to the bearer over a protected connection and keep no copy.
///
/// A token can be recognised without asking anyone: secret scanners find it by its prefix, and its last six
/// characters are a checksum over the others, so that a typo fails without a round trip.
#[derive(Clone)]
pub struct TokenText(Zeroizing<String>);

/// In a time that depends on the lengths alone.
impl PartialEq for TokenText {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for TokenText {}

impl TokenText {
    pub(crate) const fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Shows nothing of the text.
impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenText(..)")
    }
}

// text = prefix '_' base62( bytes ) base62( CRC-32 of all before it ), the checksum as 6 digits
//
// bytes, by version:
//   1  version u8 | masked subject 16                     | secret 24 | proof 12
//   2  version u8 | masked subject 16, masked family 11   | secret 24 | proof 12
//   3  the same for a refresh token; 2 is an access token that comes with one
//
// base62 works block by block: 8 bytes, big-endian, are 11 digits, the last 5 of version 1 are 7. A block is written
// one way only, so a token has one text.
/// What stands in a token, as far as it can be read without keys.
#[derive(Clone)]
#[cfg_attr(test, derive(PartialEq, Eq))]
pub(crate) struct Parts {
    pub(crate) masked: Masked,
    pub(crate) secret: Zeroizing<[u8; SECRET_LEN]>,
    pub(crate) mac: [u8; MAC_LEN],
}

/// Shows nothing of the secret.
impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { masked, secret: _, mac: _ } = self;
        f.debug_struct("Parts").field("masked", masked).finish_non_exhaustive()
    }
}

/// Whom a token belongs to, readable only with the key that hides names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Masked {
    Alone([u8; 16]),
    Access([u8; 27]),
    Refresh([u8; 27]),
}

impl Masked {
    const fn version(&self) -> u8 {
        match self {
            Self::Alone(_) => 1,
            Self::Access(_) => 2,
            Self::Refresh(_) => 3,
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Alone(bytes) => bytes,
            Self::Access(bytes) | Self::Refresh(bytes) => bytes,
        }
    }
}

/// The bytes of a token, or the first of them, wiped when dropped.
struct Plain {
    bytes: Zeroizing<[u8; Self::MOST]>,
    len: usize,
}

impl Plain {
    /// How many the longest form has.
    const MOST: usize = 64;

    fn new() -> Self {
        Self { bytes: Zeroizing::new([0; Self::MOST]), len: 0 }
    }

    fn extend(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }
}

impl Deref for Plain {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The bytes of a token up to its proof: what that is over, besides type and prefix.
pub(crate) fn proven(masked: &Masked, secret: &[u8; SECRET_LEN]) -> impl Deref<Target = [u8]> {
    plain(masked, secret)
}

fn plain(masked: &Masked, secret: &[u8; SECRET_LEN]) -> Plain {
    let mut bytes = Plain::new();
    bytes.extend(&[masked.version()]);
    bytes.extend(masked.as_bytes());
    bytes.extend(secret);
    bytes
}

/// The text of a token of which everything is known.
pub(crate) fn write(prefix: &str, parts: &Parts) -> Zeroizing<String> {
    let mut bytes = plain(&parts.masked, &parts.secret);
    bytes.extend(&parts.mac);
    let digits = bytes.chunks(8).map(|block| digits_of(block.len())).sum::<usize>();
    let mut text = Zeroizing::new(String::with_capacity(prefix.len() + 1 + digits + CHECKSUM_LEN));
    text.push_str(prefix);
    text.push('_');
    for block in bytes.chunks(8) {
        let number = block.iter().fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
        push_base62(&mut text, number, digits_of(block.len()));
    }
    let checksum = crc32fast::hash(text.as_bytes());
    push_base62(&mut text, checksum.into(), CHECKSUM_LEN);
    text
}

/// The two forms: how many digits a text ends with, its checksum not among them, and how many bytes they are.
const FORMS: [(usize, usize); 2] = [(73, 53), (88, 64)];

/// Reads a text that [`write`] wrote; `None` for any other. Its prefix is all before the last `_`.
pub(crate) fn read(text: &str) -> Option<(&str, Parts)> {
    FORMS.into_iter().find_map(|(digits, len)| {
        let end = text.len().checked_sub(CHECKSUM_LEN)?;
        let start = end.checked_sub(digits)?;
        let prefix = text.get(..start)?.strip_suffix('_').filter(|prefix| is_prefix(prefix))?;
        let (checked, checksum) = text.as_bytes().split_at(end);
        // No `_` is a digit, so that before the digits was the last.
        if from_base62(checksum)? != u64::from(crc32fast::hash(checked)) {
            return None;
        }
        let mut bytes = Plain::new();
        for digits in checked[start..].chunks(11) {
            let block = (len - bytes.len()).min(8);
            let number = from_base62(digits)?;
            if block < 8 && number >> (8 * block) != 0 {
                return None;
            }
            bytes.extend(&number.to_be_bytes()[8 - block..]);
        }
        Some((prefix, parts_of(&bytes)?))
    })
}

/// Whether a text can stand before the `_` of a token.
pub(crate) fn is_prefix(prefix: &str) -> bool {
    let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
    (1..=MAX_PREFIX_LEN).contains(&prefix.len()) && prefix.bytes().all(fits)
}

fn parts_of(bytes: &[u8]) -> Option<Parts> {
    let (&version, rest) = bytes.split_first()?;
    let (masked, rest) = match version {
        1 => rest.split_first_chunk().map(|(masked, rest)| (Masked::Alone(*masked), rest))?,
        2 => rest.split_first_chunk().map(|(masked, rest)| (Masked::Access(*masked), rest))?,
        3 => rest.split_first_chunk().map(|(masked, rest)| (Masked::Refresh(*masked), rest))?,
        _ => return None,
    };
    let (secret, rest) = rest.split_first_chunk()?;
    let mac = rest.try_into().ok()?;
    Some(Parts { masked, secret: Zeroizing::new(*secret), mac })
}

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// How many base62 digits hold a block of so many bytes.
const fn digits_of(bytes: usize) -> usize {
    if bytes == 8 { 11 } else { 7 }
}

fn push_base62(text: &mut String, mut number: u64, digits: usize) {
    let start = text.len();
    for _ in 0..digits {
        text.push(char::from(ALPHABET[(number % 62) as usize]));
        number /= 62;
    }
    // The lowest digit came first.
    let reversed: Zeroizing<String> = Zeroizing::new(text[start..].chars().rev().collect());
    text.truncate(start);
    text.push_str(&reversed);
}

/// The digit that a byte stands for, or [`NO_DIGIT`].
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        digits[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

const NO_DIGIT: u8 = u8::MAX;

/// The number that at most 11 digits stand for; `None` for other characters, and for what is over 64 bits.
fn from_base62(digits: &[u8]) -> Option<u64> {
    let (last, first) = digits.split_last()?;
    // Ten digits are less than 60 bits, so only the eleventh can be too much. Whatever is no digit shows in the end.
    let (mut number, mut seen) = (0_u64, 0);
    for &digit in first {
        let value = DIGITS[usize::from(digit)];
        seen |= value;
        number = number.wrapping_mul(62).wrapping_add(value.into());
    }
    let value = DIGITS[usize::from(*last)];
    if (seen | value) > MOST_BITS {
        return None;
    }
    number.checked_mul(62)?.checked_add(value.into())
}

/// All bits that digits have: values up to 61, while [`NO_DIGIT`] has more.
const MOST_BITS: u8 = 63;

impl FromStr for TokenText {
    type Err = NotAToken;

    /// Checks form and checksum, without a key or a store: whether the text may be a token that was issued here.
    fn from_str(text: &str) -> Result<Self, NotAToken> {
        match read(text) {
            Some(_) => Ok(Self(Zeroizing::new(text.to_owned()))),
            None => Err(NotAToken),
        }
    }
}

/// The text has not the form of an issued token, or its checksum is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the text of an issued token; it was cut, mistyped, or comes from elsewhere")]
#[non_exhaustive]
pub struct NotAToken;

#[cfg(test)]
mod tests;

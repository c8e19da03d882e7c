//! A command as it is sent.
//!
//! Commands of the control plane, of which there are few, are made with `redis` and packed then. Those of programs are
//! written in this form at once: one buffer each, and to send it is to copy it.

use std::fmt;

use redis::{Arg, Cmd};

/// One command: a name and arguments, as they stand behind the head of an array.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Packed {
    words: usize,
    body: Vec<u8>,
    /// Of all words together, but for the protocol's own.
    size: usize,
}

impl Packed {
    /// A command without arguments yet, and with room for so many of so many bytes together.
    pub(crate) fn new(name: &str, args: usize, bytes: usize) -> Self {
        let mut packed = Self::empty(1 + args, name.len() + bytes);
        packed.arg(name);
        packed
    }

    /// No words yet, and room for so many of so many bytes together.
    pub(crate) fn empty(words: usize, bytes: usize) -> Self {
        Self { words: 0, body: Vec::with_capacity(words * BESIDE + bytes), size: 0 }
    }

    pub(crate) fn arg(&mut self, arg: impl AsRef<[u8]>) -> &mut Self {
        let arg = arg.as_ref();
        write_head(b'$', arg.len(), &mut self.body);
        self.body.extend_from_slice(arg);
        self.body.extend_from_slice(b"\r\n");
        self.words += 1;
        self.size += arg.len();
        self
    }

    pub(crate) fn unsigned(&mut self, number: u64) -> &mut Self {
        self.arg(Digits::of(number).as_bytes())
    }

    pub(crate) fn signed(&mut self, number: i64) -> &mut Self {
        let mut digits = Digits::of(number.unsigned_abs());
        if number < 0 {
            digits.push_front(b'-');
        }
        self.arg(digits.as_bytes())
    }

    /// Adds words as they stand in another command, its name being one of them.
    pub(crate) fn words_of(&mut self, other: &Self) -> &mut Self {
        self.body.extend_from_slice(&other.body);
        self.words += other.words;
        self.size += other.size;
        self
    }

    /// How much is sent, but for the protocol's own.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// How much is sent, but for the head of the array.
    pub(crate) fn sent(&self) -> usize {
        self.body.len()
    }

    /// The same command with other words in the place of its first two.
    pub(crate) fn with_first(&self, first: &str, second: &str) -> Self {
        let (one, rest) = split(&self.body);
        let (other, rest) = split(rest);
        let mut packed = Self::new(first, 1, second.len() + rest.len());
        packed.arg(second).body.extend_from_slice(rest);
        packed.words = self.words;
        packed.size += self.size - one - other;
        packed
    }

    /// The key as it stands in the command, if all that this does is to read one value.
    pub(crate) fn key_of_get(&self) -> Option<&[u8]> {
        self.body.strip_prefix(b"$3\r\nGET\r\n").filter(|_| self.words == 2)
    }

    /// Writes it as it is sent.
    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        write_head(b'*', self.words, to);
        to.extend_from_slice(&self.body);
    }
}

impl fmt::Debug for Packed {
    /// Shows no word: any may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { words, body: _, size } = self;
        f.debug_struct("Packed").field("words", words).field("size", size).finish_non_exhaustive()
    }
}

impl From<&Cmd> for Packed {
    fn from(cmd: &Cmd) -> Self {
        let mut packed = Self::empty(0, 0);
        for arg in cmd.args_iter() {
            if let Arg::Simple(bytes) = arg {
                packed.arg(bytes);
            }
        }
        packed
    }
}

/// What the protocol adds to a word of less than 10 000 bytes, which is `$`, the length and two ends of a line.
const BESIDE: usize = 9;

/// The length of the first of some words, and what stands behind it.
fn split(words: &[u8]) -> (usize, &[u8]) {
    let head = words.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let digits = words[..head].iter().filter(|byte| byte.is_ascii_digit());
    let length = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    (length, words.get(head + length + 2..).unwrap_or_default())
}

/// A line of a type and a number.
pub(crate) fn write_head(kind: u8, number: usize, to: &mut Vec<u8>) {
    // Most words are short, and so is what is said of them.
    match number {
        0..=9 => to.extend_from_slice(&[kind, digit(number), b'\r', b'\n']),
        10..=99 => to.extend_from_slice(&[kind, digit(number / 10), digit(number % 10), b'\r', b'\n']),
        _ => {
            to.push(kind);
            to.extend_from_slice(Digits::of(number as u64).as_bytes());
            to.extend_from_slice(b"\r\n");
        }
    }
}

/// The digit of a number below 10.
const fn digit(number: usize) -> u8 {
    b'0' + number as u8
}

/// A number as text, without memory of its own.
struct Digits {
    text: [u8; 21],
    start: usize,
}

impl Digits {
    fn of(number: u64) -> Self {
        let mut digits = Self { text: [0; 21], start: 21 };
        let mut rest = number;
        loop {
            // Below 10, so it fits.
            digits.push_front(b'0' + (rest % 10) as u8);
            rest /= 10;
            if rest == 0 {
                return digits;
            }
        }
    }

    fn push_front(&mut self, byte: u8) {
        self.start -= 1;
        self.text[self.start] = byte;
    }

    fn as_bytes(&self) -> &[u8] {
        &self.text[self.start..]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    fn sent(packed: &Packed) -> Vec<u8> {
        let mut bytes = Vec::new();
        packed.write(&mut bytes);
        bytes
    }

    #[test]
    fn is_what_redis_sends() {
        let large = vec![b'x'; 12_345];
        let mut cmd = redis::cmd("SET");
        cmd.arg("k").arg(&large).arg("").arg(0).arg(u64::MAX).arg(i64::MIN).arg(-7);
        let mut packed = Packed::new("SET", 6, 0);
        packed.arg("k").arg(&large).arg("").unsigned(0).unsigned(u64::MAX).signed(i64::MIN).signed(-7);
        assert_eq!(sent(&packed), cmd.get_packed_command());
        assert_eq!(sent(&Packed::from(&cmd)), cmd.get_packed_command());
        assert_eq!(packed.size(), 3 + 1 + 12_345 + 1 + 20 + 20 + 2);
    }

    #[test]
    fn words_of_every_length_and_number_have_their_heads() {
        for length in [0, 1, 9, 10, 11, 99, 100, 101] {
            let words = vec![vec![b'x'; length]; length];
            let mut cmd = redis::cmd("MGET");
            for word in &words {
                cmd.arg(word);
            }
            assert_eq!(sent(&Packed::from(&cmd)), cmd.get_packed_command(), "{length}");
        }
    }

    #[test]
    fn its_first_words_can_be_others() {
        let packed = |name: &str, arg: &str| Packed::from(&*redis::cmd(name).arg(arg).arg("1\r\n$2").arg(""));
        let long = "a\r\n$1\r\nb".repeat(100);
        let (replaced, whole) =
            (packed("EVALSHA", "0beec7").with_first("EVAL", &long), packed("EVAL", &long));
        assert_eq!((sent(&replaced), replaced.size()), (sent(&whole), whole.size()));
    }

    #[test]
    fn only_a_get_has_the_key_of_one() {
        let key = |words: &[&str]| {
            Packed::from(&*redis::cmd(words[0]).arg(&words[1..])).key_of_get().map(<[u8]>::to_vec)
        };
        assert_eq!(key(&["GET", "k"]).unwrap(), b"$1\r\nk\r\n");
        assert_eq!(key(&["GETDEL", "k"]), None);
        assert_eq!(key(&["GET", "k", "l"]), None);
    }
}

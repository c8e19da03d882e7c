//! Canonical integers: the text of a counter or of a stored limit.

use bytes::Bytes;
use roomkey_core::{Error, Result};

/// Reads `-?[1-9][0-9]*` or `0` within `i64`, the form in which Redis writes a number. Anything else, such as `-0`,
/// `+1`, `01` or ` 1`, is [`Error::NotANumber`].
pub(crate) fn parse(text: &[u8]) -> Result<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = text == b"0"
        || (matches!(digits.first(), Some(b'1'..=b'9')) && digits.iter().all(u8::is_ascii_digit));
    let number = str::from_utf8(text).ok().filter(|_| canonical).and_then(|text| text.parse().ok());
    number.ok_or(Error::NotANumber)
}

/// The counter with `by` added. [`Error::NotANumber`] or [`Error::Overflow`] if there is no sum.
pub(crate) fn sum(counter: &[u8], by: i64) -> Result<i64> {
    parse(counter)?.checked_add(by).ok_or(Error::Overflow)
}

/// Writes it back. By hand, because counters are hot and a `String` would cost them a second allocation.
pub(crate) fn text(number: i64) -> Bytes {
    let mut text = [0; 20];
    let mut begin = text.len();
    let mut rest = number.unsigned_abs();
    loop {
        begin -= 1;
        text[begin] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        begin -= 1;
        text[begin] = b'-';
    }
    Bytes::copy_from_slice(&text[begin..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_form_is_a_number() {
        for number in [0, 1, -1, 10, i64::MAX, i64::MIN] {
            assert_eq!(parse(&text(number)).unwrap(), number);
        }
        let bad: [&[u8]; 12] = [
            b"",
            b"-",
            b"-0",
            b"+1",
            b"01",
            b"-01",
            b" 1",
            b"1 ",
            b"1.0",
            b"1e3",
            b"\xff",
            b"9223372036854775808",
        ];
        for text in bad {
            assert!(matches!(parse(text), Err(Error::NotANumber)), "{text:?}");
        }
    }
}

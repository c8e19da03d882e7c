//! One-time codes: short texts that a person copies from a message.

use std::fmt;
use std::time::Duration;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{Result, Session, random};

/// A code that was issued.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Code {
    /// What the subject is sent.
    pub text: CodeText,
    /// How long it lives.
    pub expires_in: Duration,
}

/// The digits of a code.
///
/// They are a secret until they are used: there is no `Display`, `Debug` shows nothing, and they are wiped when
/// dropped. Hand [`reveal`](Self::reveal) to what sends them and keep no copy.
#[derive(Clone)]
pub struct CodeText(Zeroizing<String>);

/// In a time that depends on the lengths alone.
impl PartialEq for CodeText {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for CodeText {}

impl CodeText {
    /// The digits themselves.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// So many random digits, each text as likely as any other.
    pub(crate) fn random(digits: u8) -> Result<Self> {
        let texts = 10_u64.pow(digits.into());
        loop {
            let number = u64::from_be_bytes(*random::secret()?);
            if let Some(number) = fair(number, texts) {
                return Ok(Self(Zeroizing::new(format!("{number:0width$}", width = usize::from(digits)))));
            }
        }
    }

    /// The digits that a person typed, without the spaces and hyphens that make them easier to read; `None` if that
    /// is no text of so many digits.
    pub(crate) fn typed(text: &str, digits: u8) -> Option<Self> {
        let mut typed = Zeroizing::new(String::with_capacity(digits.into()));
        for character in text.chars().filter(|character| !matches!(character, ' ' | '-')) {
            if !character.is_ascii_digit() || typed.len() == usize::from(digits) {
                return None;
            }
            typed.push(character);
        }
        (typed.len() == usize::from(digits)).then_some(Self(typed))
    }
}

/// Shows nothing of the digits.
impl fmt::Debug for CodeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeText(..)")
    }
}

/// What a subject's try to enter a code came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodeVerdict<C> {
    /// It was the right one, and is used up.
    Accepted(Session<C>),
    /// It was a wrong one.
    Wrong {
        /// How many more tries there are; with none left the code has ended, and one that is sent now is not looked at
        /// until the [window](crate::CodePolicy::window) is over.
        left: u32,
    },
    /// There is no code to compare with, or too many wrong ones were given. The two are not told apart, nor whether
    /// the subject ever was sent one.
    Refused,
    /// It cannot be a code, as it has not as many digits as one of its type. It does not count as a try: it could not
    /// have been right.
    Malformed,
}

/// A random number below `texts` from a random number of 64 bits. What lies above the last whole multiple is left
/// out, or low numbers would be likelier than high ones.
fn fair(number: u64, texts: u64) -> Option<u64> {
    (number < u64::MAX - u64::MAX % texts).then_some(number % texts)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_have_as_many_digits_as_asked_for_and_differ() {
        for digits in 6..=12 {
            let codes: Vec<_> = (0..50).map(|_| CodeText::random(digits).unwrap()).collect();
            for code in &codes {
                assert_eq!(code.reveal().len(), usize::from(digits));
                assert!(code.reveal().bytes().all(|digit| digit.is_ascii_digit()));
                assert!(CodeText::typed(code.reveal(), digits).unwrap() == *code);
            }
            let different: HashSet<&str> = codes.iter().map(CodeText::reveal).collect();
            assert!(different.len() > 40);
        }
    }

    #[test]
    fn no_code_is_likelier_than_another() {
        for digits in 6..=12 {
            let texts = 10_u64.pow(digits);
            // The numbers that are taken are a whole multiple of the texts, so each text has as many numbers.
            let taken = u64::MAX - u64::MAX % texts;
            assert_eq!(taken % texts, 0);
            assert_eq!(fair(taken - 1, texts), Some(texts - 1));
            assert_eq!(fair(taken, texts), None);
            assert_eq!(fair(u64::MAX, texts), None);
            assert_eq!((fair(0, texts), fair(texts, texts)), (Some(0), Some(0)));
        }
    }

    #[test]
    fn spaces_and_hyphens_are_ignored_and_nothing_else() {
        for text in ["012345", " 012 345 ", "012-345", "0-1-2-3-4-5", "01 - 23 - 45"] {
            assert_eq!(CodeText::typed(text, 6).unwrap().reveal(), "012345", "{text:?}");
        }
        let long = "1".repeat(100_000);
        for text in ["", "01234", "0123456", "01234x", "012345\n", "+12345", "０１２３４５", "012_345", &long]
        {
            assert!(CodeText::typed(text, 6).is_none(), "{} characters", text.len());
        }
    }

    #[test]
    fn codes_are_equal_if_all_their_digits_are() {
        let code = |text: &str| CodeText::typed(text, text.len() as u8).unwrap();
        assert!(code("012345") == code("012345"));
        for other in ["012344", "112345", "0123456", "01234"] {
            assert!(code("012345") != code(other), "{other}");
        }
    }

    #[test]
    fn a_code_shows_no_digit() {
        let code = Code { text: CodeText::random(12).unwrap(), expires_in: Duration::ZERO };
        assert_eq!(format!("{:?}", code.text), "CodeText(..)");
        assert!(!format!("{code:#?}").contains(code.text.reveal()));
    }
}

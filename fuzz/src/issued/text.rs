//! The text of a token.

use roomkey_tokens::TokenText;

use super::login::{Login, TYPES};
use crate::input::Input;

const DIGITS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// How many digits a checksum has.
const CHECKSUM: usize = 6;

/// A text that nobody issued, if asked for with the checksum that belongs to it.
pub(super) fn any(mut input: Input<'_>) {
    let right_sum = input.flag();
    let mut text = String::from_utf8_lossy(input.rest()).into_owned();
    if right_sum {
        text.push_str(&checksum(&text));
    }
    refused(&Login::new("fixed"), &text);
}

/// A token that was issued, after some edits, with the checksum that then belongs to it.
pub(super) fn edited(mut input: Input<'_>) {
    let login = Login::new(input.choose(TYPES));
    let whole = login.issued.token.reveal();
    assert!(is_written(whole), "what is issued has the documented form");
    assert_eq!(login.tokens.type_of(whole), Some(login.token_type));
    let mut bytes = whole.as_bytes()[..whole.len() - CHECKSUM].to_vec();
    for _ in 0..input.byte() % 4 {
        let (kind, at, byte) = (input.byte(), usize::from(input.byte()) % (bytes.len() + 1), input.byte());
        let byte = if byte < 128 { byte } else { DIGITS.as_bytes()[usize::from(byte) % DIGITS.len()] };
        match (kind % 3, bytes.get_mut(at)) {
            (0, Some(found)) => *found = byte,
            (1, _) => bytes.truncate(at),
            _ => bytes.insert(at, byte),
        }
    }
    let text = String::from_utf8(bytes).expect("only ASCII was put in");
    let text = format!("{text}{}", checksum(&text));
    if text == whole {
        assert!(login.is_active());
    } else {
        refused(&login, &text);
        assert!(login.is_active(), "what someone else presents ends nothing");
    }
}

/// Asserts that a text is read exactly if it has the form of a token, and is no token of any type.
fn refused(login: &Login, text: &str) {
    match text.parse::<TokenText>() {
        Ok(read) => {
            assert!(is_written(text));
            assert_eq!(read.reveal(), text);
            assert!(!format!("{read:?}").contains(text));
        }
        Err(_) => assert!(!is_written(text)),
    }
    assert_eq!(login.tokens.type_of(text), None);
    assert!(login.verify(text).expect("nothing is asked of the store").is_none());
}

/// Whether a text has the form that is documented: `<prefix>_<base62>`, of one of two lengths, with its checksum.
fn is_written(text: &str) -> bool {
    let Some((prefix, digits)) = text.rsplit_once('_') else { return false };
    let prefix_fits =
        (1..=16).contains(&prefix.len()) && prefix.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_'));
    if !prefix_fits || !digits.chars().all(|digit| DIGITS.contains(digit)) {
        return false;
    }
    // The version comes first, and says how long the whole is.
    let (versions, blocks) = match digits.len() {
        79 => (1..=1, 6),
        94 => (2..=3, 8),
        _ => return false,
    };
    let (front, sum) = text.split_at(text.len() - CHECKSUM);
    let digits = &digits[..digits.len() - CHECKSUM];
    let (whole, last) = digits.split_at(11 * blocks);
    let numbers = || (0..blocks).map(|block| number(&whole[11 * block..][..11]));
    sum == checksum(front)
        && numbers().all(|number| number < 1 << 64)
        && numbers().next().is_some_and(|number| versions.contains(&(number >> 56)))
        && number(last) < 1 << 40
}

fn checksum(text: &str) -> String {
    let sum = crc32fast::hash(text.as_bytes());
    let digit = |place| DIGITS.as_bytes()[(sum / 62_u32.pow(place)) as usize % DIGITS.len()];
    (0..CHECKSUM as u32).rev().map(|place| char::from(digit(place))).collect()
}

pub(super) fn number(digits: &str) -> u128 {
    digits.chars().fold(0, |number, digit| {
        let value = DIGITS.find(digit).expect("all of them are digits");
        number * 62 + value as u128
    })
}

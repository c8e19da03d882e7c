//! The text of tokens: what is written is read, and nothing else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;

fn parts(masked: Masked, fill: u8) -> Parts {
    Parts { masked, secret: Zeroizing::new([fill; SECRET_LEN]), mac: [fill; MAC_LEN] }
}

fn any_parts() -> impl Strategy<Value = Parts> {
    let masked = prop_oneof![
        any::<[u8; 16]>().prop_map(Masked::Alone),
        proptest::collection::vec(any::<u8>(), 27)
            .prop_map(|bytes| Masked::Access(bytes.try_into().unwrap())),
        proptest::collection::vec(any::<u8>(), 27)
            .prop_map(|bytes| Masked::Refresh(bytes.try_into().unwrap())),
    ];
    (masked, any::<[u8; SECRET_LEN]>(), any::<[u8; MAC_LEN]>()).prop_map(|(masked, secret, mac)| Parts {
        masked,
        secret: Zeroizing::new(secret),
        mac,
    })
}

#[test]
fn the_text_of_a_token_does_not_change() {
    // Bearers hold these texts: another one would lock them out. Computed by another program from the same layout.
    let text = write("rk", &parts(Masked::Alone([1; 16]), 2));
    assert_eq!(*text, "rk_05LJlJD9WPB05LJlJD9WPB05Mc0GcdLdK0AgdWcQJ2oM0AgdWcQJ2oM0AgdWcQJ2oM09Pbpf02rvs4B");
    let [access, refresh] =
        [Masked::Access([1; 27]), Masked::Refresh([1; 27])].map(|masked| write("rk", &parts(masked, 2)));
    assert_eq!(
        *access,
        "rk_0AfLHf0pDaD05LJlJD9WPB05LJlJD9WPB05LJlJEIC2c0AgdWcQJ2oM0AgdWcQJ2oM0AgdWcQJ2oM0AgdWcQJ2oM0yNdBk"
    );
    assert_eq!(
        *refresh,
        "rk_0FzMo0oUulF05LJlJD9WPB05LJlJD9WPB05LJlJEIC2c0AgdWcQJ2oM0AgdWcQJ2oM0AgdWcQJ2oM0AgdWcQJ2oM0pCW9Y"
    );
}

#[test]
fn the_smallest_and_the_largest_bytes_come_back() {
    for fill in [0, 255] {
        for masked in [Masked::Alone([fill; 16]), Masked::Access([fill; 27]), Masked::Refresh([fill; 27])] {
            let parts = parts(masked, fill);
            let text = write("a", &parts);
            assert!(read(&text).unwrap() == ("a", parts), "{fill}");
        }
    }
}

#[test]
fn only_texts_of_a_known_length_and_version_are_read() {
    for text in ["", "_", "rk_", "rk", "rk_0", "rk_ä", "Rk_0", "_0"] {
        assert!(read(text).is_none(), "{text:?}");
    }
    // A right checksum over something that no token is.
    for body in ["0".repeat(73), "z".repeat(73), "0".repeat(88), "0".repeat(89), String::new()] {
        let mut text = format!("rk_{body}");
        let checksum = crc32fast::hash(text.as_bytes());
        push_base62(&mut text, checksum.into(), CHECKSUM_LEN);
        assert!(read(&text).is_none(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(parts in any_parts(), prefix in "[a-z0-9_]{1,16}") {
        let text = write(&prefix, &parts);
        prop_assert!(read(&text).unwrap() == (prefix.as_str(), parts));
        prop_assert!(TokenText::from_str(&text).is_ok());
        prop_assert!(text.len() <= 111);
    }

    #[test]
    fn a_token_with_one_other_character_is_none(parts in any_parts(), at in 0_usize..79, to in "[ -~]") {
        let text = write("rk", &parts);
        let mut other = text.to_string();
        other.replace_range(at..=at, &to);
        prop_assert!(other == *text || read(&other).is_none());
    }

    #[test]
    fn a_token_that_was_cut_or_grew_is_none(parts in any_parts(), cut in 1_usize..79, more in "[0-9A-Za-z]{1,12}") {
        let text = write("rk", &parts);
        prop_assert!(read(&text[..text.len() - cut]).is_none());
        let longer = format!("{}{more}", text.as_str());
        prop_assert!(read(&longer).is_none());
    }

    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in "\\PC{0,120}") {
        if let Some((prefix, parts)) = read(&text) {
            let again = write(prefix, &parts);
            prop_assert_eq!(again.as_str(), text);
        }
    }
}

#[test]
fn texts_are_equal_if_all_their_characters_are() {
    let text = |text: &str| TokenText::new(Zeroizing::new(text.to_owned()));
    assert!(text("rk_0a") == text("rk_0a"));
    for other in ["rk_0b", "sk_0a", "rk_0", "rk_0ab", ""] {
        assert!(text("rk_0a") != text(other), "{other}");
    }
}

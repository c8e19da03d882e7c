//! Line 2: a token has at least 160 random bits, can be recognised, fails offline when it is mistyped, and is no token of
//! another type.

use std::collections::HashSet;

use roomkey_memory::MemoryStore;
use roomkey_testkit::RecordingStore;
use roomkey_tokens::TokenText;

use crate::common::{active, issue, open, with_policies};

/// What a secret scanner looks for: `prefix_[0-9A-Za-z]{n}`.
fn looks_like_a_token(text: &str, prefix: &str) -> bool {
    let digits = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_'));
    digits
        .is_some_and(|digits| digits.len() == 79 && digits.bytes().all(|digit| digit.is_ascii_alphanumeric()))
}

#[tokio::test]
async fn a_token_is_recognised_by_its_prefix_and_checksum() {
    let tokens = with_policies(&open(MemoryStore::new()).await);
    for (token_type, prefix) in [("session", "rk"), ("access", "acc"), ("unknown", "rk")] {
        let issued = issue(&tokens, token_type, "alice").await;
        let text = issued.token.reveal();
        assert!(looks_like_a_token(text, prefix), "{token_type}");
        let (checked, checksum) = text.split_at(text.len() - 6);
        let number = checksum.bytes().fold(0, |number, digit| {
            let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
            number * 62 + digits.iter().position(|&known| known == digit).unwrap() as u64
        });
        assert_eq!(number, u64::from(crc32fast::hash(checked.as_bytes())));
        assert_eq!(text.parse::<TokenText>().as_ref(), Ok(&issued.token));
    }
}

/// 79 digits less 6 of checksum hold 53 bytes: 1 of version, 16 masked, 24 random, 12 of proof.
#[tokio::test]
async fn no_two_tokens_of_a_subject_have_a_part_in_common() {
    let tokens = with_policies(&open(MemoryStore::new()).await);
    let mut seen = HashSet::new();
    let count = 500;
    for _ in 0..count {
        let issued = issue(&tokens, "session", "alice").await;
        let digits = issued.token.reveal().split_once('_').unwrap().1;
        // The first digits hold the version, which is not random: from the second block on everything is.
        for block in 1..6 {
            seen.insert((block, digits[block * 11..(block + 1) * 11].to_owned()));
        }
    }
    assert_eq!(seen.len(), count * 5);
}

#[tokio::test]
async fn a_changed_character_fails_without_a_round_trip() {
    let store = RecordingStore::new(MemoryStore::new());
    let tokens = with_policies(&open(store.clone()).await);
    let issued = issue(&tokens, "session", "alice").await;
    let text = issued.token.reveal().to_owned();
    store.clear();
    let mut wrong = vec![String::new(), "rk_".into(), text.to_uppercase(), text.to_lowercase()];
    for at in 0..text.len() {
        for with in ['0', 'A', 'z', '_', '-', 'é'] {
            let mut changed = text.clone();
            changed.replace_range(at..=at, &with.to_string());
            wrong.push(changed);
        }
        let mut cut = text.clone();
        cut.remove(at);
        wrong.push(cut);
        let mut longer = text.clone();
        longer.insert(at, '0');
        wrong.push(longer);
        if at + 1 < text.len() {
            let mut swapped: Vec<char> = text.chars().collect();
            swapped.swap(at, at + 1);
            wrong.push(swapped.into_iter().collect());
        }
    }
    wrong.retain(|changed| *changed != text);
    assert!(wrong.len() > 500);
    for changed in &wrong {
        assert!(tokens.verify::<u64>("session", changed).await.unwrap().is_none());
        assert!(changed.parse::<TokenText>().is_err());
        assert_eq!(tokens.type_of(changed), None);
    }
    assert!(store.history().is_empty(), "no store was asked");
    assert!(active(&tokens, "session", &issued).await);
}

#[tokio::test]
async fn a_token_of_one_type_is_refused_as_another_without_a_round_trip() {
    let store = RecordingStore::new(MemoryStore::new());
    let tokens = with_policies(&open(store.clone()).await);
    // The same prefix, so only the proof tells them apart.
    let issued = issue(&tokens, "session", "alice").await;
    store.clear();
    for other in ["strict", "oldest", "link", "access", "Session", "session "] {
        assert!(tokens.verify::<u64>(other, issued.token.reveal()).await.unwrap().is_none(), "{other}");
    }
    assert!(store.history().is_empty(), "no store was asked");
    assert!(active(&tokens, "session", &issued).await);
}

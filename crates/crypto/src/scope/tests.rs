//! Name hiding, and what the types promise. Sealing is tested beside the envelope.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;

use super::*;
use crate::{Error, Keyring, SecretKey};

fn scope() -> Scope {
    Keyring::from_key_bytes([7; 32]).scope("app:n")
}

#[test]
fn the_same_name_hides_the_same_in_every_process() {
    assert_eq!(scope().blind("value", &[b"user", b"42"]), scope().blind("value", &[b"user", b"42"]));
}

#[test]
fn different_names_hide_differently() {
    let scope = scope();
    let names: [(&str, &[&[u8]]); 10] = [
        ("value", &[b"ab", b"c"]),
        ("value", &[b"a", b"bc"]),
        ("value", &[b"abc"]),
        ("value", &[b"abc", b""]),
        ("value", &[b"", b"abc"]),
        ("value", &[]),
        ("value", &[b""]),
        ("field", &[b"abc"]),
        ("valueabc", &[]),
        ("", &[b"value", b"abc"]),
    ];
    let tags: HashSet<_> = names.iter().map(|(domain, parts)| scope.blind(domain, parts)).collect();
    assert_eq!(tags.len(), names.len());
}

#[test]
fn names_are_hidden_apart_for_each_namespace_and_name_key() {
    let ring = Keyring::from_key_bytes([7; 32]);
    let other_names = Keyring::builder(SecretKey::from_bytes([7; 32])).names(SecretKey::from_bytes([8; 32]));
    let scopes = [ring.scope("app:n"), ring.scope("app:m"), other_names.build().unwrap().scope("app:n")];
    let tags: HashSet<_> = scopes.iter().map(|scope| scope.blind("value", &[b"name"])).collect();
    let fingerprints: HashSet<_> = scopes.iter().map(Scope::fingerprint).collect();
    assert_eq!((tags.len(), fingerprints.len()), (3, 3));
}

#[test]
fn names_of_any_length_hide_in_16_bytes() {
    let scope = scope();
    for len in [0, 1, 63, 64, 65, 65_536] {
        assert_eq!(scope.blind("value", &[&vec![b'n'; len]]).as_bytes().len(), 16);
    }
}

#[test]
fn a_tag_comes_back_from_the_store() {
    let tag = scope().blind("value", &[b"name"]);
    let stored = tag.as_ref().to_vec();
    assert_eq!(Tag::from(<[u8; 16]>::try_from(stored).unwrap()), tag);
    assert_eq!(<[u8; 16]>::from(tag), *tag.as_bytes());
    assert_eq!(format!("{:?}", Tag::from([0x0a; 16])), format!("Tag({})", "0a".repeat(16)));
}

#[test]
fn a_plaintext_that_aes_gcm_cannot_take_is_refused_before_it_is_copied() {
    let part = vec![0; 1 << 26];
    let error = scope().seal_parts(&Context::value(b"k"), &vec![&part[..]; 1024]).unwrap_err();
    assert!(matches!(error, Error::TooLong(len) if len == 1 << 36), "{error:?}");
}

#[test]
fn clones_share_their_keys_and_cross_threads() {
    fn shared<T: Send + Sync + Clone + 'static>(_: &T) {}
    let scope = scope();
    shared(&scope);
    shared(&Keyring::from_key_bytes([7; 32]));
    assert!(Arc::ptr_eq(&scope.keys, &scope.clone().keys));
    assert_eq!(scope.namespace(), "app:n");
}

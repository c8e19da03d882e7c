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

/// Bound to a token's secret, as tokens do it.
fn context() -> Context<'static> {
    Context::new(20, b"key", b"")
}

#[test]
fn what_is_bound_to_a_secret_opens_with_that_secret_only() {
    let scope = scope();
    let bound = scope.bound_to(b"a secret");
    let sealed = bound.seal(&context(), b"for its bearer").unwrap();
    assert_eq!(*scope.bound_to(b"a secret").open(&context(), &sealed).unwrap(), *b"for its bearer");
    let twice = bound.bound_to(b"a secret");
    for other in
        [&scope, &scope.bound_to(b"a secreT"), &scope.bound_to(b"a secret\0"), &scope.bound_to(b""), &twice]
    {
        let error = other.open(&context(), &sealed).unwrap_err();
        assert!(matches!(error, Error::Rejected), "{error:?}");
    }
    let unbound = scope.seal(&context(), b"for everyone").unwrap();
    assert!(matches!(bound.open(&context(), &unbound), Err(Error::Rejected)));
    let elsewhere = Keyring::from_key_bytes([7; 32]).scope("app:m").bound_to(b"a secret");
    assert!(matches!(elsewhere.open(&context(), &sealed), Err(Error::Rejected)));
}

#[test]
fn binding_changes_neither_names_nor_key_ids() {
    let scope = scope();
    let bound = scope.bound_to(b"a secret");
    assert_eq!(bound.blind("value", &[b"name"]), scope.blind("value", &[b"name"]));
    assert_eq!((bound.namespace(), bound.fingerprint()), (scope.namespace(), scope.fingerprint()));
    assert!(scope.is_current(&bound.seal(&context(), b"").unwrap()));
}

#[test]
fn what_is_bound_opens_under_a_retired_key_and_says_which_key_is_missing() {
    let old = scope().bound_to(b"a secret").seal(&context(), b"for its bearer").unwrap();
    let newer = Keyring::builder(SecretKey::from_bytes([8; 32])).names(SecretKey::from_bytes([9; 32]));
    let ring = newer.retired(SecretKey::from_bytes([7; 32])).build().unwrap();
    let bound = ring.scope("app:n").bound_to(b"a secret");
    assert_eq!(*bound.open(&context(), &old).unwrap(), *b"for its bearer");
    assert!(!bound.is_current(&old));
    let without = Keyring::from_key_bytes([8; 32]).scope("app:n").bound_to(b"a secret");
    assert!(matches!(without.open(&context(), &old), Err(Error::UnknownKey(_))));
}

#[test]
fn what_was_bound_and_sealed_elsewhere_opens() {
    // By another program, from the description of labels and envelope alone: values sealed so are in stores.
    let sealed = "ff0101003803534009090909090909090909090909090909090909090909090909e437def278120a7c2bcc8553101368\
        8042a6bccedbbd4a9156f313eaf60a28c5ac6b863bf80e34bd6d5361f1d8";
    let sealed: Vec<u8> =
        (0..sealed.len()).step_by(2).map(|at| u8::from_str_radix(&sealed[at..at + 2], 16).unwrap()).collect();
    let secret: Vec<u8> = (0..24).collect();
    assert_eq!(*scope().bound_to(&secret).open(&context(), &sealed).unwrap(), *b"for its bearer");
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

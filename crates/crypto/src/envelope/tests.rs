//! The envelope against published vectors, a second implementation, and everything that must not open.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;
use crate::keyring::{Keyring, RootKey};
use crate::scope::Scope;
use crate::{Context, SecretKey};

mod collision;
mod reference;
mod vectors;

/// Around the block size of AES, one field of a byte, one page.
const SIZES: [usize; 7] = [0, 1, 15, 16, 17, 255, 4096];
const CONTEXT: Context<'static> = Context::field(b"physical key", b"field");

fn scope() -> Scope {
    Keyring::from_key_bytes([0x42; 32]).scope("app:sessions")
}

#[test]
fn every_size_comes_back_and_costs_64_bytes() {
    assert_eq!(OVERHEAD, 64);
    let scope = scope();
    for size in SIZES {
        let plaintext = vec![b'p'; size];
        let sealed = scope.seal(&CONTEXT, &plaintext).unwrap();
        assert_eq!(sealed.len(), size + OVERHEAD);
        assert_eq!(sealed.capacity(), sealed.len(), "one allocation, of the right size");
        assert_eq!(&*scope.open(&CONTEXT, &sealed).unwrap(), plaintext);
    }
}

#[test]
fn parts_are_sealed_as_their_concatenation() {
    let scope = scope();
    let sealed = scope.seal_parts(&CONTEXT, &[b"", b"one", b"", b" two"]).unwrap();
    assert_eq!(&*scope.open(&CONTEXT, &sealed).unwrap(), b"one two");
    let sealed = scope.seal_parts(&CONTEXT, &[]).unwrap();
    assert_eq!(&*scope.open(&CONTEXT, &sealed).unwrap(), b"");
}

#[test]
fn a_vector_is_opened_where_it_is_and_others_are_left_as_they_are() {
    let sealed = scope().seal(&CONTEXT, b"value").unwrap();
    let copy = sealed.clone();
    assert_eq!(&*scope().open(&CONTEXT, &sealed).unwrap(), b"value");
    assert_eq!(sealed, copy);

    let ciphertext = sealed[CIPHERTEXT_AT..].as_ptr();
    let opened = scope().open(&CONTEXT, sealed).unwrap();
    assert_eq!((&*opened, opened.as_ptr()), (b"value".as_slice(), ciphertext));
    assert_eq!(opened, scope().open(&CONTEXT, copy).unwrap());
}

#[test]
fn the_same_plaintext_never_seals_to_the_same_bytes() {
    let scope = scope();
    let (one, other) = (scope.seal(&CONTEXT, b"value").unwrap(), scope.seal(&CONTEXT, b"value").unwrap());
    assert_ne!(one[SALT_AT..COMMITMENT_AT], other[SALT_AT..COMMITMENT_AT]);
    assert_ne!(one[COMMITMENT_AT..CIPHERTEXT_AT], other[COMMITMENT_AT..CIPHERTEXT_AT]);
    assert_ne!(one[CIPHERTEXT_AT..], other[CIPHERTEXT_AT..]);
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let scope = scope();
    for size in SIZES {
        let mut sealed = scope.seal(&CONTEXT, &vec![b'p'; size]).unwrap();
        for at in 0..sealed.len() {
            for bit in 0..8 {
                sealed[at] ^= 1 << bit;
                let error = scope.open(&CONTEXT, &sealed).unwrap_err();
                let expected = match at {
                    0 => matches!(error, Error::NotSealed),
                    1..4 => matches!(error, Error::UnknownFormat { .. }),
                    4..HEADER_LEN => matches!(error, Error::UnknownKey(_)),
                    _ => matches!(error, Error::Rejected),
                };
                assert!(expected, "size {size}, byte {at}, bit {bit}: {error:?}");
                sealed[at] ^= 1 << bit;
            }
        }
        assert!(scope.open(&CONTEXT, &sealed).is_ok(), "every flip was undone");
    }
}

#[test]
fn every_truncation_is_refused_at_either_end() {
    let scope = scope();
    for size in SIZES {
        let sealed = scope.seal(&CONTEXT, &vec![b'p'; size]).unwrap();
        for len in 0..sealed.len() {
            let error = scope.open(&CONTEXT, &sealed[..len]).unwrap_err();
            let expected = if len < HEADER_LEN { "NotSealed" } else { "Rejected" };
            assert_eq!(format!("{error:?}"), expected, "size {size}, cut to {len}");
            assert!(scope.open(&CONTEXT, &sealed[sealed.len() - len..]).is_err());
        }
    }
}

#[test]
fn a_byte_more_is_refused_at_either_end() {
    let scope = scope();
    for size in SIZES {
        let sealed = scope.seal(&CONTEXT, &vec![b'p'; size]).unwrap();
        for byte in 0..=u8::MAX {
            let appended = [&sealed[..], &[byte]].concat();
            assert!(matches!(scope.open(&CONTEXT, &appended), Err(Error::Rejected)));
            let prepended = [&[byte], &sealed[..]].concat();
            assert!(scope.open(&CONTEXT, &prepended).is_err());
        }
    }
}

#[test]
fn plaintext_is_not_sealed() {
    let scope = scope();
    for text in [
        &b""[..],
        b"plain",
        b"{\"json\":true, and long enough to hold a whole envelope of 64 bytes}",
        &[0; 100],
    ] {
        assert!(matches!(scope.open(&CONTEXT, text), Err(Error::NotSealed)), "{text:?}");
        assert!(matches!(inspect(text), Err(Error::NotSealed)), "{text:?}");
    }
}

#[test]
fn formats_to_come_are_told_from_damage() {
    let sealed = scope().seal(&CONTEXT, b"value").unwrap();
    for (at, version, suite) in [(1, 2, 1), (2, 1, 2), (3, 1, 1)] {
        let mut newer = sealed.clone();
        newer[at] += 1;
        let error = scope().open(&CONTEXT, &newer).unwrap_err();
        assert!(
            matches!(error, Error::UnknownFormat { version: v, suite: s } if (v, s) == (version, suite)),
            "{error:?}"
        );
    }
}

#[test]
fn a_header_is_read_without_a_key_and_names_the_key() {
    let sealed = scope().seal(&CONTEXT, b"value").unwrap();
    let header = inspect(&sealed[..HEADER_LEN]).unwrap();
    assert_eq!(header.key_id, SecretKey::from_bytes([0x42; 32]).id());
    assert_eq!(header.suite, Suite::HkdfSha256Aes256GcmCommit16);
    let no_key = [MAGIC, VERSION, SUITE_1, RESERVED, 0, 0, 0, 0];
    assert!(matches!(inspect(&no_key), Err(Error::NotSealed)));
}

#[test]
fn a_foreign_key_is_named() {
    let foreign = Keyring::from_key_bytes([0x43; 32]);
    let sealed = foreign.scope("app:sessions").seal(&CONTEXT, b"value").unwrap();
    let error = scope().open(&CONTEXT, &sealed).unwrap_err();
    assert!(matches!(error, Error::UnknownKey(id) if id == foreign.active_id()), "{error:?}");
}

#[test]
fn a_forged_key_id_opens_nothing() {
    let names = SecretKey::from_bytes([9; 32]);
    let other = SecretKey::from_bytes([0x43; 32]);
    let ring = Keyring::builder(SecretKey::from_bytes([0x42; 32]))
        .retired(other.clone())
        .names(names)
        .build()
        .unwrap();
    let scope = ring.scope("app:sessions");
    let mut sealed = scope.seal(&CONTEXT, b"value").unwrap();
    sealed[4..HEADER_LEN].copy_from_slice(&other.id().get().to_be_bytes());
    assert!(matches!(scope.open(&CONTEXT, &sealed), Err(Error::Rejected)));
}

#[test]
fn a_value_opens_in_its_own_context_only() {
    let ring = Keyring::from_key_bytes([0x42; 32]);
    let mut places = Vec::new();
    for namespace in ["a:n", "a:m"] {
        for kind in [Context::VALUE, Context::FIELD, Context::FIRST_FREE] {
            for key in ["k", "l"] {
                for field in ["", "f"] {
                    places
                        .push((ring.scope(namespace), Context::new(kind, key.as_bytes(), field.as_bytes())));
                }
            }
        }
    }
    // Bytes that only change sides of a boundary.
    for (namespace, key, field) in
        [("n", "ab", "c"), ("n", "a", "bc"), ("n", "abc", ""), ("na", "b", "c"), ("n", "", "abc")]
    {
        places.push((ring.scope(namespace), Context::field(key.as_bytes(), field.as_bytes())));
    }
    for (from, (scope, context)) in places.iter().enumerate() {
        let sealed = scope.seal(context, b"value").unwrap();
        for (to, (scope, context)) in places.iter().enumerate() {
            match scope.open(context, &sealed) {
                Ok(opened) => assert!(from == to && &*opened == b"value", "{from} opened at {to}"),
                Err(error) => {
                    assert!(from != to && matches!(error, Error::Rejected), "{from} at {to}: {error:?}")
                }
            }
        }
    }
}

#[test]
fn kinds_of_this_crate_differ() {
    let scope = scope();
    let sealed = scope.seal(&Context::value(b"k"), b"value").unwrap();
    for other in
        [Context::field(b"k", b""), Context::element(b"k"), Context::new(Context::FIRST_FREE, b"k", b"")]
    {
        assert!(matches!(scope.open(&other, &sealed), Err(Error::Rejected)), "{other:?}");
    }
}

#[test]
fn debug_shows_no_plaintext_and_no_names() {
    let scope = scope();
    let context = Context::field(b"sentinel-key", b"sentinel-field");
    let sealed = scope.seal(&context, b"sentinel").unwrap();
    let opened = scope.open(&context, &sealed).unwrap();
    let shown = format!("{opened:?} {opened:#?} {context:?} {context:#?} {:?}", inspect(&sealed));
    assert!(!shown.contains("sentinel") && !shown.contains("115, 101, 110"), "{shown}");
    let refused = scope.open(&CONTEXT, &sealed).unwrap_err();
    assert_eq!(format!("{refused:?}"), "Rejected");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_open(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(scope().open(&CONTEXT, &bytes).is_err());
    }

    /// The same behind a true header, so that everything after it is reached.
    #[test]
    fn arbitrary_bytes_behind_a_header_never_open(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let scope = scope();
        let mut sealed = scope.seal(&CONTEXT, b"").unwrap();
        sealed.truncate(HEADER_LEN);
        sealed.extend_from_slice(&bytes);
        prop_assert!(matches!(scope.open(&CONTEXT, &sealed), Err(Error::Rejected)));
    }

    #[test]
    fn whatever_is_sealed_opens_and_the_second_implementation_agrees(
        root: [u8; 32],
        namespace in ".{0,80}",
        kind: u8,
        key in prop::collection::vec(any::<u8>(), 0..200),
        field in prop::collection::vec(any::<u8>(), 0..80),
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..4),
    ) {
        let scope = Keyring::from_key_bytes(root).scope(&namespace);
        let context = Context::new(kind, &key, &field);
        let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let sealed = scope.seal_parts(&context, &slices).unwrap();
        let plaintext = parts.concat();
        prop_assert_eq!(&*scope.open(&context, &sealed).unwrap(), &plaintext);

        let key_id = inspect(&sealed).unwrap().key_id.get();
        prop_assert_eq!(key_id, reference::key_id(&root));
        let namespace = namespace.as_bytes();
        let message = reference::Message { root, key_id, namespace, kind, key: &key, field: &field };
        let salt = *sealed[SALT_AT..].first_chunk().unwrap();
        prop_assert_eq!(sealed, message.seal(&salt, &plaintext));
    }
}

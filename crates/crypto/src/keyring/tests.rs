//! Rings, rotation and what they refuse.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::Context;

const CONTEXT: Context<'static> = Context::value(b"key");

fn key(byte: u8) -> SecretKey {
    SecretKey::from_bytes([byte; 32])
}

#[test]
fn the_ways_to_one_key_make_one_ring() {
    let bytes = Keyring::from_key_bytes([1; 32]);
    let text = Keyring::from_key(&key(1).to_base64()).unwrap();
    let built = Keyring::builder(key(1)).build().unwrap();
    let sealed = bytes.scope("n").seal(&CONTEXT, b"value").unwrap();
    for ring in [bytes, text, built] {
        assert_eq!(ring.active_id(), key(1).id());
        assert_eq!(ring.scope("n").fingerprint(), Keyring::from(key(1)).scope("n").fingerprint());
        assert_eq!(&*ring.scope("n").open(&CONTEXT, &sealed).unwrap(), b"value");
    }
}

#[test]
fn a_passphrase_makes_a_ring_and_its_key_can_be_kept_as_a_key() {
    let passphrase = Passphrase::new("correct horse battery", b"0123456789abcdef");
    let ring = Keyring::from_passphrase(passphrase).unwrap();
    let kept = SecretKey::from_passphrase(&passphrase).unwrap().to_base64();
    assert_eq!(Keyring::from_key(&kept).unwrap().active_id(), ring.active_id());
    assert!(matches!(Keyring::from_passphrase(Passphrase::new("x", b"short")), Err(Error::InvalidKey(_))));
}

#[test]
fn generated_rings_do_not_open_each_other() {
    let (one, other) = (Keyring::generate().unwrap(), Keyring::generate().unwrap());
    let sealed = one.scope("n").seal(&CONTEXT, b"value").unwrap();
    let error = other.scope("n").open(&CONTEXT, &sealed).unwrap_err();
    assert!(matches!(error, Error::UnknownKey(id) if id == one.active_id()), "{error:?}");
}

#[test]
fn a_rotation_opens_old_values_and_moves_no_name() {
    let first = Keyring::from(key(1));
    let names = SecretKey::from_base64(&first.name_key().to_base64()).unwrap();
    let old = first.scope("n").seal(&CONTEXT, b"old").unwrap();

    let second = Keyring::builder(key(2)).retired(key(1)).names(names.clone()).build().unwrap();
    assert_eq!(second.active_id(), key(2).id());
    assert_eq!(second.key_ids().collect::<Vec<_>>(), [key(2).id(), key(1).id()]);
    assert_eq!(&*second.scope("n").open(&CONTEXT, &old).unwrap(), b"old");
    assert_eq!(second.scope("n").blind("value", &[b"a"]), first.scope("n").blind("value", &[b"a"]));
    assert_eq!(second.scope("n").fingerprint(), first.scope("n").fingerprint());
    assert_eq!(second.name_key().to_base64(), first.name_key().to_base64());

    let new = second.scope("n").seal(&CONTEXT, b"new").unwrap();
    assert!(matches!(first.scope("n").open(&CONTEXT, &new), Err(Error::UnknownKey(id)) if id == key(2).id()));

    // Once nothing is sealed under the first key, it can go; the names stay.
    let third = Keyring::builder(key(2)).names(names).build().unwrap();
    assert_eq!(&*third.scope("n").open(&CONTEXT, &new).unwrap(), b"new");
    assert!(matches!(third.scope("n").open(&CONTEXT, &old), Err(Error::UnknownKey(id)) if id == key(1).id()));
    assert_eq!(third.scope("n").fingerprint(), first.scope("n").fingerprint());
}

#[test]
fn a_name_key_opens_nothing() {
    let ring = Keyring::from(key(1));
    let names = Keyring::from(ring.name_key().clone());
    assert_ne!(names.active_id(), ring.active_id());
    let sealed = ring.scope("n").seal(&CONTEXT, b"value").unwrap();
    assert!(names.scope("n").open(&CONTEXT, &sealed).is_err());
}

#[test]
fn a_secret_key_given_as_the_name_key_hides_names_by_an_unrelated_key() {
    let same = Keyring::builder(key(1)).names(key(1)).build().unwrap();
    assert_ne!(same.scope("n").fingerprint(), Keyring::from(key(1)).scope("n").fingerprint());
}

#[test]
fn rings_that_would_lose_names_or_hold_a_key_twice_are_refused() {
    let no_names = Keyring::builder(key(1)).retired(key(2));
    let active_twice = Keyring::builder(key(1)).names(key(9)).retired(key(1));
    let retired_twice = Keyring::builder(key(1)).names(key(9)).retired(key(2)).retired(key(2));
    for builder in [no_names, active_twice, retired_twice] {
        assert!(matches!(builder.build(), Err(Error::InvalidKeyring(_))));
    }
}

#[test]
fn key_ids_are_eight_digits_and_never_zero() {
    assert_eq!(KeyId::new(0x1a).unwrap().to_string(), "0000001a");
    assert_eq!(format!("{:?}", KeyId::new(0xdead_beef).unwrap()), "KeyId(deadbeef)");
    assert_eq!(KeyId::new(7).unwrap().get(), 7);
    assert_eq!(KeyId::new(0), None);
    assert_eq!(
        Error::UnknownKey(KeyId::new(0xab).unwrap()).to_string(),
        "sealed under key 000000ab, which is not on this key ring"
    );
}

#[test]
fn clones_share_their_keys() {
    let ring = Keyring::from(key(1));
    let clone = ring.clone();
    assert!(Arc::ptr_eq(&ring.keys, &clone.keys));
}

#[test]
fn debug_shows_ids_and_no_secret() {
    let builder = Keyring::builder(key(0xab)).retired(key(0xcd)).names(key(0xef));
    let ring = builder.clone().build().unwrap();
    let scope = ring.scope("app:n");
    let shown = format!("{builder:?} {ring:?} {ring:#?} {scope:?} {scope:#?}");
    for id in ring.key_ids() {
        assert!(shown.contains(&id.to_string()), "{shown}");
    }
    for byte in [0xab_u8, 0xcd, 0xef] {
        let secret = key(byte);
        let runs = [
            format!("{byte:02x}{byte:02x}{byte:02x}"),
            format!("{byte}, {byte}"),
            secret.to_base64().to_string(),
        ];
        for run in runs {
            assert!(!shown.contains(&run), "{shown} shows {run}");
        }
        assert!(!shown.contains(secret.name_key().to_base64().as_str()));
    }
}

//! The envelope: what is not exactly what was sealed does not open.

use roomkey_crypto::{Context, Error, Header, OVERHEAD, Scope, inspect};

use crate::input::Input;
use crate::world::keyring;

/// Bytes that may or may not be a sealed value, and sealed values that were changed.
///
/// - Nothing opens but the very bytes that were sealed, for the very context.
/// - The errors are those that [`Scope::open`] documents, and [`inspect`] agrees with it on what is a header.
/// - Opening in place and opening a copy tell the same.
pub fn envelope(data: &[u8]) {
    let scope = keyring().scope("app:fuzz");
    let mut input = Input::new(data);
    match input.byte() % 3 {
        0 => foreign(&scope, input.rest()),
        1 => begun_well(&scope, input.rest()),
        _ => changed(&scope, input),
    }
}

/// What nobody sealed.
fn foreign(scope: &Scope, bytes: &[u8]) {
    refused(scope, &Context::value(b"key"), bytes);
}

/// What nobody sealed, with the header of what the ring seals.
fn begun_well(scope: &Scope, rest: &[u8]) {
    let mut bytes = sealed(scope, &Context::value(b"key"), b"")[..8].to_vec();
    bytes.extend_from_slice(rest);
    let header = inspect(&bytes).expect("the header is that of a sealed value");
    assert_eq!(header.key_id, keyring().active_id());
    refused(scope, &Context::value(b"key"), &bytes);
}

/// A sealed value, after some edits and in some context.
fn changed(scope: &Scope, mut input: Input<'_>) {
    let (key, field): ([u8; 2], [u8; 1]) = (input.array(), input.array());
    let (other_key, other_field): ([u8; 2], [u8; 1]) = (input.array(), input.array());
    let here = Context::field(&key, &field);
    let there = Context::field(&other_key, &other_field);
    let (edits, len) = (input.byte() % 4, input.byte());
    let mut bytes = sealed(scope, &here, input.take(len.into()));
    let whole = bytes.clone();
    for _ in 0..edits {
        edit(&mut bytes, &mut input);
    }
    if bytes == whole && here == there {
        assert!(scope.open(&there, &bytes).is_ok(), "what was sealed opens");
    } else {
        refused(scope, &there, &bytes);
    }
}

fn edit(bytes: &mut Vec<u8>, input: &mut Input<'_>) {
    let (kind, place, byte) = (input.byte(), u16::from_be_bytes(input.array()), input.byte());
    let at = usize::from(place) % (bytes.len() + 1);
    match (kind % 3, bytes.get_mut(at)) {
        (0, Some(found)) => *found ^= byte,
        (1, _) => bytes.truncate(at),
        _ => bytes.insert(at, byte),
    }
}

fn sealed(scope: &Scope, context: &Context<'_>, plaintext: &[u8]) -> Vec<u8> {
    let sealed = scope.seal(context, plaintext).expect("the system has random bytes");
    assert_eq!(sealed.len(), plaintext.len() + OVERHEAD);
    sealed
}

/// Asserts that the bytes do not open, and are refused for the reason that their header gives.
fn refused(scope: &Scope, context: &Context<'_>, bytes: &[u8]) {
    let copied = scope.open(context, bytes).expect_err("nobody sealed these bytes for this context");
    let in_place = scope.open(context, bytes.to_vec()).expect_err("nor if they are opened in place");
    assert_eq!(copied.to_string(), in_place.to_string());
    match (inspect(bytes), copied) {
        (Err(Error::NotSealed), Error::NotSealed) => {}
        (
            Err(Error::UnknownFormat { version, suite }),
            Error::UnknownFormat { version: same_version, suite: same_suite },
        ) => assert_eq!((version, suite), (same_version, same_suite)),
        (Ok(Header { key_id, .. }), Error::UnknownKey(same)) => assert_eq!(key_id, same),
        (Ok(_), Error::Rejected) => {}
        (header, error) => panic!("the header is {header:?}, yet opening says: {error}"),
    }
}

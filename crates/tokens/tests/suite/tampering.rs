//! Records that someone with access to the store has moved, altered or made up.

use bytes::Bytes;
use roomkey_core::{End, Key, Kind, Life, Op, Store};
use roomkey_tokens::{Error, Tokens};

use crate::assert_fails;
use crate::common::{HOUR, open, raw, record};

async fn put<S: Store>(store: &S, key: &Key, bytes: impl Into<Bytes>) {
    raw(store, Op::put(key, bytes.into(), Life::Never)).await;
}

pub(crate) async fn a_moved_record_is_an_error_and_not_valid<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let tokens = Tokens::new(vault.clone());
    tokens.store("access", "mine", HOUR).await.unwrap();
    let sealed = raw(&store, Op::get(&record(&vault, "access", "mine"))).await.into_bytes().unwrap();
    for (token_type, token) in [("access", "stolen"), ("admin", "mine")] {
        put(&store, &record(&vault, token_type, token), sealed.clone()).await;
        assert_fails!(
            tokens.is_valid(token_type, token).await,
            Error::Record(roomkey_vault::Error::Rejected)
        );
        assert_fails!(tokens.store(token_type, token, HOUR).await, Error::AlreadyExists);
        assert!(tokens.revoke(token_type, token).await.unwrap());
        assert!(!tokens.is_valid(token_type, token).await.unwrap());
    }
    assert!(tokens.is_valid("access", "mine").await.unwrap());
}

pub(crate) async fn a_record_of_another_structure_is_an_error_and_not_valid<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let tokens = Tokens::new(vault.clone());
    let place = record(&vault, "access", "token");
    let list = Key::parse(Kind::List, place.bytes().clone()).unwrap();
    raw(&store, Op::push(&list, End::Back, "x", Life::Never)).await;
    assert_fails!(tokens.is_valid("access", "token").await, Error::Record(_));
    assert!(tokens.store("access", "token", HOUR).await.is_err());
    assert!(tokens.revoke("access", "token").await.unwrap());
    tokens.store("access", "token", HOUR).await.unwrap();
}

pub(crate) async fn a_damaged_record_is_an_error_and_not_valid<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let tokens = Tokens::new(vault.clone());
    let place = record(&vault, "access", "token");
    for plain in ["", "1", "true", "valid"] {
        put(&store, &place, plain).await;
        assert_fails!(
            tokens.is_valid("access", "token").await,
            Error::Record(roomkey_vault::Error::NotSealed)
        );
    }
    tokens.revoke("access", "token").await.unwrap();
    tokens.store("access", "token", HOUR).await.unwrap();
    let sealed = raw(&store, Op::get(&place)).await.into_bytes().unwrap();
    for at in 0..sealed.len() {
        let mut damaged = sealed.to_vec();
        damaged[at] ^= 0x80;
        put(&store, &place, damaged).await;
        assert_fails!(tokens.is_valid("access", "token").await, Error::Record(_));
        put(&store, &place, sealed.slice(..at)).await;
        assert_fails!(tokens.is_valid("access", "token").await, Error::Record(_));
    }
}

pub(crate) async fn a_sealed_value_is_no_record<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let tokens = Tokens::new(vault.clone());
    let place = record(&vault, "access", "token");
    // Sealed by the right ring for the very key, but as a value: whoever can only make the service store values
    // cannot make it store a token.
    let space = vault.space("t1", crate::common::SPREAD);
    let value = space.seal(&roomkey_crypto::Context::value(place.bytes()), &[&[1]]).unwrap();
    put(&store, &place, value).await;
    assert_fails!(tokens.is_valid("access", "token").await, Error::Record(roomkey_vault::Error::Rejected));
}

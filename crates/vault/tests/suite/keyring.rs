//! The canary: wrong rings, rotation, many nodes at once.

use roomkey_core::{End, Key, Kind, Life, Op, Spread, Store};
use roomkey_crypto::{SecretKey, Tag, inspect};
use roomkey_vault::{Error, Keyring, Result, Vault};

use crate::assert_fails;
use crate::common::{HOUR, fresh_app, raw, ring};

async fn open_as<S: Store>(store: &S, app: &str, keyring: Keyring) -> Result<Vault<S>> {
    Vault::builder().app(app).open(store.clone(), keyring).await
}

fn secret(byte: u8) -> SecretKey {
    SecretKey::from_bytes([byte; 32])
}

fn canary<S: Store>(vault: &Vault<S>) -> Key {
    vault.space("canary", Spread::over(1)).key(Kind::Value, Tag::from([0; 16]))
}

pub(crate) async fn a_wrong_ring_is_told_at_open<S: Store>(store: S) {
    let app = fresh_app();
    let vault = open_as(&store, &app, ring(1)).await.unwrap();
    vault.set("x", &1u8, HOUR).await.unwrap();
    let error = open_as(&store, &app, ring(2)).await.unwrap_err();
    let id = ring(1).active_id();
    assert!(error.to_string().contains(&id.to_string()), "{error}");
    assert_fails!(Err::<(), _>(error), Error::WrongKeyring { key: Some(key), .. } if key == id);
    // The right one still opens, and nothing was lost.
    assert_eq!(open_as(&store, &app, ring(1)).await.unwrap().get("x").await.unwrap(), Some(1u8));
}

pub(crate) async fn a_wrong_name_key_is_told_at_open<S: Store>(store: S) {
    let app = fresh_app();
    open_as(&store, &app, ring(1)).await.unwrap();
    let renamed = Keyring::builder(secret(1)).names(secret(9)).build().unwrap();
    assert_fails!(open_as(&store, &app, renamed).await, Error::WrongKeyring { key: None, .. });
}

pub(crate) async fn nodes_that_open_at_once_converge<S: Store>(store: S) {
    let app = fresh_app();
    let nodes: Vec<_> = (0..32)
        .map(|_| {
            let (store, app) = (store.clone(), app.clone());
            tokio::spawn(async move { open_as(&store, &app, ring(1)).await })
        })
        .collect();
    let mut vaults = Vec::new();
    for node in nodes {
        vaults.push(node.await.unwrap().unwrap());
    }
    vaults[0].set("x", &1u8, HOUR).await.unwrap();
    for vault in vaults {
        assert_eq!(vault.get("x").await.unwrap(), Some(1u8));
    }
}

pub(crate) async fn two_rings_cannot_share_a_namespace<S: Store>(store: S) {
    let app = fresh_app();
    let (one, two) = tokio::join!(open_as(&store, &app, ring(1)), open_as(&store, &app, ring(2)));
    assert!(one.is_ok() != two.is_ok(), "exactly one ring wins: {one:?} {two:?}");
    let lost = one.err().or_else(|| two.err()).unwrap();
    assert!(matches!(lost, Error::WrongKeyring { .. }), "{lost:?}");
}

pub(crate) async fn a_rotated_ring_reads_old_values_and_renews_the_canary<S: Store>(store: S) {
    let app = fresh_app();
    let old = open_as(&store, &app, ring(1)).await.unwrap();
    old.set("x", &1u8, HOUR).await.unwrap();
    let sealed_under =
        async || inspect(&raw(&store, Op::get(&canary(&old))).await.into_bytes().unwrap()).unwrap().key_id;
    assert_eq!(sealed_under().await, secret(1).id());

    let names = secret(1).name_key();
    let both = Keyring::builder(secret(2)).retired(secret(1)).names(names.clone()).build().unwrap();
    let rotated = open_as(&store, &app, both).await.unwrap();
    assert_eq!(rotated.get("x").await.unwrap(), Some(1u8));
    assert_eq!(sealed_under().await, secret(2).id());
    // So the old key can be dropped, except for the values that it sealed.
    let new = Keyring::builder(secret(2)).names(names).build().unwrap();
    let vault = open_as(&store, &app, new).await.unwrap();
    assert_fails!(vault.get::<u8>("x").await, Error::UnknownKey(id) if id == secret(1).id());
    rotated.set("x", &2u8, HOUR).await.unwrap();
    assert_eq!(vault.get("x").await.unwrap(), Some(2u8));
}

pub(crate) async fn a_damaged_canary_is_told<S: Store>(store: S) {
    let app = fresh_app();
    let vault = open_as(&store, &app, ring(1)).await.unwrap();
    let key = canary(&vault);
    let mut sealed = raw(&store, Op::get(&key)).await.into_bytes().unwrap().to_vec();
    *sealed.last_mut().unwrap() ^= 1;
    raw(&store, Op::put(&key, bytes::Bytes::from(sealed), Life::Never)).await;
    canary_fails(open_as(&store, &app, ring(1)).await, &key, |source| matches!(source, Error::Rejected));
    raw(&store, Op::put(&key, "canary", Life::Never)).await;
    canary_fails(open_as(&store, &app, ring(1)).await, &key, |source| matches!(source, Error::NotSealed));
    // The canary of another namespace does not sing here.
    let other = vault.namespace("other").await.unwrap();
    let foreign = raw(&store, Op::get(&canary(&other))).await.into_bytes().unwrap();
    raw(&store, Op::put(&key, foreign, Life::Never)).await;
    canary_fails(open_as(&store, &app, ring(1)).await, &key, |source| matches!(source, Error::Rejected));
    // Nor is another structure one.
    raw(&store, Op::delete(&key)).await;
    let list = Key::parse(Kind::List, key.bytes().clone()).unwrap();
    raw(&store, Op::push(&list, End::Back, "canary", Life::Never)).await;
    canary_fails(open_as(&store, &app, ring(1)).await, &key, |source| matches!(source, Error::WrongType));
}

#[track_caller]
fn canary_fails<S: Store>(opened: Result<Vault<S>>, at: &Key, why: fn(&Error) -> bool) {
    let error = opened.unwrap_err();
    assert!(error.to_string().contains(&at.to_string()), "{error}");
    let Error::Canary { key, source } = error else { panic!("{error:?}") };
    assert!(key == *at && why(&source), "{source:?}");
}

pub(crate) async fn without_its_canary_a_namespace_counts_as_new<S: Store>(store: S) {
    let app = fresh_app();
    let vault = open_as(&store, &app, ring(1)).await.unwrap();
    vault.set("x", &1u8, HOUR).await.unwrap();
    let key = canary(&vault);
    assert!(key.to_string().starts_with(&format!("{app}:canary:default:")), "as `Vault::open` says");
    raw(&store, Op::delete(&key)).await;
    let wrong = open_as(&store, &app, ring(2)).await.unwrap();
    assert_eq!(wrong.get::<u8>("x").await.unwrap(), None, "another ring looks elsewhere");
    assert_fails!(open_as(&store, &app, ring(1)).await, Error::WrongKeyring { .. });
    // The way back.
    raw(&store, Op::delete(&key)).await;
    assert_eq!(open_as(&store, &app, ring(1)).await.unwrap().get("x").await.unwrap(), Some(1u8));
    assert_fails!(open_as(&store, &app, ring(2)).await, Error::WrongKeyring { .. });
}

pub(crate) async fn another_namespace_has_a_canary_of_its_own<S: Store>(store: S) {
    let app = fresh_app();
    open_as(&store, &app, ring(1)).await.unwrap().namespace("other").await.unwrap();
    // The namespace `second` is new, so the second ring may have it; `other` is not.
    let second = Vault::builder().app(&app).namespace("second").open(store, ring(2)).await.unwrap();
    assert_fails!(second.namespace("other").await, Error::WrongKeyring { key: Some(_), .. });
}

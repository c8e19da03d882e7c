//! Sealed values that someone with access to the store has moved, altered, cut or replaced.

use bytes::Bytes;
use roomkey_core::{End, Kind, Life, Op, Reply, Store};
use roomkey_vault::{Error, Vault};

use crate::assert_fails;
use crate::common::{HOUR, fresh_app, key, open, put_raw, raw, raw_fields, raw_value, ring};

pub(crate) async fn a_value_opens_under_its_own_key_only<S: Store>(store: S) {
    let vault = open(store).await;
    vault.set("mine", &1u8, HOUR).await.unwrap();
    vault.set("yours", &2u8, HOUR).await.unwrap();
    let (mine, yours) = (raw_value(&vault, "mine").await, raw_value(&vault, "yours").await);
    put_raw(&vault, "mine", yours).await;
    put_raw(&vault, "yours", mine.clone()).await;
    assert_fails!(vault.get::<u8>("mine").await, Error::Rejected);
    assert_fails!(vault.get::<u8>("yours").await, Error::Rejected);
    assert_fails!(vault.get_many::<u8, _>(["mine", "yours"]).await, Error::Rejected);
    // An older value of the same key opens: no library can tell.
    put_raw(&vault, "mine", mine).await;
    assert_eq!(vault.get("mine").await.unwrap(), Some(1u8));
}

pub(crate) async fn a_field_opens_in_its_own_place_only<S: Store>(store: S) {
    let vault = open(store).await;
    for name in ["h", "other"] {
        vault.hset(name, "balance", &1u8).await.unwrap();
        vault.hset(name, "limit", &2u8).await.unwrap();
    }
    let put = async |name: &str, field: &Bytes, sealed: &Bytes| {
        let map = key(&vault, Kind::Map, name);
        raw(vault.store(), Op::map_put(&map, field.clone(), sealed.clone(), Life::Keep)).await;
    };
    let original = raw_fields(&vault, "h").await;
    // Two fields of one hash.
    put("h", &original[0].0, &original[1].1).await;
    put("h", &original[1].0, &original[0].1).await;
    for field in ["balance", "limit"] {
        assert_fails!(vault.hget::<u8>("h", field).await, Error::Rejected);
    }
    assert_fails!(vault.hgetall::<u8>("h").await, Error::Rejected);
    // A whole hash under another name: there, nobody would ask for its fields by these tags, but `hgetall` finds
    // them.
    for (field, sealed) in &original {
        put("h", field, sealed).await;
        put("other", field, sealed).await;
    }
    assert_eq!(vault.hget("h", "balance").await.unwrap(), Some(1u8));
    assert_fails!(vault.hgetall::<u8>("other").await, Error::Rejected);
}

pub(crate) async fn an_element_opens_in_its_own_list_only<S: Store>(store: S) {
    let vault = open(store).await;
    vault.rpush("l", &1u8).await.unwrap();
    let Reply::Items(items) = raw(vault.store(), Op::range(&key(&vault, Kind::List, "l"), 0, -1)).await
    else {
        panic!("a list replies items")
    };
    raw(vault.store(), Op::push(&key(&vault, Kind::List, "other"), End::Back, items, Life::Keep)).await;
    assert_fails!(vault.lrange::<u8>("other", 0, -1).await, Error::Rejected);
    assert_fails!(vault.lpop::<u8>("other").await, Error::Rejected);
}

pub(crate) async fn structures_do_not_stand_in_for_each_other<S: Store>(store: S) {
    let vault = open(store).await;
    // The same name as each structure in turn: key, name and namespace are the same, only the kind differs.
    vault.set("x", &1u8, HOUR).await.unwrap();
    let value = raw_value(&vault, "x").await;
    vault.delete("x").await.unwrap();
    vault.rpush("x", &1u8).await.unwrap();
    let list = key(&vault, Kind::List, "x");
    raw(vault.store(), Op::push(&list, End::Front, value.clone(), Life::Keep)).await;
    assert_fails!(vault.lpop::<u8>("x").await, Error::Rejected);
    let Reply::Items(items) = raw(vault.store(), Op::range(&list, 0, -1)).await else {
        panic!("a list replies items")
    };
    vault.delete("x").await.unwrap();
    put_raw(&vault, "x", items[0].clone()).await;
    assert_fails!(vault.get::<u8>("x").await, Error::Rejected);
    vault.delete("x").await.unwrap();
    vault.hset("x", "f", &1u8).await.unwrap();
    let fields = raw_fields(&vault, "x").await;
    raw(vault.store(), Op::map_put(&key(&vault, Kind::Map, "x"), fields[0].0.clone(), value, Life::Keep))
        .await;
    assert_fails!(vault.hget::<u8>("x", "f").await, Error::Rejected);
    vault.delete("x").await.unwrap();
    put_raw(&vault, "x", fields[0].1.clone()).await;
    assert_fails!(vault.get::<u8>("x").await, Error::Rejected);
}

pub(crate) async fn a_value_of_another_namespace_does_not_open<S: Store>(store: S) {
    let vault = open(store).await;
    let other = vault.namespace("other").await.unwrap();
    vault.set("x", &1u8, HOUR).await.unwrap();
    put_raw(&other, "x", raw_value(&vault, "x").await).await;
    assert_fails!(other.get::<u8>("x").await, Error::Rejected);
}

pub(crate) async fn damaged_values_do_not_open<S: Store>(store: S) {
    let vault = open(store).await;
    vault.set("x", "a value of some length", HOUR).await.unwrap();
    let sealed = raw_value(&vault, "x").await;
    for len in 0..sealed.len() {
        put_raw(&vault, "x", sealed.slice(..len)).await;
        assert_fails!(vault.get::<String>("x").await, Error::NotSealed | Error::Rejected);
    }
    for at in 0..sealed.len() {
        let mut damaged = sealed.to_vec();
        damaged[at] ^= 1;
        put_raw(&vault, "x", damaged).await;
        assert_fails!(
            vault.get::<String>("x").await,
            Error::NotSealed | Error::UnknownFormat | Error::UnknownKey(_) | Error::Rejected
        );
    }
    let mut longer = sealed.to_vec();
    longer.push(0);
    put_raw(&vault, "x", longer).await;
    assert_fails!(vault.get::<String>("x").await, Error::Rejected);
    // What does not open can be replaced.
    vault.set("x", "new", HOUR).await.unwrap();
    assert_eq!(vault.get("x").await.unwrap(), Some("new".to_owned()));
}

pub(crate) async fn plaintext_is_never_taken_for_a_value<S: Store>(store: S) {
    let vault = open(store).await;
    for plain in ["", "\u{1}\u{1}", "{\"user\":1}", "admin"] {
        put_raw(&vault, "x", plain).await;
        assert_fails!(vault.get::<String>("x").await, Error::NotSealed);
        let map = key(&vault, Kind::Map, "h");
        raw(vault.store(), Op::map_put(&map, "f", Bytes::from(plain), Life::Keep)).await;
        assert_fails!(vault.hgetall::<String>("h").await, Error::NotSealed);
        let list = key(&vault, Kind::List, "l");
        raw(vault.store(), Op::push(&list, End::Back, Bytes::from(plain), Life::Keep)).await;
        assert_fails!(vault.lpop::<String>("l").await, Error::NotSealed);
    }
}

pub(crate) async fn a_value_under_a_foreign_key_names_the_key<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let foreign = Vault::builder().app(fresh_app()).open(store, ring(8)).await.unwrap();
    foreign.set("x", &1u8, HOUR).await.unwrap();
    put_raw(&vault, "x", raw_value(&foreign, "x").await).await;
    assert_fails!(vault.get::<u8>("x").await, Error::UnknownKey(id) if id == ring(8).active_id());
}

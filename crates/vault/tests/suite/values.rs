//! Single values.

use std::collections::HashMap;

use roomkey_core::{Invalid, Kind, Op, Store};
use roomkey_vault::{Error, Expiry, Json, MAX_VALUE_BYTES, Name, Ttl, Vault};
use serde::{Deserialize, Serialize};

use crate::assert_fails;
use crate::common::{DAY, HOUR, fresh_app, key, open, raw, ring};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Session {
    user: u64,
    roles: Vec<String>,
    seen: Option<i64>,
}

fn session(user: u64) -> Session {
    Session { user, roles: vec!["admin".into()], seen: Some(-1) }
}

pub(crate) async fn what_is_set_is_got<S: Store>(store: S) {
    let vault = open(store).await;
    vault.set(Name::new("session").arg(1), &session(1), HOUR).await.unwrap();
    vault.set(Name::new("session").arg(2), &session(2), HOUR).await.unwrap();
    assert_eq!(vault.get(Name::new("session").arg(1)).await.unwrap(), Some(session(1)));
    assert_eq!(vault.get(Name::new("session").arg("2")).await.unwrap(), Some(session(2)));
    vault.set(Name::new("session").arg(1), &session(3), HOUR).await.unwrap();
    assert_eq!(vault.get(Name::new("session").arg(1)).await.unwrap(), Some(session(3)));

    let map = HashMap::from([("a".to_owned(), 1u8), ("b".to_owned(), 2)]);
    vault.set("map", &map, Expiry::Never).await.unwrap();
    assert_eq!(vault.get("map").await.unwrap(), Some(map));
    vault.set("none", &None::<u8>, Expiry::Never).await.unwrap();
    assert_eq!(vault.get::<Option<u8>>("none").await.unwrap(), Some(None));
}

pub(crate) async fn nothing_is_none<S: Store>(store: S) {
    let vault = open(store).await;
    assert_eq!(vault.get::<Session>("nobody").await.unwrap(), None);
    assert!(!vault.exists("nobody").await.unwrap());
    assert!(!vault.delete("nobody").await.unwrap());
    assert!(!vault.expire("nobody", HOUR).await.unwrap());
    assert_eq!(vault.ttl("nobody").await.unwrap(), Ttl::Missing);
}

pub(crate) async fn set_replaces_any_structure<S: Store>(store: S) {
    let vault = open(store).await;
    vault.rpush("x", &1u8).await.unwrap();
    vault.set("x", &2u8, HOUR).await.unwrap();
    assert_eq!(vault.get("x").await.unwrap(), Some(2u8));
}

pub(crate) async fn set_decides_about_the_expiry<S: Store>(store: S) {
    let vault = open(store).await;
    let lives = async |min, max| {
        let Ttl::After(left) = vault.ttl("x").await.unwrap() else { panic!("it expires") };
        assert!(left > min && left <= max, "{left:?}");
    };
    vault.set("x", &1u8, Expiry::Keep).await.unwrap();
    assert_eq!(vault.ttl("x").await.unwrap(), Ttl::Never);
    vault.set("x", &1u8, HOUR).await.unwrap();
    lives(HOUR / 2, HOUR).await;
    vault.set("x", &1u8, Expiry::Keep).await.unwrap();
    lives(HOUR / 2, HOUR).await;
    vault.set("x", &1u8, Expiry::AtLeast(DAY)).await.unwrap();
    lives(DAY / 2, DAY).await;
    vault.set("x", &1u8, Expiry::AtLeast(HOUR)).await.unwrap();
    lives(DAY / 2, DAY).await;
    vault.set("x", &1u8, Expiry::After(HOUR)).await.unwrap();
    lives(HOUR / 2, HOUR).await;
    vault.set("x", &1u8, Expiry::Never).await.unwrap();
    assert_eq!(vault.ttl("x").await.unwrap(), Ttl::Never);
}

pub(crate) async fn many_are_read_in_their_order<S: Store>(store: S) {
    let vault = open(store).await;
    let none: &[&str] = &[];
    assert_eq!(vault.get_many::<u8, _>(none).await.unwrap(), vec![]);
    assert_eq!(vault.get_many::<u8, &str>([]).await.unwrap(), vec![]);
    assert_eq!(vault.get_many::<u8, &&str>(&[]).await.unwrap(), vec![]);
    vault.set("a", &1u8, HOUR).await.unwrap();
    assert_eq!(vault.get_many(&["a", "b"]).await.unwrap(), [Some(1u8), None]);
    assert_eq!(vault.get_many(["b", "a"].iter()).await.unwrap(), [None, Some(1u8)]);
    assert_eq!(vault.get_many(&["a".to_owned()]).await.unwrap(), [Some(1u8)]);
    for n in 0..50u32 {
        vault.set(Name::new("n").arg(n), &n, HOUR).await.unwrap();
    }
    let names = (0..60u32).rev().map(|n| Name::new("n").arg(n));
    let expected: Vec<_> = (0..60u32).rev().map(|n| (n < 50).then_some(n)).collect();
    assert_eq!(vault.get_many(names).await.unwrap(), expected);

    vault.rpush("list", &1u8).await.unwrap();
    assert_fails!(vault.get_many::<u32, _>(["n", "list"]).await, Error::WrongType);
    assert_fails!(vault.get_many::<u32, _>(["n", ""]).await, Error::EmptyName);
    assert_fails!(vault.get_many::<u32, _>(vec!["n"; 65_537]).await, Error::TooMany(_));
}

pub(crate) async fn many_are_written_with_one_expiry<S: Store>(store: S) {
    let vault = open(store).await;
    let values: Vec<_> = (0..20u32).map(|n| (Name::new("n").arg(n), n)).collect();
    vault.set_many(values.iter().map(|(name, n)| (name, n)), HOUR).await.unwrap();
    for (name, n) in &values {
        assert_eq!(vault.get(name).await.unwrap(), Some(*n));
        assert!(matches!(vault.ttl(name).await.unwrap(), Ttl::After(_)));
    }
    vault.set_many::<u8, &str>([], HOUR).await.unwrap();
    // What is wrong with one value is told before any is sent.
    assert_fails!(vault.set_many([("new", "a"), ("", "b")], HOUR).await, Error::EmptyName);
    assert!(!vault.exists("new").await.unwrap());
}

pub(crate) async fn too_many_are_refused_while_they_are_collected<S: Store>(store: S) {
    let vault = open(store).await;
    // Without an end, so that only a refusal on the way can end it.
    let names = std::iter::repeat("n");
    assert_fails!(vault.get_many::<u8, _>(names.clone()).await, Error::TooMany(Invalid::TooManyOps));
    let small = names.clone().map(|name| (name, &1u8));
    assert_fails!(vault.set_many(small, HOUR).await, Error::TooMany(Invalid::TooManyOps));
    let large = vec![0u8; 8 << 20];
    let large = names.map(|name| (name, &large));
    assert_fails!(vault.set_many(large, HOUR).await, Error::TooMany(Invalid::ProgramTooLarge));
    assert!(!vault.exists("n").await.unwrap(), "nothing was sent");
}

pub(crate) async fn text_and_slices_are_read_as_owned<S: Store>(store: S) {
    let vault = open(store).await;
    vault.set("text", "grüße", HOUR).await.unwrap();
    assert_eq!(vault.get("text").await.unwrap(), Some("grüße".to_owned()));
    vault.set("bytes", &[1u8, 2, 3][..], HOUR).await.unwrap();
    assert_eq!(vault.get("bytes").await.unwrap(), Some(vec![1u8, 2, 3]));
    vault.set("empty", "", HOUR).await.unwrap();
    assert_eq!(vault.get("empty").await.unwrap(), Some(String::new()));
}

pub(crate) async fn json_is_read_as_json_only<S: Store>(store: S) {
    let vault = open(store).await;
    let value = serde_json::json!({ "a": [1, null, "x"], "b": { "c": 0.1 } });
    vault.set("doc", &Json(value.clone()), HOUR).await.unwrap();
    assert_eq!(vault.get("doc").await.unwrap(), Some(Json(value)));
    assert_fails!(vault.get::<String>("doc").await, Error::WrongCodec { found: "JSON", expected: "bincode" });
    vault.set("text", "x", HOUR).await.unwrap();
    assert_fails!(vault.get::<Json<String>>("text").await, Error::WrongCodec { found: "bincode", .. });
}

pub(crate) async fn another_type_is_told<S: Store>(store: S) {
    let vault = open(store).await;
    vault.set("x", &session(1), HOUR).await.unwrap();
    assert_fails!(vault.get::<u8>("x").await, Error::Decode { type_name: "u8", .. });
    assert_fails!(vault.get::<HashMap<String, u64>>("x").await, Error::Decode { .. });
    assert_eq!(vault.get("x").await.unwrap(), Some(session(1)));
}

pub(crate) async fn types_that_do_not_come_back_are_refused<S: Store>(store: S) {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Id {
        Number(u64),
        Text(String),
    }
    let vault = open(store).await;
    let error = vault.set("id", &Id::Number(1), HOUR).await.unwrap_err();
    assert!(error.to_string().contains("Id") && error.to_string().contains("Json"), "{error}");
    assert!(!vault.exists("id").await.unwrap(), "nothing was sent");
    assert_fails!(vault.hset("h", "id", &Id::Text("a".into())).await, Error::NotRoundTrip { .. });
    assert_fails!(vault.rpush("l", &Id::Number(2)).await, Error::NotRoundTrip { .. });
    assert_fails!(vault.set_many([("id", &Id::Number(1))], HOUR).await, Error::NotRoundTrip { .. });
    // Who uses JSON already is not sent there.
    let error = vault.set("id", &Json(Some(None::<u8>)), HOUR).await.unwrap_err();
    assert!(error.to_string().contains("JSON") && !error.to_string().contains("Json"), "{error}");
    vault.set("id", &Json(Id::Number(1)), HOUR).await.unwrap();
    assert_eq!(vault.get("id").await.unwrap(), Some(Json(Id::Number(1))));
}

pub(crate) async fn largest_value_passes_and_a_larger_is_refused<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    for bytes in [32 * 1_024 * 1_024, MAX_VALUE_BYTES] {
        let huge = "x".repeat(bytes);
        assert_fails!(vault.set("x", &huge, HOUR).await, Error::TooLarge { limit } if limit == MAX_VALUE_BYTES);
        assert_fails!(vault.hset("h", "x", &huge).await, Error::TooLarge { .. });
        assert_fails!(vault.rpush("l", &huge).await, Error::TooLarge { .. });
        assert_fails!(vault.set_many([("x", &huge)], HOUR).await, Error::TooLarge { .. });
    }
    assert!(!vault.exists("x").await.unwrap(), "nothing was sent");

    // Five bytes say how long the text is.
    let largest = "x".repeat(MAX_VALUE_BYTES - 5);
    assert_fails!(vault.hset("h", "a field's name takes room too", &largest).await, Error::TooLarge { .. });
    vault.set("x", &largest, HOUR).await.unwrap();
    assert!(vault.get::<String>("x").await.unwrap() == Some(largest));
    let sealed = raw(&store, Op::get(&key(&vault, Kind::Value, "x"))).await.into_bytes().unwrap();
    assert_eq!(sealed.len(), roomkey_core::MAX_VALUE_BYTES);

    let small = Vault::builder().app(fresh_app()).max_value_bytes(8).open(store, ring(7)).await.unwrap();
    small.set("x", "1234567", HOUR).await.unwrap();
    assert_fails!(small.set("x", "12345678", HOUR).await, Error::TooLarge { limit: 8 });
    assert_eq!(small.get("x").await.unwrap(), Some("1234567".to_owned()));
}

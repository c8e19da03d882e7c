//! Hashes.

use std::collections::HashMap;

use roomkey_core::Store;
use roomkey_vault::{Error, Expiry, Ttl};

use crate::assert_fails;
use crate::common::{DAY, HOUR, open, raw_fields};

pub(crate) async fn fields_are_set_got_and_removed<S: Store>(store: S) {
    let vault = open(store).await;
    assert_eq!(vault.hget::<String>("h", "a").await.unwrap(), None);
    assert!(vault.hset("h", "a", "1").await.unwrap());
    assert!(!vault.hset("h", "a", "2").await.unwrap(), "it is not new");
    assert!(vault.hset("h", "b", "3").await.unwrap());
    assert_eq!(vault.hget("h", "a").await.unwrap(), Some("2".to_owned()));
    assert_eq!(vault.hget::<String>("h", "c").await.unwrap(), None);
    assert_eq!(vault.hget::<String>("other", "a").await.unwrap(), None);
    assert!(vault.hdel("h", "a").await.unwrap());
    assert!(!vault.hdel("h", "a").await.unwrap());
    assert!(vault.hdel("h", "b").await.unwrap());
    assert!(!vault.exists("h").await.unwrap(), "with its last field it is gone");
}

pub(crate) async fn all_fields_come_with_their_names<S: Store>(store: S) {
    let vault = open(store).await;
    assert_eq!(vault.hgetall::<u32>("h").await.unwrap(), HashMap::new());
    let fields: HashMap<String, u32> = (0..200).map(|n| (format!("field-{n} ü"), n)).collect();
    for (field, n) in &fields {
        vault.hset("h", field, n).await.unwrap();
        vault.hset("twin", field, n).await.unwrap();
    }
    assert_eq!(vault.hgetall("h").await.unwrap(), fields);
    // Equal fields of two hashes cannot be told apart from different ones.
    let (one, two) = (raw_fields(&vault, "h").await, raw_fields(&vault, "twin").await);
    assert!(one.iter().all(|(field, _)| field.len() == 16 && !two.iter().any(|(other, _)| other == field)));
}

pub(crate) async fn a_hash_lives_as_long_as_told<S: Store>(store: S) {
    let vault = open(store).await;
    vault.hset("h", "a", &1u8).await.unwrap();
    assert_eq!(vault.ttl("h").await.unwrap(), Ttl::Never);
    vault.hset_for("h", "a", &1u8, HOUR).await.unwrap();
    vault.hset("h", "b", &1u8).await.unwrap();
    assert!(matches!(vault.ttl("h").await.unwrap(), Ttl::After(left) if left <= HOUR));
    vault.hset_for("h", "b", &1u8, Expiry::AtLeast(DAY)).await.unwrap();
    assert!(matches!(vault.ttl("h").await.unwrap(), Ttl::After(left) if left > HOUR));
}

pub(crate) async fn bad_field_names_are_refused<S: Store>(store: S) {
    let vault = open(store).await;
    let long = "x".repeat(64 * 1_024);
    assert_fails!(vault.hset("h", "", &1u8).await, Error::EmptyName);
    assert_fails!(vault.hget::<u8>("h", "").await, Error::EmptyName);
    assert_fails!(vault.hset("h", &long, &1u8).await, Error::NameTooLong { bytes: 65_536 });
    assert_fails!(vault.hget::<u8>("h", &long).await, Error::NameTooLong { .. });
    assert_fails!(vault.hdel("h", &long).await, Error::NameTooLong { .. });
    let longest = "x".repeat(roomkey_vault::MAX_NAME_BYTES);
    vault.hset("h", &longest, &1u8).await.unwrap();
    assert_eq!(vault.hgetall("h").await.unwrap(), HashMap::from([(longest, 1u8)]));
}

//! What holds for every structure: names, expiries, kinds, namespaces.

use std::time::Duration;

use roomkey_core::Store;
use roomkey_vault::{Error, Expiry, MAX_NAME_BYTES, Name, Ttl, Vault};

use crate::assert_fails;
use crate::common::{HOUR, open, ring};

async fn one_of_each<S: Store>(vault: &Vault<S>) {
    vault.set("value", &1u8, Expiry::Never).await.unwrap();
    vault.incr("counter").await.unwrap();
    vault.hset("hash", "field", &1u8).await.unwrap();
    vault.rpush("list", &1u8).await.unwrap();
}

pub(crate) async fn delete_exists_expire_and_ttl_work_on_every_structure<S: Store>(store: S) {
    let vault = open(store).await;
    one_of_each(&vault).await;
    for name in ["value", "counter", "hash", "list"] {
        assert!(vault.exists(name).await.unwrap());
        assert_eq!(vault.ttl(name).await.unwrap(), Ttl::Never);
        assert!(vault.expire(name, HOUR).await.unwrap());
        assert!(
            matches!(vault.ttl(name).await.unwrap(), Ttl::After(left) if left > HOUR / 2 && left <= HOUR)
        );
        assert!(vault.expire(name, Expiry::Keep).await.unwrap());
        assert!(matches!(vault.ttl(name).await.unwrap(), Ttl::After(_)));
        assert!(vault.expire(name, Expiry::Never).await.unwrap());
        assert_eq!(vault.ttl(name).await.unwrap(), Ttl::Never);
        assert!(vault.delete(name).await.unwrap());
        assert!(!vault.exists(name).await.unwrap());
    }
}

pub(crate) async fn operations_on_another_structure_are_wrong_type<S: Store>(store: S) {
    let vault = open(store).await;
    one_of_each(&vault).await;
    for name in ["hash", "list"] {
        assert_fails!(vault.get::<u8>(name).await, Error::WrongType);
        assert_fails!(vault.incr(name).await, Error::WrongType);
        assert_fails!(vault.decr(name).await, Error::WrongType);
        assert_fails!(vault.counter(name).await, Error::WrongType);
    }
    for name in ["value", "counter", "list"] {
        assert_fails!(vault.hset(name, "f", &1u8).await, Error::WrongType);
        assert_fails!(vault.hget::<u8>(name, "f").await, Error::WrongType);
        assert_fails!(vault.hdel(name, "f").await, Error::WrongType);
        assert_fails!(vault.hgetall::<u8>(name).await, Error::WrongType);
    }
    for name in ["value", "counter", "hash"] {
        assert_fails!(vault.lpush(name, &1u8).await, Error::WrongType);
        assert_fails!(vault.rpush(name, &1u8).await, Error::WrongType);
        assert_fails!(vault.lpop::<u8>(name).await, Error::WrongType);
        assert_fails!(vault.rpop::<u8>(name).await, Error::WrongType);
        assert_fails!(vault.lrange::<u8>(name, 0, -1).await, Error::WrongType);
    }
    // Nothing was lost.
    assert_eq!(vault.get("value").await.unwrap(), Some(1u8));
    assert_eq!(vault.counter("counter").await.unwrap(), 1);
    assert_eq!(vault.hget("hash", "field").await.unwrap(), Some(1u8));
    assert_eq!(vault.lrange::<u8>("list", 0, -1).await.unwrap(), [1]);
}

pub(crate) async fn bad_names_are_refused<S: Store>(store: S) {
    let vault = open(store).await;
    let long = "x".repeat(64 * 1_024);
    let name = || Name::from(&long);
    macro_rules! refused {
        ($($call:expr;)*) => {
            $(assert_fails!($call.await, Error::NameTooLong { bytes: 65_536 });)*
        };
    }
    refused! {
        vault.get::<u8>(name());
        vault.set(name(), &1u8, HOUR);
        vault.delete(name());
        vault.exists(name());
        vault.expire(name(), HOUR);
        vault.ttl(name());
        vault.incr(name());
        vault.decr(name());
        vault.counter(name());
        vault.hset(name(), "f", &1u8);
        vault.hget::<u8>(name(), "f");
        vault.hdel(name(), "f");
        vault.hgetall::<u8>(name());
        vault.lpush(name(), &1u8);
        vault.rpop::<u8>(name());
        vault.lrange::<u8>(name(), 0, -1);
        vault.get_many::<u8, _>([name()]);
        vault.set_many([(name(), &1u8)], HOUR);
    }
    assert_fails!(vault.get::<u8>("").await, Error::EmptyName);
    assert_fails!(vault.set("", &1u8, HOUR).await, Error::EmptyName);
    assert_fails!(vault.incr(Name::new("").arg(1)).await, Error::EmptyName);
    let largest = "x".repeat(MAX_NAME_BYTES);
    vault.set(&largest, &1u8, HOUR).await.unwrap();
    assert_eq!(vault.get(&largest).await.unwrap(), Some(1u8));
}

pub(crate) async fn bad_expiries_are_refused<S: Store>(store: S) {
    let vault = open(store).await;
    vault.set("x", &1u8, Expiry::Never).await.unwrap();
    for bad in [Duration::ZERO, Duration::from_secs(100 * 365 * 24 * 3_600 + 1), Duration::MAX] {
        assert_fails!(vault.set("x", &2u8, bad).await, Error::Expiry(told) if told == bad);
        assert_fails!(vault.set_many([("x", &2u8)], bad).await, Error::Expiry(_));
        assert_fails!(vault.expire("x", bad).await, Error::Expiry(_));
        assert_fails!(vault.expire("x", Expiry::AtLeast(bad)).await, Error::Expiry(_));
        assert_fails!(vault.incr_for("n", 1, bad).await, Error::Expiry(_));
        assert_fails!(vault.hset_for("h", "f", &1u8, bad).await, Error::Expiry(_));
        assert_fails!(vault.lpush_for("l", &1u8, bad).await, Error::Expiry(_));
        assert_fails!(vault.rpush_for("l", &1u8, bad).await, Error::Expiry(_));
    }
    assert_eq!(vault.get("x").await.unwrap(), Some(1u8));
    assert_eq!(vault.ttl("x").await.unwrap(), Ttl::Never);
    for name in ["n", "h", "l"] {
        assert!(!vault.exists(name).await.unwrap());
    }
    // The shortest lifetime is not cut to nothing.
    vault.set("long", &1u8, Duration::from_secs(100 * 365 * 24 * 3_600)).await.unwrap();
    assert!(matches!(vault.ttl("long").await.unwrap(), Ttl::After(_)));
}

pub(crate) async fn parts_of_names_do_not_run_together<S: Store>(store: S) {
    let vault = open(store).await;
    let names = [
        Name::new("user").arg(12).arg(3),
        Name::new("user").arg(1).arg(23),
        Name::new("user").arg(123),
        Name::new("user123"),
        Name::new("user:12:3"),
        Name::new("user").arg(12).arg(3).arg(""),
        Name::new("user").bytes([12]).bytes([3]),
    ];
    for (n, name) in names.iter().enumerate() {
        vault.set(name, &n, HOUR).await.unwrap();
    }
    for (n, name) in names.iter().enumerate() {
        assert_eq!(vault.get(name).await.unwrap(), Some(n));
    }
}

pub(crate) async fn namespaces_do_not_meet<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let other = vault.namespace("other").await.unwrap();
    vault.set("x", &1u8, HOUR).await.unwrap();
    assert_eq!(other.get::<u8>("x").await.unwrap(), None);
    other.set("x", &2u8, HOUR).await.unwrap();
    assert_eq!(vault.get("x").await.unwrap(), Some(1u8));
    assert_eq!(vault.namespace("other").await.unwrap().get("x").await.unwrap(), Some(2u8));
    for bad in ["", "a:b", "a{b}", "ä"] {
        assert_fails!(vault.namespace(bad).await, Error::Namespace(_));
        assert_fails!(Vault::builder().app(bad).open(store.clone(), ring(7)).await, Error::Namespace(_));
    }
}

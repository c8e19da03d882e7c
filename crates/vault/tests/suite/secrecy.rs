//! Planted sentinels: names and values that must not be seen anywhere.

use roomkey_core::{Namespace, Scan, Store};
use roomkey_testkit::{RecordingStore, read_state};
use roomkey_vault::{Error, Json, Name, Vault};

use crate::common::{HOUR, fresh_app, ring};

const SENTINEL: &str = "sentinel";

/// Every operation, with the sentinel wherever a caller can put one.
async fn every_operation<S: Store>(vault: &Vault<S>) {
    let name = |what: &str| Name::new(SENTINEL).arg(format!("{SENTINEL}-{what}")).bytes(SENTINEL);
    vault.set(name("value"), SENTINEL, HOUR).await.unwrap();
    vault.set(name("json"), &Json(SENTINEL.to_owned()), HOUR).await.unwrap();
    vault.set_many([(name("many"), &vec![SENTINEL.to_owned()])], HOUR).await.unwrap();
    assert_eq!(vault.get(name("value")).await.unwrap(), Some(SENTINEL.to_owned()));
    assert_eq!(vault.get_many::<Vec<String>, _>([name("many")]).await.unwrap().len(), 1);
    vault.incr(name("counter")).await.unwrap();
    vault.decr(name("counter")).await.unwrap();
    vault.counter(name("counter")).await.unwrap();
    vault.hset(name("hash"), SENTINEL, SENTINEL).await.unwrap();
    vault.hset(name("hash"), "other", SENTINEL).await.unwrap();
    vault.hget::<String>(name("hash"), SENTINEL).await.unwrap();
    vault.hgetall::<String>(name("hash")).await.unwrap();
    vault.hdel(name("hash"), "other").await.unwrap();
    vault.rpush(name("list"), SENTINEL).await.unwrap();
    vault.lpush(name("list"), SENTINEL).await.unwrap();
    vault.lrange::<String>(name("list"), 0, -1).await.unwrap();
    vault.lpop::<String>(name("list")).await.unwrap();
    vault.expire(name("value"), HOUR).await.unwrap();
    vault.ttl(name("value")).await.unwrap();
    vault.exists(name("value")).await.unwrap();
    vault.delete(name("json")).await.unwrap();
}

pub(crate) async fn no_name_or_value_reaches_the_store<S: Store>(store: S) {
    let app = fresh_app();
    let store = RecordingStore::new(store);
    let vault = Vault::builder().app(&app).open(store.clone(), ring(7)).await.unwrap();
    every_operation(&vault).await;

    let asked = format!("{:?}", store.history());
    assert!(asked.len() > 1_000, "the history holds what was sent");
    assert!(!asked.contains(SENTINEL), "{asked}");

    let namespace = Namespace::new(&app, "v1", "default").unwrap();
    let mut keys = Vec::new();
    let mut next = None;
    loop {
        let page = store.scan(Scan::new(namespace.clone()).after(next)).await.unwrap();
        keys.extend(page.keys);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 5, "value, many, counter, hash and list");
    let held = format!("{:?}", read_state(store.inner(), keys).await);
    assert!(!held.contains(SENTINEL), "{held}");
}

pub(crate) async fn debug_and_errors_show_no_name_or_value<S: Store>(store: S) {
    let vault = Vault::builder().app(fresh_app()).open(store, ring(7)).await.unwrap();
    every_operation(&vault).await;
    let builder = Vault::<S>::builder().trust::<String>();
    let shown = format!("{vault:?} {vault:#?} {builder:?} {:?}", Name::new(SENTINEL).arg(SENTINEL));
    assert!(!shown.contains(SENTINEL), "{shown}");
    assert!(!shown.contains(&"07".repeat(8)) && !shown.contains("7, 7, 7"), "no key either: {shown}");

    let value = || Name::new(SENTINEL).arg(format!("{SENTINEL}-value")).bytes(SENTINEL);
    let list = || Name::new(SENTINEL).arg(format!("{SENTINEL}-list")).bytes(SENTINEL);
    let long = SENTINEL.repeat(10_000);
    let errors = [
        vault.get::<u32>(value()).await.unwrap_err(),
        vault.get::<Json<String>>(value()).await.unwrap_err(),
        vault.get::<String>(list()).await.unwrap_err(),
        vault.incr(value()).await.unwrap_err(),
        vault.hget::<String>(value(), SENTINEL).await.unwrap_err(),
        vault.get::<String>(&long).await.unwrap_err(),
        vault.hget::<String>("h", &long).await.unwrap_err(),
        vault
            .set("x", &Json(std::collections::HashMap::from([((SENTINEL.to_owned(), 1), 2)])), HOUR)
            .await
            .unwrap_err(),
        vault.set("x", &serde_json::json!({ SENTINEL: SENTINEL }), HOUR).await.unwrap_err(),
    ];
    for error in errors {
        let mut shown = format!("{error} {error:?}");
        let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&error);
        while let Some(inner) = cause {
            shown.push_str(&format!("{inner} {inner:?}"));
            cause = inner.source();
        }
        assert!(!shown.contains(SENTINEL), "{shown}");
        assert!(!matches!(error, Error::Store(_)), "{shown}");
    }
}

//! What all behaviours use.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Batch, Key, Kind, Life, Op, Reply, Spread, Store};
use roomkey_store::{RedisConfig, RedisStore};
use roomkey_testkit::RedisServer;
use roomkey_vault::{Keyring, Space, Vault};

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3_600);

/// An application that no other test uses, as tests may share a store.
pub(crate) fn fresh_app() -> String {
    static APPS: AtomicU32 = AtomicU32::new(0);
    format!("app{}", APPS.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn ring(byte: u8) -> Keyring {
    Keyring::from_key_bytes([byte; 32])
}

pub(crate) async fn open<S: Store>(store: S) -> Vault<S> {
    Vault::builder().app(fresh_app()).open(store, ring(7)).await.unwrap()
}

/// Where the vault keeps its values, to look at and to change what the store holds.
pub(crate) fn values<S: Store>(vault: &Vault<S>) -> Space {
    vault.space("v1", Spread::over(16_384))
}

pub(crate) fn key<S: Store>(vault: &Vault<S>, kind: Kind, name: &str) -> Key {
    let space = values(vault);
    space.key(kind, space.hide("value", &[name.as_bytes()]))
}

pub(crate) async fn raw<S: Store>(store: &S, op: Op) -> Reply {
    store.run(Batch::one(op).unwrap()).await.unwrap().remove(0).unwrap()
}

pub(crate) async fn raw_value<S: Store>(vault: &Vault<S>, name: &str) -> Bytes {
    raw(vault.store(), Op::get(&key(vault, Kind::Value, name))).await.into_bytes().unwrap()
}

pub(crate) async fn put_raw<S: Store>(vault: &Vault<S>, name: &str, bytes: impl Into<Bytes>) {
    let op = Op::put(&key(vault, Kind::Value, name), bytes.into(), Life::Never);
    raw(vault.store(), op).await;
}

pub(crate) async fn raw_fields<S: Store>(vault: &Vault<S>, name: &str) -> Vec<(Bytes, Bytes)> {
    match raw(vault.store(), Op::map_all(&key(vault, Kind::Map, name))).await {
        Reply::Fields(fields) => fields,
        other => panic!("{other:?}"),
    }
}

/// A store of its own on a server that all tests of this binary share.
pub(crate) async fn redis() -> RedisStore {
    static SERVER: OnceLock<RedisServer> = OnceLock::new();
    let url = SERVER.get_or_init(RedisServer::start).url();
    RedisStore::connect(RedisConfig::from_url(&url).unwrap()).await.unwrap()
}

/// Fails unless the result is an error of this variant.
#[macro_export]
macro_rules! assert_fails {
    ($result:expr, $pattern:pat $(if $guard:expr)?) => {
        match $result {
            Err($pattern) $(if $guard)? => {}
            other => panic!("expected {}, got {other:?}", stringify!($pattern)),
        }
    };
}

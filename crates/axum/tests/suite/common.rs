//! What all behaviours use.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use roomkey_axum::VaultSessionStore;
use roomkey_core::{Key, Kind, Spread, Store};
use roomkey_store::{RedisConfig, RedisStore};
use roomkey_testkit::RedisServer;
use roomkey_vault::{Keyring, Name, Vault};
use serde_json::Value;
use time::{Duration, OffsetDateTime};
use tower_sessions_core::session::{Id, Record};

pub(crate) fn ring(byte: u8) -> Keyring {
    Keyring::from_key_bytes([byte; 32])
}

/// An application that no other test uses, as tests may share a store.
pub(crate) fn fresh_app() -> String {
    static APPS: AtomicU32 = AtomicU32::new(0);
    format!("app{}", APPS.fetch_add(1, Ordering::Relaxed))
}

pub(crate) async fn open<S: Store>(store: S) -> Vault<S> {
    Vault::builder().app(fresh_app()).open(store, ring(7)).await.unwrap()
}

pub(crate) async fn sessions<S: Store>(store: S) -> VaultSessionStore<S> {
    VaultSessionStore::new(open(store).await)
}

/// A record with one entry that ends after this time.
pub(crate) fn record(entry: impl Into<Value>, lifetime: Duration) -> Record {
    Record {
        id: Id::default(),
        data: HashMap::from([("entry".to_owned(), entry.into())]),
        expiry_date: OffsetDateTime::now_utc() + lifetime,
    }
}

/// The name that a session has in the vault, to look at and to change what the store holds.
pub(crate) fn name(id: Id) -> Name<'static> {
    Name::new("tower-sessions").bytes(id.0.to_be_bytes())
}

/// Where a session lies.
pub(crate) fn key<S: Store>(vault: &Vault<S>, id: Id) -> Key {
    let space = vault.space("v1", Spread::over(16_384));
    space.key(Kind::Value, space.hide_name("value", name(id)).unwrap())
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

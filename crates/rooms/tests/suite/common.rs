//! What all behaviours use.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Batch, Key, Kind, Op, Reply, Spread, Store, Ttl};
use roomkey_rooms::Rooms;
use roomkey_store::{RedisConfig, RedisStore};
use roomkey_testkit::RedisServer;
use roomkey_vault::{Keyring, Vault};

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
pub(crate) const SPREAD: Spread = Spread::over(1_024);

/// A vault of an application that no other test uses, as tests may share a store.
pub(crate) async fn open<S: Store>(store: S) -> Vault<S> {
    static APPS: AtomicU32 = AtomicU32::new(0);
    let app = format!("app{}", APPS.fetch_add(1, Ordering::Relaxed));
    Vault::builder().app(app).open(store, Keyring::from_key_bytes([7; 32])).await.unwrap()
}

pub(crate) async fn rooms<S: Store>(store: S) -> Rooms<S> {
    Rooms::new(open(store).await)
}

/// Where the size of a room lies, to look at and to change what the store holds.
pub(crate) fn size_key<S: Store>(vault: &Vault<S>, room: &str) -> Key {
    let space = vault.space("c1", SPREAD);
    space.key(Kind::Value, space.hide("room", &[room.as_bytes()]))
}

pub(crate) async fn raw<S: Store>(store: &S, op: Op) -> Reply {
    store.run(Batch::one(op).unwrap()).await.unwrap().remove(0).unwrap()
}

pub(crate) async fn raw_size<S: Store>(vault: &Vault<S>, room: &str) -> Option<Bytes> {
    raw(vault.store(), Op::get(&size_key(vault, room))).await.into_bytes()
}

/// How long a room still lives. Fails if it never expires: no room may stay for ever.
pub(crate) async fn lives<S: Store>(vault: &Vault<S>, room: &str) -> Option<Duration> {
    match raw(vault.store(), Op::ttl(&size_key(vault, room))).await {
        Reply::Ttl(Ttl::Missing) => None,
        Reply::Ttl(Ttl::After(left)) => Some(left),
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

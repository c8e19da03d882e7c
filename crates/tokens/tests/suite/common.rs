//! What all behaviours use.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use roomkey_core::{Batch, Key, Kind, Op, Reply, Scan, Spread, Store};
use roomkey_store::{RedisConfig, RedisStore};
use roomkey_testkit::RedisServer;
use roomkey_tokens::{Tokens, TokensOptions};
use roomkey_vault::{Keyring, Vault};

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
pub(crate) const SPREAD: Spread = Spread::over(4_096);

/// A vault of an application that no other test uses, as tests may share a store.
pub(crate) async fn open<S: Store>(store: S) -> Vault<S> {
    static APPS: AtomicU32 = AtomicU32::new(0);
    let app = format!("app{}", APPS.fetch_add(1, Ordering::Relaxed));
    Vault::builder().app(app).open(store, Keyring::from_key_bytes([7; 32])).await.unwrap()
}

pub(crate) async fn tokens<S: Store>(store: S) -> Tokens<S> {
    Tokens::new(open(store).await)
}

pub(crate) fn tracking<S: Store>(vault: Vault<S>) -> Tokens<S> {
    Tokens::with_options(vault, TokensOptions::new().track(true)).unwrap()
}

/// Where the record of a token lies, to look at and to change what the store holds.
pub(crate) fn record<S: Store>(vault: &Vault<S>, token_type: &str, token: &str) -> Key {
    let space = vault.space("t1", SPREAD);
    space.key(Kind::Value, space.hide("token", &[token_type.as_bytes(), token.as_bytes()]))
}

/// Where the index entry of a token lies.
pub(crate) fn index<S: Store>(vault: &Vault<S>, token_type: &str, token: &str) -> Key {
    let space = vault.space("x1", SPREAD);
    let partition = record(vault, token_type, token).partition();
    space.key_in(partition, Kind::Ranking, space.hide("token index", &[token_type.as_bytes()]))
}

/// All keys of a layout in the namespace of a vault.
pub(crate) async fn keys_of<S: Store>(vault: &Vault<S>, layout: &'static str, kind: Kind) -> Vec<Key> {
    let (mut keys, mut next) = (Vec::new(), None);
    loop {
        let scan = Scan::new(vault.space(layout, SPREAD).namespace().clone()).after(next);
        let page = vault.store().scan(scan).await.unwrap();
        keys.extend(page.keys.into_iter().map(|key| Key::parse(kind, key).unwrap()));
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    keys.sort_unstable_by(|one, other| one.bytes().cmp(other.bytes()));
    keys.dedup();
    keys
}

/// The one key of a layout in the namespace of a vault.
pub(crate) async fn sole_key<S: Store>(vault: &Vault<S>, layout: &'static str, kind: Kind) -> Key {
    let mut keys = keys_of(vault, layout, kind).await;
    assert_eq!(keys.len(), 1, "{layout} holds one key");
    keys.remove(0)
}

pub(crate) async fn raw<S: Store>(store: &S, op: Op) -> Reply {
    store.run(Batch::one(op).unwrap()).await.unwrap().remove(0).unwrap()
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

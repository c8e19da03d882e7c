//! What all lines use: stores, policies, what a store holds, and time.

use std::future::Future;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use roomkey_core::{Batch, Key, Kind, Op, Reply, Scan, Spread, Store};
use roomkey_memory::MemoryStore;
use roomkey_store::{RedisConfig, RedisStore};
use roomkey_testkit::{KeyState, RedisCluster, RedisServer, read_state};
use roomkey_tokens::{Issue, Issued, Policy, SubjectTag, Tokens, TokensOptions, WhenFull};
use roomkey_vault::{Keyring, Vault};

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
const SPREAD: Spread = Spread::over(4_096);

/// Every layout that tokens keep something in.
const LAYOUTS: [&str; 9] = ["t1", "x1", "t2", "s1", "g1", "f1", "n1", "k1", "a1"];

/// Whether `ROOMKEY_TEST_LONG` asks for the numbers that the lines name, which take minutes.
pub(crate) fn long() -> bool {
    std::env::var_os("ROOMKEY_TEST_LONG").is_some()
}

/// One type for each way in which tokens live and end.
pub(crate) fn policies() -> TokensOptions {
    TokensOptions::new()
        .policy("session", Policy::fixed(HOUR).idle(HOUR / 2).touch_every(Duration::from_secs(60)))
        .policy("access", Policy::access().prefix("acc"))
        .policy("link", Policy::reset_link())
        .policy("refresh", Policy::refresh().access_type("access").prefix("ref"))
        .policy("oldest", Policy::fixed(HOUR).limit(5, WhenFull::EndOldest))
        .policy("strict", Policy::fixed(HOUR).limit(5, WhenFull::Reject))
}

/// A vault of an application that no other test uses, as tests may share a store.
pub(crate) async fn open<S: Store>(store: S) -> Vault<S> {
    static APPS: AtomicU32 = AtomicU32::new(0);
    let app = format!("line{}", APPS.fetch_add(1, Ordering::Relaxed));
    open_as(&app, store, Keyring::from_key_bytes([7; 32])).await
}

pub(crate) async fn open_as<S: Store>(app: &str, store: S, keyring: Keyring) -> Vault<S> {
    Vault::builder().app(app).open(store, keyring).await.unwrap()
}

pub(crate) fn with_policies<S: Store>(vault: &Vault<S>) -> Tokens<S> {
    Tokens::with_options(vault.clone(), policies()).unwrap()
}

pub(crate) async fn issue<S: Store>(tokens: &Tokens<S>, token_type: &str, subject: &str) -> Issued {
    tokens.issue(token_type, Issue::new(subject, 7_u64)).await.unwrap()
}

pub(crate) async fn active<S: Store>(tokens: &Tokens<S>, token_type: &str, issued: &Issued) -> bool {
    tokens.verify::<u64>(token_type, issued.token.reveal()).await.unwrap().is_some()
}

/// A server that the tests of this binary share, where none of them measures or breaks it.
pub(crate) fn server() -> &'static RedisServer {
    static SERVER: OnceLock<RedisServer> = OnceLock::new();
    SERVER.get_or_init(RedisServer::start)
}

pub(crate) async fn redis() -> RedisStore {
    connect(server()).await
}

pub(crate) async fn connect(server: &RedisServer) -> RedisStore {
    RedisStore::connect(RedisConfig::from_url(&server.url()).unwrap()).await.unwrap()
}

/// Three masters that the tests of this binary share.
pub(crate) fn cluster() -> &'static RedisCluster {
    static CLUSTER: OnceLock<RedisCluster> = OnceLock::new();
    CLUSTER.get_or_init(RedisCluster::start)
}

pub(crate) async fn clustered() -> RedisStore {
    RedisStore::connect(RedisConfig::from_url(&cluster().url()).unwrap()).await.unwrap()
}

pub(crate) async fn raw<S: Store>(store: &S, op: impl Into<Op>) -> Reply {
    store.run(Batch::one(op.into()).unwrap()).await.unwrap().remove(0).unwrap()
}

/// Everything that tokens keep in the store of a vault.
pub(crate) async fn state<S: Store>(vault: &Vault<S>) -> Vec<KeyState> {
    let mut all = Vec::new();
    for layout in LAYOUTS {
        all.extend(state_of(vault, layout).await);
    }
    all
}

/// What tokens keep in one layout.
pub(crate) async fn state_of<S: Store>(vault: &Vault<S>, layout: &'static str) -> Vec<KeyState> {
    let (mut keys, mut next) = (Vec::new(), None);
    loop {
        let scan = Scan::new(vault.space(layout, SPREAD).namespace().clone()).after(next);
        let page = vault.store().scan(scan.count(1_000).unwrap()).await.unwrap();
        keys.extend(page.keys);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    keys.sort_unstable();
    keys.dedup();
    // What expires between the walk and the look is gone.
    let state = read_state(vault.store(), keys).await;
    state.into_iter().filter(|state| state.ttl != roomkey_core::Ttl::Missing).collect()
}

/// Where the generation and the sessions of a subject are kept.
pub(crate) fn subject_key<S: Store>(vault: &Vault<S>, subject: SubjectTag) -> Key {
    vault.space("s1", SPREAD).short_key(Kind::Ranking, (*subject.as_bytes()).into())
}

/// How a test lets time pass: on a paused clock at once, on a server by waiting.
pub(crate) trait Time: Store {
    fn pass(&self, time: Duration) -> impl Future<Output = ()> + Send {
        let _ = self;
        tokio::time::sleep(time)
    }
}

impl Time for MemoryStore {}
impl Time for RedisStore {}

/// A small random number generator: the same numbers for the same seed, on every machine (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// Where random schedules begin: `ROOMKEY_TOKENS_SEED`, which a failure prints, or another place each time.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("ROOMKEY_TOKENS_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| {
        use std::hash::{BuildHasher as _, RandomState};
        RandomState::new().hash_one(std::process::id()) >> 1
    })
}

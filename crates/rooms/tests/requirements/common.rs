//! What all lines use: stores, rooms, what a store holds, and time.

use std::future::Future;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use roomkey_core::{Batch, Op, Reply, Spread, Store};
use roomkey_memory::MemoryStore;
use roomkey_rooms::{Joined, RoomInfo, Rooms, Seat, Ticket};
use roomkey_store::{RedisConfig, RedisStore};
use roomkey_testkit::{FaultyStore, KeyState, RecordingStore, RedisCluster, RedisServer};
use roomkey_vault::{Keyring, Vault};

use crate::invariants::{LAYOUTS, state_of};

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
pub(crate) const SPREAD: Spread = Spread::over(1_024);

/// Whether `ROOMKEY_TEST_LONG` asks for the numbers that the lines name, which take minutes.
pub(crate) fn long() -> bool {
    std::env::var_os("ROOMKEY_TEST_LONG").is_some()
}

/// A vault of an application that no other test uses, as tests may share a store.
pub(crate) async fn open<S: Store>(store: S) -> Vault<S> {
    static APPS: AtomicU32 = AtomicU32::new(0);
    let app = format!("line{}", APPS.fetch_add(1, Ordering::Relaxed));
    open_as(&app, store).await
}

/// A vault that other processes open too.
pub(crate) async fn open_as<S: Store>(app: &str, store: S) -> Vault<S> {
    Vault::builder().app(app).open(store, Keyring::from_key_bytes([7; 32])).await.unwrap()
}

pub(crate) async fn rooms<S: Store>(store: S) -> Rooms<S> {
    Rooms::new(open(store).await)
}

/// Joins and expects a seat.
pub(crate) async fn seat<S: Store>(rooms: &Rooms<S>, room: &str, member: &str) -> Seat<S> {
    match rooms.join(room, member).await.unwrap() {
        Joined::Seated(seat) => seat,
        other => panic!("{member} found {other:?}"),
    }
}

/// Joins and expects a place among those who wait.
pub(crate) async fn ticket<S: Store>(rooms: &Rooms<S>, room: &str, member: &str) -> Ticket<S> {
    match rooms.join(room, member).await.unwrap() {
        Joined::Waiting { ticket, .. } => ticket,
        other => panic!("{member} found {other:?}"),
    }
}

pub(crate) async fn live<S: Store>(rooms: &Rooms<S>, room: &str) -> u64 {
    rooms.occupancy(room).await.unwrap().live
}

/// All rooms of the list.
pub(crate) async fn listed<S: Store>(rooms: &Rooms<S>) -> Vec<RoomInfo> {
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = rooms.rooms(after).await.unwrap();
        listed.extend(page.rooms);
        after = page.next;
        if after.is_none() {
            return listed;
        }
    }
}

/// A server that the tests of this binary share, where none of them measures or breaks it.
pub(crate) fn server() -> &'static RedisServer {
    static SERVER: OnceLock<RedisServer> = OnceLock::new();
    SERVER.get_or_init(RedisServer::start)
}

pub(crate) async fn redis() -> RedisStore {
    connect(&server().url()).await
}

pub(crate) async fn connect(url: &str) -> RedisStore {
    RedisStore::connect(RedisConfig::from_url(url).unwrap()).await.unwrap()
}

/// Three masters that the tests of this binary share.
pub(crate) fn cluster() -> &'static RedisCluster {
    static CLUSTER: OnceLock<RedisCluster> = OnceLock::new();
    CLUSTER.get_or_init(RedisCluster::start)
}

pub(crate) async fn clustered() -> RedisStore {
    connect(&cluster().url()).await
}

pub(crate) async fn raw<S: Store>(store: &S, op: impl Into<Op>) -> Reply {
    store.run(Batch::one(op.into()).unwrap()).await.unwrap().remove(0).unwrap()
}

/// Everything that rooms keep in the store of a vault.
pub(crate) async fn state<S: Store>(vault: &Vault<S>) -> Vec<KeyState> {
    let mut all = Vec::new();
    for layout in LAYOUTS {
        all.extend(state_of(vault, layout).await);
    }
    all
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
impl<S: Time> Time for FaultyStore<S> {}
impl<S: Time> Time for RecordingStore<S> {}

//! Rooms on a store at its memory limit: whoever is in stays, whoever goes goes, those who wait are seated, and that there
//! is no memory for more is never told as a full room.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use roomkey_core::{ErrorKind, Store};
use roomkey_memory::MemoryStore;
use roomkey_rooms::{Error, Join, Joined, Renewal, Reservation, RoomConfig, Rooms, Seat, Wait};
use roomkey_store::{RedisConfig, RedisStore};
use roomkey_testkit::RedisServer;
use roomkey_vault::{Keyring, Vault};
use tokio::time::sleep;

#[path = "support/invariants.rs"]
#[allow(dead_code, reason = "only the check is needed here")]
mod invariants;

use invariants::assert_whole;

#[track_caller]
fn assert_full<T: std::fmt::Debug>(result: Result<T, Error>) {
    match result {
        Err(Error::Store(error)) if error.kind() == ErrorKind::Full => {}
        other => panic!("{other:?}"),
    }
}

async fn seat<S: Store>(rooms: &Rooms<S>, room: &str, member: &str) -> Seat<S> {
    match rooms.join(room, member).await.unwrap() {
        Joined::Seated(seat) => seat,
        other => panic!("{member} found {other:?}"),
    }
}

/// `limit` sets whether the store is at its limit.
async fn a_full_store_lets_everybody_stay_and_go<S: Store>(store: S, limit: impl Fn(bool)) {
    let vault = Vault::open(store, Keyring::from_key_bytes([7; 32])).await.unwrap();
    let rooms = Rooms::new(vault.clone());
    let hour = Duration::from_secs(3_600);
    let config = RoomConfig::new(2).lease(hour).hold(hour).grace(hour).queue(3);
    rooms.configure("room", config.clone()).await.unwrap();
    let ada = seat(&rooms, "room", "ada").await;
    let Reservation::Held(ben) = rooms.reserve("room", "ben").await.unwrap() else {
        panic!("there is a seat")
    };
    let Joined::Waiting { ticket: cleo, .. } = rooms.join("room", "cleo").await.unwrap() else {
        panic!("it is full")
    };
    let Joined::Waiting { ticket: dan, .. } = rooms.join("room", "dan").await.unwrap() else {
        panic!("it is full")
    };
    let pool = rooms.pool("pool", RoomConfig::new(2)).unwrap();
    let pooled = pool.find_or_create("ada").await.unwrap();

    limit(true);
    // Who is in stays in.
    assert_eq!(rooms.renew(&[(*ada).clone(), ben.clone()]).await.unwrap(), [Renewal::Renewed; 2]);
    assert_eq!(rooms.disconnected(&ada).await.unwrap(), Renewal::Renewed);
    let ada = [ada, seat(&rooms, "room", "ada").await];
    assert_eq!(cleo.check().await.unwrap(), Wait::Waiting { ahead: 0 });
    let occupancy = rooms.occupancy("room").await.unwrap();
    assert_eq!((occupancy.live, occupancy.waiting), (2, 2));
    assert_eq!(rooms.members("room", None).await.unwrap().members.len(), 4);
    // Who would take memory gets an error, and a full room is told as one.
    for room in ["room", "a new one"] {
        assert_full(rooms.join(room, "eve").await);
    }
    assert!(matches!(
        rooms.join("room", Join::new("eve").waits(false)).await.unwrap(),
        Joined::Full { taken: 2 }
    ));
    assert_eq!(rooms.reserve("room", "eve").await.unwrap(), Reservation::Full { taken: 2 });
    assert_full(rooms.reserve("a new one", "eve").await);
    assert_full(rooms.configure("room", config.clone()).await);
    assert_full(pool.find_or_create("eve").await);
    // Who goes goes, and who waits comes in.
    let [old, ada] = ada;
    assert!(!old.leave().await.unwrap());
    assert!(ada.leave().await.unwrap());
    assert_eq!(cleo.check().await.unwrap(), Wait::Promoted);
    let cleo = cleo.claim().await.unwrap().seat().unwrap();
    rooms.kick("room", "ben").await.unwrap();
    assert_eq!(dan.check().await.unwrap(), Wait::Promoted);
    assert!(pooled.leave().await.unwrap());
    assert_whole(&vault).await;
    assert!(dan.leave().await.unwrap() && cleo.leave().await.unwrap());
    assert_eq!(rooms.occupancy("room").await.unwrap().live, 0);
    assert_full(rooms.join("room", "eve").await);

    limit(false);
    let _eve = seat(&rooms, "room", "eve").await;
    rooms.configure("room", config).await.unwrap();
    assert_whole(&vault).await;
}

async fn a_full_store_is_swept<S: Store>(store: S, limit: impl Fn(bool)) {
    let vault = Vault::open(store, Keyring::from_key_bytes([7; 32])).await.unwrap();
    let rooms = Rooms::new(vault.clone());
    let lease = Duration::from_millis(1_500);
    rooms.configure("room", RoomConfig::new(1).lease(2 * lease).hold(lease).queue(1)).await.unwrap();
    let Reservation::Held(_) = rooms.reserve("room", "ada").await.unwrap() else { panic!("it is empty") };
    let Joined::Waiting { ticket: _ben, .. } = rooms.join("room", "ben").await.unwrap() else {
        panic!("it is full")
    };
    limit(true);
    sleep(lease).await;
    let swept = rooms.sweep(9).await.unwrap();
    assert_eq!((swept.rooms, swept.expired, swept.promoted), (1, 1, 1));
    sleep(lease).await;
    let swept = rooms.sweep(9).await.unwrap();
    assert_eq!((swept.rooms, swept.expired, swept.promoted), (1, 1, 0));
    assert_eq!(rooms.sweep(9).await.unwrap().rooms, 0);
    limit(false);
    assert_whole(&vault).await;
}

fn memory() -> (MemoryStore, impl Fn(bool)) {
    let store = MemoryStore::new();
    (store.clone(), move |full| store.set_capacity(full.then_some(0)))
}

#[tokio::test(start_paused = true)]
async fn on_memory_everybody_stays_and_goes() {
    let (store, limit) = memory();
    a_full_store_lets_everybody_stay_and_go(store, limit).await;
}

#[tokio::test(start_paused = true)]
async fn on_memory_it_is_swept() {
    let (store, limit) = memory();
    a_full_store_is_swept(store, limit).await;
}

async fn redis(server: &RedisServer) -> (RedisStore, impl Fn(bool)) {
    let store = RedisStore::connect(RedisConfig::from_url(&server.url()).unwrap()).await.unwrap();
    let limit = move |full: bool| {
        server.command(&["CONFIG", "SET", "maxmemory", if full { "1" } else { "0" }]);
    };
    (store, limit)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn on_redis_everybody_stays_and_goes() {
    let server = RedisServer::start();
    let (store, limit) = redis(&server).await;
    a_full_store_lets_everybody_stay_and_go(store, limit).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn on_redis_it_is_swept() {
    let server = RedisServer::start();
    let (store, limit) = redis(&server).await;
    a_full_store_is_swept(store, limit).await;
}

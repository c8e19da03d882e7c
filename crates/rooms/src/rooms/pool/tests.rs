//! What keeps a pool right for long: rooms that are left alone, or older than what counts them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use roomkey_core::{Kind, Op, Reply, Spread, Store};
use roomkey_memory::MemoryStore;
use roomkey_vault::{Keyring, Vault};

use crate::{Pool, Renewal, RoomConfig, Rooms, Seat};

const HALF_AN_HOUR: Duration = Duration::from_secs(1_800);

/// Rooms of one seat, which are kept for an hour.
async fn duels() -> (Rooms<MemoryStore>, Pool<MemoryStore>) {
    let vault = Vault::open(MemoryStore::new(), Keyring::from_key_bytes([7; 32])).await.unwrap();
    let rooms = Rooms::new(vault);
    let pool = rooms.pool("duel", RoomConfig::new(1).lease(HALF_AN_HOUR).keep(2 * HALF_AN_HOUR)).unwrap();
    (rooms, pool)
}

async fn renewed_for<S: Store>(seats: &[&Seat<S>], hours: u32) {
    for _ in 0..4 * hours {
        tokio::time::advance(HALF_AN_HOUR / 2).await;
        for seat in seats {
            assert_eq!(seat.renew().await.unwrap(), Renewal::Renewed);
        }
    }
}

/// Rooms outlast the last one that was made by far.
#[tokio::test(start_paused = true)]
async fn how_many_rooms_there_are_is_known_as_long_as_there_are_any() {
    let (rooms, pool) = duels().await;
    let ada = pool.find_or_create("ada").await.unwrap();
    renewed_for(&[&ada], 12).await;
    let space = rooms.vault.space("q1", Spread::over(1_024));
    let made = space.key(Kind::Value, rooms.keys.pool_tag("duel").unwrap());
    assert_eq!(rooms.vault.run(Op::get(&made)).await.unwrap(), Reply::Bytes(Some("1".into())));
    let ben = pool.find_or_create("ben").await.unwrap();
    assert_eq!((ada.room(), ben.room()), (pool.room(1), pool.room(2)));

    // Should it be lost all the same, no room gets more than it may.
    rooms.vault.run(Op::delete(&made)).await.unwrap();
    let cleo = pool.find_or_create("cleo").await.unwrap();
    assert_eq!(cleo.room(), pool.room(3));
    for number in 1..=3 {
        assert_eq!(rooms.occupancy(pool.room(number)).await.unwrap().live, 1);
    }
}

/// Empty rooms that are no longer configured do not stand in the way of those that are.
#[tokio::test(start_paused = true)]
async fn rooms_that_were_left_alone_are_used_again() {
    let (rooms, pool) = duels().await;
    let stays = pool.find_or_create("ada").await.unwrap();
    let mut others = Vec::new();
    for number in 2..=5 {
        others.push(pool.find_or_create(&*format!("member {number}")).await.unwrap());
    }
    for other in others {
        assert!(other.leave().await.unwrap());
    }
    renewed_for(&[&stays], 12).await;
    let mut again = Vec::new();
    for number in 2..=6 {
        again.push(pool.find_or_create(&*format!("member {number}")).await.unwrap());
        let occupancy = rooms.occupancy(again.last().unwrap().room()).await.unwrap();
        assert_eq!((occupancy.live, occupancy.limit), (1, 1));
    }
    let mut numbers: Vec<_> = again.iter().map(|seat| seat.room()).collect();
    numbers.sort();
    assert_eq!(numbers, (2..=6).map(|number| pool.room(number)).collect::<Vec<_>>());
}

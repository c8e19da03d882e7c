//! Those who change a room without knowing how it is configured.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use roomkey_memory::MemoryStore;
use roomkey_vault::{Keyring, Vault};

use crate::invariants::assert_whole;
use crate::{Joined, Renewal, RoomConfig, Rooms};

const MINUTE: Duration = Duration::from_secs(60);

async fn vault() -> Vault<MemoryStore> {
    Vault::open(MemoryStore::new(), Keyring::from_key_bytes([7; 32])).await.unwrap()
}

/// Who kicks may be an administrator's process that was never in the room.
#[tokio::test(start_paused = true)]
async fn a_seat_that_a_stranger_made_free_is_held_as_long_as_the_room_says() {
    let vault = vault().await;
    let rooms = Rooms::new(vault.clone());
    rooms.configure("room", RoomConfig::new(1).lease(9 * MINUTE).hold(5 * MINUTE).queue(1)).await.unwrap();
    let _ada = rooms.join("room", "ada").await.unwrap().seat().unwrap();
    let Joined::Waiting { ticket, .. } = rooms.join("room", "ben").await.unwrap() else {
        panic!("it is full")
    };
    Rooms::new(vault.clone()).kick("room", "ada").await.unwrap();
    assert_whole(&vault).await;
    tokio::time::advance(4 * MINUTE).await;
    assert!(matches!(ticket.claim().await.unwrap(), Joined::Seated(_)));
}

#[tokio::test(start_paused = true)]
async fn a_room_is_listed_as_long_as_it_is_configured_whatever_old_leases_say() {
    let vault = vault().await;
    let rooms = Rooms::new(vault.clone());
    let [ada, ben] = ["ada", "ben"].map(|member| rooms.join("room", member));
    let (ada, ben) = (ada.await.unwrap().seat().unwrap(), ben.await.unwrap().seat().unwrap());
    rooms.configure("room", RoomConfig::new(9).keep(365 * 24 * 60 * MINUTE)).await.unwrap();
    assert_eq!(ada.renew().await.unwrap(), Renewal::Renewed);
    assert_whole(&vault).await;
    rooms.disconnected(&ada).await.unwrap();
    assert_whole(&vault).await;
    ada.leave().await.unwrap();
    assert_whole(&vault).await;
    Rooms::new(vault.clone()).kick("room", "ben").await.unwrap();
    assert_whole(&vault).await;
    assert!(ben.leave().await.unwrap());
}

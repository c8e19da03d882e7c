//! Line 9: a hold is a seat from its first moment to its last, and whoever confirms it is counted once at every instant.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use roomkey_core::Store;
use roomkey_memory::MemoryStore;
use roomkey_rooms::{Joined, Renewal, Reservation, RoomConfig, Rooms};
use tokio::task::JoinSet;

use crate::common::{Time, live, open, rooms, seat};
use crate::invariants::assert_whole;

const HOLD: Duration = Duration::from_millis(1_500);

async fn hold<S: Store>(rooms: &Rooms<S>, member: &str) -> roomkey_rooms::Lease {
    match rooms.reserve("room", member).await.unwrap() {
        Reservation::Held(lease) => lease,
        other => panic!("{member} found {other:?}"),
    }
}

pub(crate) async fn beside_one_hold_exactly_one_comes_in<S: Store>(store: S) {
    let vault = open(store).await;
    let rooms = Rooms::new(vault.clone());
    rooms.configure("room", RoomConfig::new(2)).await.unwrap();
    hold(&rooms, "ada").await;
    let mut joins = JoinSet::new();
    for member in 0..20 {
        let rooms = rooms.clone();
        joins.spawn(async move { rooms.join("room", &*format!("member {member}")).await.unwrap() });
    }
    let joined = joins.join_all().await;
    let seated: Vec<_> = joined.iter().filter(|joined| matches!(joined, Joined::Seated(_))).collect();
    assert_eq!(seated.len(), 1);
    assert!(joined.iter().all(|joined| matches!(joined, Joined::Seated(_) | Joined::Full { taken: 2 })));
    let _ada = seat(&rooms, "room", "ada").await;
    assert!(matches!(rooms.join("room", "ben").await.unwrap(), Joined::Full { taken: 2 }));
    let occupancy = rooms.occupancy("room").await.unwrap();
    assert_eq!((occupancy.live, occupancy.held), (2, 0));
    assert_whole(&vault).await;
}

pub(crate) async fn a_hold_that_nobody_confirms_is_free_when_it_ends<S: Time>(store: S) {
    let vault = open(store.clone()).await;
    let rooms = Rooms::new(vault.clone());
    rooms.configure("room", RoomConfig::new(1).hold(HOLD)).await.unwrap();
    let lease = hold(&rooms, "ada").await;
    assert!(matches!(rooms.join("room", "ben").await.unwrap(), Joined::Full { taken: 1 }));
    store.pass(HOLD).await;
    assert_eq!(live(&rooms, "room").await, 0, "it is not counted any more");
    let _ben = seat(&rooms, "room", "ben").await;
    assert_eq!(rooms.renew(&[lease]).await.unwrap(), [Renewal::Lost]);
    assert!(matches!(rooms.join("room", "ada").await.unwrap(), Joined::Full { taken: 1 }));
    assert_whole(&vault).await;
}

/// To the millisecond, where time stands still.
#[tokio::test(start_paused = true)]
async fn a_hold_lasts_as_long_as_was_said() {
    let rooms = rooms(MemoryStore::new()).await;
    rooms.configure("room", RoomConfig::new(1).hold(HOLD)).await.unwrap();
    hold(&rooms, "ada").await;
    tokio::time::advance(HOLD - Duration::from_millis(1)).await;
    assert!(matches!(rooms.join("room", "ben").await.unwrap(), Joined::Full { taken: 1 }));
    tokio::time::advance(Duration::from_millis(1)).await;
    let _ben = seat(&rooms, "room", "ben").await;
}

/// Somebody looks all the time, while a member goes through all the ways of having one seat.
pub(crate) async fn who_confirms_is_counted_once_at_every_instant<S: Store>(store: S) {
    let vault = open(store).await;
    let rooms = Rooms::new(vault.clone());
    rooms.configure("room", RoomConfig::new(2)).await.unwrap();
    hold(&rooms, "ada").await;
    let done = Arc::new(AtomicBool::new(false));
    let mut looking = JoinSet::new();
    for _ in 0..4 {
        let (rooms, done) = (rooms.clone(), Arc::clone(&done));
        looking.spawn(async move {
            let mut looks = 0;
            while !done.load(Ordering::Relaxed) {
                let occupancy = rooms.occupancy("room").await.unwrap();
                assert_eq!(occupancy.live, 1);
                assert!(occupancy.held <= 1);
                looks += 1;
                tokio::task::yield_now().await;
            }
            looks
        });
    }
    for _ in 0..50 {
        let seat = seat(&rooms, "room", "ada").await;
        assert_eq!(seat.renew().await.unwrap(), Renewal::Renewed);
        assert_eq!(rooms.disconnected(&seat).await.unwrap(), Renewal::Renewed);
        hold(&rooms, "ada").await;
        tokio::task::yield_now().await;
        // It is another lease's, so it leaves nothing.
        assert!(!seat.leave().await.unwrap());
    }
    done.store(true, Ordering::Relaxed);
    assert!(looking.join_all().await.iter().sum::<i32>() > 50);
    assert_whole(&vault).await;
}

/// Of many who hold and confirm at once none is ever turned away at the second step, and none comes in beside them.
pub(crate) async fn many_who_hold_and_confirm_fill_the_room_exactly<S: Store>(store: S) {
    const SEATS: usize = 8;
    let vault = open(store).await;
    let rooms = Rooms::new(vault.clone());
    rooms.configure("room", RoomConfig::new(SEATS as u32)).await.unwrap();
    let mut coming = JoinSet::new();
    for member in 0..4 * SEATS {
        let rooms = rooms.clone();
        coming.spawn(async move {
            let member = format!("member {member}");
            match rooms.reserve("room", &member).await.unwrap() {
                Reservation::Held(_) => {
                    tokio::task::yield_now().await;
                    Some(seat(&rooms, "room", &member).await)
                }
                Reservation::Full { taken } => {
                    assert_eq!(taken, SEATS as u64);
                    None
                }
                Reservation::Seated => panic!("it was not there"),
            }
        });
    }
    let seats: Vec<_> = coming.join_all().await.into_iter().flatten().collect();
    assert_eq!((seats.len(), live(&rooms, "room").await), (SEATS, SEATS as u64));
    assert_whole(&vault).await;
}

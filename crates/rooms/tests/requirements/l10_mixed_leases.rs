//! Line 10: the lease of one member never shortens what another has, and a room that is used stays.

use std::time::Duration;

use roomkey_core::Store;
use roomkey_memory::MemoryStore;
use roomkey_rooms::{Join, Renewal, RoomConfig, Rooms, Since, Standing};

use crate::common::{HOUR, Time, listed, live, open, rooms, state};
use crate::events::story;
use crate::invariants::assert_whole;

const SECOND: Duration = Duration::from_secs(1);

/// A lease that ends within a test, and not before it is meant to.
const SHORT: Duration = Duration::from_secs(2);

async fn metadata<S: Store>(rooms: &Rooms<S>, room: &str) -> Vec<(String, String, Standing)> {
    let members = rooms.members(room, None).await.unwrap().members.into_iter();
    let mut members: Vec<_> = members
        .map(|present| (present.member.id, present.member.metadata.get().unwrap(), present.standing))
        .collect();
    members.sort_by(|one, other| one.0.cmp(&other.0));
    members
}

/// Whoever came first, and whoever was renewed last.
pub(crate) async fn a_short_lease_ends_nothing_of_a_long_one<S: Time>(store: S) {
    let vault = open(store.clone()).await;
    let rooms = Rooms::new(vault.clone());
    let with = |member, color: &str| Join::new(member).metadata(color.to_owned());
    for room in ["long first", "short first"] {
        let leases = match room {
            "long first" => [("ada", 60 * SECOND), ("ben", SHORT)],
            _ => [("ben", SHORT), ("ada", 60 * SECOND)],
        };
        for (member, lease) in leases {
            rooms.configure(room, RoomConfig::new(9).lease(lease)).await.unwrap();
            let seat = rooms.join(room, with(member, "blue")).await.unwrap().seat().unwrap();
            assert_eq!(seat.duration(), lease);
            assert_eq!(seat.renew().await.unwrap(), Renewal::Renewed);
            let _ = seat.into_lease();
        }
        assert_eq!(live(&rooms, room).await, 2);
    }
    assert_whole(&vault).await;
    store.pass(SHORT).await;
    for room in ["long first", "short first"] {
        let ada = ("ada".to_owned(), "blue".to_owned(), Standing::Seated);
        assert_eq!(metadata(&rooms, room).await, std::slice::from_ref(&ada));
        rooms.sweep(9).await.unwrap();
        let _cleo = rooms.join(room, with("cleo", "red")).await.unwrap().seat().unwrap();
        assert_eq!(metadata(&rooms, room).await[0], ada, "cleared away beside ben");
    }
    assert_whole(&vault).await;
}

/// What a keeper does: it is late once, and nothing is gone.
pub(crate) async fn a_beat_that_is_missed_ends_nothing<S: Time>(store: S) {
    let vault = open(store.clone()).await;
    let rooms = Rooms::new(vault.clone());
    let lease = 2 * SHORT;
    rooms.configure("room", RoomConfig::new(9).lease(lease)).await.unwrap();
    let mut events = rooms.watch("room", Since::Now).await.unwrap();
    let ada = rooms.join("room", Join::new("ada").metadata("blue".to_owned())).await.unwrap().seat().unwrap();
    for beats in [1, 2, 1] {
        store.pass(beats * lease / 4).await;
        rooms.sweep(9).await.unwrap();
        assert_eq!(ada.renew().await.unwrap(), Renewal::Renewed, "{beats}");
        assert_eq!(metadata(&rooms, "room").await.len(), 1);
    }
    assert!(ada.leave().await.unwrap());
    assert_eq!(story(&mut events, 2).await, ["joined ada", "left ada"], "and nobody saw it go");
    assert_whole(&vault).await;
}

/// For far longer than anything of it would live if it were not renewed.
#[tokio::test(start_paused = true)]
async fn a_room_that_is_renewed_stays_for_days() {
    let store = MemoryStore::new();
    let vault = open(store.clone()).await;
    let rooms = Rooms::new(vault.clone());
    let config = RoomConfig::new(1).lease(HOUR / 4).queue(1).keep(HOUR);
    rooms.configure_with("room", config, "for two".to_owned()).await.unwrap();
    let ada = rooms.join("room", Join::new("ada").metadata("blue".to_owned())).await.unwrap().seat().unwrap();
    let ben = rooms.join("room", Join::new("ben").metadata("red".to_owned())).await.unwrap();
    let roomkey_rooms::Joined::Waiting { ticket: ben, .. } = ben else { panic!("it is full") };
    for _ in 0..8 * 24 {
        store.pass(HOUR / 8).await;
        assert_eq!(ada.renew().await.unwrap(), Renewal::Renewed);
        assert_eq!(ben.check().await.unwrap(), roomkey_rooms::Wait::Waiting { ahead: 0 });
        rooms.sweep(9).await.unwrap();
    }
    assert_whole(&vault).await;
    let occupancy = rooms.occupancy("room").await.unwrap();
    assert_eq!((occupancy.live, occupancy.waiting, occupancy.limit), (1, 1, 1));
    assert_eq!(metadata(&rooms, "room").await.len(), 2);
    let listed = listed(&rooms).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].metadata.as_ref().unwrap().get::<String>().unwrap(), "for two");
    // And then it goes, with all that it was.
    assert!(ada.leave().await.unwrap());
    let _ = ben.into_lease();
    store.pass(3 * HOUR).await;
    let left = state(&vault).await;
    assert!(left.is_empty(), "{left:?}");
}

/// The same for a size: each change gives it an hour.
#[tokio::test(start_paused = true)]
async fn a_size_that_changes_stays_for_days() {
    let store = MemoryStore::new();
    let rooms = rooms(store.clone()).await;
    rooms.set_size("room", 5).await.unwrap();
    for change in 0..48 {
        store.pass(HOUR * 3 / 4).await;
        rooms.update_size("room", if change % 2 == 0 { 1 } else { -1 }).await.unwrap();
        assert_eq!(rooms.size("room").await.unwrap(), 6 - change % 2);
    }
    store.pass(HOUR + Duration::from_millis(1)).await;
    assert_eq!(rooms.size("room").await.unwrap(), 0);
}

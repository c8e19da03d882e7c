//! The keeper: seats that are renewed by themselves, and the loss of them.

use std::time::Duration;

use roomkey_core::Store;
use roomkey_rooms::{Renewal, RoomConfig};
use tokio::time::{sleep, timeout};

use crate::common::rooms;
use crate::members::{live, seat};

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn kept_seats_outlive_their_leases<S: Store>(store: S) {
    let rooms = rooms(store).await;
    let lease = Duration::from_millis(1_500);
    rooms.configure("room", RoomConfig::new(200).lease(lease)).await.unwrap();
    let keeper = rooms.keeper();
    let mut kept = Vec::new();
    for member in 0..120 {
        kept.push(keeper.keep(seat(&rooms, "room", &format!("member {member}")).await));
    }
    let _not_kept = seat(&rooms, "room", "somebody").await;
    // On a real server there is no other way to see a lease end than to let it.
    sleep(3 * lease).await;
    assert_eq!(live(&rooms, "room").await, 120);
    assert!(kept.iter().all(|seat| seat.standing() == Renewal::Renewed));
    assert_eq!(keeper.kept(), 120);
    assert!(kept.remove(0).leave().await.unwrap());
    assert_eq!((keeper.kept(), live(&rooms, "room").await), (119, 119));
    drop(keeper);
    sleep(2 * lease).await;
    assert_eq!(live(&rooms, "room").await, 119, "who keeps seats keeps the task");
}

pub(crate) async fn a_lost_seat_is_told<S: Store>(store: S) {
    let rooms = rooms(store).await;
    rooms.configure("room", RoomConfig::new(9).lease(Duration::from_millis(1_500))).await.unwrap();
    let keeper = rooms.keeper();
    let kicked = keeper.keep(seat(&rooms, "room", "ada").await);
    let replaced = keeper.keep(seat(&rooms, "room", "ben").await);
    let stays = keeper.keep(seat(&rooms, "room", "cleo").await);
    rooms.kick("room", "ada").await.unwrap();
    let _newer = keeper.keep(seat(&rooms, "room", "ben").await);
    assert_eq!(timeout(PATIENCE, kicked.lost()).await.unwrap(), Renewal::Lost);
    assert_eq!(timeout(PATIENCE, replaced.lost()).await.unwrap(), Renewal::Superseded);
    assert_eq!(
        timeout(PATIENCE, replaced.lost()).await.unwrap(),
        Renewal::Superseded,
        "as often as one asks"
    );
    assert_eq!((stays.standing(), keeper.kept()), (Renewal::Renewed, 2));
}

pub(crate) async fn a_kept_seat_can_be_let_go_without_leaving<S: Store>(store: S) {
    let rooms = rooms(store).await;
    let keeper = rooms.keeper();
    let kept = keeper.keep(seat(&rooms, "room", "ada").await);
    let away = kept.into_seat().into_lease();
    assert_eq!(keeper.kept(), 0);
    assert_eq!(rooms.disconnected(&away).await.unwrap(), Renewal::Renewed);
    let occupancy = rooms.occupancy("room").await.unwrap();
    assert_eq!((occupancy.live, occupancy.held), (1, 1));
}

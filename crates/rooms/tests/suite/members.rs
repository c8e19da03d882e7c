//! Members: joining, renewing, leaving, holds, waiting.

use std::time::Duration;

use roomkey_core::Store;
use roomkey_rooms::{
    Join, Joined, Lease, Renewal, Reservation, RoomConfig, Rooms, Seat, Standing, Ticket, Wait,
};

use crate::common::rooms;

/// Joins and expects a seat.
pub(crate) async fn seat<S: Store>(rooms: &Rooms<S>, room: &str, member: &str) -> Seat<S> {
    match rooms.join(room, member).await.unwrap() {
        Joined::Seated(seat) => seat,
        other => panic!("{member} found {other:?}"),
    }
}

/// Joins and expects a place in the queue.
pub(crate) async fn ticket<S: Store>(rooms: &Rooms<S>, room: &str, member: &str, place: u64) -> Ticket<S> {
    match rooms.join(room, member).await.unwrap() {
        Joined::Waiting { ticket, ahead } if ahead == place => ticket,
        other => panic!("{member} found {other:?}"),
    }
}

pub(crate) async fn live<S: Store>(rooms: &Rooms<S>, room: &str) -> u64 {
    rooms.occupancy(room).await.unwrap().live
}

pub(crate) async fn a_room_admits_as_many_as_it_may<S: Store>(store: S) {
    let rooms = rooms(store).await;
    rooms.configure("room", RoomConfig::new(2)).await.unwrap();
    let seats = [seat(&rooms, "room", "ada").await, seat(&rooms, "room", "ben").await];
    assert!(matches!(rooms.join("room", "cleo").await.unwrap(), Joined::Full { taken: 2 }));
    assert!(
        matches!(rooms.join("other", "cleo").await.unwrap(), Joined::Seated(_)),
        "another room is another"
    );
    for seat in seats {
        assert!(seat.leave().await.unwrap());
    }
    assert_eq!(live(&rooms, "room").await, 0);
}

pub(crate) async fn a_limit_that_is_said_counts_before_one_that_is_configured<S: Store>(store: S) {
    let rooms = rooms(store).await;
    let join = |member, limit| rooms.join("room", Join::new(member).limit(limit));
    assert!(matches!(join("ada", 0).await.unwrap(), Joined::Full { taken: 0 }));
    let _ada = join("ada", 1).await.unwrap().seat().unwrap();
    assert!(matches!(join("ben", 1).await.unwrap(), Joined::Full { taken: 1 }));
    let _ben = join("ben", 2).await.unwrap().seat().unwrap();
    assert_eq!(rooms.occupancy("room").await.unwrap().limit, 100, "nothing is configured");
}

pub(crate) async fn joining_again_is_the_same_seat_under_a_new_lease<S: Store>(store: S) {
    let rooms = rooms(store).await;
    rooms.configure("room", RoomConfig::new(1)).await.unwrap();
    let old = seat(&rooms, "room", "ada").await;
    let new = seat(&rooms, "room", "ada").await;
    assert_eq!(live(&rooms, "room").await, 1);
    assert_eq!(old.renew().await.unwrap(), Renewal::Superseded);
    assert_eq!(rooms.disconnected(&old).await.unwrap(), Renewal::Superseded);
    assert!(!old.leave().await.unwrap(), "it is not the old connection's seat any more");
    assert_eq!(new.renew().await.unwrap(), Renewal::Renewed);
    assert!(new.leave().await.unwrap());
}

pub(crate) async fn renewals_are_told_in_the_order_given<S: Store>(store: S) {
    let rooms = rooms(store).await;
    let mut leases: Vec<Lease> = Vec::new();
    for room in ["one", "two"] {
        for member in ["ada", "ben", "cleo", "dan"] {
            leases.push(seat(&rooms, room, member).await.into_lease());
        }
    }
    assert!(rooms.leave(&leases[1]).await.unwrap());
    let _newer = seat(&rooms, "two", "cleo").await.into_lease();
    leases.reverse();
    use Renewal::{Lost, Renewed, Superseded};
    let expected = [Renewed, Superseded, Renewed, Renewed, Renewed, Renewed, Lost, Renewed];
    assert_eq!(rooms.renew(&leases).await.unwrap(), expected);
    let rejoined = rooms.renew_or_rejoin(&leases).await.unwrap();
    assert_eq!(rejoined[6], Renewal::Rejoined);
    assert_eq!(rooms.renew(&leases).await.unwrap()[6], Renewed, "with the same lease");
}

pub(crate) async fn a_dropped_seat_is_left<S: Store>(store: S) {
    let rooms = rooms(store).await;
    drop(seat(&rooms, "room", "ada").await);
    for _ in 0..200 {
        if live(&rooms, "room").await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nobody left");
}

pub(crate) async fn a_kicked_member_is_out_and_may_come_again<S: Store>(store: S) {
    let rooms = rooms(store).await;
    let ada = seat(&rooms, "room", "ada").await;
    rooms.kick("room", "ada").await.unwrap();
    rooms.kick("room", "nobody").await.unwrap();
    assert_eq!(ada.renew().await.unwrap(), Renewal::Lost);
    assert!(ada.leave().await.unwrap());
    let _ada = seat(&rooms, "room", "ada").await;
}

pub(crate) async fn a_hold_counts_and_becomes_the_seat<S: Store>(store: S) {
    let rooms = rooms(store).await;
    rooms.configure("room", RoomConfig::new(2)).await.unwrap();
    let held = rooms.reserve("room", "ada").await.unwrap();
    assert!(matches!(held, Reservation::Held(_)), "{held:?}");
    let _ben = seat(&rooms, "room", "ben").await;
    assert!(matches!(rooms.join("room", "cleo").await.unwrap(), Joined::Full { taken: 2 }));
    assert_eq!(rooms.reserve("room", "cleo").await.unwrap(), Reservation::Full { taken: 2 });
    assert_eq!(rooms.reserve("room", "ben").await.unwrap(), Reservation::Seated);
    let occupancy = rooms.occupancy("room").await.unwrap();
    assert_eq!((occupancy.live, occupancy.held, occupancy.limit), (2, 1, 2));
    let _ada = seat(&rooms, "room", "ada").await;
    let occupancy = rooms.occupancy("room").await.unwrap();
    assert_eq!((occupancy.live, occupancy.held), (2, 0));
}

pub(crate) async fn a_hold_can_be_given_back<S: Store>(store: S) {
    let rooms = rooms(store).await;
    let Reservation::Held(first) = rooms.reserve("room", "ada").await.unwrap() else { panic!() };
    let Reservation::Held(second) = rooms.reserve("room", "ada").await.unwrap() else { panic!() };
    assert!(!rooms.leave(&first).await.unwrap(), "the second reservation superseded it");
    assert_eq!(live(&rooms, "room").await, 1);
    assert!(rooms.leave(&second).await.unwrap());
    assert_eq!(live(&rooms, "room").await, 0);
}

pub(crate) async fn who_is_away_keeps_the_seat<S: Store>(store: S) {
    let rooms = rooms(store).await;
    rooms.configure("room", RoomConfig::new(1)).await.unwrap();
    let ada = seat(&rooms, "room", "ada").await;
    assert_eq!(rooms.disconnected(&ada).await.unwrap(), Renewal::Renewed);
    assert_eq!(rooms.occupancy("room").await.unwrap().held, 1);
    assert!(matches!(rooms.join("room", "ben").await.unwrap(), Joined::Full { taken: 1 }));
    let again = seat(&rooms, "room", "ada").await;
    assert_eq!(rooms.occupancy("room").await.unwrap().held, 0);
    assert_eq!(rooms.disconnected(&again).await.unwrap(), Renewal::Renewed);
    assert_eq!(again.renew().await.unwrap(), Renewal::Renewed, "renewing is coming back");
    assert_eq!(rooms.occupancy("room").await.unwrap().held, 0);
    assert_eq!(ada.renew().await.unwrap(), Renewal::Superseded);
}

pub(crate) async fn those_who_wait_are_seated_in_order<S: Store>(store: S) {
    let rooms = rooms(store).await;
    rooms.configure("room", RoomConfig::new(1).queue(3)).await.unwrap();
    let ada = seat(&rooms, "room", "ada").await;
    let ben = ticket(&rooms, "room", "ben", 0).await;
    let cleo = ticket(&rooms, "room", "cleo", 1).await;
    let dan = ticket(&rooms, "room", "dan", 2).await;
    assert!(
        matches!(rooms.join("room", "eve").await.unwrap(), Joined::Full { taken: 1 }),
        "the queue is full"
    );
    let again = ticket(&rooms, "room", "ben", 0).await;
    assert_eq!(ben.check().await.unwrap(), Wait::Superseded);
    assert!(!ben.leave().await.unwrap());

    assert!(ada.leave().await.unwrap());
    assert_eq!(again.check().await.unwrap(), Wait::Promoted);
    assert_eq!(again.check().await.unwrap(), Wait::Promoted);
    assert_eq!(cleo.check().await.unwrap(), Wait::Waiting { ahead: 0 });
    let occupancy = rooms.occupancy("room").await.unwrap();
    assert_eq!((occupancy.live, occupancy.held, occupancy.waiting), (1, 1, 2));
    let ben = again.claim().await.unwrap().seat().unwrap();
    assert!(cleo.leave().await.unwrap(), "giving up");
    assert!(ben.leave().await.unwrap());
    assert_eq!(dan.check().await.unwrap(), Wait::Promoted);
    let _dan = dan.claim().await.unwrap().seat().unwrap();
}

pub(crate) async fn nobody_passes_those_who_wait<S: Store>(store: S) {
    let rooms = rooms(store).await;
    rooms.configure("room", RoomConfig::new(1).queue(2)).await.unwrap();
    let _ada = seat(&rooms, "room", "ada").await;
    let ben = ticket(&rooms, "room", "ben", 0).await;
    let impatient = Join::new("cleo").waits(false);
    assert!(matches!(rooms.join("room", impatient.clone()).await.unwrap(), Joined::Full { taken: 1 }));
    // A second seat is there at once, and goes to who waits.
    rooms.configure("room", RoomConfig::new(2).queue(2)).await.unwrap();
    assert!(matches!(rooms.join("room", impatient).await.unwrap(), Joined::Full { taken: 2 }));
    assert_eq!(rooms.reserve("room", "cleo").await.unwrap(), Reservation::Full { taken: 2 });
    assert_eq!(ben.check().await.unwrap(), Wait::Promoted);
}

pub(crate) async fn members_are_listed_with_what_they_brought<S: Store>(store: S) {
    let rooms = rooms(store).await;
    rooms.configure("room", RoomConfig::new(2).queue(1)).await.unwrap();
    let ada = Join::new("ada").metadata((7_u32, "blue".to_owned()));
    let _ada = rooms.join("room", ada).await.unwrap().seat().unwrap();
    let _held = rooms.reserve("room", "ben").await.unwrap();
    let _cleo = ticket(&rooms, "room", "cleo", 0).await;
    let page = rooms.members("room", None).await.unwrap();
    assert!(page.next.is_none());
    let mut members = page.members;
    members.sort_by(|a, b| a.member.id.cmp(&b.member.id));
    let standing: Vec<_> =
        members.iter().map(|present| (present.member.id.as_str(), present.standing)).collect();
    assert_eq!(standing, [("ada", Standing::Seated), ("ben", Standing::Held), ("cleo", Standing::Waiting)]);
    assert_eq!(members[0].member.metadata.get::<(u32, String)>().unwrap(), (7, "blue".to_owned()));
    members[1].member.metadata.get::<()>().unwrap();
    assert!(rooms.members("nowhere", None).await.unwrap().members.is_empty());
}

pub(crate) async fn rooms_are_listed<S: Store>(store: S) {
    let rooms = rooms(store).await;
    let mut seats = Vec::new();
    for number in 0..30 {
        seats.push(seat(&rooms, &format!("room {number}"), "ada").await);
    }
    rooms.configure_with("lobby", RoomConfig::new(7), "for all".to_owned()).await.unwrap();
    seats.remove(3).leave().await.unwrap();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = rooms.rooms(after).await.unwrap();
        found.extend(page.rooms);
        after = match page.next {
            Some(next) => Some(next.to_string().parse().unwrap()),
            None => break,
        };
    }
    assert_eq!(found.len(), 30, "29 in which somebody is, and one that is configured");
    let lobby = found.iter().find(|room| room.name.is_some()).unwrap();
    assert_eq!(lobby.id, rooms.id("lobby").unwrap());
    assert_eq!(lobby.name.as_deref(), Some("lobby"));
    assert_eq!(lobby.metadata.as_ref().unwrap().get::<String>().unwrap(), "for all");
    assert_eq!((lobby.occupancy.live, lobby.occupancy.limit), (0, 7));
    let _seat = rooms.join(lobby.id, "ada").await.unwrap().seat().unwrap();
    assert_eq!(live(&rooms, "lobby").await, 1, "an id names the room");
}

pub(crate) async fn a_size_is_reconciled_with_the_members<S: Store>(store: S) {
    let rooms = rooms(store).await;
    rooms.set_size("room", 40).await.unwrap();
    let _seats = [seat(&rooms, "room", "ada").await, seat(&rooms, "room", "ben").await];
    let drift = rooms.reconcile("room").await.unwrap();
    assert_eq!((drift.counted, drift.live), (40, 2));
    assert_eq!(rooms.size("room").await.unwrap(), 2);
    rooms.set_size("empty", 3).await.unwrap();
    let drift = rooms.reconcile("empty").await.unwrap();
    assert_eq!((drift.counted, drift.live), (3, 0));
    assert_eq!(rooms.size("empty").await.unwrap(), 0);
}

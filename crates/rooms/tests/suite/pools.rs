//! Pools: a seat in the fullest room with space, and a new room only when there is none.

use std::collections::BTreeMap;

use roomkey_core::Store;
use roomkey_rooms::{Joined, Reservation, RoomConfig, RoomId, Rooms, Since};

use crate::common::rooms;

/// How many members each of these rooms has.
async fn occupancies<S: Store>(rooms: &Rooms<S>, ids: impl IntoIterator<Item = RoomId>) -> Vec<u64> {
    let mut occupancies = Vec::new();
    for id in ids {
        occupancies.push(rooms.occupancy(id).await.unwrap().live);
    }
    occupancies
}

pub(crate) async fn rooms_fill_up_one_after_the_other<S: Store>(store: S) {
    let rooms = rooms(store).await;
    let pool = rooms.pool("duel", RoomConfig::new(2)).unwrap();
    let mut seats = Vec::new();
    for member in 0..5 {
        seats.push(pool.find_or_create(&*format!("member {member}")).await.unwrap());
    }
    let numbers = [1, 1, 2, 2, 3].map(|number| pool.room(number));
    assert_eq!(seats.iter().map(|seat| seat.room()).collect::<Vec<_>>(), numbers);

    // The seat that becomes free is in the fullest room with space beside that of one.
    assert!(seats.remove(0).leave().await.unwrap());
    let again = pool.find_or_create("a sixth").await.unwrap();
    assert!([pool.room(1), pool.room(3)].contains(&again.room()), "both have one member");
    seats.push(pool.find_or_create("a seventh").await.unwrap());
    assert_eq!(occupancies(&rooms, (1..=4).map(|number| pool.room(number))).await, [2, 2, 2, 0]);
}

pub(crate) async fn the_fullest_room_comes_first<S: Store>(store: S) {
    let rooms = rooms(store).await;
    let pool = rooms.pool("team", RoomConfig::new(3)).unwrap();
    let mut seats = Vec::new();
    for member in 0..6 {
        seats.push(pool.find_or_create(&*format!("member {member}")).await.unwrap());
    }
    // Two leave the first room, one the second.
    for left in [0, 0, 1] {
        assert!(seats.remove(left).leave().await.unwrap());
    }
    let seat = pool.find_or_create("somebody").await.unwrap();
    assert_eq!(seat.room(), pool.room(2));
}

pub(crate) async fn a_member_that_is_in_a_room_with_space_stays_there<S: Store>(store: S) {
    let rooms = rooms(store).await;
    let pool = rooms.pool("duel", RoomConfig::new(2)).unwrap();
    let first = pool.find_or_create("ada").await.unwrap();
    let second = pool.find_or_create("ada").await.unwrap();
    assert_eq!(first.room(), second.room());
    assert_eq!(occupancies(&rooms, [first.room()]).await, [1]);
    assert!(!first.leave().await.unwrap(), "it is the second's");
}

pub(crate) async fn a_room_of_a_pool_is_a_room<S: Store>(store: S) {
    let rooms = rooms(store).await;
    let pool = rooms.pool("duel", RoomConfig::new(2)).unwrap();
    let seat = pool.find_or_create("ada").await.unwrap();
    let _ben = rooms.join(seat.room(), "ben").await.unwrap().seat().unwrap();
    assert!(matches!(rooms.join(seat.room(), "cleo").await.unwrap(), Joined::Full { taken: 2 }));
    let cleo = pool.find_or_create("cleo").await.unwrap();
    assert_eq!(cleo.room(), pool.room(2), "who joins by the room's id is counted");
    rooms.kick(seat.room(), "ben").await.unwrap();
    let page = rooms.members(seat.room(), None).await.unwrap();
    assert_eq!(page.members.len(), 1);
    assert_eq!(rooms.pool("other", RoomConfig::new(2)).unwrap().room(1).to_string().len(), 32);
}

pub(crate) async fn many_at_once_fill_every_room<S: Store>(store: S) {
    const MEMBERS: usize = 200;
    let rooms = rooms(store).await;
    let pool = rooms.pool("rush", RoomConfig::new(10)).unwrap();
    let mut coming = tokio::task::JoinSet::new();
    for member in 0..MEMBERS {
        let pool = pool.clone();
        coming.spawn(async move { pool.find_or_create(&*format!("member {member}")).await.unwrap() });
    }
    let mut by_room: BTreeMap<RoomId, usize> = BTreeMap::new();
    let seats = coming.join_all().await;
    for seat in &seats {
        *by_room.entry(seat.room()).or_default() += 1;
    }
    assert_eq!(by_room.len(), MEMBERS / 10);
    assert!(by_room.values().all(|members| *members == 10), "{by_room:?}");
    assert_eq!(occupancies(&rooms, by_room.into_keys()).await, [10; MEMBERS / 10]);
}

pub(crate) async fn a_pool_cannot_be_of_no_seats_or_have_a_queue<S: Store>(store: S) {
    let rooms = rooms(store).await;
    for config in [RoomConfig::new(0), RoomConfig::new(2).queue(1)] {
        assert!(matches!(rooms.pool("duel", config), Err(roomkey_rooms::Error::Config(_))));
    }
}

pub(crate) async fn rooms_that_were_closed_hide_no_others<S: Store>(store: S) {
    let rooms = rooms(store).await;
    let pool = rooms.pool("duel", RoomConfig::new(2)).unwrap();
    let mut seats = Vec::new();
    for member in 0..8 {
        seats.push(pool.find_or_create(&*format!("member {member}")).await.unwrap());
    }
    // One leaves each of four rooms, and nobody else is to come to any of them.
    for left in [0, 1, 2, 3] {
        assert!(seats.remove(left).leave().await.unwrap());
    }
    for number in 1..=4 {
        rooms.configure(pool.room(number), RoomConfig::new(1)).await.unwrap();
    }
    let new = pool.find_or_create("a new one").await.unwrap();
    assert_eq!(new.room(), pool.room(5));
    let beside = pool.find_or_create("another").await.unwrap();
    assert_eq!(beside.room(), pool.room(5));
    rooms.configure(pool.room(2), RoomConfig::new(2)).await.unwrap();
    let opened = pool.find_or_create("a third").await.unwrap();
    assert_eq!(opened.room(), pool.room(2), "it was opened again");
}

pub(crate) async fn a_number_that_somebody_took_is_passed_over<S: Store>(store: S) {
    let rooms = rooms(store).await;
    let pool = rooms.pool("duel", RoomConfig::new(2)).unwrap();
    let ada = rooms.join(pool.room(1), "ada").await.unwrap().seat().unwrap();
    let ben = pool.find_or_create("ben").await.unwrap();
    assert_eq!(ada.room(), ben.room(), "there is space");
    let _early = [
        rooms.join(pool.room(2), "cleo").await.unwrap().seat().unwrap(),
        rooms.join(pool.room(2), "dan").await.unwrap().seat().unwrap(),
        rooms.join(pool.room(2), "eve").await.unwrap().seat().unwrap(),
    ];
    let fay = pool.find_or_create("fay").await.unwrap();
    assert_eq!(fay.room(), pool.room(3), "nobody made the second one and it is full");
    assert_eq!(occupancies(&rooms, (1..=3).map(|number| pool.room(number))).await, [2, 3, 1]);
}

pub(crate) async fn a_seat_that_was_held_is_joined_in_a_pool_too<S: Store>(store: S) {
    let rooms = rooms(store).await;
    let pool = rooms.pool("duel", RoomConfig::new(2)).unwrap();
    let _ada = pool.find_or_create("ada").await.unwrap();
    let mut events = rooms.watch(pool.room(1), Since::Now).await.unwrap();
    let held = rooms.reserve(pool.room(1), "ben").await.unwrap();
    assert!(matches!(held, Reservation::Held(_)));
    // The room is full then, so it is by its id that the pool would find him.
    rooms.configure(pool.room(1), RoomConfig::new(3)).await.unwrap();
    let wide = rooms.pool("duel", RoomConfig::new(3)).unwrap();
    let ben = wide.find_or_create("ben").await.unwrap();
    assert_eq!(ben.room(), pool.room(1));
    let told = crate::events::story(&mut events, 3).await;
    assert_eq!(told, ["reserved ben", "changed", "joined ben"]);
}

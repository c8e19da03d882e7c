//! Events: what happens in a room, in order, and how full it is.

use std::time::Duration;

use roomkey_core::Store;
use roomkey_rooms::{EventId, Occupancy, RoomConfig, RoomEvent, RoomEvents, Rooms, Since, What};
use tokio::time::timeout;

use crate::common::rooms;
use crate::members::{seat, ticket};

/// Far longer than an event takes, and short enough for a test that waits in vain.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn next(events: &mut RoomEvents) -> RoomEvent {
    let event = timeout(PATIENCE, events.next()).await.expect("no event came");
    event.expect("the stream ended").unwrap()
}

/// What happened, in few words.
pub(crate) fn told(event: &RoomEvent) -> String {
    match &event.what {
        What::Joined(member) => format!("joined {}", member.id),
        What::Reserved(member) => format!("reserved {}", member.id),
        What::Promoted(member) => format!("promoted {}", member.id),
        What::Left(member) => format!("left {}", member.id),
        What::Expired(member) => format!("expired {}", member.id),
        What::Kicked(member) => format!("kicked {}", member.id),
        What::Changed => "changed".into(),
        What::Missed => "missed".into(),
        other => panic!("{other:?}"),
    }
}

/// The next events, in few words.
pub(crate) async fn story(events: &mut RoomEvents, length: usize) -> Vec<String> {
    let mut story = Vec::new();
    for _ in 0..length {
        story.push(told(&next(events).await));
    }
    story
}

/// A room in which everything happens once.
async fn everything<S: Store>(rooms: &Rooms<S>) {
    rooms.configure("room", RoomConfig::new(2).queue(5)).await.unwrap();
    let ada = seat(rooms, "room", "ada").await;
    rooms.reserve("room", "ben").await.unwrap();
    let ben = seat(rooms, "room", "ben").await;
    let cleo = ticket(rooms, "room", "cleo", 0).await;
    ada.leave().await.unwrap();
    let cleo = cleo.claim().await.unwrap().seat().unwrap();
    rooms.kick("room", "ben").await.unwrap();
    rooms.kick("room", "ben").await.unwrap();
    assert!(ben.leave().await.unwrap());
    let _ = cleo.into_lease();
}

const EVERYTHING: [&str; 8] = [
    "changed",
    "joined ada",
    "reserved ben",
    "joined ben",
    "left ada",
    "promoted cleo",
    "joined cleo",
    "kicked ben",
];

pub(crate) async fn everything_is_told_in_order_and_once<S: Store>(store: S) {
    let rooms = rooms(store).await;
    let mut live = rooms.watch("room", Since::Oldest).await.unwrap();
    let mut elsewhere = rooms.watch("elsewhere", Since::Oldest).await.unwrap();
    everything(&rooms).await;
    assert_eq!(story(&mut live, 8).await, EVERYTHING);
    let mut late = rooms.watch("room", Since::Oldest).await.unwrap();
    assert_eq!(story(&mut late, 8).await, EVERYTHING, "also to who comes later");
    let _dan = seat(&rooms, "elsewhere", "dan").await;
    assert_eq!(story(&mut elsewhere, 1).await, ["joined dan"]);
}

pub(crate) async fn a_stream_goes_on_where_another_ended<S: Store>(store: S) {
    let rooms = rooms(store).await;
    let mut first = rooms.watch("room", Since::Oldest).await.unwrap();
    everything(&rooms).await;
    let mut last: Option<EventId> = None;
    for told in EVERYTHING {
        let since = last.map_or(Since::Oldest, Since::After);
        let mut events = rooms.watch("room", since).await.unwrap();
        let event = next(&mut events).await;
        assert_eq!(self::told(&event), told);
        let same = next(&mut first).await;
        assert_eq!(same.id, event.id);
        last = Some(event.id.to_string().parse().unwrap());
    }
}

pub(crate) async fn from_now_on_means_from_the_call_on<S: Store>(store: S) {
    let rooms = rooms(store).await;
    let mut empty = rooms.watch("room", Since::Now).await.unwrap();
    let ada = seat(&rooms, "room", "ada").await;
    let mut events = rooms.watch("room", Since::Now).await.unwrap();
    ada.leave().await.unwrap();
    assert_eq!(story(&mut events, 1).await, ["left ada"]);
    assert_eq!(story(&mut empty, 2).await, ["joined ada", "left ada"]);
}

pub(crate) async fn what_was_trimmed_away_is_missed<S: Store>(store: S) {
    let rooms = rooms(store).await;
    let mut early = rooms.watch("room", Since::Oldest).await.unwrap();
    let ada = seat(&rooms, "room", "ada").await;
    let first = next(&mut early).await;
    drop(early);
    ada.leave().await.unwrap();
    for _ in 0..600 {
        seat(&rooms, "room", "ben").await.leave().await.unwrap();
    }
    let mut events = rooms.watch("room", Since::After(first.id)).await.unwrap();
    let missed = next(&mut events).await;
    assert_eq!((told(&missed), missed.id), ("missed".into(), first.id));
    let story = story(&mut events, 1_000).await;
    let joined = story.iter().position(|told| told == "joined ben").unwrap();
    assert!(story[joined..].chunks_exact(2).all(|pair| pair == ["joined ben", "left ben"]));
}

pub(crate) async fn a_thousand_follow_one_room<S: Store>(store: S) {
    let rooms = rooms(store).await;
    let mut all = Vec::new();
    for _ in 0..1_000 {
        all.push(rooms.watch("room", Since::Oldest).await.unwrap());
    }
    let following = tokio::task::JoinSet::from_iter(
        all.into_iter().map(|mut events| async move { story(&mut events, 8).await }),
    );
    everything(&rooms).await;
    for story in following.join_all().await {
        assert_eq!(story, EVERYTHING);
    }
}

pub(crate) async fn one_follows_a_thousand_rooms<S: Store>(store: S) {
    const ROOMS: usize = 1_100;
    let rooms = rooms(store).await;
    let mut all = Vec::new();
    for number in 0..ROOMS {
        all.push(rooms.watch(format!("room {number}"), Since::Oldest).await.unwrap());
    }
    let following = tokio::task::JoinSet::from_iter(
        all.into_iter().map(|mut events| async move { told(&next(&mut events).await) }),
    );
    for number in 0..ROOMS {
        let _ = seat(&rooms, &format!("room {number}"), "ada").await.into_lease();
    }
    assert_eq!(following.join_all().await, vec!["joined ada"; ROOMS]);
}

pub(crate) async fn counts_are_told_when_they_change<S: Store>(store: S) {
    let rooms = rooms(store).await;
    let mut counts = rooms.watch_counts("room").await.unwrap();
    let mut others = rooms.watch_counts("room").await.unwrap();
    let mut live = async || -> Occupancy {
        let count = timeout(PATIENCE, counts.next()).await.expect("no count came").unwrap().unwrap();
        assert_eq!(timeout(PATIENCE, others.next()).await.expect("no count came").unwrap().unwrap(), count);
        count
    };
    assert_eq!(live().await.live, 0);
    let ada = seat(&rooms, "room", "ada").await;
    assert_eq!(live().await.live, 1);
    let _ben = seat(&rooms, "room", "ben").await;
    ada.leave().await.unwrap();
    let _cleo = seat(&rooms, "room", "cleo").await;
    assert_eq!(live().await.live, 2, "what happens within a second is one change");
}

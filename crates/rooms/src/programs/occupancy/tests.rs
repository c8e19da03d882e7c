//! The promises of looking: it changes nothing, and sees who is there and nobody else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::super::testing::{HOLD, LEASE, Place as Room};
use super::*;

async fn counts(place: &Room) -> (u64, u64, u64, Option<Bytes>) {
    let program = CountProgram::new(&place.room).unwrap();
    let counts = |outcome: &Outcome| {
        let Counts { live, held, waiting, limit } = program.counts(outcome).unwrap();
        (live, held, waiting, limit)
    };
    place.safe(&program.txn, counts).await
}

async fn members(place: &Room) -> Vec<(String, Place)> {
    let program = MembersProgram::new(&place.room, None).unwrap();
    let seen = |outcome: &Outcome| {
        let Walked { members, next } = program.walked(outcome.clone()).unwrap();
        assert!(next.is_none());
        let mut seen: Vec<_> = members
            .iter()
            .map(|(tag, sealed, at)| (place.keys.open_member(&place.room, tag, sealed).unwrap().0, *at))
            .collect();
        seen.sort_by(|one, other| one.0.cmp(&other.0));
        seen
    };
    place.safe(&program.txn, seen).await
}

#[tokio::test(start_paused = true)]
async fn only_the_living_are_seen_swept_or_not() {
    let place = Room::bare().await;
    assert_eq!(counts(&place).await, (0, 0, 0, None));
    assert_eq!(members(&place).await, []);
    let place = Room::new().await;
    let limit = Some(Bytes::from_static(b"2"));
    place.seat("ada").await;
    place.hold("ben").await;
    place.wait("cleo").await;
    let named = |name: &str, at| (name.to_owned(), at);
    let (seated, held, waiting) = (Place::Seated, Place::Held, Place::Waiting);
    assert_eq!(counts(&place).await, (2, 1, 1, limit.clone()));
    assert_eq!(members(&place).await, [named("ada", seated), named("ben", held), named("cleo", waiting)]);
    place.pass(HOLD).await;
    assert_eq!(counts(&place).await, (1, 0, 1, limit.clone()));
    assert_eq!(members(&place).await, [named("ada", seated), named("cleo", waiting)]);
    place.pass(LEASE).await;
    assert_eq!(counts(&place).await, (0, 0, 0, limit));
    assert_eq!(members(&place).await, []);
}

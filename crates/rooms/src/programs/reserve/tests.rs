//! The promises of reserving: safe to repeat whatever the member was before, and never more than the limit.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use roomkey_core::{ErrorKind, Store};

use super::super::testing::{GRACE, HOLD, LEASE, Own, Place, TERMS};
use super::*;
use crate::terms::Terms;

async fn twice(place: &Place, own: &Own) -> Reserved {
    place.twice(&place.reserving(own)).await
}

#[tokio::test(start_paused = true)]
async fn a_hold_is_a_seat_that_is_not_taken_yet() {
    let place = Place::new().await;
    let ada = place.own("ada");
    assert_eq!(twice(&place, &ada).await, Reserved::Held);
    let [seat] = place.scores(&place.room.seats, [&ada]).await;
    place.pass(HOLD / 2).await;
    assert_eq!(twice(&place, &place.own("ada")).await, Reserved::Held, "again");
    let [longer] = place.scores(&place.room.seats, [&ada]).await;
    assert_eq!(longer.unwrap() - seat.unwrap(), (HOLD / 2).as_millis() as i64);
    place.seat("ben").await;
    assert_eq!(twice(&place, &place.own("ben")).await, Reserved::Seated);
    assert_eq!(twice(&place, &place.own("cleo")).await, Reserved::Full { taken: 2 });
    place.wait("cleo").await;
    assert_eq!(twice(&place, &place.own("cleo")).await, Reserved::Full { taken: 2 }, "cleo waits");
    place.pass(HOLD).await;
    assert_eq!(twice(&place, &place.own("dan")).await, Reserved::Full { taken: 1 }, "cleo is before dan");
    assert_eq!(place.told().await, ["r ada", "j ben", "x ada"]);
}

#[tokio::test(start_paused = true)]
async fn what_ended_is_buried_before_something_new_is_held() {
    let place = Place::new().await;
    place.seat("ada").await;
    place.hold("ben").await;
    place.pass(LEASE).await;
    assert_eq!(twice(&place, &place.own("ada")).await, Reserved::Held);
    assert_eq!(twice(&place, &place.own("ben")).await, Reserved::Held);
    place.wait("cleo").await;
    place.pass(LEASE).await;
    assert_eq!(twice(&place, &place.own("cleo")).await, Reserved::Held, "a dead ticket");
    assert_eq!(
        place.told().await,
        ["j ada", "r ben", "x ada", "r ada", "x ben", "r ben", "r cleo", "x ada", "x ben"]
    );
}

#[tokio::test(start_paused = true)]
async fn for_who_is_away_the_seat_is_held_anew() {
    let place = Place::new().await;
    let ada = place.seat("ada").await;
    place.away(&ada).await;
    let [away] = place.scores(&place.room.held, [&ada]).await;
    assert_eq!(twice(&place, &place.own("ada")).await, Reserved::Held);
    let [held] = place.scores(&place.room.held, [&ada]).await;
    assert_eq!(away.unwrap() - held.unwrap(), (GRACE - HOLD).as_millis() as i64);
    assert_eq!(place.told().await, ["j ada"]);
}

#[tokio::test(start_paused = true)]
async fn under_other_terms_nothing_is_held() {
    let place = Place::new().await;
    let own = place.own("ada");
    for configured in [None, Some(Terms { hold: LEASE, ..TERMS })] {
        let program = ReserveProgram::new(Applicant { configured, ..place.applicant(&own) }).unwrap();
        let stale = place.safe(program.txn(), |outcome| program.guard().stale(outcome)).await;
        assert_eq!(stale, Some(Some(TERMS.bytes())));
    }
    assert_eq!(place.counted(&place.room.seats).await, 0);
}

#[tokio::test(start_paused = true)]
async fn in_a_room_of_a_pool_it_is_the_same() {
    let place = Place::pooled().await;
    assert_eq!(twice(&place, &place.own("ada")).await, Reserved::Held);
    place.seat("ben").await;
    assert_eq!(twice(&place, &place.own("cleo")).await, Reserved::Full { taken: 2 });
    place.pass(HOLD).await;
    assert_eq!(twice(&place, &place.own("ada")).await, Reserved::Held);
}

#[tokio::test(start_paused = true)]
async fn on_a_full_store_a_hold_can_be_lengthened_and_none_begun() {
    let place = Place::new().await;
    let ada = place.hold("ada").await;
    place.memory().set_capacity(Some(0));
    assert_eq!(twice(&place, &ada).await, Reserved::Held);
    let program = place.reserving(&place.own("ben"));
    assert_eq!(place.memory().transact(program.txn()).await.unwrap_err().kind(), ErrorKind::Full);
}

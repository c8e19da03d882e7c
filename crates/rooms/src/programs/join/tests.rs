//! The promises of joining: safe to repeat whatever the member was before, and never more than the limit.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use roomkey_core::{ErrorKind, Store};

use super::super::testing::{BASIS, HOLD, LEASE, Own, Place, TERMS};
use super::*;

/// Joins twice, as a store does that lost the first reply.
async fn twice(place: &Place, own: &Own) -> Entered {
    place.twice(&place.joining(own)).await
}

#[tokio::test(start_paused = true)]
async fn who_is_in_has_the_seat_already() {
    let place = Place::new().await;
    let first = place.own("ada");
    assert_eq!(twice(&place, &first).await, Entered::Seated);
    let again = place.own("ada");
    assert_eq!(twice(&place, &again).await, Entered::Seated);
    let held = place.hold("ben").await;
    assert_eq!(place.scores(&place.room.held, [&held]).await.map(|held| held.is_some()), [true]);
    let ben = place.own("ben");
    assert_eq!(twice(&place, &ben).await, Entered::Seated, "in a full room");
    place.away(&ben).await;
    assert_eq!(twice(&place, &place.own("ben")).await, Entered::Seated);
    assert_eq!((place.counted(&place.room.seats).await, place.counted(&place.room.held).await), (2, 0));
    assert_eq!(place.told().await, ["j ada", "r ben", "j ben", "j ben"]);
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_too_late_is_told_to_have_gone_and_come() {
    let place = Place::new().await;
    place.seat("ada").await;
    place.pass(LEASE).await;
    assert_eq!(place.counted(&place.room.seats).await, 0, "a seat whose end has come is none");
    assert_eq!(twice(&place, &place.own("ada")).await, Entered::Seated);
    place.hold("ben").await;
    place.pass(HOLD).await;
    assert_eq!(twice(&place, &place.own("ben")).await, Entered::Seated);
    assert_eq!(place.counted(&place.room.held).await, 0);
    assert_eq!(place.told().await, ["j ada", "x ada", "j ada", "r ben", "x ben", "j ben"]);
}

#[tokio::test(start_paused = true)]
async fn who_finds_no_seat_waits_or_is_told_so() {
    let place = Place::new().await;
    place.seat("ada").await;
    place.seat("ben").await;
    let impatient = place.own("cleo");
    let program = JoinProgram::new(Applicant { queue: Limit::Given(0), ..place.applicant(&impatient) });
    assert_eq!(place.twice(&program.unwrap()).await, Entered::Full { taken: 2 });
    assert_eq!(twice(&place, &place.own("cleo")).await, Entered::Waiting { ahead: 0 });
    assert_eq!(twice(&place, &place.own("dan")).await, Entered::Waiting { ahead: 1 });
    assert_eq!(twice(&place, &place.own("cleo")).await, Entered::Waiting { ahead: 0 }, "the same place");
    assert_eq!(twice(&place, &place.own("eve")).await, Entered::Full { taken: 2 }, "two may wait");
    assert_eq!(place.told().await, ["j ada", "j ben"]);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_said_counts_for_who_says_it() {
    let place = Place::new().await;
    for (name, limit, expected) in [
        ("ada", 0, Entered::Full { taken: 0 }),
        ("ada", 1, Entered::Seated),
        ("ben", 1, Entered::Full { taken: 1 }),
        ("ben", 3, Entered::Seated),
        ("cleo", 3, Entered::Seated),
        ("dan", 3, Entered::Full { taken: 3 }),
    ] {
        let own = place.own(name);
        let (limit, queue) = (Limit::Given(limit), Limit::Given(0));
        let program = JoinProgram::new(Applicant { limit, queue, ..place.applicant(&own) }).unwrap();
        assert_eq!(place.twice(&program).await, expected, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_ticket_is_no_place_in_line() {
    let place = Place::new().await;
    let ada = place.seat("ada").await;
    place.seat("ben").await;
    place.wait("cleo").await;
    place.pass(LEASE / 2).await;
    // The two stay, and somebody else waits, when the ticket ends.
    for own in [&ada, &place.own("ben")] {
        assert_eq!(twice(&place, own).await, Entered::Seated);
    }
    place.wait("dan").await;
    place.pass(LEASE / 2).await;
    assert_eq!(twice(&place, &place.own("cleo")).await, Entered::Waiting { ahead: 1 }, "behind dan");
    // The seats end first, and then the tickets: nobody waits whom one could pass.
    place.pass(LEASE).await;
    assert_eq!(twice(&place, &place.own("cleo")).await, Entered::Seated);
    assert_eq!(place.told().await, ["j ada", "j ben", "j cleo", "x ada", "x ben"]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_and_asks_when_a_seat_ended_has_it() {
    let place = Place::new().await;
    place.seat("ada").await;
    place.seat("ben").await;
    place.pass(LEASE / 2).await;
    let (cleo, dan) = (place.wait("cleo").await, place.wait("dan").await);
    place.pass(LEASE / 2).await;
    // Two seats ended and nobody has noticed. They are for the two who wait.
    assert_eq!(twice(&place, &place.own("eve")).await, Entered::Full { taken: 0 });
    assert_eq!(twice(&place, &cleo).await, Entered::Seated, "at once, not only a hold");
    assert_eq!((place.counted(&place.room.seats).await, place.counted(&place.room.held).await), (2, 1));
    assert_eq!(twice(&place, &dan).await, Entered::Seated);
    assert_eq!(twice(&place, &place.own("eve")).await, Entered::Waiting { ahead: 0 });
    let told = ["j ada", "j ben", "x ada", "x ben", "p cleo", "p dan", "j cleo", "j dan"];
    assert_eq!(place.told().await, told);
}

/// Whoever comes stands behind those who wait, also while seats are free that nobody has noticed.
#[tokio::test(start_paused = true)]
async fn nobody_passes_those_who_wait() {
    let place = Place::new().await;
    place.seat("ada").await;
    place.seat("ben").await;
    place.pass(LEASE / 2).await;
    let cleo = place.wait("cleo").await;
    place.pass(LEASE / 2).await;
    let dan = place.own("dan");
    for limit in [2, 3] {
        let (limit, queue) = (Limit::Given(limit), Limit::Given(0));
        let program = JoinProgram::new(Applicant { limit, queue, ..place.applicant(&dan) }).unwrap();
        assert_eq!(place.twice(&program).await, Entered::Full { taken: 0 });
    }
    assert_eq!(
        twice(&place, &dan).await,
        Entered::Seated,
        "there are two seats, and both stand in line for them"
    );
    assert_eq!(twice(&place, &cleo).await, Entered::Seated);
}

#[tokio::test(start_paused = true)]
async fn under_other_terms_nothing_is_done_and_they_are_told() {
    let place = Place::new().await;
    let own = place.own("ada");
    let other = Terms { lease: LEASE * 2, ..TERMS };
    for configured in [None, Some(other)] {
        let program = JoinProgram::new(Applicant { configured, ..place.applicant(&own) }).unwrap();
        let stale = place.safe(program.txn(), |outcome| program.guard().stale(outcome)).await;
        assert_eq!(stale, Some(Some(TERMS.bytes())));
    }
    assert_eq!(place.counted(&place.room.seats).await, 0);

    let bare = Place::bare().await;
    let program = bare.joining(&own);
    let stale = bare.safe(program.txn(), |outcome| program.guard().stale(outcome)).await;
    assert_eq!(stale, Some(None), "it is not configured any more");
    let program = JoinProgram::new(Applicant { configured: None, ..bare.applicant(&own) }).unwrap();
    assert_eq!(bare.twice(&program).await, Entered::Seated);
}

#[tokio::test(start_paused = true)]
async fn in_a_room_of_a_pool_it_is_the_same_and_counted() {
    let place = Place::pooled().await;
    let counted = async || place.read(Op::rank_scores(&place.pool().open, place.room.id.number())).await;
    for (name, entered, open) in [
        ("ada", Entered::Seated, 1),
        ("ada", Entered::Seated, 1),
        ("ben", Entered::Seated, 2),
        ("cleo", Entered::Waiting { ahead: 0 }, 2),
    ] {
        assert_eq!(twice(&place, &place.own(name)).await, entered);
        assert_eq!(counted().await, Reply::Scores(vec![Some(open)]), "{name}");
    }
    place.pass(LEASE).await;
    assert_eq!(twice(&place, &place.own("ada")).await, Entered::Seated);
    assert_eq!(counted().await, Reply::Scores(vec![Some(1)]));
}

#[tokio::test(start_paused = true)]
async fn on_a_full_store_who_is_in_stays_and_nobody_comes_in() {
    let place = Place::new().await;
    let (ada, ben) = (place.seat("ada").await, place.hold("ben").await);
    let full = async |own: &Own| {
        let program = place.joining(own);
        place.memory().transact(program.txn()).await.unwrap_err().kind()
    };
    place.memory().set_capacity(Some(0));
    for own in [&ada, &place.own("ada"), &ben] {
        assert_eq!(twice(&place, own).await, Entered::Seated);
    }
    // There is no seat, which is an answer; a place to wait would need memory.
    let cleo = place.own("cleo");
    let program = JoinProgram::new(Applicant { queue: Limit::Given(0), ..place.applicant(&cleo) }).unwrap();
    assert_eq!(place.twice(&program).await, Entered::Full { taken: 2 });
    assert_eq!(full(&cleo).await, ErrorKind::Full);
    place.pass(LEASE).await;
    assert_eq!(full(&cleo).await, ErrorKind::Full, "a free seat would need memory");
    place.memory().set_capacity(None);
    assert_eq!(twice(&place, &cleo).await, Entered::Seated);
    assert_eq!(BASIS.limit, 100);
}

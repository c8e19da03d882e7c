//! The promises of renewing: safe to repeat, admitting nobody, and fit for a full store.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use roomkey_core::Store;

use super::super::leave::LeaveProgram;
use super::super::testing::{BASIS, GRACE, HOLD, LEASE, Own, Place, TERMS};
use super::*;
use crate::terms::Terms;

async fn seats<const N: usize>(place: &Place, own: [&Own; N]) -> [Stands; N] {
    let pairs = own.map(Own::pair).to_vec();
    let program = RenewSeatsProgram::new(&place.room, BASIS, pairs).unwrap();
    let stand = place.safe(&program.txn, |outcome| program.stand(outcome)).await;
    stand.unwrap().try_into().unwrap()
}

async fn tickets<const N: usize>(place: &Place, own: [&Own; N]) -> [(Stands, u64); N] {
    let pairs = own.map(Own::pair).to_vec();
    let program = RenewTicketsProgram::new(&place.room, BASIS, pairs).unwrap();
    let stand = place.safe(&program.txn, |outcome| program.stand(outcome)).await;
    stand.unwrap().try_into().unwrap()
}

async fn away(place: &Place, own: &Own) -> Stands {
    let program = AwayProgram::new(&place.room, BASIS, own.pair()).unwrap();
    place.safe(&program.txn, |outcome| program.stands(outcome)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn each_lease_is_told_how_it_stands() {
    let place = Place::new().await;
    place.configure(9, 9).await;
    let (ada, old) = (place.seat("ada").await, place.seat("ben").await);
    let ben = place.seat("ben").await;
    let gone = place.own("cleo");
    let stands = seats(&place, [&gone, &ben, &old, &ada, &ben, &ada]).await;
    let renewed = Stands::Renewed;
    assert_eq!(
        stands,
        [Stands::Lost, renewed, Stands::Superseded, renewed, renewed, renewed],
        "also if asked twice"
    );
    place.pass(LEASE).await;
    assert_eq!(seats(&place, [&ada, &ben]).await, [Stands::Lost; 2], "a dead one stays dead");
    assert_eq!(place.counted(&place.room.seats).await, 0);
    place.seat("dan").await;
    assert_eq!(seats(&place, [&ada, &ben]).await, [Stands::Lost; 2], "and cleared away it is lost as well");
    assert_eq!(place.told().await, ["j ada", "j ben", "j dan", "x ada", "x ben"]);
}

#[tokio::test(start_paused = true)]
async fn who_renews_is_there() {
    let place = Place::new().await;
    let (ada, ben) = (place.seat("ada").await, place.hold("ben").await);
    place.away(&ada).await;
    assert_eq!(place.counted(&place.room.held).await, 2);
    assert_eq!(seats(&place, [&ben]).await, [Stands::Renewed]);
    assert_eq!(place.counted(&place.room.held).await, 1);
    assert_eq!(seats(&place, [&ada, &ben]).await, [Stands::Renewed; 2]);
    assert_eq!(place.counted(&place.room.held).await, 0);
    let [ada, ben] = place.scores(&place.room.seats, [&ada, &ben]).await;
    assert_eq!(ada, ben);
    assert_eq!(place.told().await, ["j ada", "r ben", "j ben", "j ada"]);
}

#[tokio::test(start_paused = true)]
async fn who_is_away_keeps_the_seat_for_the_grace() {
    let place = Place::new().await;
    let (ada, old) = (place.seat("ada").await, place.seat("ben").await);
    let ben = place.seat("ben").await;
    assert_eq!(away(&place, &ada).await, Stands::Renewed);
    assert_eq!(away(&place, &old).await, Stands::Superseded);
    assert_eq!(away(&place, &place.own("cleo")).await, Stands::Lost);
    place.pass(GRACE - Duration::from_millis(1)).await;
    assert_eq!(away(&place, &ben).await, Stands::Lost, "its lease has ended");
    assert_eq!(seats(&place, [&ada]).await, [Stands::Renewed]);
    assert_eq!(away(&place, &ada).await, Stands::Renewed);
    place.pass(GRACE).await;
    assert_eq!(away(&place, &ada).await, Stands::Lost);
    assert_eq!((place.counted(&place.room.seats).await, place.counted(&place.room.held).await), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_ticket_waits_until_it_is_a_seat() {
    let place = Place::new().await;
    let (ada, _ben) = (place.seat("ada").await, place.seat("ben").await);
    let old = place.wait("cleo").await;
    let (cleo, dan) = (place.wait("cleo").await, place.wait("dan").await);
    let waits = |ahead| (Stands::Renewed, ahead);
    let eve = place.own("eve");
    assert_eq!(
        tickets(&place, [&dan, &cleo, &old, &eve]).await,
        [waits(1), waits(0), (Stands::Superseded, 0), (Stands::Lost, 0)]
    );
    // A seat has ended, and whoever asks, the first in line has it.
    place.pass(LEASE / 2).await;
    assert_eq!(seats(&place, [&ada]).await, [Stands::Renewed]);
    assert_eq!(tickets(&place, [&cleo, &dan]).await, [waits(0), waits(1)]);
    place.pass(LEASE / 2).await;
    assert_eq!(tickets(&place, [&dan]).await, [waits(0)]);
    assert_eq!(tickets(&place, [&cleo]).await, [(Stands::Promoted, 0)]);
    // The hold ends as any seat does; so does a ticket.
    place.pass(HOLD).await;
    assert_eq!(tickets(&place, [&cleo, &dan]).await, [(Stands::Lost, 0), (Stands::Promoted, 0)]);
    let told = place.told().await;
    assert_eq!(told[2..], ["x ben", "p cleo", "x ada", "x cleo", "p dan"]);
}

#[tokio::test(start_paused = true)]
async fn a_ticket_that_ended_is_lost() {
    let place = Place::new().await;
    let (ada, ben) = (place.seat("ada").await, place.seat("ben").await);
    let cleo = place.wait("cleo").await;
    place.pass(LEASE / 2).await;
    assert_eq!(seats(&place, [&ada, &ben]).await, [Stands::Renewed; 2]);
    place.pass(LEASE / 2).await;
    assert_eq!(tickets(&place, [&cleo]).await, [(Stands::Lost, 0)]);
}

#[tokio::test(start_paused = true)]
async fn in_a_room_of_a_pool_it_is_the_same() {
    let place = Place::pooled().await;
    let (ada, ben) = (place.seat("ada").await, place.seat("ben").await);
    let cleo = place.wait("cleo").await;
    assert_eq!(seats(&place, [&ada, &ben]).await, [Stands::Renewed; 2]);
    assert_eq!(away(&place, &ada).await, Stands::Renewed);
    assert_eq!(tickets(&place, [&cleo]).await, [(Stands::Renewed, 0)]);
    place.pass(LEASE - Duration::from_millis(1)).await;
    assert_eq!(tickets(&place, [&cleo]).await, [(Stands::Renewed, 0)]);
    place.pass(Duration::from_millis(1)).await;
    assert_eq!(tickets(&place, [&cleo]).await, [(Stands::Promoted, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_full_store_keeps_who_is_in_and_moves_the_line() {
    let place = Place::new().await;
    let (ada, ben) = (place.seat("ada").await, place.hold("ben").await);
    let (cleo, dan) = (place.wait("cleo").await, place.wait("dan").await);
    place.memory().set_capacity(Some(0));
    assert_eq!(seats(&place, [&ada, &place.own("eve")]).await, [Stands::Renewed, Stands::Lost]);
    assert_eq!(tickets(&place, [&cleo, &dan]).await, [(Stands::Renewed, 0), (Stands::Renewed, 1)]);
    assert_eq!(away(&place, &ada).await, Stands::Renewed);
    assert_eq!(seats(&place, [&ada]).await, [Stands::Renewed], "with an event");
    place.pass(HOLD).await;
    assert_eq!(tickets(&place, [&cleo, &dan]).await, [(Stands::Promoted, 0), (Stands::Renewed, 0)]);
    assert_eq!(seats(&place, [&ben, &cleo]).await, [Stands::Lost, Stands::Renewed]);
    assert_eq!(away(&place, &ben).await, Stands::Lost);
}

/// What is kept of a member lives as long as the hold that somebody else's going gave it.
#[tokio::test(start_paused = true)]
async fn whoever_is_promoted_late_keeps_its_record() {
    let hours = |hours: u64| Duration::from_secs(hours * 3_600);
    let place = Place::bare().await;
    let terms = Terms { lease: hours(20), hold: hours(20), grace: hours(20), ..TERMS };
    let basis = Basis { terms, limit: 1 };
    let enter = async |name| {
        let own = place.own(name);
        let applicant = super::super::Applicant {
            configured: None,
            basis,
            limit: roomkey_core::Limit::Given(1),
            queue: roomkey_core::Limit::Given(1),
            ..place.applicant(&own)
        };
        let program = super::super::JoinProgram::new(applicant).unwrap();
        place.memory().transact(super::super::Program::txn(&program)).await.unwrap();
        own
    };
    let (ada, ben) = (enter("ada").await, enter("ben").await);
    place.pass(hours(19)).await;
    let leave = LeaveProgram::new(&place.room, basis, ada.pair()).unwrap();
    place.safe(&leave.txn, |outcome| leave.left(outcome)).await;
    place.pass(hours(19)).await;
    let check = RenewTicketsProgram::new(&place.room, basis, vec![ben.pair()]).unwrap();
    let stand = place.safe(&check.txn, |outcome| check.stand(outcome)).await;
    assert_eq!(stand, Some(vec![(Stands::Promoted, 0)]));
}

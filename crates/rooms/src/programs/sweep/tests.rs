//! The promises of sweeping: bounded, fit for a full store, and nothing left of what ended.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use roomkey_core::Store;

use super::super::testing::{BASIS, HOLD, LEASE, Place};
use super::*;

async fn sweep(place: &Place) -> (u64, u64, bool) {
    let program = SweepProgram::new(&place.room, BASIS).unwrap();
    let outcome = place.memory().transact(&program.txn).await.unwrap();
    place.assert_whole().await;
    program.swept(&outcome)
}

async fn due(place: &Place) -> bool {
    let due = place.read(Op::rank_scores(&place.room.due, place.room.id.bytes())).await;
    due != Reply::Scores(vec![None])
}

#[tokio::test(start_paused = true)]
async fn what_ended_goes_and_who_waits_comes_in() {
    let place = Place::new().await;
    place.seat("ada").await;
    place.hold("ben").await;
    place.wait("cleo").await;
    assert_eq!(sweep(&place).await, (0, 0, false));
    place.pass(HOLD).await;
    assert_eq!(sweep(&place).await, (1, 1, false));
    place.pass(LEASE).await;
    assert!(due(&place).await);
    assert_eq!(sweep(&place).await, (2, 0, false), "ada's lease and cleo's hold");
    assert!(!due(&place).await);
    assert_eq!(place.told().await[2..], ["x ben", "p cleo", "x ada", "x cleo"]);
}

#[tokio::test(start_paused = true)]
async fn a_line_before_no_seats_is_looked_at_when_its_first_ticket_ends() {
    let place = Place::new().await;
    let ada = place.seat("ada").await;
    place.seat("ben").await;
    place.wait("cleo").await;
    place.configure(0, 2).await;
    place.pass(LEASE / 2).await;
    let joining = place.joining(&ada);
    place.memory().transact(super::super::Program::txn(&joining)).await.unwrap();
    let dan = place.own("dan");
    place.memory().transact(super::super::Program::txn(&place.joining(&dan))).await.unwrap();
    place.pass(LEASE / 2).await;
    assert_eq!(sweep(&place).await, (1, 0, false), "ben's; cleo's ticket goes as well");
    let left = super::super::LeaveProgram::new(&place.room, BASIS, ada.pair()).unwrap();
    place.memory().transact(&left.txn).await.unwrap();
    place.assert_whole().await;
    let noted = place.read(Op::rank_scores(&place.room.due, place.room.id.bytes())).await;
    let ticket = place.scores(&place.room.tickets, [&dan]).await;
    assert_eq!(noted, Reply::Scores(ticket.to_vec()));
    place.pass(LEASE / 2).await;
    assert_eq!(sweep(&place).await, (0, 0, false));
    assert!(!due(&place).await);
    assert_eq!(place.counted(&place.room.queue).await, 0);
}

#[tokio::test(start_paused = true)]
async fn it_is_done_in_steps() {
    let place = Place::new().await;
    place.configure(600, 0).await;
    for number in 0..600 {
        place.seat(&format!("member {number}")).await;
    }
    place.pass(LEASE).await;
    place.memory().set_capacity(Some(0));
    let step = u64::from(STEP);
    assert_eq!(sweep(&place).await, (step, 0, true));
    assert_eq!(sweep(&place).await, (step, 0, true));
    assert_eq!(sweep(&place).await, (600 - 2 * step, 0, false));
    assert_eq!(sweep(&place).await, (0, 0, false));
}

#[tokio::test(start_paused = true)]
async fn an_empty_room_of_a_pool_stays_open() {
    let place = Place::pooled().await;
    place.seat("ada").await;
    place.pass(LEASE).await;
    assert_eq!(sweep(&place).await, (1, 0, false));
    assert!(!due(&place).await);
    let open = place.read(Op::rank_scores(&place.pool().open, place.room.id.number())).await;
    assert_eq!(open, Reply::Scores(vec![Some(0)]));
}

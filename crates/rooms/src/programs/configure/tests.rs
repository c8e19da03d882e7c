//! The promises of configuring: safe to repeat, and a raised limit seats those who wait.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use roomkey_core::{ErrorKind, Reply, Store};

use super::super::testing::{LEASE, Place};
use super::*;

async fn configure(place: &Place, limit: i64, queue: i64) {
    place.safe(&place.configuration(limit, queue).txn, |_| ()).await;
}

#[tokio::test(start_paused = true)]
async fn it_is_said_and_told_once() {
    let place = Place::bare().await;
    configure(&place, 2, 1).await;
    configure(&place, 3, 1).await;
    let fields = place.read(Op::map_get(&place.room.config, vec![CAPACITY, QUEUE])).await;
    assert_eq!(fields, Reply::Optionals(vec![Some("3".into()), Some("1".into())]));
    let range = Op::log_range(
        &place.room.events,
        roomkey_core::LogId::MIN,
        roomkey_core::LogId::MAX,
        roomkey_core::Order::Lowest,
        9,
    );
    assert!(matches!(place.read(range).await, Reply::Entries(entries) if entries.len() == 2));
}

#[tokio::test(start_paused = true)]
async fn a_higher_limit_seats_who_waits_and_a_lower_one_ends_nothing() {
    for place in [Place::new().await, Place::pooled().await] {
        place.seat("ada").await;
        place.seat("ben").await;
        place.wait("cleo").await;
        place.wait("dan").await;
        configure(&place, 1, 2).await;
        assert_eq!(place.counted(&place.room.seats).await, 2);
        configure(&place, 3, 2).await;
        assert_eq!(
            (place.counted(&place.room.seats).await, place.counted(&place.room.tickets).await),
            (3, 1)
        );
        assert_eq!(place.told().await[2..], ["p cleo"]);
        place.pass(LEASE).await;
        configure(&place, 9, 2).await;
        assert_eq!(place.counted(&place.room.seats).await, 0, "the dead are promoted no more");
    }
}

#[tokio::test(start_paused = true)]
async fn on_a_full_store_nothing_is_said() {
    let place = Place::new().await;
    place.memory().set_capacity(Some(0));
    let program = place.configuration(5, 0);
    assert_eq!(place.memory().transact(&program.txn).await.unwrap_err().kind(), ErrorKind::Full);
}

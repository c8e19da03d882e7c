//! What rooms make of a store that is full, broken or loses replies, and of the passing of time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{
    Batch, Class, Error as StoreError, ErrorKind, Kind, Life, Op, Outcome, Reply, Spread, Step, Store,
};
use roomkey_memory::MemoryStore;
use roomkey_rooms::{Error, Joined, Renewal, RoomConfig, RoomEvents, Rooms, Seat, Since, Ticket, What};
use roomkey_testkit::{Fault, FaultyStore, MockStore, RecordingStore, Request};
use roomkey_vault::{Keyring, Vault};

const HOUR: Duration = Duration::from_secs(3_600);

async fn rooms<S: Store>(store: S) -> Rooms<S> {
    Rooms::new(Vault::open(store, Keyring::from_key_bytes([7; 32])).await.unwrap())
}

fn store_error<T: std::fmt::Debug>(result: Result<T, Error>) -> StoreError {
    match result {
        Err(Error::Store(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn trouble_is_never_told_as_full_or_empty() {
    let store = FaultyStore::new(MemoryStore::new());
    let rooms = rooms(store.clone()).await;
    rooms.set_size("room", 5).await.unwrap();
    for error in [
        StoreError::not_executed("away"),
        StoreError::ambiguous("timed out"),
        StoreError::permanent("no permission"),
        StoreError::Contended,
        StoreError::Closed,
    ] {
        store.break_down(error.clone());
        assert_eq!(store_error(rooms.size("room").await).kind(), error.kind());
        assert_eq!(store_error(rooms.set_size("room", 7).await).kind(), error.kind());
        assert_eq!(store_error(rooms.set_size("room", 0).await).kind(), error.kind());
        assert_eq!(store_error(rooms.update_size("room", 1).await).kind(), error.kind());
        assert_eq!(store_error(rooms.check_and_increment("room").await).kind(), error.kind());
    }
    store.heal();
    assert_eq!(rooms.size("room").await.unwrap(), 5, "nothing was done");
}

#[tokio::test]
async fn a_change_whose_reply_is_lost_is_told_and_not_repeated() {
    let store = FaultyStore::new(MemoryStore::new());
    let rooms = rooms(store.clone()).await;
    rooms.set_size("room", 5).await.unwrap();
    store.plan([Fault::ReplyLost]);
    assert_eq!(store_error(rooms.check_and_increment("room").await).class(), Class::Ambiguous);
    assert_eq!(rooms.size("room").await.unwrap(), 6, "it happened once");
    store.plan([Fault::ReplyLost]);
    assert_eq!(store_error(rooms.update_size("room", -2).await).class(), Class::Ambiguous);
    assert_eq!(rooms.size("room").await.unwrap(), 4);
    store.plan([Fault::ReplyLost]);
    assert_eq!(store_error(rooms.set_size("room", 9).await).class(), Class::Ambiguous);
    assert_eq!(rooms.size("room").await.unwrap(), 9);
}

#[tokio::test]
async fn no_relative_change_lets_a_store_repeat_it_and_each_is_one_round_trip() {
    let store = RecordingStore::new(MemoryStore::new());
    let rooms = rooms(store.clone()).await;
    store.clear();
    rooms.update_size("room", 1).await.unwrap();
    rooms.update_size("room", -5).await.unwrap();
    rooms.check_and_increment("room").await.unwrap();
    assert_eq!(store.history().len(), 3);
    for call in store.history() {
        let Request::Transact(txn) = &call.request else { panic!("a relative change is a transaction") };
        assert!(!txn.retry_safe(), "{}", txn.name());
    }
    store.clear();
    rooms.size("room").await.unwrap();
    rooms.set_size("room", 5).await.unwrap();
    rooms.set_size("room", 0).await.unwrap();
    assert_eq!(store.history().len(), 3);
    store.clear();
    assert!(rooms.size("").await.is_err());
    assert!(rooms.set_size_for("room", 5, Duration::ZERO).await.is_err());
    assert!(store.history().is_empty(), "bad input is told without asking the store");
}

#[tokio::test]
async fn a_full_store_refuses_to_grow_and_lets_rooms_go() {
    let store = MemoryStore::new();
    let rooms = rooms(store.clone()).await;
    for room in ["set", "updated", "kept"] {
        rooms.set_size(room, 5).await.unwrap();
    }
    store.set_capacity(Some(0));
    assert_eq!(store_error(rooms.check_and_increment("kept").await).kind(), ErrorKind::Full);
    assert_eq!(store_error(rooms.update_size("kept", 1).await).kind(), ErrorKind::Full);
    assert_eq!(store_error(rooms.set_size("new", 1).await).kind(), ErrorKind::Full);
    assert_eq!(rooms.update_size("updated", -5).await.unwrap(), 0);
    rooms.set_size("set", 0).await.unwrap();
    assert_eq!(rooms.size("set").await.unwrap(), 0);
    assert_eq!(rooms.size("kept").await.unwrap(), 5);
    assert_eq!(rooms.update_size("kept", -1).await.unwrap(), 4, "leaving needs none");
    assert!(!rooms.check_and_increment_within("kept", 4).await.unwrap(), "nor does a refusal");
}

#[tokio::test]
async fn a_reply_that_no_store_may_give_is_an_error() {
    let mut mock = MockStore::new();
    mock.expect_transact().returning(|txn| {
        // Every first check holds, so that the vault's canary is new; but no op replies.
        let mut outcome = Outcome::new(txn, None);
        if let Some(Step::Fork(fork)) = txn.steps().first() {
            outcome.take_branch(fork.then_id);
        }
        Box::pin(async { Ok(outcome) })
    });
    mock.expect_run().returning(|_| Box::pin(async { Ok(vec![Ok(Reply::Skipped)]) }));
    let rooms = rooms(mock.shared()).await;
    assert_eq!(store_error(rooms.size("room").await).kind(), ErrorKind::Permanent);
    assert_eq!(store_error(rooms.update_size("room", 1).await).kind(), ErrorKind::Permanent);
}

#[tokio::test(start_paused = true)]
async fn rooms_expire_when_told() {
    let rooms = rooms(MemoryStore::new()).await;
    rooms.set_size_for("short", 5, Duration::from_secs(60)).await.unwrap();
    rooms.set_size("hour", 5).await.unwrap();
    rooms.set_size_for("changed", 5, Duration::from_secs(60)).await.unwrap();
    rooms.check_and_increment("changed").await.unwrap();
    rooms.set_size_for("day", 5, HOUR * 24).await.unwrap();
    rooms.update_size("day", 1).await.unwrap();
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(rooms.size("short").await.unwrap(), 0);
    assert_eq!(rooms.size("changed").await.unwrap(), 6);
    tokio::time::advance(HOUR).await;
    assert_eq!(rooms.size("hour").await.unwrap(), 0);
    assert_eq!(rooms.size("changed").await.unwrap(), 0);
    assert_eq!(rooms.size("day").await.unwrap(), 6);
    assert_eq!(rooms.update_size("hour", 2).await.unwrap(), 2, "it begins anew");
}

async fn seat<S: Store>(rooms: &Rooms<S>, room: &str, member: &str) -> Seat<S> {
    rooms.join(room, member).await.unwrap().seat().unwrap()
}

async fn ticket<S: Store>(rooms: &Rooms<S>, room: &str, member: &str) -> Ticket<S> {
    match rooms.join(room, member).await.unwrap() {
        Joined::Waiting { ticket, .. } => ticket,
        other => panic!("{member} found {other:?}"),
    }
}

async fn next(events: &mut RoomEvents) -> What {
    events.next().await.unwrap().unwrap().what
}

#[tokio::test(start_paused = true)]
async fn leases_that_are_renewed_together_live_each_as_long_as_it_was_given() {
    let rooms = rooms(MemoryStore::new()).await;
    let lease = |seconds| RoomConfig::new(5).lease(Duration::from_secs(seconds));
    rooms.configure("room", lease(60)).await.unwrap();
    let long = seat(&rooms, "room", "ada").await.into_lease();
    rooms.configure("room", lease(5)).await.unwrap();
    let short = seat(&rooms, "room", "ben").await.into_lease();
    let renewed = rooms.renew(&[long.clone(), short.clone()]).await.unwrap();
    assert_eq!(renewed, [Renewal::Renewed; 2]);
    tokio::time::advance(Duration::from_secs(20)).await;
    assert_eq!(rooms.renew(&[long, short]).await.unwrap(), [Renewal::Renewed, Renewal::Lost]);
}

#[tokio::test(start_paused = true)]
async fn a_pool_whose_rooms_outlive_their_keep_gives_no_number_out_twice() {
    let rooms = rooms(MemoryStore::new()).await;
    let config = RoomConfig::new(2).lease(Duration::from_secs(600)).keep(HOUR);
    let pool = rooms.pool("duel", config).unwrap();
    let seats = [pool.find_or_create("ada").await.unwrap(), pool.find_or_create("ben").await.unwrap()];
    for _ in 0..24 {
        tokio::time::advance(Duration::from_secs(300)).await;
        for seat in &seats {
            assert_eq!(seat.renew().await.unwrap(), Renewal::Renewed);
        }
    }
    let cleo = pool.find_or_create("cleo").await.unwrap();
    assert_eq!(cleo.room(), pool.room(2));
    assert_eq!(rooms.occupancy(pool.room(1)).await.unwrap().live, 2);
}

#[tokio::test(start_paused = true)]
async fn who_waits_by_joining_again_keeps_the_place() {
    let rooms = rooms(MemoryStore::new()).await;
    let config = RoomConfig::new(1).lease(HOUR / 2).queue(5);
    rooms.configure("room", config).await.unwrap();
    let ada = seat(&rooms, "room", "ada").await;
    let mut ben = ticket(&rooms, "room", "ben").await;
    for _ in 0..20 {
        tokio::time::advance(HOUR / 4).await;
        assert_eq!(ada.renew().await.unwrap(), Renewal::Renewed);
        let again = ticket(&rooms, "room", "ben").await;
        let _ = std::mem::replace(&mut ben, again).into_lease();
    }
    ada.leave().await.unwrap();
    assert!(matches!(ben.claim().await.unwrap(), Joined::Seated(_)));
}

#[tokio::test(start_paused = true)]
async fn a_room_that_cannot_be_swept_hinders_no_other() {
    const SPREAD: Spread = Spread::over(1_024);
    let vault = Vault::open(MemoryStore::new(), Keyring::from_key_bytes([7; 32])).await.unwrap();
    let rooms = Rooms::new(vault.clone());
    for room in ["broken", "whole"] {
        rooms.configure(room, RoomConfig::new(5)).await.unwrap();
        let _ = seat(&rooms, room, "ada").await.into_lease();
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let config = vault.space("r1", SPREAD);
    let config = config.key(Kind::Map, config.hide("room", &[b"broken"]));
    let terms = Op::map_put(&config, Bytes::from("t"), Bytes::from("no terms"), Life::Keep);
    vault.store().run(Batch::one(terms).unwrap()).await.unwrap();
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(matches!(rooms.sweep(10).await, Err(Error::Foreign(_))));
    let mut events = rooms.watch("whole", Since::Oldest).await.unwrap();
    assert!(matches!(next(&mut events).await, What::Changed));
    assert!(matches!(next(&mut events).await, What::Joined(_)));
    assert!(matches!(next(&mut events).await, What::Expired(_)));
}

/// More happens than is kept before the one who follows gets to look.
#[tokio::test(start_paused = true)]
async fn who_follows_too_slowly_is_told_that_something_is_missing() {
    let rooms = rooms(MemoryStore::new()).await;
    let mut events = rooms.watch("room", Since::Now).await.unwrap();
    let ada = seat(&rooms, "room", "ada").await;
    assert!(matches!(next(&mut events).await, What::Joined(_)));
    // From here on it does not read, but hears.
    let more = tokio::time::timeout(Duration::from_secs(1), events.next()).await;
    assert!(more.is_err(), "{more:?}");
    // A store in memory never waits, so nobody else gets on in this thread meanwhile.
    let unwatched = async {
        for _ in 0..700 {
            rooms.kick("room", "ben").await.unwrap();
            let _ = seat(&rooms, "room", "ben").await.into_lease();
        }
    };
    tokio::task::unconstrained(unwatched).await;
    ada.leave().await.unwrap();
    assert!(matches!(next(&mut events).await, What::Missed));
    let mut told = 0;
    while !matches!(next(&mut events).await, What::Left(_)) {
        told += 1;
    }
    assert_eq!(told, 999, "what is kept follows");
}

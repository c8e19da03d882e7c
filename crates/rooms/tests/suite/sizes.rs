//! Sizes: set, read, changed, raised within a limit.

use std::time::Duration;

use roomkey_core::{End, Key, Kind, Life, Op, Store};
use roomkey_rooms::{DEFAULT_LIMIT, Error, Rooms};
use roomkey_vault::Name;

use crate::assert_fails;
use crate::common::{HOUR, lives, open, raw, raw_size, rooms, size_key};

pub(crate) async fn a_room_has_the_size_that_was_set<S: Store>(store: S) {
    let rooms = rooms(store).await;
    rooms.set_size("room123", 5).await.unwrap();
    assert_eq!(rooms.size("room123").await.unwrap(), 5);
    rooms.set_size("room123", 7).await.unwrap();
    assert_eq!(rooms.size("room123").await.unwrap(), 7);
    rooms.set_size(Name::new("room").arg(1), i64::MAX).await.unwrap();
    assert_eq!(rooms.size(Name::new("room").arg(1)).await.unwrap(), i64::MAX);
}

pub(crate) async fn no_room_is_empty<S: Store>(store: S) {
    assert_eq!(rooms(store).await.size("nowhere").await.unwrap(), 0);
}

pub(crate) async fn nothing_or_less_is_no_room<S: Store>(store: S) {
    let vault = open(store).await;
    let rooms = Rooms::new(vault.clone());
    for size in [0, -1, i64::MIN] {
        rooms.set_size("room", 5).await.unwrap();
        rooms.set_size("room", size).await.unwrap();
        assert_eq!(rooms.size("room").await.unwrap(), 0);
        assert_eq!(raw_size(&vault, "room").await, None, "the key is gone");
    }
    // Not that it could be so, but if it were, it would be told as what it is.
    raw(vault.store(), Op::put(&size_key(&vault, "room"), "-3", Life::Never)).await;
    assert_eq!(rooms.size("room").await.unwrap(), 0);
}

pub(crate) async fn updates_add_up<S: Store>(store: S) {
    let rooms = rooms(store).await;
    assert_eq!(rooms.update_size("room", 3).await.unwrap(), 3);
    assert_eq!(rooms.update_size("room", 4).await.unwrap(), 7);
    assert_eq!(rooms.update_size("room", -2).await.unwrap(), 5);
    assert_eq!(rooms.update_size("room", 0).await.unwrap(), 5);
    assert_eq!(rooms.size("room").await.unwrap(), 5);
}

pub(crate) async fn an_update_to_nothing_removes_the_room<S: Store>(store: S) {
    let vault = open(store).await;
    let rooms = Rooms::new(vault.clone());
    for delta in [-3, -5, i64::MIN] {
        rooms.set_size("room", 3).await.unwrap();
        assert_eq!(rooms.update_size("room", delta).await.unwrap(), 0);
        assert_eq!(raw_size(&vault, "room").await, None, "the key is gone");
    }
    assert_eq!(rooms.update_size("nowhere", -1).await.unwrap(), 0);
    assert_eq!(rooms.update_size("nowhere", 0).await.unwrap(), 0);
    assert_eq!(raw_size(&vault, "nowhere").await, None);
}

pub(crate) async fn one_more_comes_in_below_the_limit_only<S: Store>(store: S) {
    let rooms = rooms(store).await;
    for size in 1..=3 {
        assert!(rooms.check_and_increment_within("room", 3).await.unwrap());
        assert_eq!(rooms.size("room").await.unwrap(), size);
    }
    assert!(!rooms.check_and_increment_within("room", 3).await.unwrap());
    assert_eq!(rooms.size("room").await.unwrap(), 3);
    assert!(!rooms.check_and_increment_within("room", 2).await.unwrap(), "a lower limit puts nobody out");
    assert_eq!(rooms.size("room").await.unwrap(), 3);
    rooms.update_size("room", -1).await.unwrap();
    assert!(rooms.check_and_increment_within("room", 3).await.unwrap());
}

pub(crate) async fn the_default_limit_is_a_hundred<S: Store>(store: S) {
    let rooms = rooms(store).await;
    assert_eq!(DEFAULT_LIMIT, 100);
    rooms.set_size("room", 99).await.unwrap();
    assert!(rooms.check_and_increment("room").await.unwrap());
    assert!(!rooms.check_and_increment("room").await.unwrap());
    assert_eq!(rooms.size("room").await.unwrap(), 100);
}

pub(crate) async fn a_limit_of_nothing_admits_nobody<S: Store>(store: S) {
    let rooms = rooms(store).await;
    for limit in [0, -1, i64::MIN] {
        assert!(!rooms.check_and_increment_within("room", limit).await.unwrap());
    }
    assert_eq!(rooms.size("room").await.unwrap(), 0);
}

pub(crate) async fn every_room_expires<S: Store>(store: S) {
    let vault = open(store).await;
    let rooms = Rooms::new(vault.clone());
    let hour = |left: Option<Duration>| left.is_some_and(|left| left > HOUR / 2 && left <= HOUR);
    rooms.set_size("set", 5).await.unwrap();
    assert!(hour(lives(&vault, "set").await));
    rooms.update_size("updated", 5).await.unwrap();
    assert!(hour(lives(&vault, "updated").await));
    rooms.check_and_increment("joined").await.unwrap();
    assert!(hour(lives(&vault, "joined").await));
    rooms.set_size_for("long", 5, HOUR * 10).await.unwrap();
    assert!(lives(&vault, "long").await.unwrap() > HOUR * 9);
    rooms.set_size("long", 5).await.unwrap();
    assert!(hour(lives(&vault, "long").await), "setting sets");
}

pub(crate) async fn changes_lengthen_and_never_shorten<S: Store>(store: S) {
    let vault = open(store).await;
    let rooms = Rooms::new(vault.clone());
    rooms.set_size_for("short", 5, Duration::from_secs(60)).await.unwrap();
    assert!(!rooms.check_and_increment_within("short", 5).await.unwrap());
    assert!(lives(&vault, "short").await.unwrap() <= Duration::from_secs(60), "a refusal changes nothing");
    rooms.update_size("short", -1).await.unwrap();
    assert!(lives(&vault, "short").await.unwrap() > HOUR / 2);
    rooms.set_size_for("long", 5, HOUR * 10).await.unwrap();
    rooms.update_size("long", 1).await.unwrap();
    rooms.check_and_increment("long").await.unwrap();
    assert!(lives(&vault, "long").await.unwrap() > HOUR * 9);
}

pub(crate) async fn overflow_changes_nothing<S: Store>(store: S) {
    let rooms = rooms(store).await;
    rooms.set_size("room", i64::MAX).await.unwrap();
    assert_fails!(rooms.update_size("room", 1).await, Error::Overflow);
    assert_fails!(rooms.update_size("room", i64::MAX).await, Error::Overflow);
    assert!(!rooms.check_and_increment_within("room", i64::MAX).await.unwrap());
    assert_eq!(rooms.size("room").await.unwrap(), i64::MAX);
}

pub(crate) async fn what_is_no_size_is_told<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let rooms = Rooms::new(vault.clone());
    let key = size_key(&vault, "room");
    for text in ["", "five", "1.5", "05", "9223372036854775808"] {
        raw(&store, Op::put(&key, bytes::Bytes::from(text), Life::Never)).await;
        assert_fails!(rooms.size("room").await, Error::Foreign(_));
        assert_fails!(rooms.update_size("room", 1).await, Error::Foreign(_));
        assert_fails!(rooms.check_and_increment("room").await, Error::Foreign(_));
        assert_eq!(raw_size(&vault, "room").await.unwrap(), text, "it is unchanged");
    }
    rooms.set_size("room", 5).await.unwrap();
    assert_eq!(rooms.size("room").await.unwrap(), 5);

    let list = Key::parse(Kind::List, size_key(&vault, "list").bytes().clone()).unwrap();
    raw(&store, Op::push(&list, End::Back, "x", Life::Never)).await;
    assert_fails!(rooms.size("list").await, Error::Foreign(_));
    assert_fails!(rooms.update_size("list", 1).await, Error::Foreign(_));
    assert_fails!(rooms.check_and_increment("list").await, Error::Foreign(_));
    rooms.set_size("list", 0).await.unwrap();
    assert_eq!(rooms.size("list").await.unwrap(), 0);
}

pub(crate) async fn bad_expiries_are_refused<S: Store>(store: S) {
    let rooms = rooms(store).await;
    rooms.set_size("room", 5).await.unwrap();
    for bad in [Duration::ZERO, Duration::from_secs(100 * 365 * 24 * 3_600 + 1), Duration::MAX] {
        assert_fails!(rooms.set_size_for("room", 7, bad).await, Error::Expiry(told) if told == bad);
    }
    assert_eq!(rooms.size("room").await.unwrap(), 5);
}

pub(crate) async fn bad_names_are_refused<S: Store>(store: S) {
    let rooms = rooms(store).await;
    let long = "x".repeat(64 * 1_024);
    for name in ["", &long] {
        assert_fails!(rooms.set_size(name, 5).await, Error::Name(_));
        assert_fails!(rooms.size(name).await, Error::Name(_));
        assert_fails!(rooms.update_size(name, 1).await, Error::Name(_));
        assert_fails!(rooms.check_and_increment(name).await, Error::Name(_));
    }
}

pub(crate) async fn rooms_and_namespaces_do_not_meet<S: Store>(store: S) {
    let vault = open(store).await;
    let (rooms, other) = (Rooms::new(vault.clone()), Rooms::new(vault.namespace("other").await.unwrap()));
    rooms.set_size("a", 5).await.unwrap();
    assert_eq!(rooms.size("b").await.unwrap(), 0);
    assert_eq!(other.size("a").await.unwrap(), 0);
    assert_eq!(vault.counter("a").await.unwrap(), 0, "nor do rooms and the vault's own counters");
}

//! Line 1: counters have their defaults, never leave their range, and never stand in the store without an end, also not
//! for a moment, and not where a process was killed between two changes.

use bytes::Bytes;
use roomkey_core::{Key, Kind, Op, Reply, Store, Ttl};
use roomkey_memory::MemoryStore;
use roomkey_rooms::{DEFAULT_EXPIRY, DEFAULT_LIMIT, Error, Rooms};
use roomkey_testkit::workers::{Job, Worker};
use roomkey_testkit::{Crew, RecordingStore, RedisServer, Request};
use roomkey_vault::Vault;

use crate::common::{HOUR, SPREAD, connect, long, open, open_as, raw};
use crate::crowd::patient;
use crate::invariants::{assert_whole, state_of};

fn key<S: Store>(vault: &Vault<S>, room: &str) -> Key {
    let space = vault.space("c1", SPREAD);
    space.key(Kind::Value, space.hide("room", &[room.as_bytes()]))
}

async fn kept<S: Store>(vault: &Vault<S>, room: &str) -> (Option<Bytes>, Ttl) {
    let key = key(vault, room);
    let size = raw(vault.store(), Op::get(&key)).await.into_bytes();
    match raw(vault.store(), Op::ttl(&key)).await {
        Reply::Ttl(ttl) => (size, ttl),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn the_defaults_are_an_hour_and_a_hundred<S: Store>(store: S) {
    assert_eq!((DEFAULT_EXPIRY, DEFAULT_LIMIT), (HOUR, 100));
    let vault = open(store).await;
    let rooms = Rooms::new(vault.clone());
    assert_eq!(rooms.size("nowhere").await.unwrap(), 0);
    rooms.set_size("room", 99).await.unwrap();
    assert!(matches!(kept(&vault, "room").await.1, Ttl::After(left) if left <= HOUR && left > HOUR / 2));
    assert!(rooms.check_and_increment("room").await.unwrap());
    assert!(!rooms.check_and_increment("room").await.unwrap());
    assert_eq!(rooms.size("room").await.unwrap(), 100);
}

pub(crate) async fn a_size_of_nothing_or_less_is_no_key<S: Store>(store: S) {
    let vault = open(store).await;
    let rooms = Rooms::new(vault.clone());
    for (size, delta) in [(3, -5), (3, -3), (i64::MAX, i64::MIN)] {
        rooms.set_size("room", size).await.unwrap();
        assert_eq!(rooms.update_size("room", delta).await.unwrap(), 0);
        assert_eq!(kept(&vault, "room").await, (None, Ttl::Missing), "{size} and {delta}");
    }
    assert_eq!(rooms.update_size("room", -5).await.unwrap(), 0);
    assert_eq!(kept(&vault, "room").await, (None, Ttl::Missing));
}

pub(crate) async fn what_would_overflow_is_an_error_and_changes_nothing<S: Store>(store: S) {
    let vault = open(store).await;
    let rooms = Rooms::new(vault.clone());
    for (size, delta) in [(i64::MAX, 1), (i64::MAX - 1, 2), (1, i64::MAX), (i64::MAX, i64::MAX)] {
        rooms.set_size_for("room", size, HOUR / 2).await.unwrap();
        assert!(matches!(rooms.update_size("room", delta).await, Err(Error::Overflow)), "{size} and {delta}");
        let (kept, ttl) = kept(&vault, "room").await;
        assert_eq!(kept.unwrap(), size.to_string());
        assert!(matches!(ttl, Ttl::After(left) if left <= HOUR / 2), "not even its end");
    }
    assert!(!rooms.check_and_increment_within("room", i64::MAX).await.unwrap(), "there is no more");
}

/// Every change of a size.
fn changes() -> [(&'static str, i64); 8] {
    [
        ("set", 5),
        ("set for a while", 7),
        ("check", 3),
        ("check", 9),
        ("update", 2),
        ("update", -3),
        ("update", -100),
        ("set", 0),
    ]
}

async fn change<S: Store>(rooms: &Rooms<S>, room: &str, (how, by): (&str, i64)) {
    match how {
        "set" => rooms.set_size(room, by).await.unwrap(),
        "set for a while" => rooms.set_size_for(room, by, HOUR * 3).await.unwrap(),
        "check" => drop(rooms.check_and_increment_within(room, by).await.unwrap()),
        _ => drop(rooms.update_size(room, by).await.unwrap()),
    }
}

/// A change is one request, of an op or a transaction, which a store carries out whole or not at all. So there is no
/// moment between two of its writes, at which a process could die.
#[tokio::test]
async fn a_change_is_one_request_and_leaves_an_end() {
    let store = RecordingStore::new(MemoryStore::new());
    let vault = open(store.clone()).await;
    let rooms = Rooms::new(vault.clone());
    for first in changes() {
        for second in changes() {
            rooms.set_size("room", 0).await.unwrap();
            for next in [first, second] {
                store.clear();
                change(&rooms, "room", next).await;
                let [call] = &store.history()[..] else { panic!("{next:?}: one request") };
                match &call.request {
                    Request::Run(batch) => assert_eq!(batch.ops().len(), 1, "{next:?}"),
                    Request::Transact(_) => {}
                    other => panic!("{other:?}"),
                }
                let (size, ttl) = kept(&vault, "room").await;
                assert!(
                    size.is_none() || matches!(ttl, Ttl::After(_)),
                    "{first:?}, then {second:?}: {ttl:?}"
                );
            }
        }
    }
}

/// What a worker does: it changes sizes without end.
fn change_sizes(job: Job) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async move {
        let rooms =
            Rooms::new(open_as(&job.setting("app"), connect(&patient(&job.setting("url"))).await).await);
        job.say("ready");
        for round in 0.. {
            let room = format!("room {}", round % 7);
            change(&rooms, &room, changes()[(round * 5 + round / 7) % 7]).await;
            if round == 20 {
                job.say("busy");
            }
        }
    });
}

#[test]
#[ignore = "needs Redis: cargo xtask test"]
fn whenever_a_process_is_killed_its_sizes_have_an_end() {
    let crew = Crew::of(whenever_a_process_is_killed_its_sizes_have_an_end, change_sizes);
    let server = RedisServer::start();
    let kills = if long() { 500 } else { 12 };
    let start = || crew.start(&[("app", &"killed"), ("url", &server.url())]);
    let mut workers: Vec<Worker> = (0..4).map(|_| start()).collect();
    for kill in 0..kills {
        let place = kill % workers.len();
        workers[place].expect("ready");
        workers[place].expect("busy");
        std::mem::replace(&mut workers[place], start()).kill();
    }
    drop(workers);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let vault = open_as("killed", connect(&server.url()).await).await;
        let sizes = state_of(&vault, "c1").await;
        assert!(sizes.len() > 3, "the workers came to nothing: {sizes:?}");
        assert_whole(&vault).await;
    });
}

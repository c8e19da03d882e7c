//! Line 14: a hundred thousand leases that end together hold a server for no more than a moment at a time; large rooms and
//! many rooms are read and cleared in bounded steps.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use roomkey_core::{Kind, Store};
use roomkey_memory::MemoryStore;
use roomkey_rooms::{Join, RoomConfig, RoomId, Rooms, Since, What};
use roomkey_testkit::server::Connection;
use roomkey_testkit::{RecordingStore, RedisServer};
use roomkey_vault::Vault;

use crate::common::{HOUR, Time, connect, live, long, open};
use crate::crowd::{ROOM, patient, room_key};

/// How many join, one after the other, through the library.
const MEMBERS: usize = 10_000;
/// How many seats end together.
const TOGETHER: usize = 100_000;
/// How long one step may hold a server.
const HELD_MICROS: u64 = 5_000;
/// How many seats one step takes.
const STEP: usize = 256;
/// How many calls are under way at once.
const AT_ONCE: usize = 64;

/// For all who are to be there. Nobody has to be renewed.
fn config() -> RoomConfig {
    RoomConfig::new(TOGETHER as u32).lease(HOUR)
}

/// Lets many join, some at a time.
async fn join_all<S: Store>(rooms: &Rooms<S>, who: impl Iterator<Item = (String, String)>) {
    let mut coming = tokio::task::JoinSet::new();
    for (room, member) in who {
        if coming.len() == AT_ONCE {
            coming.join_next().await.unwrap().unwrap();
        }
        let rooms = rooms.clone();
        coming.spawn(async move {
            let joined = rooms.join(&room, Join::new(&member)).await.unwrap();
            let _ = joined.seat().expect("there is space for all").into_lease();
        });
    }
    coming.join_all().await;
}

/// A room of ten thousand, read page by page.
async fn a_large_room<S: Store>(vault: &Vault<S>) -> Rooms<S> {
    let rooms = Rooms::new(vault.clone());
    rooms.configure(ROOM, config()).await.unwrap();
    join_all(&rooms, (0..MEMBERS).map(|number| (ROOM.to_owned(), format!("member {number}")))).await;
    assert_eq!(live(&rooms, ROOM).await, MEMBERS as u64);

    let (mut seen, mut pages, mut largest, mut after) = (BTreeSet::new(), 0, 0, None);
    loop {
        let page = rooms.members(ROOM, after).await.unwrap();
        (pages, largest) = (pages + 1, largest.max(page.members.len()));
        seen.extend(page.members.into_iter().map(|present| present.member.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), MEMBERS);
    assert!(largest <= 1_000, "a page holds about a hundred, not {largest}");
    eprintln!("{MEMBERS} members on {pages} pages of at most {largest}");
    rooms
}

/// The last of the events are those of the last that ended.
async fn all_are_told_as_expired<S: Store>(rooms: &Rooms<S>) {
    let mut events = rooms.watch(ROOM, Since::Oldest).await.unwrap();
    for _ in 0..500 {
        let what = events.next().await.unwrap().unwrap().what;
        assert!(matches!(what, What::Expired(_)), "{what:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_are_listed_and_end_together_in_memory() {
    let store = MemoryStore::new();
    let rooms = a_large_room(&open(store.clone()).await).await;
    store.pass(HOUR).await;
    assert_eq!(live(&rooms, ROOM).await, 0);
    let swept = rooms.sweep(10).await.unwrap();
    assert_eq!((swept.rooms, swept.expired), (1, MEMBERS as u64));
    all_are_told_as_expired(&rooms).await;
}

/// Adds seats to a room as the server would have them, without sealing a record for each, and ends all at once.
fn plant<S: Store>(server: &RedisServer, vault: &Vault<S>, record: &[u8]) {
    let seats = room_key(vault, "m1", Kind::Ranking, ROOM).bytes().to_vec();
    let records = room_key(vault, "i1", Kind::Map, ROOM).bytes().to_vec();
    let mut redis = Connection::open(&server.socket(), None).unwrap();
    for chunk in (MEMBERS..TOGETHER).collect::<Vec<_>>().chunks(1_000) {
        let mut seated = vec![b"ZADD".to_vec(), seats.clone()];
        let mut recorded = vec![b"HSET".to_vec(), records.clone()];
        for number in chunk {
            let tag = (*number as u128).to_be_bytes();
            seated.extend([b"1".to_vec(), tag.to_vec()]);
            recorded.extend([tag.to_vec(), record.to_vec()]);
        }
        redis.call(&seated).unwrap();
        redis.call(&recorded).unwrap();
    }
    // Those who have joined are the last in order, and end with the others.
    const END: &str = "for _, member in ipairs(redis.call('ZRANGE', KEYS[1], -1000, -1)) do \
                       redis.call('ZADD', KEYS[1], 'XX', 1, member) end return redis.call('ZCARD', KEYS[1])";
    for _ in 0..MEMBERS / 1_000 {
        let there = redis.call(&[b"EVAL", END.as_bytes(), b"1", &seats]).unwrap().int();
        assert_eq!(usize::try_from(there).unwrap(), TOGETHER);
    }
    let alive = redis.call(&[b"ZCOUNT".as_slice(), &seats, b"2", b"+inf"]).unwrap().int();
    assert_eq!(alive, 0);
}

/// One of the statistics that a server keeps of its commands.
fn statistic(server: &RedisServer, command: &str, name: &str) -> f64 {
    let all = server.command(&["INFO", "commandstats"]).text();
    let line =
        all.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:"))).unwrap_or_default();
    let field = line.split(',').find_map(|field| field.strip_prefix(&format!("{name}=")));
    field.map_or(0.0, |number| number.parse().unwrap())
}

/// How long the server's own thread has worked, in microseconds: what others do on the machine does not count.
fn worked(server: &RedisServer) -> f64 {
    let seconds = |field: &str| server.info(field).parse::<f64>().unwrap();
    (seconds("used_cpu_user_main_thread") + seconds("used_cpu_sys_main_thread")) * 1e6
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_hundred_thousand_that_end_together_hold_the_server_for_moments() {
    let server = RedisServer::start();
    let store = RecordingStore::new(connect(&patient(&server.url())).await);
    let vault = open(store.clone()).await;
    let before: f64 = server.info("used_memory").parse().unwrap();
    let rooms = a_large_room(&vault).await;
    let used: f64 = server.info("used_memory").parse().unwrap();
    let join = statistic(&server, "evalsha", "usec_per_call");
    eprintln!("{:.0} bytes a member, {join:.1} us of the server a join", (used - before) / MEMBERS as f64);

    let records = room_key(&vault, "i1", Kind::Map, ROOM).bytes().to_vec();
    let record = server.command(&[b"HVALS", records.as_slice()]).items()[0].bytes().to_vec();
    plant(&server, &vault, &record);
    // Who is there is due: the index is brought up to date by whatever happens in the room.
    rooms.configure(ROOM, config()).await.unwrap();
    let seats = room_key(&vault, "m1", Kind::Ranking, ROOM).bytes().to_vec();
    let due = usize::try_from(server.command(&[b"ZCARD", seats.as_slice()]).int()).unwrap();
    // The server gets to know how it is asked for what is due, for which it is not measured.
    rooms.sweep(0).await.unwrap();
    store.clear();
    server.command(&["CONFIG", "SET", "slowlog-log-slower-than", &HELD_MICROS.to_string()]);
    server.command(&["CONFIG", "SET", "slowlog-max-len", "10000"]);
    server.command(&["SLOWLOG", "RESET"]);
    let (began, idle) = (Instant::now(), worked(&server));
    let swept = rooms.sweep(10).await.unwrap();
    let (took, work) = (began.elapsed(), worked(&server) - idle);
    assert_eq!((swept.rooms, swept.expired), (1, due as u64));

    let steps = store.transactions().iter().filter(|name| **name == "rooms.sweep").count();
    assert!(steps >= due / STEP, "{steps} steps for {due} seats: one took more than {STEP}");
    let slow = server.command(&["SLOWLOG", "GET", "-1"]);
    let slow: Vec<i64> = slow.items().iter().map(|entry| entry.items()[2].int()).collect();
    let work = work / steps as f64;
    eprintln!(
        "{due} seats ended in {took:?} and {steps} steps of {work:.0} us of work; {} took over {HELD_MICROS} us by the clock, \
         the longest {:?}",
        slow.len(),
        slow.iter().max()
    );
    // What a step takes by the clock is also what the machine does meanwhile; its work is its own. Half of the steps have
    // to be short by both, whoever else is there.
    assert!(work < HELD_MICROS as f64, "{work} us of work for each step");
    assert!(slow.len() < steps / 2, "{} of {steps} steps held the server: {slow:?}", slow.len());
    assert_eq!(live(&rooms, ROOM).await, 0);
    // The records that were planted are of nobody, but those of the first are.
    let log = room_key(&vault, "e1", Kind::Log, ROOM).bytes().to_vec();
    let told = server.command(&[b"XREVRANGE".as_slice(), &log, b"+", b"-", b"COUNT", b"1000"]);
    for event in told.items() {
        let fields: Vec<_> = event.items()[1].items().iter().map(|field| field.bytes().to_vec()).collect();
        assert_eq!(fields[..2], [b"k".to_vec(), b"x".to_vec()]);
    }
}

/// With `ROOMKEY_TEST_LONG` a hundred thousand rooms of ten members each.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn many_rooms_are_listed_page_by_page() {
    let (count, members) = if long() { (100_000, 10) } else { (8_000, 1) };
    let server = RedisServer::start();
    let vault = open(connect(&patient(&server.url())).await).await;
    let rooms = Rooms::with_config(vault.clone(), config()).unwrap();
    let before: f64 = server.info("used_memory").parse().unwrap();
    let began = Instant::now();
    let everybody = (0..count).flat_map(|room| (0..members).map(move |member| (room, member)));
    join_all(&rooms, everybody.map(|(room, member)| (format!("room {room}"), format!("member {member}"))))
        .await;
    let used: f64 = server.info("used_memory").parse().unwrap();
    eprintln!(
        "{count} rooms of {members} in {:?}: {:.0} bytes a member, {:.1} us of the server a join",
        began.elapsed(),
        (used - before) / f64::from(count * members),
        statistic(&server, "evalsha", "usec_per_call")
    );

    let (mut seen, mut pages, mut largest, mut after) = (BTreeMap::<RoomId, u64>::new(), 0, 0, None);
    loop {
        let page = rooms.rooms(after).await.unwrap();
        (pages, largest) = (pages + 1, largest.max(page.rooms.len()));
        seen.extend(page.rooms.iter().map(|room| (room.id, room.occupancy.live)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), count as usize);
    assert!(seen.values().all(|live| *live == u64::try_from(members).unwrap()));
    assert!(largest <= 1_000, "a page holds some hundreds, not {largest}");
    eprintln!("they are listed on {pages} pages of at most {largest}");
}

//! Line 12: a thousand wait for ten seats, and are seated in the order in which they came: every seat that becomes free goes
//! to the first in line in the same step, past the dead, and nobody passes the others.

use std::collections::VecDeque;
use std::time::Duration;

use roomkey_core::{Bound, Key, Kind, MAX_LIMIT, Op, Order, Reply, Store};
use roomkey_memory::MemoryStore;
use roomkey_rooms::{
    Join, Joined, Reservation, RoomConfig, RoomEvents, Rooms, Seat, Since, Ticket, Wait, What,
};
use roomkey_testkit::RedisServer;
use roomkey_testkit::workers::{Crew, Job, Worker};
use roomkey_vault::Vault;

use crate::common::{HOUR, Time, connect, open, open_as, raw, seat};
use crate::crowd::{ROOM, Sampler, TAKEN, patient, room_key};

const SEATS: u32 = 10;
const PROCESSES: u64 = 16;
/// How many of each process wait; with the dead they are a thousand.
const WAITERS: usize = 60;
/// How many die while they wait: at the head of the line, and in its middle.
const DEAD: usize = 20;
/// How many each claims in a round. What all do together is less than a room's log keeps.
const CLAIMS: usize = 4;
/// How long the tickets of those live who are to die.
const SHORT: Duration = Duration::from_secs(4);

/// Nobody who lives has to be renewed.
fn config() -> RoomConfig {
    RoomConfig::new(SEATS).lease(HOUR).hold(HOUR).queue(1_000)
}

/// Those of one process who wait.
struct Waiters<S: Store> {
    rooms: Rooms<S>,
    tickets: VecDeque<Ticket<S>>,
}

impl<S: Store> Waiters<S> {
    async fn queue(&mut self, member: &str) {
        match self.rooms.join(ROOM, member).await.unwrap() {
            Joined::Waiting { ticket, .. } => self.tickets.push_back(ticket),
            other => panic!("{member} found {other:?}"),
        }
    }

    /// Tries to pass those who wait, where they are so many that somebody waits for all of this round.
    async fn barge(&self) {
        let Some(last) = self.tickets.back() else { return };
        let Wait::Waiting { ahead } = last.check().await.unwrap() else { return };
        if ahead < PROCESSES * CLAIMS as u64 + u64::from(SEATS) {
            return;
        }
        let joined = self.rooms.join(ROOM, Join::new("barger").waits(false)).await.unwrap();
        assert!(matches!(joined, Joined::Full { .. }), "{joined:?}");
        let reserved = self.rooms.reserve(ROOM, "barger").await.unwrap();
        assert!(matches!(reserved, Reservation::Full { .. }), "{reserved:?}");
    }

    /// Looks at the first in its part of the line; those that were promoted claim their seats, and leave.
    async fn round(&mut self) {
        for _ in 0..CLAIMS {
            let Some(first) = self.tickets.front() else { return };
            match first.check().await.unwrap() {
                Wait::Waiting { .. } => return,
                Wait::Promoted => {}
                other => panic!("nobody who lives is {other:?}"),
            }
            let claimed = self.tickets.pop_front().unwrap().claim().await.unwrap();
            assert!(claimed.seat().expect("the seat was held").leave().await.unwrap());
        }
    }
}

/// Ten that have seats, and the dead at the head of the line.
async fn begin<S: Store>(rooms: &Rooms<S>) -> Vec<Seat<S>> {
    rooms.configure(ROOM, config()).await.unwrap();
    let mut seats = Vec::new();
    for number in 0..SEATS {
        seats.push(seat(rooms, ROOM, &format!("seated {number}")).await);
    }
    dead(rooms, "head").await;
    seats
}

/// Some that die soon, in line behind all that are there.
async fn dead<S: Store>(rooms: &Rooms<S>, place: &str) {
    rooms.configure(ROOM, config().lease(SHORT)).await.unwrap();
    let mut waits = Waiters { rooms: rooms.clone(), tickets: VecDeque::new() };
    for number in 0..DEAD {
        waits.queue(&format!("dead {place} {number}")).await;
    }
    waits.tickets.into_iter().for_each(|ticket| drop(ticket.into_lease()));
    rooms.configure(ROOM, config()).await.unwrap();
}

/// The tags of those who wait, in order.
async fn line<S: Store>(vault: &Vault<S>) -> Vec<bytes::Bytes> {
    let queue: Key = room_key(vault, "o1", Kind::Ranking, ROOM);
    match raw(vault.store(), Op::rank_range(&queue, Bound::Open, Bound::Open, Order::Lowest, MAX_LIMIT)).await
    {
        Reply::Scored(members) => members.into_iter().map(|(member, _)| member).collect(),
        other => panic!("{other:?}"),
    }
}

/// Who waits, in order, by their ids.
async fn waiting<S: Store>(rooms: &Rooms<S>, vault: &Vault<S>) -> VecDeque<String> {
    let line = line(vault).await;
    let tags = vault.space("m1", crate::common::SPREAD);
    let room = tags.hide("room", &[ROOM.as_bytes()]);
    let tag = |id: &str| tags.hide("member", &[room.as_bytes(), id.as_bytes()]);
    let (mut by_tag, mut after) = (std::collections::BTreeMap::new(), None);
    loop {
        let page = rooms.members(ROOM, after).await.unwrap();
        let ids = page.members.into_iter().map(|present| present.member.id);
        by_tag.extend(ids.map(|id| (tag(&id).as_bytes().to_vec(), id)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    // The dead are in line, but not among the members any more.
    line.iter().filter_map(|tag| by_tag.remove(&tag[..])).collect()
}

/// Reads on to the next change of the configuration. Whoever leaves while somebody waits is followed by the first in
/// line.
async fn read(events: &mut RoomEvents, line: &mut VecDeque<String>, freed: &mut bool) {
    loop {
        let what = events.next().await.unwrap().unwrap().what;
        assert!(!*freed || matches!(what, What::Promoted(_)), "a seat is free, somebody waits, and {what:?}");
        *freed = false;
        match what {
            What::Changed => return,
            What::Promoted(member) => assert_eq!(line.pop_front(), Some(member.id), "the first in line"),
            What::Left(_) => *freed = !line.is_empty(),
            What::Joined(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn work(mut job: Job) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let vault = open_as("wait", connect(&patient(&job.setting("url"))).await).await;
        let mut waiters = Waiters { rooms: Rooms::new(vault), tickets: VecDeque::new() };
        let process = job.setting("process");
        let mut queued = 0;
        job.say("ready");
        loop {
            match job.next().await.as_str() {
                "queue" => {
                    for _ in 0..WAITERS / 2 {
                        waiters.queue(&format!("waiter {process}.{queued}")).await;
                        queued += 1;
                    }
                }
                "round" => {
                    waiters.barge().await;
                    waiters.round().await;
                }
                other => panic!("{other}"),
            }
            job.say(format_args!("done {}", waiters.tickets.len()));
        }
    });
}

/// Tells all of them the same, and returns how many wait when they are done.
fn all(workers: &mut [Worker], what: &str) -> usize {
    for worker in &mut *workers {
        worker.send(what);
    }
    workers.iter_mut().map(|worker| worker.expect("done").parse::<usize>().unwrap()).sum()
}

#[test]
#[ignore = "needs Redis: cargo xtask test"]
fn a_thousand_of_many_processes_are_seated_in_order() {
    let crew =
        Crew::of(a_thousand_of_many_processes_are_seated_in_order, work).patience(Duration::from_secs(120));
    let server = RedisServer::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let vault = runtime.block_on(async { open_as("wait", connect(&patient(&server.url())).await).await });
    let rooms = Rooms::new(vault.clone());
    let start = |process| crew.start(&[("url", &server.url()), ("process", &process)]);
    let mut workers: Vec<Worker> = (0..PROCESSES).map(start).collect();
    for worker in &mut workers {
        worker.expect("ready");
    }

    let seats = runtime.block_on(begin(&rooms));
    all(&mut workers, "queue");
    runtime.block_on(dead(&rooms, "middle"));
    let queued = all(&mut workers, "queue");
    assert_eq!(queued, PROCESSES as usize * WAITERS);
    let mut waits = runtime.block_on(async {
        // A thousand, unless some of the dead were in line for so long that a later comer cleared them away.
        assert!(line(&vault).await.len() > queued);
        tokio::time::sleep(SHORT).await;
        waiting(&rooms, &vault).await
    });
    assert_eq!(waits.len(), queued, "the dead do not count");

    let taken = room_key(&vault, "m1", Kind::Ranking, ROOM).bytes().to_vec();
    let sampler = Sampler::start(&server, TAKEN, vec![taken]);
    let mut events = runtime.block_on(async {
        let events = rooms.watch(ROOM, Since::Now).await.unwrap();
        for seat in seats {
            assert!(seat.leave().await.unwrap());
        }
        events
    });
    let mut freed = false;
    let mut rounds = 0;
    loop {
        let left = all(&mut workers, "round");
        rounds += 1;
        runtime.block_on(async {
            rooms.configure(ROOM, config()).await.unwrap();
            read(&mut events, &mut waits, &mut freed).await;
        });
        if left == 0 {
            break;
        }
        assert!(!waits.is_empty() || left <= SEATS as usize, "nobody is in line, and {left} still wait");
    }
    let sampled = sampler.end();
    assert!(waits.is_empty());
    assert_eq!(sampled.highest, i64::from(SEATS), "{sampled:?}");
    let statistics = server.command(&["INFO", "commandstats"]).text();
    for command in ["publish", "spublish", "subscribe", "ssubscribe", "psubscribe"] {
        assert!(
            !statistics.contains(&format!("cmdstat_{command}:")),
            "nothing rests on pub/sub: {statistics}"
        );
    }
    eprintln!("{queued} were seated in {rounds} rounds; {sampled:?}");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_are_seated_in_order_in_memory() {
    let store = MemoryStore::new();
    let vault = open(store.clone()).await;
    let rooms = Rooms::new(vault.clone());
    let seats = begin(&rooms).await;
    let mut waiters: Vec<_> =
        (0..PROCESSES).map(|_| Waiters { rooms: rooms.clone(), tickets: VecDeque::new() }).collect();
    for number in 0..WAITERS {
        if number == WAITERS / 2 {
            dead(&rooms, "middle").await;
        }
        for (process, waiters) in waiters.iter_mut().enumerate() {
            waiters.queue(&format!("waiter {process}.{number}")).await;
        }
    }
    assert_eq!(line(&vault).await.len(), 1_000);
    store.pass(SHORT).await;
    let mut waits = waiting(&rooms, &vault).await;
    assert_eq!(waits.len(), PROCESSES as usize * WAITERS);
    let mut events = rooms.watch(ROOM, Since::Now).await.unwrap();
    for seat in seats {
        assert!(seat.leave().await.unwrap());
    }
    let mut freed = false;
    while waiters.iter().any(|waiters| !waiters.tickets.is_empty()) {
        for waiters in &mut waiters {
            waiters.barge().await;
            waiters.round().await;
            assert!(rooms.occupancy(ROOM).await.unwrap().live <= SEATS.into());
        }
        rooms.configure(ROOM, config()).await.unwrap();
        read(&mut events, &mut waits, &mut freed).await;
    }
    assert!(waits.is_empty());
}

/// No leave and no sweep comes between the end of a seat and those who ask for one.
pub(crate) async fn a_seat_that_ends_goes_to_the_first_in_line_whoever_asks<S: Time>(store: S) {
    const LEASE: Duration = Duration::from_secs(4);
    let vault = open(store.clone()).await;
    let rooms = Rooms::new(vault.clone());
    rooms.configure(ROOM, RoomConfig::new(1).lease(LEASE).hold(HOUR).queue(5)).await.unwrap();
    let _ = seat(&rooms, ROOM, "crashes").await.into_lease();
    rooms.configure(ROOM, RoomConfig::new(1).lease(HOUR).hold(HOUR).queue(5)).await.unwrap();
    let mut waiters = Waiters { rooms: rooms.clone(), tickets: VecDeque::new() };
    for member in ["first", "second"] {
        waiters.queue(member).await;
    }
    store.pass(LEASE).await;
    assert_eq!(rooms.occupancy(ROOM).await.unwrap().live, 0, "nobody has looked yet");
    let reserved = rooms.reserve(ROOM, "barger").await.unwrap();
    assert!(matches!(reserved, Reservation::Full { taken: 0 }), "{reserved:?}");
    let joined = rooms.join(ROOM, Join::new("barger").waits(false)).await.unwrap();
    assert!(matches!(joined, Joined::Full { .. }), "{joined:?}");
    assert_eq!(waiters.tickets[1].check().await.unwrap(), Wait::Waiting { ahead: 0 });
    assert_eq!(waiters.tickets[0].check().await.unwrap(), Wait::Promoted);
}

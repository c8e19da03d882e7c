//! Members that come and go at random in one room, each in a process or task of its own, and what is to be seen of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use roomkey_core::{Key, Kind, Store};
use roomkey_rooms::{Join, Joined, Lease, Renewal, Reservation, RoomConfig, RoomEvents, Rooms, What};
use roomkey_testkit::RedisServer;
use roomkey_testkit::server::Connection;
use roomkey_testkit::workers::Job;
use roomkey_vault::Vault;

use crate::common::{HOUR, SPREAD, connect, open_as};

pub(crate) const ROOM: &str = "room";
pub(crate) const LIMIT: i64 = 20;
pub(crate) const LEASE: Duration = Duration::from_secs(2);
/// How much each does in a round. What all do together is less than a room's log keeps.
pub(crate) const STEPS: usize = 6;

/// The room of all lines that use a crowd: what is left of it lives for an hour and some seconds.
pub(crate) fn config() -> RoomConfig {
    RoomConfig::new(20).lease(LEASE).hold(LEASE).grace(LEASE).keep(HOUR)
}

/// A small random number generator: the same numbers for the same seed, on every machine (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// What somebody knows of the own seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Knows {
    In,
    /// It left.
    Left,
    /// It was not let in, or lost its seat.
    Out,
}

/// One who joins, reserves, renews, leaves, and sometimes just stops.
pub(crate) struct Member<S: Store> {
    rooms: Rooms<S>,
    id: String,
    lease: Option<Lease>,
    random: Random,
    /// Whether it sometimes forgets its seat, as if it had crashed.
    forgets: bool,
}

impl<S: Store> Member<S> {
    pub(crate) fn new(rooms: Rooms<S>, id: String, seed: u64, forgets: bool) -> Self {
        Self { rooms, id, lease: None, random: Random::new(seed), forgets }
    }

    pub(crate) async fn act(&mut self) -> Knows {
        let chance = self.random.below(10);
        let Some(lease) = self.lease.take() else {
            return if chance < 7 { self.join().await } else { self.reserve().await };
        };
        match chance {
            0..=4 => match self.rooms.renew(std::slice::from_ref(&lease)).await.unwrap()[0] {
                Renewal::Renewed => {
                    self.lease = Some(lease);
                    Knows::In
                }
                Renewal::Lost => Knows::Out,
                other => panic!("nobody else is {}, and its lease is {other:?}", self.id),
            },
            5 => self.join().await,
            6 if self.forgets => Knows::Out,
            _ => {
                assert!(self.rooms.leave(&lease).await.unwrap());
                Knows::Left
            }
        }
    }

    async fn join(&mut self) -> Knows {
        match self.rooms.join(ROOM, Join::new(&self.id)).await.unwrap() {
            Joined::Seated(seat) => {
                self.lease = Some(seat.into_lease());
                Knows::In
            }
            Joined::Full { .. } => Knows::Out,
            Joined::Waiting { .. } => panic!("nobody waits here"),
        }
    }

    async fn reserve(&mut self) -> Knows {
        match self.rooms.reserve(ROOM, Join::new(&self.id)).await.unwrap() {
            Reservation::Held(lease) => {
                self.lease = Some(lease);
                Knows::In
            }
            // It had forgotten it.
            Reservation::Seated => Knows::In,
            Reservation::Full { .. } => Knows::Out,
        }
    }
}

/// The address for somebody who is one of many on a machine that is too small for them.
pub(crate) fn patient(url: &str) -> String {
    format!("{url}?timeout_ms=30000&connect_timeout_ms=30000&lanes=1")
}

/// What a worker does: rounds of some steps, and a word before and after each.
pub(crate) fn work(mut job: Job) {
    if job.setting("way") == "naive" {
        return naive(job);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let vault = open_as(&job.setting("app"), connect(&patient(&job.setting("url"))).await).await;
        let seed: u64 = job.setting("seed").parse().unwrap();
        let way = job.setting("way");
        let mut member = Member::new(Rooms::new(vault), format!("member {seed}"), seed, way == "forgets");
        let mut random = Random::new(!seed);
        job.say("ready");
        loop {
            assert_eq!(job.next().await, "go");
            for _ in 0..STEPS {
                job.say("acts");
                job.say(match member.act().await {
                    Knows::In => "in",
                    Knows::Left => "left",
                    Knows::Out => "out",
                });
                if way == "rests" {
                    // Most are killed between two steps then, and their last word says where they were.
                    tokio::time::sleep(Duration::from_millis(random.below(10))).await;
                }
            }
            job.say("done");
        }
    });
}

/// The control: a counter that is read, compared and raised in steps of its own, and lowered by who leaves.
fn naive(mut job: Job) {
    let mut redis = Connection::open(job.setting("socket").as_ref(), None).unwrap();
    let mut random = Random::new(job.setting("seed").parse().unwrap());
    let mut inside = false;
    job.say("ready");
    loop {
        assert_eq!(job.hear(), "go");
        for _ in 0..STEPS {
            if inside {
                if random.below(10) < 4 {
                    redis.call(&["DECR", NAIVE]).unwrap();
                    inside = false;
                }
                continue;
            }
            let there = redis.call(&["GET", NAIVE]).unwrap();
            if there.is_nil() || there.text().parse::<i64>().unwrap() < LIMIT {
                redis.call(&["INCR", NAIVE]).unwrap();
                inside = true;
            }
        }
        job.say("done");
    }
}

/// The key of the naive counter.
pub(crate) const NAIVE: &str = "naive";

/// Where a structure of a room lies.
pub(crate) fn room_key<S: Store>(vault: &Vault<S>, layout: &'static str, kind: Kind, room: &str) -> Key {
    let space = vault.space(layout, SPREAD);
    space.key(kind, space.hide("room", &[room.as_bytes()]))
}

/// How many seats of a ranking are taken, by the clock and the word of the server itself.
pub(crate) const TAKEN: &str = "local t = redis.call('TIME') \
     local now = t[1] * 1000 + math.floor(t[2] / 1000) \
     return redis.call('ZCOUNT', KEYS[1], string.format('(%.0f', now), '+inf')";
/// What the naive counter says.
pub(crate) const COUNTED: &str = "return tonumber(redis.call('GET', KEYS[1]) or 0)";

/// Somebody who does nothing but ask a server how many there are.
pub(crate) struct Sampler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Sampled>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sampled {
    pub(crate) samples: u64,
    pub(crate) highest: i64,
}

impl Sampler {
    /// Asks by a script for each of some keys in turn.
    pub(crate) fn start(server: &RedisServer, script: &'static str, keys: Vec<Vec<u8>>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (socket, stopped): (PathBuf, _) = (server.socket(), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            let mut redis = Connection::open(&socket, None).unwrap();
            let mut sampled = Sampled::default();
            for key in keys.iter().cycle() {
                let arguments = [b"EVAL", script.as_bytes(), b"1", key];
                sampled.highest = sampled.highest.max(redis.call(&arguments).unwrap().int());
                sampled.samples += 1;
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
            }
            sampled
        });
        Self { stop, thread }
    }

    pub(crate) fn end(self) -> Sampled {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// What the events of a room tell of its members.
#[derive(Default)]
pub(crate) struct Story {
    /// The last that was told of each.
    last: BTreeMap<String, &'static str>,
    pub(crate) came: usize,
    pub(crate) left: usize,
    pub(crate) expired: usize,
}

impl Story {
    /// Reads on to the next change of the configuration.
    pub(crate) async fn read(&mut self, events: &mut RoomEvents) {
        loop {
            match events.next().await.unwrap().unwrap().what {
                What::Changed => return,
                What::Joined(member) => self.tell(member.id, "joined"),
                What::Reserved(member) => self.tell(member.id, "reserved"),
                What::Left(member) => self.tell(member.id, "left"),
                What::Expired(member) => self.tell(member.id, "expired"),
                other => panic!("{other:?}"),
            }
        }
    }

    fn tell(&mut self, member: String, what: &'static str) {
        let before = self.last.get(&member).copied();
        match (before, what) {
            (None | Some("left" | "expired"), "joined" | "reserved") => self.came += 1,
            (Some("reserved"), "joined") => {}
            (Some("joined" | "reserved"), "left") => self.left += 1,
            (Some("joined" | "reserved"), "expired") => self.expired += 1,
            _ => panic!("{member} {what} after {before:?}"),
        }
        self.last.insert(member, what);
    }

    pub(crate) fn last_of(&self, member: &str) -> Option<&'static str> {
        self.last.get(member).copied()
    }

    /// How many are in the room, or were not told to have gone yet.
    pub(crate) fn inside(&self) -> usize {
        self.last.values().filter(|last| matches!(**last, "joined" | "reserved")).count()
    }
}

//! Line 13: however many processes look for a room at once, every room is full before another is made; and while others
//! leave, no room is overfilled, and none that has space is forgotten.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use roomkey_core::{Bound, Key, Kind, MAX_LIMIT, Op, Order, Reply, Store};
use roomkey_memory::MemoryStore;
use roomkey_rooms::{Lease, Pool, RoomConfig, Rooms};
use roomkey_store::RedisStore;
use roomkey_testkit::workers::{Crew, Job, Worker};
use roomkey_testkit::{RecordingStore, RedisServer};
use roomkey_vault::Vault;

use crate::common::{HOUR, SPREAD, connect, long, open, open_as, raw};
use crate::crowd::{Random, Sampler, TAKEN, patient};

const PROCESSES: u64 = 32;
const LIMIT: u64 = 10;
const POOL: &str = "duel";

/// How often each looks for a seat in a round.
const SEARCHES: u64 = 50;

fn rounds() -> u64 {
    if long() { 10 } else { 1 }
}

fn pool<S: Store>(rooms: &Rooms<S>) -> Pool<S> {
    // Nobody who is found has to be renewed.
    rooms.pool(POOL, RoomConfig::new(LIMIT as u32).lease(HOUR)).unwrap()
}

/// Where the seats of the rooms of the pool are, by number.
fn seats_key<S: Store>(vault: &Vault<S>, number: u64) -> Key {
    let space = vault.space("m1", SPREAD);
    let pool = space.hide("pool", &[POOL.as_bytes()]);
    let room = space.hide("pooled room", &[pool.as_bytes(), &number.to_be_bytes()]);
    space.key_in(space.partition(pool), Kind::Ranking, room)
}

/// Where something of the pool itself is.
fn pool_key<S: Store>(vault: &Vault<S>, layout: &'static str, kind: Kind) -> Key {
    let space = vault.space(layout, SPREAD);
    space.key(kind, space.hide("pool", &[POOL.as_bytes()]))
}

/// How many rooms were made.
async fn made<S: Store>(vault: &Vault<S>) -> u64 {
    let made = raw(vault.store(), Op::get(&pool_key(vault, "q1", Kind::Value))).await.into_bytes();
    made.map_or(0, |made| std::str::from_utf8(&made).unwrap().parse().unwrap())
}

/// How many members each room has, by number.
async fn taken<S: Store>(vault: &Vault<S>) -> BTreeMap<u64, u64> {
    let mut taken = BTreeMap::new();
    for number in 1..=made(vault).await {
        let count = raw(vault.store(), Op::rank_count(&seats_key(vault, number))).await;
        taken.insert(number, count.number().unwrap().try_into().unwrap());
    }
    taken
}

/// How many members the index says that each room with space has.
async fn indexed<S: Store>(vault: &Vault<S>) -> BTreeMap<u64, u64> {
    let index = pool_key(vault, "p1", Kind::Ranking);
    let (mut indexed, mut from) = (BTreeMap::new(), 0);
    // Count by count, as one reply holds a thousand.
    while from < LIMIT as i64 {
        let here = Op::rank_range(&index, Bound::Is(from), Bound::Is(from), Order::Lowest, MAX_LIMIT);
        let Reply::Scored(rooms) = raw(vault.store(), here).await else { panic!("the index is a ranking") };
        assert!(rooms.len() < MAX_LIMIT as usize, "more than can be looked at");
        let number = |room: &[u8]| u64::from_be_bytes(room.try_into().unwrap());
        indexed.extend(rooms.iter().map(|(room, count)| (number(room), u64::try_from(*count).unwrap())));
        from += 1;
    }
    indexed
}

/// How many round trips searches took.
#[derive(Clone, Copy, Debug, Default)]
struct Trips {
    searches: u64,
    all: u64,
    most: u64,
}

/// One who looks for seats, and counts what it costs.
struct Seeker<S: Store> {
    store: RecordingStore<S>,
    rooms: Rooms<RecordingStore<S>>,
    pool: Pool<RecordingStore<S>>,
    name: String,
    leases: Vec<Lease>,
    trips: Trips,
}

impl<S: Store> Seeker<S> {
    fn new(store: RecordingStore<S>, vault: Vault<RecordingStore<S>>, name: String) -> Self {
        let rooms = Rooms::new(vault);
        let pool = pool(&rooms);
        Self { store, rooms, pool, name, leases: Vec::new(), trips: Trips::default() }
    }

    async fn find(&mut self) {
        self.store.clear();
        let member = format!("{} {}", self.name, self.trips.searches);
        let seat = self.pool.find_or_create(&member).await.unwrap();
        let trips = self.store.history().len() as u64;
        let Trips { searches, all, most } = self.trips;
        self.trips = Trips { searches: searches + 1, all: all + trips, most: most.max(trips) };
        self.leases.push(seat.into_lease());
    }

    /// Comes and goes at random.
    async fn churn(&mut self, steps: u64, random: &mut Random) {
        for _ in 0..steps {
            if self.leases.is_empty() || random.below(2) == 0 {
                self.find().await;
            } else {
                let lease = self.leases.swap_remove(random.below(self.leases.len() as u64) as usize);
                assert!(self.rooms.leave(&lease).await.unwrap());
            }
        }
    }
}

fn work(mut job: Job) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = RecordingStore::new(connect(&patient(&job.setting("url"))).await);
        let vault = open_as("match", store.clone()).await;
        let name = job.setting("name");
        let mut random = Random::new(name.parse().unwrap());
        let mut seeker = Seeker::new(store, vault, name);
        job.say("ready");
        loop {
            match job.next().await.as_str() {
                "find" => {
                    for _ in 0..SEARCHES {
                        seeker.find().await;
                    }
                }
                "churn" => seeker.churn(SEARCHES, &mut random).await,
                other => panic!("{other}"),
            }
            let Trips { searches, all, most } = std::mem::take(&mut seeker.trips);
            job.say(format_args!("done {searches} {all} {most}"));
            // Members that come later are others.
            seeker.name.push('+');
        }
    });
}

/// Tells all the same, round by round, and adds up what it cost.
fn all(workers: &mut [Worker], what: &str) -> Trips {
    let began = Instant::now();
    let mut told = Vec::new();
    for _ in 0..rounds() {
        for worker in &mut *workers {
            worker.send(what);
        }
        told.extend(workers.iter_mut().map(|worker| worker.expect("done")));
    }
    let mut sum = Trips::default();
    for told in told {
        let [searches, all, most] =
            told.split(' ').map(|number| number.parse().unwrap()).collect::<Vec<u64>>().try_into().unwrap();
        sum = Trips { searches: sum.searches + searches, all: sum.all + all, most: sum.most.max(most) };
    }
    let mean = sum.all as f64 / sum.searches as f64;
    eprintln!(
        "{what}: {} searches in {:?}, {mean:.2} round trips each, {} at most",
        sum.searches,
        began.elapsed(),
        sum.most
    );
    sum
}

/// That nothing that has space is forgotten: the index tells of every room with space exactly how full it is, and all
/// seats are given out before another room is made.
async fn nothing_is_forgotten(vault: &Vault<RedisStore>) {
    let rooms = Rooms::new(vault.clone());
    while rooms.sweep(1_000).await.unwrap().more {}
    let (taken, indexed) = (taken(vault).await, indexed(vault).await);
    assert!(taken.values().all(|members| *members <= LIMIT), "{taken:?}");
    for (number, members) in &taken {
        // One that everybody left may be none of the pool's any more.
        let expected = match *members {
            0 => indexed.get(number).map(|_| 0),
            LIMIT => None,
            members => Some(members),
        };
        assert_eq!(indexed.get(number).copied(), expected, "room {number} has {members}");
    }
    let (before, pool) = (made(vault).await, pool(&rooms));
    let space: u64 = indexed.values().map(|members| LIMIT - members).sum();
    for member in 0..space {
        let _ = pool.find_or_create(&*format!("last {member}")).await.unwrap().into_lease();
    }
    assert_eq!(made(vault).await, before, "{space} seats were free");
    let full = self::taken(vault).await;
    assert!(indexed.keys().all(|number| full[number] == LIMIT), "{full:?}");
    let _ = pool.find_or_create("one more").await.unwrap().into_lease();
    assert_eq!(made(vault).await, before + 1);
}

#[test]
#[ignore = "needs Redis: cargo xtask test"]
fn processes_fill_every_room_and_forget_none() {
    let crew = Crew::of(processes_fill_every_room_and_forget_none, work).patience(Duration::from_secs(300));
    let server = RedisServer::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let vault = runtime.block_on(async { open_as("match", connect(&patient(&server.url())).await).await });
    let start = |name| crew.start(&[("url", &server.url()), ("name", &name)]);
    let mut workers: Vec<Worker> = (0..PROCESSES).map(start).collect();
    for worker in &mut workers {
        worker.expect("ready");
    }
    let expected = PROCESSES * SEARCHES * rounds() / LIMIT;
    let keys = (1..=expected).map(|number| seats_key(&vault, number).bytes().to_vec()).collect();
    let sampler = Sampler::start(&server, TAKEN, keys);

    let found = all(&mut workers, "find");
    assert!(found.all >= 2 * found.searches, "looking, and taking");
    let all_full: BTreeMap<u64, u64> = (1..=expected).map(|number| (number, LIMIT)).collect();
    assert_eq!(runtime.block_on(taken(&vault)), all_full);

    all(&mut workers, "churn");
    let sampled = sampler.end();
    assert_eq!(sampled.highest, LIMIT as i64, "{sampled:?}");
    drop(workers);
    runtime.block_on(nothing_is_forgotten(&vault));
}

/// The same with tasks on several threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_fill_every_room_in_memory() {
    let store = MemoryStore::new();
    let mut tasks = tokio::task::JoinSet::new();
    let app = open(store.clone()).await;
    let shared = Rooms::new(app.clone());
    for name in 0..PROCESSES {
        let pool = pool(&shared);
        tasks.spawn(async move {
            for member in 0..SEARCHES * rounds() {
                let _ = pool.find_or_create(&*format!("{name} {member}")).await.unwrap().into_lease();
            }
        });
    }
    tasks.join_all().await;
    let all_full: BTreeMap<u64, u64> =
        (1..=PROCESSES * SEARCHES * rounds() / LIMIT).map(|number| (number, LIMIT)).collect();
    assert_eq!(taken(&app).await, all_full);
}

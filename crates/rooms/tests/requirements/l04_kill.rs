//! Line 4: whoever is killed, at whatever moment, leaves no ghost: one lease later the seats are free, and each is told as
//! expired once.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use roomkey_core::{Kind, Ttl};
use roomkey_memory::MemoryStore;
use roomkey_rooms::{RoomEvents, Rooms, Since};
use roomkey_testkit::RedisServer;
use roomkey_testkit::workers::{Crew, Worker};

use crate::common::{HOUR, Time, connect, long, open, open_as, state};
use crate::crowd::{
    self, COUNTED, Knows, LEASE, LIMIT, Member, NAIVE, ROOM, Random, Sampler, Story, TAKEN, config, room_key,
};

const PROCESSES: u64 = 24;
/// How many are killed in each round, while all are at work.
const VICTIMS: usize = 12;

/// Processes of which some are killed.
struct Doomed<'a> {
    crew: &'a Crew,
    server: &'a RedisServer,
    way: &'static str,
    workers: Vec<(u64, Worker)>,
    next: u64,
    random: Random,
    /// The last words of the dead.
    words: BTreeMap<u64, String>,
}

impl<'a> Doomed<'a> {
    fn start(crew: &'a Crew, server: &'a RedisServer, way: &'static str) -> Self {
        let random = Random::new(4);
        let mut doomed =
            Self { crew, server, way, workers: Vec::new(), next: 0, random, words: BTreeMap::new() };
        doomed.workers = (0..PROCESSES).map(|_| doomed.another()).collect();
        for (_, worker) in &mut doomed.workers {
            worker.expect("ready");
        }
        doomed
    }

    fn another(&mut self) -> (u64, Worker) {
        let (seed, url, socket) = (self.next, self.server.url(), self.server.socket());
        self.next += 1;
        let settings: [(&str, &dyn std::fmt::Display); 5] = [
            ("way", &self.way),
            ("seed", &seed),
            ("url", &url),
            ("socket", &socket.display()),
            ("app", &"kill"),
        ];
        (seed, self.crew.start(&settings))
    }

    /// Lets all of them go, kills some at work, and waits for the others and for the successors.
    fn round(&mut self) {
        for (_, worker) in &mut self.workers {
            worker.send("go");
        }
        thread::sleep(Duration::from_micros(self.random.below(60_000)));
        let mut successors = Vec::new();
        for _ in 0..VICTIMS {
            let place = self.random.below(self.workers.len() as u64) as usize;
            let (seed, victim) = self.workers.swap_remove(place);
            self.note(seed, victim);
            successors.push(self.another());
        }
        for (_, worker) in &mut self.workers {
            while worker.hear() != "done" {}
        }
        for (_, worker) in &mut successors {
            worker.expect("ready");
        }
        self.workers.extend(successors);
    }

    fn note(&mut self, seed: u64, victim: Worker) {
        let words = victim.kill();
        // Before its first word it had done nothing, and at the end of a round its last but one says how it stands.
        let last = words.into_iter().rev().find(|word| word != "done");
        self.words.insert(seed, last.unwrap_or_else(|| "acts".to_owned()));
    }

    fn end(&mut self) {
        for (seed, worker) in std::mem::take(&mut self.workers) {
            self.note(seed, worker);
        }
    }
}

/// Five hundred are killed, and with `ROOMKEY_TEST_LONG` twelve hundred.
#[test]
#[ignore = "needs Redis: cargo xtask test"]
fn the_killed_leave_no_ghosts_where_a_naive_counter_keeps_them() {
    let crew = Crew::of(the_killed_leave_no_ghosts_where_a_naive_counter_keeps_them, crowd::work)
        .patience(Duration::from_secs(120));
    let server = RedisServer::start();

    let mut naive = Doomed::start(&crew, &server, "naive");
    let sampler = Sampler::start(&server, COUNTED, vec![NAIVE.into()]);
    naive.round();
    naive.round();
    naive.end();
    let counted = sampler.end();
    let ghosts: i64 = server.command(&["GET", NAIVE]).text().parse().unwrap();
    assert!(
        ghosts > 0,
        "everybody is dead, and the control does not count them: nothing is proved ({counted:?})"
    );

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let vault = runtime.block_on(async { open_as("kill", connect(&server.url()).await).await });
    let rooms = Rooms::new(vault.clone());
    let read = |story: &mut Story, events: &mut RoomEvents| {
        runtime.block_on(async {
            rooms.configure(ROOM, config()).await.unwrap();
            story.read(events).await;
        });
    };
    let mut events = runtime.block_on(rooms.watch(ROOM, Since::Oldest)).unwrap();
    let mut story = Story::default();
    read(&mut story, &mut events);
    let seats = room_key(&vault, "m1", Kind::Ranking, ROOM).bytes().to_vec();
    let mut doomed = Doomed::start(&crew, &server, "rests");
    let sampler = Sampler::start(&server, TAKEN, vec![seats.clone()]);
    let began = Instant::now();
    let rounds = if long() { 100 } else { 40 };
    for _ in 0..rounds {
        doomed.round();
        read(&mut story, &mut events);
    }
    doomed.end();
    let took = began.elapsed();
    thread::sleep(LEASE + Duration::from_secs(1));
    let live = server.command(&[b"EVAL", TAKEN.as_bytes(), b"1", &seats]).int();
    let sampled = sampler.end();
    assert_eq!(live, 0, "a lease and a second after the last kill");
    assert!((1..=LIMIT).contains(&sampled.highest), "{sampled:?}");

    let swept = runtime.block_on(rooms.sweep(10)).unwrap();
    assert!(swept.expired <= LIMIT as u64 * 2, "the others were swept while somebody lived: {swept:?}");
    read(&mut story, &mut events);
    assert_eq!((story.inside(), story.came), (0, story.left + story.expired));
    // Each of the dead ended as it last said, unless it died before it knew.
    let (mut crashed, mut unsure) = (0, 0);
    for (seed, word) in &doomed.words {
        let told = story.last_of(&format!("member {seed}"));
        match word.as_str() {
            "in" => {
                assert_eq!(told, Some("expired"), "member {seed} died in its seat");
                crashed += 1;
            }
            // On a busy machine some seats end before their holders come to leave.
            "left" => {
                assert!(matches!(told, Some("left" | "expired")), "member {seed} had left, and {told:?}")
            }
            _ => unsure += usize::from(told == Some("expired")),
        }
    }
    assert!(crashed > 0);
    assert_eq!(server.command(&[b"EXISTS", seats.as_slice()]).int(), 0);
    for key in runtime.block_on(state(&vault)) {
        let Ttl::After(left) = key.ttl else { panic!("it would stay for ever: {key:?}") };
        assert!(left <= HOUR + LEASE, "an hour after the last lease nothing is left: {key:?}");
    }
    eprintln!(
        "{} killed in {took:?}: {crashed} in their seats, {unsure} who did not know; {} came, {} left, {} expired; \
         {sampled:?}; {ghosts} ghosts of the control",
        doomed.words.len(),
        story.came,
        story.left,
        story.expired
    );
}

/// What a crash leaves, on a clock that the test moves, to the last key.
#[tokio::test(start_paused = true)]
async fn a_crash_leaves_nothing_in_memory() {
    let store = MemoryStore::new();
    let vault = open(store.clone()).await;
    let rooms = Rooms::new(vault.clone());
    rooms.configure(ROOM, config()).await.unwrap();
    let mut events = rooms.watch(ROOM, Since::Oldest).await.unwrap();
    let mut story = Story::default();
    story.read(&mut events).await;
    let mut seated = 0;
    for seed in 0..500 {
        let mut member = Member::new(rooms.clone(), format!("member {seed}"), seed, false);
        let mut knows = Knows::Out;
        for _ in 0..1 + seed % 7 {
            knows = member.act().await;
        }
        // It crashes here.
        seated += usize::from(knows == Knows::In);
        store.pass(LEASE / 15).await;
        if seed % 50 == 0 {
            rooms.configure(ROOM, config()).await.unwrap();
            story.read(&mut events).await;
        }
    }
    store.pass(LEASE).await;
    assert_eq!(rooms.occupancy(ROOM).await.unwrap().live, 0);
    rooms.sweep(10).await.unwrap();
    rooms.configure(ROOM, config()).await.unwrap();
    story.read(&mut events).await;
    drop(events);
    assert_eq!((story.expired, story.inside()), (seated, 0));
    assert!(story.expired > 100 && story.left > 0);
    store.pass(HOUR + LEASE + Duration::from_millis(1)).await;
    let kept = state(&vault).await;
    assert!(kept.is_empty(), "an hour after the last lease: {kept:?}");
}

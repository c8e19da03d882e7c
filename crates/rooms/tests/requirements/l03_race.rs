//! Line 3: however many processes join, renew, reserve and leave at once, a sampler never sees more than the limit, and
//! what the events tell adds up to who is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use roomkey_core::Kind;
use roomkey_memory::MemoryStore;
use roomkey_rooms::{Rooms, Since};
use roomkey_testkit::RedisServer;
use roomkey_testkit::workers::{Crew, Worker};
use tokio::sync::Barrier;

use crate::common::{HOUR, Time, connect, long, open, open_as};
use crate::crowd::{
    self, COUNTED, LEASE, LIMIT, Member, NAIVE, ROOM, STEPS, Sampler, Story, TAKEN, config, room_key,
};

const PROCESSES: u64 = 64;
/// Rounds after which the control must have been overrun.
const NAIVE_ROUNDS: usize = 500;

/// All of them at once.
pub(crate) fn round(workers: &mut [Worker]) {
    for worker in &mut *workers {
        worker.send("go");
    }
    for worker in workers {
        while worker.hear() != "done" {}
    }
}

#[test]
#[ignore = "needs Redis: cargo xtask test"]
fn sixty_four_processes_never_pass_a_limit_that_a_naive_counter_does_not_hold() {
    let crew =
        Crew::of(sixty_four_processes_never_pass_a_limit_that_a_naive_counter_does_not_hold, crowd::work)
            .patience(Duration::from_secs(120));
    let server = RedisServer::start();
    let start = |way: &'static str| {
        let settings = |seed: u64| {
            let (url, socket) = (server.url(), server.socket());
            crew.start(&[
                ("way", &way),
                ("seed", &seed),
                ("url", &url),
                ("socket", &socket.display()),
                ("app", &"race"),
            ])
        };
        let mut workers: Vec<Worker> = (0..PROCESSES).map(settings).collect();
        for worker in &mut workers {
            worker.expect("ready");
        }
        workers
    };

    let mut workers = start("naive");
    let sampler = Sampler::start(&server, COUNTED, vec![NAIVE.into()]);
    for _ in 0..NAIVE_ROUNDS {
        round(&mut workers);
        let counted: i64 = server.command(&["GET", NAIVE]).text().parse().unwrap();
        if counted > LIMIT {
            break;
        }
    }
    drop(workers);
    let naive = sampler.end();
    assert!(naive.highest > LIMIT, "the control was never overrun, so nothing here is a race: {naive:?}");

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let vault = runtime.block_on(async { open_as("race", connect(&server.url()).await).await });
    let rooms = Rooms::new(vault.clone());
    let configure = || runtime.block_on(rooms.configure(ROOM, config())).unwrap();
    configure();
    let mut events = runtime.block_on(rooms.watch(ROOM, Since::Oldest)).unwrap();
    let mut story = Story::default();
    runtime.block_on(story.read(&mut events));
    let seats = room_key(&vault, "m1", Kind::Ranking, ROOM).bytes().to_vec();
    let mut workers = start("forgets");
    let sampler = Sampler::start(&server, TAKEN, vec![seats.clone()]);
    let end = Instant::now() + Duration::from_secs(if long() { 60 } else { 5 });
    let mut rounds = 0;
    while Instant::now() < end {
        round(&mut workers);
        rounds += 1;
        // A change of the room marks where in its events the round ends.
        configure();
        runtime.block_on(story.read(&mut events));
        let there = server.command(&[b"ZCARD", seats.as_slice()]).int();
        assert_eq!(i64::try_from(story.inside()).unwrap(), there, "after {rounds} rounds");
        assert_eq!(story.came, story.left + story.expired + story.inside());
    }
    let sampled = sampler.end();
    drop(workers);
    assert_eq!(sampled.highest, LIMIT, "it was full, and never more: {sampled:?}");

    runtime.block_on(async {
        tokio::time::sleep(LEASE).await;
        rooms.sweep(10).await.unwrap();
        rooms.configure(ROOM, config()).await.unwrap();
        story.read(&mut events).await;
        assert_eq!(rooms.occupancy(ROOM).await.unwrap().live, 0);
    });
    assert_eq!((story.came, story.inside()), (story.left + story.expired, 0));
    assert!(story.left > 0 && story.expired > 0);
    eprintln!(
        "{rounds} rounds of {PROCESSES} x {STEPS}, {} came, {} left, {} expired; {sampled:?}; naive: {naive:?}",
        story.came, story.left, story.expired
    );
}

/// The same with tasks on several threads, which meet more often than processes do.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_tasks_never_pass_the_limit_in_memory() {
    let rooms = Rooms::new(open(MemoryStore::new()).await);
    // Nothing ends by itself: a clock that runs by itself decides nothing here.
    let config = config().lease(HOUR).hold(HOUR);
    rooms.configure(ROOM, config.clone()).await.unwrap();
    let mut events = rooms.watch(ROOM, Since::Oldest).await.unwrap();
    let mut story = Story::default();
    story.read(&mut events).await;
    let over = Arc::new(AtomicBool::new(false));
    let sampler = tokio::spawn({
        let (rooms, over) = (rooms.clone(), Arc::clone(&over));
        async move {
            let mut highest = 0;
            while !over.load(Ordering::Relaxed) {
                highest = highest.max(rooms.occupancy(ROOM).await.unwrap().live);
                tokio::task::yield_now().await;
            }
            highest
        }
    });
    let rounds = if long() { 1_000 } else { 30 };
    let barrier = Arc::new(Barrier::new(PROCESSES as usize + 1));
    let mut tasks = tokio::task::JoinSet::new();
    for seed in 0..PROCESSES {
        let mut member = Member::new(rooms.clone(), format!("member {seed}"), seed, false);
        let barrier = Arc::clone(&barrier);
        tasks.spawn(async move {
            for _ in 0..rounds {
                barrier.wait().await;
                for _ in 0..STEPS {
                    member.act().await;
                }
                barrier.wait().await;
            }
        });
    }
    for round in 0..rounds {
        barrier.wait().await;
        barrier.wait().await;
        rooms.configure(ROOM, config.clone()).await.unwrap();
        story.read(&mut events).await;
        let live = usize::try_from(rooms.occupancy(ROOM).await.unwrap().live).unwrap();
        assert_eq!(story.inside(), live, "after {round} rounds");
    }
    tasks.join_all().await;
    over.store(true, Ordering::Relaxed);
    assert_eq!(sampler.await.unwrap(), LIMIT as u64, "it was full, and never more");
    assert_eq!(story.came, story.left + story.inside());
}

/// Members that forget their seats, on a clock that the test moves: every seat ends by itself, once.
#[tokio::test(start_paused = true)]
async fn forgotten_seats_end_and_are_told_in_memory() {
    let store = MemoryStore::new();
    let rooms = Rooms::new(open(store.clone()).await);
    rooms.configure(ROOM, config()).await.unwrap();
    let mut events = rooms.watch(ROOM, Since::Oldest).await.unwrap();
    let mut story = Story::default();
    story.read(&mut events).await;
    let mut members: Vec<_> =
        (0..PROCESSES).map(|seed| Member::new(rooms.clone(), format!("member {seed}"), seed, true)).collect();
    for _ in 0..50 {
        for member in &mut members {
            member.act().await;
            store.pass(Duration::from_millis(5)).await;
            assert!(rooms.occupancy(ROOM).await.unwrap().live <= LIMIT as u64);
        }
        rooms.configure(ROOM, config()).await.unwrap();
        story.read(&mut events).await;
    }
    store.pass(LEASE).await;
    rooms.sweep(10).await.unwrap();
    rooms.configure(ROOM, config()).await.unwrap();
    story.read(&mut events).await;
    assert_eq!((story.came, story.inside()), (story.left + story.expired, 0));
    assert!(story.left > 0 && story.expired > 0);
}

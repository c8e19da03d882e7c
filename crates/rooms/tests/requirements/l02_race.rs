//! Line 2: a counter with a limit, and more processes than it admits.

use roomkey_core::Store;
use roomkey_memory::MemoryStore;
use roomkey_rooms::{DEFAULT_LIMIT, Rooms};
use roomkey_testkit::workers::{Job, Worker};
use roomkey_testkit::{Crew, RedisServer};
use tokio::task::JoinSet;

use crate::common::{connect, long, open, open_as};
use crate::crowd::patient;

const PROCESSES: usize = 64;

/// How often each tries to come in, in each round.
fn tries() -> usize {
    if long() { 1_000 } else { 10 }
}

fn rounds() -> usize {
    if long() { 100 } else { 3 }
}

/// Comes in by a limit that holds only while nobody else comes: what a service does without a store that checks.
async fn naive<S: Store>(rooms: &Rooms<S>, room: &str) -> bool {
    if rooms.size(room).await.unwrap() >= DEFAULT_LIMIT {
        return false;
    }
    rooms.update_size(room, 1).await.unwrap();
    true
}

async fn try_often<S: Store>(rooms: &Rooms<S>, room: &str, way: &str) -> usize {
    let mut admitted = 0;
    for _ in 0..tries() {
        admitted += usize::from(match way {
            "naive" => naive(rooms, room).await,
            _ => rooms.check_and_increment(room).await.unwrap(),
        });
    }
    admitted
}

/// What a worker does: it tries to come into every room that it is told.
fn try_rooms(mut job: Job) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async move {
        let rooms = Rooms::new(open_as("race", connect(&patient(&job.setting("url"))).await).await);
        job.say("ready");
        loop {
            let line = job.next().await;
            let (way, room) = line.split_once(' ').unwrap();
            job.say(format_args!("admitted {}", try_often(&rooms, room, way).await));
        }
    });
}

#[test]
#[ignore = "needs Redis: cargo xtask test"]
fn of_64_processes_exactly_a_hundred_come_in() {
    let crew = Crew::of(of_64_processes_exactly_a_hundred_come_in, try_rooms);
    let server = RedisServer::start();
    let mut workers: Vec<Worker> = (0..PROCESSES).map(|_| crew.start(&[("url", &server.url())])).collect();
    for worker in &mut workers {
        worker.expect("ready");
    }
    let mut race = |way: &str, round: usize| -> usize {
        for worker in &mut workers {
            worker.send(&format!("{way} {way}-{round}"));
        }
        workers.iter_mut().map(|worker| worker.expect("admitted").parse::<usize>().unwrap()).sum()
    };
    let limit = usize::try_from(DEFAULT_LIMIT).unwrap();
    let overrun = (0..20).any(|round| race("naive", round) > limit);
    assert!(overrun, "no two processes met between reading and adding, so nothing here is a race");
    for round in 0..rounds() {
        assert_eq!(race("atomic", round), limit, "round {round}");
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let rooms = Rooms::new(open_as("race", connect(&server.url()).await).await);
        for round in 0..rounds() {
            assert_eq!(rooms.size(format!("atomic-{round}")).await.unwrap(), DEFAULT_LIMIT);
        }
    });
}

/// On memory there is one process, and its tasks run at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_tasks_exactly_a_hundred_come_in() {
    let rooms = Rooms::new(open(MemoryStore::new()).await);
    for round in 0..rounds() {
        let room = format!("room {round}");
        let mut tasks = JoinSet::new();
        for _ in 0..PROCESSES {
            let (rooms, room) = (rooms.clone(), room.clone());
            tasks.spawn(async move { try_often(&rooms, &room, "atomic").await });
        }
        assert_eq!(tasks.join_all().await.iter().sum::<usize>(), 100, "round {round}");
        assert_eq!(rooms.size(&room).await.unwrap(), DEFAULT_LIMIT);
    }
}

//! Many processes at one counter: what goes wrong without atomicity, and what remains of workers that are killed.

use std::time::Instant;

use super::{Crew, Job, Worker};
use crate::RedisServer;
use crate::server::Connection;

const PROCESSES: usize = 32;
const LIMIT: u64 = 40;

/// Passes by the counter's limit only if nobody else does at the same time.
fn naive(redis: &mut Connection, key: &str) -> bool {
    let there = redis.call(&["GET", key]).unwrap();
    if !there.is_nil() && there.text().parse::<u64>().unwrap() >= LIMIT {
        return false;
    }
    redis.call(&["INCR", key]).unwrap();
    true
}

/// The same in one step.
fn atomic(redis: &mut Connection, key: &str) -> bool {
    const SCRIPT: &str = "if tonumber(redis.call('GET', KEYS[1]) or 0) >= tonumber(ARGV[1]) then return 0 end \
                          return redis.call('INCR', KEYS[1]) and 1";
    redis.call(&["EVAL", SCRIPT, "1", key, &LIMIT.to_string()]).unwrap().int() == 1
}

/// Joins as often as it is let in, at every counter that it is told.
fn join(mut job: Job) {
    let join = if job.setting("way") == "naive" { naive } else { atomic };
    let mut redis = Connection::open(job.setting("socket").as_ref(), None).unwrap();
    job.say("ready");
    loop {
        let key = job.hear();
        let mut joined = 0_u64;
        while join(&mut redis, &key) {
            joined += 1;
        }
        job.say(format_args!("joined {joined}"));
    }
}

/// How many were let in at each of so many counters, by all processes together.
fn race(crew: &Crew, server: &RedisServer, way: &str, rounds: usize) -> Vec<u64> {
    let start = |_| crew.start(&[("socket", &server.socket().display()), ("way", &way)]);
    let mut workers: Vec<Worker> = (0..PROCESSES).map(start).collect();
    for worker in &mut workers {
        worker.expect("ready");
    }
    let round = |round| {
        for worker in &mut workers {
            worker.send(&format!("{way}:{round}"));
        }
        workers.iter_mut().map(|worker| worker.expect("joined").parse::<u64>().unwrap()).sum()
    };
    (0..rounds).map(round).collect()
}

#[test]
fn a_naive_limit_is_overrun_and_an_atomic_one_is_not() {
    let crew = Crew::of(a_naive_limit_is_overrun_and_an_atomic_one_is_not, join);
    let server = RedisServer::start();
    let rounds = 20;
    let overrun = race(&crew, &server, "naive", rounds).into_iter().filter(|joined| *joined > LIMIT).count();
    eprintln!("{overrun} of {rounds} naive limits were overrun");
    assert!(
        overrun > 0,
        "{PROCESSES} processes did not once meet between GET and INCR, so nothing here is a race"
    );
    assert_eq!(race(&crew, &server, "atomic", rounds), vec![LIMIT; rounds]);
}

/// Counts, and tells every number once it is counted.
fn count(job: Job) {
    let mut redis = Connection::open(job.setting("socket").as_ref(), None).unwrap();
    job.say("ready");
    loop {
        let number = redis.call(&["INCR", "count"]).unwrap().int();
        job.say(number);
    }
}

/// With `ROOMKEY_TEST_LONG` so many that the rate, which is printed, means something.
#[test]
fn the_killed_are_succeeded_and_their_words_are_kept() {
    let crew = Crew::of(the_killed_are_succeeded_and_their_words_are_kept, count);
    let server = RedisServer::start();
    let kills = if std::env::var_os("ROOMKEY_TEST_LONG").is_some() { 2_000 } else { 100 };
    let start = || crew.start(&[("socket", &server.socket().display())]);
    let mut workers: Vec<Worker> = (0..16).map(|_| start()).collect();
    let mut told = Vec::new();
    let began = Instant::now();
    for kill in 0..kills {
        let place = kill % workers.len();
        // Each is killed at work: after it has come up, and while it counts.
        workers[place].expect("ready");
        told.extend(std::mem::replace(&mut workers[place], start()).kill());
    }
    let took = began.elapsed();
    for mut worker in workers {
        worker.expect("ready");
        told.extend(worker.kill());
    }
    eprintln!("{kills} kills in {took:?}, {:?} each", took / u32::try_from(kills).unwrap_or(u32::MAX));

    let mut numbers: Vec<usize> = told.iter().map(|line| line.parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), told.len(), "a number was told twice");
    let counted: usize = server.command(&["GET", "count"]).text().parse().unwrap();
    // Each of the killed may have counted once more than it came to tell.
    let untold = counted - numbers.len();
    assert!(untold <= kills + 16, "{counted} counted, {} told, {kills} killed", numbers.len());
    assert!(numbers.len() > kills, "the workers came to nothing before they were killed");
}

//! Random sequences of every operation of tokens, compared with a simple model of who is logged in.
//!
//! There are many more sequences with `ROOMKEY_TEST_LONG`, or as many as `PROPTEST_CASES` says. A failure prints the
//! shortest sequence that was found, and the seed; on memory, where time is paused, the seed repeats it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clock;
mod kinds;
mod model;
mod ops;
mod run;

use std::sync::Mutex;
use std::time::Duration;

use roomkey_memory::MemoryStore;
use roomkey_store::{RedisConfig, RedisStore};
use roomkey_testkit::{Cases, RedisServer};
use tokio::runtime::{Builder, Runtime};

use clock::Clock;
use ops::{Sequence, sequences};
use run::{Stop, VERDICTS, Verdicts, run};

/// How many steps a sequence has at most.
const LONGEST: usize = 80;

/// On a paused clock a tick may be as long as it likes, so long as no grace is over its bound.
const PAUSED_TICK: Duration = Duration::from_secs(20);

/// How long a tick is on a real clock, at first. What is done in one has half of it.
const RUNNING_TICK: Duration = Duration::from_millis(300);

/// How many sequences wait for their time at once.
const AT_ONCE: u32 = 24;

fn on_memory(sequence: &Sequence) -> (Result<(), Stop>, Verdicts) {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async { run(&MemoryStore::new(), PAUSED_TICK, Clock::paused, sequence).await })
}

#[test]
fn memory_agrees_with_the_model() {
    Cases::new(600, 20_000).check(&sequences(LONGEST), |sequence| match on_memory(&sequence).0 {
        Err(Stop::Differs(said)) => Err(said),
        Ok(()) | Err(Stop::Late) => Ok(()),
    });
}

/// A test of random sequences is worth what they come upon.
#[test]
fn the_sequences_come_upon_every_verdict() {
    let come_upon = Mutex::new(Verdicts::new());
    // From one seed, so that it does not hang on luck.
    Cases::fixed(200, 1).check(&sequences(LONGEST), |sequence| {
        for (verdict, times) in on_memory(&sequence).1 {
            *come_upon.lock().unwrap().entry(verdict).or_default() += times;
        }
        Ok(())
    });
    let come_upon = come_upon.into_inner().unwrap();
    for verdict in VERDICTS {
        assert!(come_upon.contains_key(verdict), "{verdict} is not among {come_upon:#?}");
    }
}

#[test]
#[ignore = "needs Redis: cargo xtask test"]
fn redis_agrees_with_the_model() {
    let server = RedisServer::options().config("databases", &AT_ONCE.to_string()).start();
    let runtime = Runtime::new().unwrap();
    // Each sequence has a database to itself. An application of its own would not do: the types of one in a thousand
    // applications would not all have different tags, which is documented and not what is tested here.
    let connect = |database| {
        let config = RedisConfig::from_url(&format!("{}/{database}", server.url())).unwrap();
        (database, runtime.block_on(RedisStore::connect(config)).unwrap())
    };
    let free: Mutex<Vec<(u32, RedisStore)>> = Mutex::new((0..AT_ONCE).map(connect).collect());
    Cases::new(120, 5_000).check_in_threads(
        AT_ONCE,
        || sequences(LONGEST),
        |sequence| {
            let (database, store) = free.lock().unwrap().pop().expect("one for each thread");
            // A busy machine is no fault of tokens: what time has overtaken is done once more, with more of it.
            let ticks = (0..8).map(|slower| RUNNING_TICK * 2_u32.pow(slower));
            let mut agreed = ticks.map(|tick| {
                empty(&server, database);
                runtime.block_on(run(&store, tick, Clock::running, &sequence)).0
            });
            let agreed = agreed.find(|agreed| !matches!(agreed, Err(Stop::Late)));
            free.lock().unwrap().push((database, store));
            match agreed {
                Some(Err(Stop::Differs(said))) => Err(said),
                Some(_) => Ok(()),
                None => Err("no tick is long enough for what is done in it".into()),
            }
        },
    );
}

/// Removes everything from a database. A script chooses it for itself alone.
fn empty(server: &RedisServer, database: u32) {
    let script = "redis.call('SELECT', ARGV[1]) return redis.call('FLUSHDB')";
    server.command(&["EVAL", script, "0", &database.to_string()]);
}

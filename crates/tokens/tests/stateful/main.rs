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
use std::sync::atomic::{AtomicU32, Ordering};
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
    runtime
        .block_on(async { run(&MemoryStore::new(), "stateful", PAUSED_TICK, Clock::paused, sequence).await })
}

#[test]
fn memory_agrees_with_the_model() {
    Cases::new(800, 20_000).check(&sequences(LONGEST), |sequence| match on_memory(&sequence).0 {
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
    let server = RedisServer::start();
    let runtime = Runtime::new().unwrap();
    let config = RedisConfig::from_url(&server.url()).unwrap();
    let store = runtime.block_on(RedisStore::connect(config)).unwrap();
    let apps = AtomicU32::new(0);
    Cases::new(200, 5_000).check_in_threads(
        AT_ONCE,
        || sequences(LONGEST),
        |sequence| {
            // A busy machine is no fault of tokens: what time has overtaken is done once more, with more of it.
            for slower in 0..8 {
                let app = format!("stateful{}", apps.fetch_add(1, Ordering::Relaxed));
                let tick = RUNNING_TICK * 2_u32.pow(slower);
                match runtime.block_on(run(&store, &app, tick, Clock::running, &sequence)).0 {
                    Ok(()) => return Ok(()),
                    Err(Stop::Differs(said)) => return Err(said),
                    Err(Stop::Late) => eprintln!("late with ticks of {tick:?}"),
                }
            }
            Err("no tick is long enough for what is done in it".into())
        },
    );
}

//! Random sequences of every operation of rooms, compared with a simple model of who holds a seat until when.
//!
//! There are many more sequences with `ROOMKEY_TEST_LONG=1`, or as many as `PROPTEST_CASES` says. A failure prints the
//! shortest sequence that was found, and the seed; on memory, where time is paused, the seed repeats it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clock;
mod found;
mod model;
mod ops;
mod run;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use roomkey_memory::MemoryStore;
use roomkey_store::{RedisConfig, RedisStore};
use roomkey_testkit::{Cases, RedisServer};
use tokio::runtime::{Builder, Runtime};

use clock::Moved;
use ops::{Step, sequences};
use run::{Stop, VERDICTS, Verdicts, run};

/// How many steps a sequence has at most.
const LONGEST: usize = 60;

/// How many sequences run on one server at once.
const AT_ONCE: u32 = 4;

fn on_memory(steps: &[Step]) -> (Result<(), String>, Verdicts) {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (result, verdicts) =
        runtime.block_on(async { run(&MemoryStore::new(), "stateful", None, steps).await });
    let result = result.map_err(|stop| match stop {
        Stop::Differs(said) => said,
        Stop::Late => "something waited on a clock that only the sequence moves".into(),
    });
    (result, verdicts)
}

#[test]
fn memory_agrees_with_the_model() {
    Cases::new(300, 20_000).check(&sequences(LONGEST), |steps| on_memory(&steps).0);
}

/// A test of random sequences is worth what they come upon.
#[test]
fn the_sequences_come_upon_every_verdict() {
    let come_upon = Mutex::new(Verdicts::new());
    // From one seed, so that it does not hang on luck.
    Cases::fixed(200, 1).check(&sequences(LONGEST), |steps| {
        for (verdict, times) in on_memory(&steps).1 {
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
    let server = Arc::new(RedisServer::start());
    let runtime = Runtime::new().unwrap();
    let config = RedisConfig::from_url(&server.url()).unwrap();
    let store = runtime.block_on(RedisStore::connect(config)).unwrap();
    let apps = AtomicU32::new(0);
    Cases::new(100, 2_000).check_in_threads(
        AT_ONCE,
        || sequences(LONGEST),
        |steps| {
            // A busy machine is no fault of rooms: what time has overtaken is done once more, which only a machine that stands still needs.
            for _ in 0..3 {
                let app = format!("stateful{}", apps.fetch_add(1, Ordering::Relaxed));
                let moved = Moved { server: Arc::clone(&server), app: app.clone() };
                match runtime.block_on(run(&store, &app, Some(moved), &steps)).0 {
                    Ok(()) => return Ok(()),
                    Err(Stop::Differs(said)) => return Err(said),
                    Err(Stop::Late) => eprintln!("late"),
                }
            }
            Err("a tick is too short for a sequence".into())
        },
    );
}

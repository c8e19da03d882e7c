//! Latency at half of what each side can do.
//!
//! An open loop: calls start when a schedule says so, whether or not earlier ones have been answered, and the latency of
//! a call counts from the moment it was due. A side that stalls therefore shows the stall in every call that it delays,
//! instead of delaying the measurement too (coordinated omission).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::runtime::Handle;

use crate::Result;
use crate::drive::Work as _;
use crate::loads::clients::{Client, Place, Sides};
use crate::loads::vault::{Load, Task, Turns};
use crate::loads::{Setting, peers};
use crate::runner::{Plan, order};
use crate::stats::Spread;

const SIZE: usize = 256;
/// Closed-loop tasks that saturate every side.
const SATURATING: usize = 256;
/// Of a side's own saturation.
const SHARE: f64 = 0.5;
/// How far apart calls may start: those of one tick are due together. Threads cannot sleep much shorter.
const TICK: Duration = Duration::from_micros(200);
/// Rounds are longer here than elsewhere, so there are fewer.
const LONGER: u32 = 4;

/// One side at half its saturation; medians over the rounds.
#[derive(Debug, Serialize)]
pub(crate) struct Latency {
    load: String,
    client: &'static str,
    saturation_per_s: f64,
    offered_per_s: f64,
    p50_us: Spread,
    p99_us: Spread,
}

/// Measures every side on reads and on writes.
pub(crate) fn measure(setting: &Setting, plan: &Plan) -> Result<Vec<Latency>> {
    let sides = Sides::connect(setting)?;
    let places = Place::all(SIZE)?;
    sides.fill(setting, &places)?;
    let mut latencies = Vec::new();
    for load in [Load::Get, Load::Set] {
        eprintln!("latency of {load}");
        let turns = Turns { setting: setting.clone(), load, tasks: SATURATING, places: places.clone() };
        let mut runs = [
            Run::of(&turns, peers::OURS, sides.ours.clone()),
            Run::of(&turns, peers::MULTIPLEXED, sides.redis.clone()),
            Run::of(&turns, peers::RUSTIS, sides.rustis.clone()),
            Run::of(&turns, peers::FRED, sides.fred.clone()),
            Run::of(&turns, peers::POOL, sides.pool.clone()),
        ];
        for round in 0..plan.rounds.div_ceil(2) {
            for slot in order(round, runs.len()) {
                (runs[slot].round)(&mut runs[slot].found, plan.turn)?;
            }
        }
        latencies.extend(runs.into_iter().map(|run| run.sum_up(load)));
    }
    Ok(latencies)
}

/// What a round of a side does.
type Round = Box<dyn FnMut(&mut Vec<Found>, Duration) -> Result>;

struct Run {
    client: &'static str,
    round: Round,
    found: Vec<Found>,
}

/// What a round found.
struct Found {
    saturation: f64,
    p50_us: f64,
    p99_us: f64,
}

impl Run {
    /// Each round finds out anew how much a side can do at the moment: the machine is not always equally fast.
    fn of<C: Client>(turns: &Turns, name: &'static str, client: C) -> Self {
        let mut saturate = turns.turn(client.clone());
        let Turns { setting, load, tasks: _, places } = turns;
        let (runtime, load, places) = (setting.runtime.clone(), *load, places.clone());
        let round = move |found: &mut Vec<Found>, time: Duration| {
            let saturation = saturate(time)?.per_s;
            let task = |at| Task { client: client.clone(), load, places: places.clone(), at };
            let mut latencies = open_loop(&runtime, saturation * SHARE, time * LONGER, task)?;
            latencies.sort_unstable();
            let share = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize] as f64 / 1e3;
            found.push(Found { saturation, p50_us: share(0.5), p99_us: share(0.99) });
            Ok(())
        };
        Self { client: name, round: Box::new(round), found: Vec::new() }
    }

    fn sum_up(self, load: Load) -> Latency {
        let spread = |field: fn(&Found) -> f64| Spread::of(self.found.iter().map(field));
        let saturation = spread(|found| found.saturation).median;
        Latency {
            load: format!("{load} {SIZE} B"),
            client: self.client,
            saturation_per_s: saturation.round(),
            offered_per_s: (saturation * SHARE).round(),
            p50_us: spread(|found| found.p50_us),
            p99_us: spread(|found| found.p99_us),
        }
    }
}

/// Starts calls at a rate for some time, and returns the latency of each in nanoseconds.
fn open_loop<C: Client>(
    runtime: &Handle,
    per_s: f64,
    time: Duration,
    task: impl Fn(usize) -> Task<C>,
) -> Result<Vec<u64>> {
    // By default Linux lets a sleeping thread oversleep by another 50 µs. Without the right to say otherwise, all sides oversleep.
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
    let calls = (per_s * time.as_secs_f64()) as usize;
    let latencies: Arc<[AtomicU64]> = (0..calls.max(1)).map(|_| AtomicU64::new(0)).collect();
    let due = |call: usize| {
        let ticks = (call as f64 / per_s / TICK.as_secs_f64()).floor();
        TICK.mul_f64(ticks)
    };
    let start = Instant::now();
    let mut bursts = Vec::new();
    let mut first = 0;
    while first < latencies.len() {
        let offset = due(first);
        let end = (first..latencies.len()).find(|call| due(*call) > offset).unwrap_or(latencies.len());
        let calls: Vec<(usize, Task<C>)> = (first..end).map(|call| (call, task(call))).collect();
        let (due, latencies) = (start + offset, latencies.clone());
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        bursts.push(runtime.spawn(async move {
            // Spawned from a worker of the runtime, as a service does with its requests.
            let calls: Vec<_> = calls
                .into_iter()
                .map(|(call, mut task)| {
                    let latencies = latencies.clone();
                    tokio::spawn(async move {
                        task.step(call as u64).await?;
                        latencies[call].store(nanoseconds(due.elapsed()), Ordering::Relaxed);
                        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
                    })
                })
                .collect();
            for call in calls {
                call.await??;
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        }));
        first = end;
    }
    for burst in bursts {
        runtime.block_on(burst)??;
    }
    Ok(latencies.iter().map(|latency| latency.load(Ordering::Relaxed)).collect())
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A line of the table.
impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { load, client, saturation_per_s, offered_per_s, p50_us, p99_us } = self;
        let spread = |s: &Spread| format!("{:.0} | {:.0}–{:.0}", s.median, s.q1, s.q3);
        let grouped = crate::report::grouped;
        let (saturation, offered) = (grouped(*saturation_per_s), grouped(*offered_per_s));
        write!(
            f,
            "| {load} | {client} | {saturation} | {offered} | {} | {} |",
            spread(p50_us),
            spread(p99_us)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers after a while, and for the first call after a longer one.
    #[derive(Clone)]
    struct Slow;

    const USUAL: Duration = Duration::from_millis(2);
    const STALL: Duration = Duration::from_millis(100);

    impl Client for Slow {
        async fn get(&mut self, place: &Place) -> Result<Option<impl AsRef<[u8]> + Send>> {
            tokio::time::sleep(if place.value.ends_with("00") { STALL } else { USUAL }).await;
            Ok(Some(place.value.clone()))
        }

        async fn set(&mut self, _: &Place) -> Result {
            Ok(())
        }

        async fn delete(&mut self, _: &Place) -> Result {
            Ok(())
        }
    }

    #[test]
    fn every_call_is_counted_until_it_is_answered() {
        let (Ok(runtime), Ok(places)) = (crate::runtime(), Place::all(64)) else { panic!("no setting") };
        let task = |call: usize| Task {
            client: Slow,
            load: Load::Get,
            places: places.clone(),
            // A step of the n-th call adds n to where it begins.
            at: usize::from(call != 0) + places.len() - call,
        };
        let found = open_loop(runtime.handle(), 10_000.0, Duration::from_millis(10), task);
        let Ok(latencies) = found else { panic!("a call failed") };
        assert_eq!(latencies.len(), 100);
        assert!(latencies[0] >= nanoseconds(STALL));
        assert!(
            latencies.iter().all(|latency| *latency >= nanoseconds(USUAL)),
            "counted before it was answered"
        );
    }
}

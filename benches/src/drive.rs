//! Repeating an operation on tasks or threads until the time is up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::Result;
use crate::comparison::Sample;
use crate::loads::Setting;

/// What one task or thread repeats.
pub(crate) trait Work: Send + 'static {
    /// Runs the operation once, its `n`th time in this turn, and checks what it gets.
    fn step(&mut self, n: u64) -> impl Future<Output = Result> + Send;
}

/// Runs each work on a task of its own.
pub(crate) fn on_tasks<W: Work>(setting: &Setting, time: Duration, works: Vec<W>) -> Result<Sample> {
    let stop = Stop::default();
    let works = works.into_iter().map(|work| repeat(work, stop.clone()));
    timed(setting, works.collect(), || stop.after(time))
}

/// Runs each work so many times on a task of its own.
pub(crate) fn to_the_end<W: Work>(setting: &Setting, works: Vec<(W, u64)>) -> Result<Sample> {
    let works = works.into_iter().map(|(mut work, times)| async move {
        for n in 0..times {
            work.step(n).await?;
        }
        Ok(times)
    });
    timed(setting, works.collect(), || ())
}

/// Measures tasks, each of which returns how often it did its work.
fn timed(
    setting: &Setting,
    works: Vec<impl Future<Output = Result<u64>> + Send + 'static>,
    meanwhile: impl FnOnce(),
) -> Result<Sample> {
    let Setting { runtime, meter, .. } = setting;
    let before = meter.read()?;
    let started = Instant::now();
    let tasks: Vec<_> = works.into_iter().map(|work| runtime.spawn(work)).collect();
    meanwhile();
    let mut done = 0;
    for task in tasks {
        done += runtime.block_on(task)??;
    }
    let per_s = done as f64 / started.elapsed().as_secs_f64();
    Ok(Sample { per_s, cpu: Some(before.cost_until(meter.read()?, done)) })
}

/// Runs each work on a thread of its own. For work that never waits: it would keep
/// the threads of a runtime from everything else.
pub(crate) fn on_threads<W: Work>(runtime: &Handle, time: Duration, works: Vec<W>) -> Result<Sample> {
    let stop = Stop::default();
    let started = Instant::now();
    let threads: Vec<_> = works
        .into_iter()
        .map(|work| {
            let (runtime, repeat) = (runtime.clone(), repeat(work, stop.clone()));
            std::thread::spawn(move || runtime.block_on(repeat))
        })
        .collect();
    stop.after(time);
    let mut done = 0;
    for thread in threads {
        done += thread.join().map_err(|_| "a load panicked; see above")??;
    }
    Ok(Sample { per_s: done as f64 / started.elapsed().as_secs_f64(), cpu: None })
}

async fn repeat(mut work: impl Work, stop: Stop) -> Result<u64> {
    let mut done = 0;
    loop {
        // At least once, even where the machine was so busy that the time is up before the beginning: a rate is never 0.
        work.step(done).await?;
        done += 1;
        if stop.is_set() {
            return Ok(done);
        }
    }
}

/// Tells all works of a turn that the time is up. Reading it costs them nothing, unlike a clock.
#[derive(Clone, Default)]
struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Sleeps on the calling thread, which is none of the runtime's.
    fn after(&self, time: Duration) {
        std::thread::sleep(time);
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

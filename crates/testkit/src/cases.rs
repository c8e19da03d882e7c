//! Random cases: how many a test draws, from which seed, and what a failure tells.

use std::env;
use std::fmt::Debug;
use std::panic;
use std::sync::OnceLock;
use std::thread;
use std::time::SystemTime;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

/// How long a case that failed is cut down, in milliseconds.
const MAX_SHRINK_TIME: u32 = 120_000;

/// How many random cases a test draws, and where they begin.
///
/// `PROPTEST_CASES` says how many instead, `PROPTEST_RNG_SEED` repeats those of an earlier run.
#[derive(Clone, Debug)]
pub struct Cases {
    config: Config,
    seed: u64,
}

impl Cases {
    /// So many cases, or so many with `ROOMKEY_TEST_LONG=1`.
    #[must_use]
    pub fn new(usual: u32, long: u32) -> Self {
        // The defaults read proptest's own environment variables.
        let mut config = Config {
            failure_persistence: None,
            // Else few cases mean few attempts to cut one down.
            max_shrink_iters: u32::MAX - 1,
            max_shrink_time: MAX_SHRINK_TIME,
            ..Config::default()
        };
        if env::var_os("PROPTEST_CASES").is_none() {
            config.cases =
                if env::var("ROOMKEY_TEST_LONG").is_ok_and(|asked| asked == "1") { long } else { usual };
        }
        let seed = match config.rng_seed {
            RngSeed::Fixed(seed) => seed,
            // A seed of our own choice can be told afterwards.
            RngSeed::Random => {
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                now.subsec_nanos().into()
            }
        };
        Self { config, seed }
    }

    /// Exactly these cases, whatever the environment says: for a test of what random cases come upon.
    #[must_use]
    pub fn fixed(cases: u32, seed: u64) -> Self {
        let mut fixed = Self::new(cases, cases);
        fixed.config.cases = cases;
        fixed.seed = seed;
        fixed
    }

    /// One in `n` of the cases.
    #[must_use]
    pub fn sampled(mut self, n: u32) -> Self {
        self.config.cases = self.config.cases.div_ceil(n);
        self
    }

    /// Runs a test on all cases.
    ///
    /// # Panics
    /// When the test says what is wrong with a case: with that, the smallest case found for which it says
    /// something, and the seed.
    pub fn check<S: Strategy>(&self, strategy: &S, test: impl Fn(S::Value) -> Result<(), String>) {
        self.check_part(self.config.cases, self.seed, strategy, test);
    }

    /// As [`check`](Self::check), with the cases divided among threads: for tests that wait.
    ///
    /// # Panics
    /// As [`check`](Self::check).
    pub fn check_in_threads<S: Strategy>(
        &self,
        threads: u32,
        strategy: impl Fn() -> S + Sync,
        test: impl Fn(S::Value) -> Result<(), String> + Sync,
    ) {
        let share = self.config.cases.div_ceil(threads);
        // The first thread with a case that failed cuts it down; nobody needs the cases of the others then.
        let first = OnceLock::new();
        let part = |thread: u32| {
            let another_failed = || first.get().is_some_and(|first| *first != thread);
            self.check_part(share, self.seed.wrapping_add(thread.into()), &strategy(), |case| {
                if another_failed() {
                    return Ok(());
                }
                let said = test(case);
                if said.is_err() {
                    first.get_or_init(|| thread);
                }
                if another_failed() { Ok(()) } else { said }
            });
        };
        thread::scope(|scope| {
            let part = &part;
            let parts: Vec<_> = (0..threads).map(|thread| scope.spawn(move || part(thread))).collect();
            let failed = parts.into_iter().filter_map(|part| part.join().err()).reduce(|first, _| first);
            if let Some(failed) = failed {
                panic::resume_unwind(failed);
            }
        });
    }

    fn check_part<S: Strategy>(
        &self,
        cases: u32,
        seed: u64,
        strategy: &S,
        test: impl Fn(S::Value) -> Result<(), String>,
    ) {
        let config = Config { cases, rng_seed: RngSeed::Fixed(seed), ..self.config.clone() };
        match TestRunner::new(config).run(strategy, |case| test(case).map_err(TestCaseError::fail)) {
            Ok(()) => {}
            Err(TestError::Fail(reason, case)) => self.fail(&reason, &case),
            Err(TestError::Abort(reason)) => panic!("the test was given up: {reason}"),
        }
    }

    fn fail(&self, reason: impl std::fmt::Display, case: &impl Debug) -> ! {
        let Self { config: Config { cases, .. }, seed } = self;
        panic!(
            "{reason}\n\nin the case {case:#?}\n\nset PROPTEST_RNG_SEED={seed} to repeat it, with {cases} cases"
        )
    }
}

#[cfg(test)]
mod tests;

//! Races between real processes: a test starts copies of its own program as workers, talks to them, and kills them.
//!
//! A thread or a task shares its process with the others: it is never killed alone, it never loses what it knew, and its
//! lease is renewed by the same timer. So what must hold when a process dies is shown with processes. There is no program
//! to build for it: a worker is the test binary once more, told to run that one test, and [`Crew::of`] at the beginning of
//! the test makes the difference. So no second test is needed that would do nothing, and be green, when it is run by
//! itself.
//!
//! ```
//! use roomkey_testkit::RedisServer;
//! use roomkey_testkit::server::Connection;
//! use roomkey_testkit::workers::{Crew, Job, Worker};
//!
//! // A `#[test]`, and as it needs Redis, `#[ignore = "needs Redis: cargo xtask test"]`.
//! fn what_was_told_was_counted() {
//!     // In a worker this does the work and ends the process; only the test itself goes on from here.
//!     let crew = Crew::of(what_was_told_was_counted, count);
//!     let server = RedisServer::start();
//!     let start = |seed: u32| crew.start(&[("socket", &server.socket().display()), ("seed", &seed)]);
//!     let mut workers: Vec<Worker> = (0..16).map(start).collect();
//!     for worker in &mut workers {
//!         worker.expect("ready");
//!     }
//!     for worker in &mut workers {
//!         worker.send("go");
//!     }
//!     let victim = std::mem::replace(&mut workers[3], start(16));
//!     let told = victim.kill().len(); // All that it said before it died and that was not read yet.
//!     assert!(server.command(&["GET", "counted"]).text().parse::<usize>().unwrap() >= told);
//! } // Here all others are killed.
//!
//! /// What a worker does.
//! fn count(mut job: Job) {
//!     let mut redis = Connection::open(job.setting("socket").as_ref(), None).unwrap();
//!     job.say("ready");
//!     assert_eq!(job.hear(), "go");
//!     loop {
//!         job.say(redis.call(&["INCR", "counted"]).unwrap().int());
//!     }
//! }
//! # // Not called: this program has no test of that name.
//! # let _ = what_was_told_was_counted;
//! ```
//!
//! - **They talk in lines**, over a pair of sockets of their own, so nothing that a test runner prints gets in between. What
//!   a worker prints, its panics above all, goes to the standard error of the test.
//! - **A killed worker's words stay**: a line that [`Job::say`] has returned from reaches the test, whatever happens to the
//!   worker afterwards. A line half written is none.
//! - **No worker outlives its test.** It ends when its [`Worker`] is dropped, by a panic too; and when the test's process
//!   is gone, by SIGKILL too, its socket closes and it ends itself, even if it was [paused](Worker::pause).

mod job;
mod lines;
#[cfg(test)]
mod tests;
mod worker;

use std::env;
use std::fmt::{self, Display};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

pub use job::Job;
pub use worker::Worker;

/// The environment variable that tells a process that it is a worker, and the beginning of those with its settings.
const VARIABLE: &str = "ROOMKEY_WORKER";

/// Starts the workers of one test.
#[derive(Clone)]
pub struct Crew {
    program: PathBuf,
    /// As the test runner calls it.
    test: String,
    patience: Duration,
}

impl Crew {
    /// To be called at the beginning of a test, with the test itself and with what its workers do.
    ///
    /// In a worker it runs `work`, on a thread of its own, and ends the process: with 0, or with 101 if `work` panicked.
    /// So a worker may start a runtime of its own, whatever the test runs in.
    ///
    /// # Panics
    /// When `test` is a closure, or a pointer: those have no name to start workers by.
    pub fn of<T, R>(test: T, work: impl FnOnce(Job) + Send + 'static) -> Self
    where
        T: Fn() -> R,
    {
        let _ = test;
        let path = std::any::type_name::<T>();
        // The crate comes first in a path, and the test runner does not say it.
        let (_, name) = path.split_once("::").unwrap_or_default();
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '#');
        assert!(!name.is_empty() && name.chars().all(plain), "{path} is not a test function");
        if env::var_os(VARIABLE).is_some() {
            job::run(work);
        }
        Self::named(name)
    }

    fn named(test: &str) -> Self {
        let program =
            env::current_exe().unwrap_or_else(|e| panic!("cannot find the test's own program: {e}"));
        Self { program, test: test.to_owned(), patience: Duration::from_secs(30) }
    }

    /// How long a worker may take for anything that is waited for. A bound for hanging tests, not a wait; half a minute
    /// unless set otherwise.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Starts a worker with these settings, and does not wait until it has come up.
    ///
    /// # Panics
    /// When the process cannot be started.
    pub fn start(&self, settings: &[(&str, &dyn Display)]) -> Worker {
        let (ours, theirs) =
            UnixStream::pair().unwrap_or_else(|e| panic!("cannot make a pair of sockets: {e}"));
        let mut command = Command::new(&self.program);
        command
            .args([&self.test, "--exact", "--include-ignored", "--nocapture", "--test-threads=1"])
            .env(VARIABLE, &self.test)
            // A socket, though it is called an input: it carries both directions, is there before the worker runs, and
            // has no name that somebody else could find.
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null());
        for (name, value) in settings {
            command.env(format!("{VARIABLE}_{name}"), value.to_string());
        }
        let child =
            command.spawn().unwrap_or_else(|e| panic!("cannot start {}: {e}", self.program.display()));
        Worker::new(self, child, ours)
    }
}

impl fmt::Debug for Crew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crew").field("test", &self.test).finish_non_exhaustive()
    }
}

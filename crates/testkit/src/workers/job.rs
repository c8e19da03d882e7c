//! A worker as it sees itself: what it was told to do, and its line to the test.

use std::fmt::Display;
use std::io::stdin;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::{env, io, process, thread};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{VARIABLE, lines};

/// What a worker was told to do, and its line to the test that started it.
///
/// When the test is gone the process ends at once, from wherever it is.
#[derive(Debug)]
pub struct Job {
    /// Held while one line is written.
    pub(super) test: Mutex<UnixStream>,
    heard: UnboundedReceiver<String>,
}

impl Job {
    /// One of the settings that the worker was [started](super::Crew::start) with.
    ///
    /// # Panics
    /// When it was started without it.
    pub fn setting(&self, name: &str) -> String {
        env::var(format!("{VARIABLE}_{name}"))
            .unwrap_or_else(|_| panic!("this worker was started without the setting {name:?}"))
    }

    /// Says a line to the test. Once this returns the line will arrive, even if the worker is killed next.
    ///
    /// # Panics
    /// When it is more than one line.
    pub fn say(&self, line: impl Display) {
        let socket = self.test.lock().unwrap_or_else(PoisonError::into_inner);
        if lines::write(&socket, &line.to_string()).is_err() {
            process::exit(0);
        }
    }

    /// Waits for the next line of the test, and blocks its thread meanwhile: a task takes [`next`](Self::next).
    ///
    /// # Panics
    /// Inside an asynchronous runtime.
    pub fn hear(&mut self) -> String {
        self.heard.blocking_recv().unwrap_or_else(|| process::exit(0))
    }

    /// Waits for the next line of the test. No line is lost by dropping the future.
    pub async fn next(&mut self) -> String {
        self.heard.recv().await.unwrap_or_else(|| process::exit(0))
    }

    /// The next line of the test if it is there already.
    pub fn try_hear(&mut self) -> Option<String> {
        self.heard.try_recv().ok()
    }

    /// Takes over the socket that a worker finds in the place of its input.
    fn take() -> io::Result<Self> {
        let test = UnixStream::from(stdin().as_fd().try_clone_to_owned()?);
        let socket = test.try_clone()?;
        let (sender, heard) = unbounded_channel();
        thread::Builder::new().name("from the test".to_owned()).spawn(move || {
            lines::read(socket, |line| {
                // A job that is done hears nothing any more.
                let _ = sender.send(line);
            });
            // Nobody is there to work for.
            process::exit(0);
        })?;
        Ok(Self { test: Mutex::new(test), heard })
    }
}

/// Does the work in this process, which then ends.
pub(super) fn run(work: impl FnOnce(Job) + Send + 'static) -> ! {
    let done = thread::Builder::new()
        .name("worker".to_owned())
        .spawn(move || work(Job::take().unwrap_or_else(|e| panic!("a worker without its socket: {e}"))))
        .and_then(|thread| thread.join().map_err(|_| io::Error::other("it panicked")));
    // Not by way of the test runner, which would count this as a test.
    process::exit(if done.is_ok() { 0 } else { 101 })
}

//! A worker as its test sees it.

use std::fmt;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use super::{Crew, lines};
use crate::pause::Pause;

/// A worker at work. Dropping it kills and reaps its process.
///
/// All methods panic when the worker does not do its part: it has ended by itself, or says nothing for longer than the
/// [patience](Crew::patience) of its crew.
pub struct Worker {
    test: String,
    patience: Duration,
    child: Child,
    socket: UnixStream,
    /// What it has said. It is read as it comes, so that a worker never waits for its test.
    said: Receiver<String>,
    pause: Option<Pause>,
}

impl Worker {
    pub(super) fn new(crew: &Crew, child: Child, socket: UnixStream) -> Self {
        let (sender, said) = channel();
        let reading = socket.try_clone().and_then(|socket| {
            let read = move || {
                lines::read(socket, |line| {
                    // A worker that was dropped has nothing to say any more.
                    let _ = sender.send(line);
                });
            };
            thread::Builder::new().name(format!("worker {}", child.id())).spawn(read)
        });
        let worker =
            Self { test: crew.test.clone(), patience: crew.patience, child, socket, said, pause: None };
        if let Err(error) = reading {
            panic!("cannot listen to {worker:?}: {error}");
        }
        worker
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a line.
    ///
    /// # Panics
    /// When it has ended, or this is more than one line.
    pub fn send(&mut self, line: &str) {
        if lines::write(&self.socket, line).is_err() {
            panic!("{}", self.end());
        }
    }

    /// Waits for its next line.
    ///
    /// # Panics
    /// When none comes.
    pub fn hear(&mut self) -> String {
        match self.said.recv_timeout(self.patience) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("{self:?} said nothing for {:?}", self.patience),
            Err(RecvTimeoutError::Disconnected) => panic!("{}", self.end()),
        }
    }

    /// Waits for its next line, which has to begin with this word, and returns what follows the word.
    ///
    /// # Panics
    /// When none comes, or another one.
    pub fn expect(&mut self, word: &str) -> String {
        let line = self.hear();
        let (first, rest) = line.split_once(' ').unwrap_or((&line, ""));
        assert!(first == word, "{self:?} was expected to say {word:?}, not {line:?}");
        rest.to_owned()
    }

    /// The lines that have come and are not read yet.
    pub fn heard(&mut self) -> Vec<String> {
        self.said.try_iter().collect()
    }

    /// Kills it (SIGKILL), paused or not, and returns once it is gone, with all that it had said and was not read.
    pub fn kill(mut self) -> Vec<String> {
        self.end_now();
        self.rest()
    }

    /// Waits until it ends by itself, and returns the lines that were not read.
    ///
    /// # Panics
    /// When it does not, or by a panic of its own.
    pub fn finish(mut self) -> Vec<String> {
        let lines = self.rest();
        let status = self.child.wait().unwrap_or_else(|e| panic!("cannot wait for {self:?}: {e}"));
        assert!(status.success(), "{self:?} ended with {status}; its last words are {:?}", lines.last());
        lines
    }

    /// Stops it in its tracks (SIGSTOP), and returns once it has: it keeps its connections and everything it knows, and
    /// does not notice how time passes.
    pub fn pause(&mut self) {
        self.pause.get_or_insert_with(|| Pause::of(&self.child));
    }

    /// Lets it go on (SIGCONT) after a [`pause`](Self::pause).
    pub fn resume(&mut self) {
        self.pause = None;
    }

    /// What it says until it has ended.
    fn rest(&self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            match self.said.recv_timeout(self.patience) {
                Ok(line) => lines.push(line),
                Err(RecvTimeoutError::Timeout) => panic!("{self:?} does not end"),
                Err(RecvTimeoutError::Disconnected) => return lines,
            }
        }
    }

    /// How it came to its end, of which its silent socket tells.
    fn end(&mut self) -> String {
        let status = self.child.wait().map_or_else(|e| e.to_string(), |status| status.to_string());
        let test = &self.test;
        format!(
            "{self:?} has ended by itself, {status}. If it never said a word: is there a test {test:?}, and is Crew::of \
             the first that it calls?"
        )
    }

    fn end_now(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        // Before the reaping: afterwards its number may be somebody else's.
        self.resume();
        let _ = self.child.wait();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end_now();
        // Should a child of its own still hold the other end, whoever reads this one is done all the same.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {} of {}", self.child.id(), self.test)
    }
}

//! The server's process, and the watchdog that outlives us.

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::Binary;
use crate::pause::Pause;

/// A running server. Dropping it kills and reaps it.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// Kills the server and clears its folder once our end of its input closes, however we ended.
    watchdog: Child,
    pause: Option<Pause>,
}

impl Process {
    /// Starts the program with a configuration file of the folder.
    pub(super) fn spawn(binary: &Binary, dir: &Path, config: &str, sentinel: bool) -> Self {
        let child = Command::new(binary.path())
            .arg(dir.join(config))
            .args(sentinel.then_some("--sentinel"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {binary}: {e}"));
        // `read` returns when all writers are gone, which the kernel sees to even after SIGKILL.
        let watchdog = Command::new("sh")
            .args(["-c", "trap '' INT TERM; read -r _; kill -KILL \"$1\"; rm -rf \"$2\"", "watchdog"])
            .arg(child.id().to_string())
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start a shell to watch over redis-server: {e}"));
        Self { child, watchdog, pause: None }
    }

    /// The exit status, if the process has ended by itself.
    pub(super) fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap_or_else(|e| panic!("cannot wait for redis-server: {e}"))
    }

    /// What an ended process wrote to its standard error, where it complains about its configuration.
    pub(super) fn errors(&mut self) -> String {
        let mut text = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            // Half a message is better than none.
            let _ = stderr.read_to_string(&mut text);
        }
        text
    }

    /// Stops the process in its tracks, and returns once it has.
    pub(super) fn pause(&mut self) {
        self.pause.get_or_insert_with(|| Pause::of(&self.child));
    }

    /// Lets a paused process go on.
    pub(super) fn resume(&mut self) {
        self.pause = None;
    }

    pub(super) fn is_paused(&self) -> bool {
        self.pause.is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The watchdog goes first: after the reaping below its process id may be somebody else's.
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        let _ = self.child.kill();
        self.resume();
        let _ = self.child.wait();
    }
}

//! Stopping a process in its tracks, and letting it go on whatever becomes of us.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

/// A process that is stopped (SIGSTOP) for as long as this value lives, and goes on (SIGCONT) when it is dropped.
///
/// It also goes on when we are killed before that: a stopped process notices nothing, so it could not end with us.
/// Drop this before the process is reaped: afterwards its number may be somebody else's.
#[derive(Debug)]
pub(crate) struct Pause {
    /// Sends both signals, the second one once our end of its input closes, however we ended.
    shell: Child,
}

impl Pause {
    /// Stops a process, and returns once it has stopped.
    pub(crate) fn of(process: &Child) -> Self {
        // A shell's own `kill` is there even where the program of that name is not.
        const SCRIPT: &str = r#"trap '' INT TERM; kill -STOP "$1" && echo && read -r _; kill -CONT "$1""#;
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "pause", &process.id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start a shell to stop a process: {e}"));
        let sent = shell.stdout.as_mut().is_some_and(|stdout| stdout.read_exact(&mut [0]).is_ok());
        assert!(sent, "cannot send SIGSTOP to process {}", process.id());
        wait_until_stopped(process);
        Self { shell }
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        // Waiting closes our end of its input first. That the process may have ended by now is no concern of ours.
        let _ = self.shell.wait();
    }
}

/// Waits until a stop signal has taken effect, which is a moment after it was sent. Only Linux tells; elsewhere it is
/// hoped for.
fn wait_until_stopped(process: &Child) {
    let stat = format!("/proc/{}/stat", process.id());
    // The state follows the program's name, which is in parentheses and may hold anything.
    let state = |line: String| line.rsplit(") ").next().and_then(|rest| rest.chars().next());
    while let Ok(line) = fs::read_to_string(&stat) {
        if matches!(state(line), Some('T' | 'Z')) {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

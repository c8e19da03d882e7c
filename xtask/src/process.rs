//! Starting other programs: cargo, apt-get, pip, redis-server.

use std::env;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result, io};

/// The root of the workspace, where every child runs.
pub(crate) fn root() -> PathBuf {
    // Cargo sets the variable when it runs us; the path of the build serves who starts the binary by hand.
    let own = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&own).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// `cargo SUBCOMMAND` as a person would start it in the root of the workspace.
pub(crate) fn cargo(subcommand: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(subcommand).current_dir(root());
    // `cargo xtask` describes this package to us in these. Build scripts that watch them (ring's does) would
    // otherwise run again each time a person changes between `cargo build` and `cargo xtask`.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "CARGO_BIN_NAME" {
            command.env_remove(&*name);
        }
    }
    command
}

/// Takes the settings of the developer's own services out of a child's environment: what is tested or shown must
/// neither reach a real server nor depend on whose shell it is.
pub(crate) fn without_settings(command: &mut Command) -> &mut Command {
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("REDIS_") || name.starts_with("ROOMKEY_") {
            command.env_remove(&*name);
        }
    }
    command
}

/// Runs a child that talks to the terminal itself, and fails if it does.
pub(crate) fn stream(command: &mut Command) -> Result {
    announce(command);
    let status = command.status().map_err(|error| io(program(command), &error))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("{} failed ({status})", spell(command)))) }
}

/// Shows the command line that is about to run, as one could type it.
pub(crate) fn announce(command: &Command) {
    println!("    $ {}", spell(command));
}

/// What a child said and how it ended; `None` as status if it had to be stopped.
pub(crate) struct Said {
    pub(crate) status: Option<ExitStatus>,
    /// Standard output and standard error, in the order written.
    pub(crate) text: String,
}

/// Runs a child to its end or for at most `limit`, whichever is first, and returns what it said.
///
/// For probing programs that may be anything: a child that never ends must not hang the task.
pub(crate) fn ask(command: &mut Command, limit: Duration) -> std::io::Result<Said> {
    let (mut reader, writer) = std::io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn()?;
    // The command holds the writing ends of the pipe: while it does, the reader would wait for ever.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let listener = thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read up to an error still says more than nothing.
        let _ = reader.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });

    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            break None;
        }
        thread::sleep(Duration::from_millis(10));
    };
    // A stopped child may have left children of its own that hold the pipe open, so do not wait for its words.
    let text = if status.is_some() { listener.join().unwrap_or_default() } else { String::new() };
    Ok(Said { status, text })
}

/// The first program of this name on PATH.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_absolute() && file.is_file())
}

/// The exit code to hand on for a child; 1 if a signal ended it.
pub(crate) fn code(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

fn spell(command: &Command) -> String {
    let mut words = vec![program(command)];
    words.extend(command.get_args().map(|arg| arg.to_string_lossy().into_owned()));
    words.join(" ")
}

fn program(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().map(OsStr::to_string_lossy);
    name.map_or_else(String::new, |name| name.into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "A failed unwrap is a failed test.")]

    use super::*;

    #[test]
    fn a_child_is_heard_on_both_channels_in_order() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2; echo three; exit 3"]);
        let said = ask(&mut command, Duration::from_secs(60)).unwrap();
        assert_eq!(said.text, "one\ntwo\nthree\n");
        assert_eq!(code(said.status.unwrap()), 3);
    }

    #[test]
    fn a_child_that_does_not_end_is_stopped() {
        let said = ask(Command::new("sleep").arg("1000"), Duration::from_millis(1)).unwrap();
        assert!(said.status.is_none());
    }

    #[test]
    fn only_what_is_on_path_is_found() {
        assert!(on_path("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(on_path("no-such-program-at-all"), None);
    }
}

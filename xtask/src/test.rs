//! `cargo xtask test`: every test of the default members against memory and a real Redis, and the doc tests.
//!
//! Tests that need a server are marked `#[ignore = "needs Redis: cargo xtask test"]`: a plain `cargo test` names them
//! as ignored, and here they run, because here there is a server. No test is skipped without a word. The fault matrix
//! runs in a step of its own, see [`faults`].

pub(crate) mod tally;

use std::collections::BTreeMap;
use std::env;
use std::io::{IsTerminal, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tally::Tally;

use crate::failure::{Failure, Result, io};
use crate::faults;
use crate::process::{announce, cargo, without_settings};
use crate::redis::{self, Engine};
use crate::steps::Steps;

/// What to run.
#[derive(Debug)]
pub(crate) struct Options {
    /// Let the tests that draw random cases draw many more.
    long: bool,
    /// Only the tests whose names contain it.
    filter: Option<String>,
    /// What they run on, one after the other.
    engines: Vec<Engine>,
    /// Only the fault matrix.
    only_matrix: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { long: false, filter: None, engines: vec![Engine::Default], only_matrix: false }
    }
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Verdict {
    tally: Tally,
    complaint: Option<String>,
}

pub(crate) fn run(args: &[String]) -> Result {
    report(&Options::parse("test", args)?)
}

/// Runs what the options say, and says what came of it.
pub(crate) fn report(options: &Options) -> Result {
    let mut steps = Steps::new();
    let verdict = everything(&mut steps, options);
    println!("{steps}");
    verdict?.close()
}

/// Provides a server, builds, runs all tests and says what ran.
///
/// `Err` means that the tests could not run; tests that failed are part of the verdict.
pub(crate) fn everything(steps: &mut Steps, options: &Options) -> Result<Verdict> {
    let servers = steps.run("redis-server", || redis::provide_all(&options.engines))?;
    let packages = steps.run("build tests", || build(options))?;
    let mut tally = Tally::new(packages);
    // A failure does not keep the tests that follow from running: one run should show all there is to mend.
    let mut outcome = Ok(());
    for server in &servers {
        let mut on = String::new();
        if servers.len() > 1 {
            on = format!(" on {}", server.version());
            tally.on(server.version());
        }
        if !options.only_matrix {
            let tests = steps.run(format!("tests{on}"), || {
                let mut command = test(options);
                command.env(redis::VARIABLE, server.path());
                command
                    .args(["--all-targets", "--no-fail-fast", "--", "--include-ignored"])
                    .args(["--skip", faults::MODULE])
                    .args(&options.filter);
                follow(&mut command, &mut tally)
            });
            outcome = outcome.and(tests);
        }
        let matrix = steps.run(format!("faults{on}"), || {
            let mut command = test(options);
            command.env(redis::VARIABLE, server.path());
            faults::matrix(command, options.filter.as_ref(), &mut tally)
        });
        outcome = outcome.and(matrix);
    }
    if !options.only_matrix {
        let docs = steps.run("doc tests", || {
            let mut command = test(options);
            command.envs(servers.first().map(|server| (redis::VARIABLE, server.path())));
            follow(command.args(["--doc", "--no-fail-fast", "--"]).args(&options.filter), &mut tally)
        });
        outcome = outcome.and(docs);
    }

    println!();
    for server in &servers {
        let tls = if server.tls() { "the server's own" } else { "testkit's front, as the server has none" };
        println!("redis-server: {server}\nTLS: {tls}");
    }
    println!("{tally}");
    let nothing = || (tally.passed() == 0).then(|| "no test ran: the filter matches none".to_owned());
    let complaint = outcome.err().map(|failure| failure.message().to_owned()).or_else(nothing);
    Ok(Verdict { tally, complaint })
}

impl Verdict {
    /// Says what is wrong, then ends with the line that CI reads: `N passed, N failed`.
    pub(crate) fn close(self) -> Result {
        if let Some(complaint) = &self.complaint {
            println!("error: {complaint}");
        }
        println!("{} passed, {} failed", self.tally.passed(), self.tally.failed());
        if self.complaint.is_none() { Ok(()) } else { Err(Failure::with_code(1)) }
    }
}

impl Options {
    /// What stands behind `cargo xtask COMMAND`.
    pub(crate) fn parse(command: &str, args: &[String]) -> Result<Self> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--long" => options.long = true,
                "--engines" => options.engines = Engine::parse(args.next().map_or("", String::as_str))?,
                name if !name.starts_with('-') && options.filter.is_none() => {
                    options.filter = Some(name.to_owned())
                }
                other => {
                    return Err(Failure::new(format!(
                        "`cargo xtask {command} [--long] [--engines LIST] [FILTER]` does not know what to do with `{other}`"
                    )));
                }
            }
        }
        Ok(options)
    }

    /// The same for the fault matrix alone.
    pub(crate) fn only_matrix(self) -> Self {
        Self { only_matrix: true, ..self }
    }
}

/// `cargo test` in the root, which means the default members: everything but the benchmarks.
fn test(options: &Options) -> Command {
    let mut command = cargo("test");
    without_settings(&mut command);
    if options.long {
        command.env("ROOMKEY_TEST_LONG", "1");
    }
    if std::io::stdout().is_terminal() && env::var_os("CARGO_TERM_COLOR").is_none() {
        // The output passes through a pipe to be counted; it should not lose its colours on the way.
        command.env("CARGO_TERM_COLOR", "always");
    }
    command
}

/// Compiles the tests, and returns which package each test program belongs to, by its file name.
fn build(options: &Options) -> Result<BTreeMap<String, String>> {
    let mut command = test(options);
    if options.only_matrix {
        command.args(faults::TARGET);
    } else {
        command.arg("--all-targets");
    }
    command.args(["--no-run", "--message-format", "json-render-diagnostics"]);
    announce(&command);
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| io("cargo test", &error))?;
    if !output.status.success() {
        return Err(Failure::new("the tests do not build, so none of them ran"));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(artifact).collect())
}

/// The program and the package in one of cargo's messages, if it is about a program.
fn artifact(message: &str) -> Option<(String, String)> {
    let message: Value = serde_json::from_str(message).ok()?;
    let program = Path::new(message["executable"].as_str()?).file_name()?.to_str()?.to_owned();
    let manifest = Path::new(message["manifest_path"].as_str()?);
    // The folder's name says enough and, unlike the package id, has kept its form over cargo's versions.
    Some((program, manifest.parent()?.file_name()?.to_str()?.to_owned()))
}

/// Runs a child, shows what it says as it says it, and counts along.
pub(crate) fn follow(command: &mut Command, tally: &mut Tally) -> Result {
    announce(command);
    // One pipe for both: cargo names a program on stderr, the program reports on stdout, and their order matters.
    let (mut output, writer) = std::io::pipe().map_err(|error| io("a pipe", &error))?;
    command.stdout(writer.try_clone().map_err(|error| io("a pipe", &error))?).stderr(writer);
    let mut child = command.spawn().map_err(|error| io("cargo test", &error))?;
    // The command still holds the writing ends; the pipe would never be empty for good.
    command.stdout(Stdio::null()).stderr(Stdio::null());

    let failed_before = tally.failed();
    let mut screen = std::io::stdout();
    let mut chunk = [0; 8192];
    loop {
        let length = output.read(&mut chunk).map_err(|error| io("cargo test", &error))?;
        if length == 0 {
            break;
        }
        // Nobody may be looking any more; the tests count all the same.
        let _ = screen.write_all(&chunk[..length]).and_then(|()| screen.flush());
        tally.feed(&chunk[..length]);
    }
    tally.finish();
    let status = child.wait().map_err(|error| io("cargo test", &error))?;
    if status.success() {
        return Ok(());
    }
    if tally.failed() == failed_before {
        tally.fail("cargo", &format!("ended with {status}, and no test says why"));
    }
    Err(Failure::new("tests failed"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "A failed unwrap is a failed test.")]

    use super::*;

    fn parse(args: &[&str]) -> Result<Options> {
        Options::parse("test", &args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn takes_one_filter_and_refuses_what_it_does_not_know() {
        let options = parse(&["--long", "--engines", "path:/usr/bin/valkey-server", "tokens::"]).unwrap();
        assert!(options.long);
        assert_eq!(options.engines, [Engine::Given("/usr/bin/valkey-server".into())]);
        assert!(parse(&["--engines"]).is_err());
        assert_eq!(options.filter.as_deref(), Some("tokens::"));
        assert!(parse(&["--lnog"]).unwrap_err().message().contains("--lnog"));
        assert!(parse(&["one", "two"]).unwrap_err().message().contains("two"));
    }

    #[test]
    fn a_program_is_assigned_to_its_package() {
        let message = r#"{"reason":"compiler-artifact","manifest_path":"/w/crates/core/Cargo.toml","executable":"/t/debug/deps/key-0a1b"}"#;
        assert_eq!(artifact(message), Some(("key-0a1b".to_owned(), "core".to_owned())));
        assert_eq!(artifact(r#"{"reason":"build-finished","success":true}"#), None);
    }
}

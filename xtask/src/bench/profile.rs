//! Where the time of one client under one load goes, by perf, or its instructions per call, by callgrind.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::HARNESS;
use crate::failure::{Failure, Result, io};
use crate::metadata::target_dir;
use crate::process::{ask, on_path, stream, without_settings};
use crate::redis;

/// Callgrind runs a program some fifty times slower.
const CALLS: u64 = 1_000_000;
const CALLS_SIMULATED: u64 = 20_000;

/// What to profile.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Options {
    client: String,
    load: String,
    tasks: u64,
    size: u64,
    calls: Option<u64>,
    callgrind: bool,
}

impl Options {
    /// `None` if the arguments ask for no profile.
    pub(super) fn parse(args: &[String]) -> Result<Option<Self>> {
        if !args.iter().any(|arg| arg == "--profile") {
            return Ok(None);
        }
        let mut options = Self {
            client: "roomkey".to_owned(),
            load: String::new(),
            tasks: 256,
            size: 256,
            calls: None,
            callgrind: false,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || {
                let value = args.next().cloned();
                value
                    .ok_or_else(|| Failure::new(format!("{arg} needs a value; see cargo xtask bench --help")))
            };
            match arg.as_str() {
                "--profile" => options.load = value()?,
                "--client" => options.client = value()?,
                "--tasks" => options.tasks = number(arg, &value()?)?,
                "--size" => options.size = number(arg, &value()?)?,
                "--calls" => options.calls = Some(number(arg, &value()?)?),
                "--callgrind" => options.callgrind = true,
                other => return Err(Failure::new(format!("{other} does not go with --profile"))),
            }
        }
        Ok(Some(options))
    }

    /// The harness with one client and so many calls, as arguments of a profiler.
    fn harness(&self, profiler: &mut Command, server: &redis::Server, calls: u64) -> Result {
        let Self { client, load, tasks, size, .. } = self;
        without_settings(profiler).env(redis::VARIABLE, server.path());
        profiler.arg(target_dir()?.join("release").join(HARNESS));
        profiler.args(["--solo", &format!("{client}/{load}/{tasks}/{size}/{calls}")]);
        Ok(())
    }
}

fn number(name: &str, text: &str) -> Result<u64> {
    text.parse().map_err(|_| Failure::new(format!("{name} takes a number")))
}

/// Profiles, prints what it found and leaves the profiler's own file in `target/bench/`.
pub(super) fn run(options: &Options, server: &redis::Server) -> Result {
    let folder = target_dir()?.join("bench");
    fs::create_dir_all(&folder).map_err(|error| io(folder.display(), &error))?;
    if options.callgrind || !perf_works() {
        callgrind(options, server, &folder)
    } else {
        perf(options, server, &folder)
    }
}

/// It may be missing, and a kernel or a container may refuse it.
fn perf_works() -> bool {
    let tried = ask(
        Command::new("perf").args(["record", "-q", "-o", "/dev/null", "--", "true"]),
        Duration::from_secs(10),
    );
    tried.is_ok_and(|said| said.status.is_some_and(|status| status.success()))
}

/// Samples of all threads and of the server, by symbol.
fn perf(options: &Options, server: &redis::Server, folder: &Path) -> Result {
    let data = folder.join("perf.data");
    let mut record = Command::new("perf");
    record.args(["record", "-q", "-F", "1999", "-o"]).arg(&data).arg("--");
    options.harness(&mut record, server, options.calls.unwrap_or(CALLS))?;
    stream(&mut record)?;
    let mut report = Command::new("perf");
    report
        .args(["report", "--stdio", "--sort", "comm,dso,symbol", "--percent-limit", "0.5", "-i"])
        .arg(&data);
    stream(&mut report)
}

/// Instructions of our process: those of a run less those of the same run without calls, per call.
fn callgrind(options: &Options, server: &redis::Server, folder: &Path) -> Result {
    if on_path("valgrind").is_none() {
        return Err(Failure::new("perf does not work here, and there is no valgrind"));
    }
    let calls = options.calls.unwrap_or(CALLS_SIMULATED);
    let without = simulate(options, server, &folder.join("callgrind.without"), 0)?;
    let profile = folder.join("callgrind.out");
    let with = simulate(options, server, &profile, calls)?;
    stream(Command::new("callgrind_annotate").arg("--threshold=90").arg(&profile))?;
    let each = with.saturating_sub(without) / calls.max(1);
    println!("    {} {}: {each} instructions per call", options.client, options.load);
    Ok(())
}

/// Runs under callgrind and returns how many instructions there were.
fn simulate(options: &Options, server: &redis::Server, out: &Path, calls: u64) -> Result<u64> {
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--tool=callgrind"]);
    command.arg(format!("--callgrind-out-file={}", out.display()));
    options.harness(&mut command, server, calls)?;
    stream(&mut command)?;
    let text = fs::read_to_string(out).map_err(|error| io(out.display(), &error))?;
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("totals: ").or_else(|| line.strip_prefix("summary: ")));
    total
        .and_then(|total| total.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| Failure::new(format!("{} names no total", out.display())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "A failed unwrap is a failed test.")]

    use super::*;

    fn parse(line: &str) -> Result<Option<Options>> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_not_said_is_the_usual() {
        let options = parse("--profile get --client redis --callgrind").unwrap().unwrap();
        assert_eq!((options.load.as_str(), options.client.as_str()), ("get", "redis"));
        assert_eq!((options.tasks, options.size, options.calls, options.callgrind), (256, 256, None, true));
    }

    #[test]
    fn measuring_and_profiling_do_not_mix() {
        assert_eq!(parse("--quick --only vault").unwrap(), None);
        for line in ["--profile get --quick", "--profile", "--profile get --tasks many"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}

//! Running fuzzers: two at a time on two cores, each under limits, and what is said of them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use super::FOLDER;
use crate::failure::{Failure, Result, io};
use crate::metadata::target_dir;
use crate::process::{root, stream, without_settings};

/// Longer inputs find nothing that shorter ones do not, but later.
const LONGEST_INPUT: &str = "-max_len=4096";

/// What a fuzzer keeps to for every input: seconds for one, and the memory of the whole process.
const LIMITS: [&str; 2] = ["-timeout=10", "-rss_limit_mb=1024"];

/// How many inputs of a target that a fuzzer found are committed at most.
const MOST_FOUND: usize = 60;

/// How much of what a fuzzer said is shown when it failed; the rest is in its log.
const SHOWN_LINES: usize = 40;

/// One target's program, and where it keeps what it finds.
pub(super) struct Fuzzer {
    name: String,
    program: PathBuf,
    /// What is committed.
    corpus: PathBuf,
    /// What runs on this machine have found besides.
    found: PathBuf,
    crashes: PathBuf,
    log: PathBuf,
}

/// Runs all of them, as many at a time as there are cores, and says what came of each.
pub(super) fn all(fuzzers: &[Fuzzer], seconds: u32) -> Result {
    let waiting = Mutex::new(fuzzers.iter());
    let next = || waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).next();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    println!("    {} targets, {seconds} s each, {cores} at a time", fuzzers.len());
    let failed = thread::scope(|scope| {
        let work = || {
            let mut failed = Vec::new();
            while let Some(fuzzer) = next() {
                if let Err(failure) = fuzzer.run(seconds) {
                    // At once, because other targets go on.
                    println!("    {}: {}", fuzzer.name, failure.message());
                    failed.push(fuzzer.name.clone());
                }
            }
            failed
        };
        let workers: Vec<_> = (0..cores.min(fuzzers.len())).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect::<Vec<_>>()
    });
    if failed.is_empty() { Ok(()) } else { Err(Failure::new(format!("fuzz: {} failed", failed.join(", ")))) }
}

impl Fuzzer {
    pub(super) fn new(name: &str, programs: &Path) -> Result<Self> {
        let own = target_dir()?.join("fuzzing").join(name);
        let fuzzer = Self {
            name: name.to_owned(),
            program: programs.join(name),
            corpus: root().join(FOLDER).join("corpus").join(name),
            found: own.join("found"),
            crashes: own.join("crashes"),
            log: own.join("log.txt"),
        };
        for folder in [&fuzzer.corpus, &fuzzer.found, &fuzzer.crashes] {
            fs::create_dir_all(folder).map_err(|error| io(folder.display(), &error))?;
        }
        Ok(fuzzer)
    }

    /// Gives it new inputs for a while, beginning with those that there are.
    fn run(&self, seconds: u32) -> Result {
        let log = File::create(&self.log).map_err(|error| io(self.log.display(), &error))?;
        let errors = log.try_clone().map_err(|error| io(self.log.display(), &error))?;
        let mut command = self.command();
        command.args([LONGEST_INPUT, "-print_final_stats=1"]).args(LIMITS);
        command.arg(format!("-max_total_time={seconds}"));
        command.arg(format!("-artifact_prefix={}/", self.crashes.display()));
        // What is new goes into the first.
        command.args([&self.found, &self.corpus]).stdout(log).stderr(errors);
        let status = command.status().map_err(|error| io(self.program.display(), &error))?;
        let said = fs::read(&self.log).map_err(|error| io(self.log.display(), &error))?;
        let said = String::from_utf8_lossy(&said);
        if status.success() {
            println!("    {}: {}", self.name, summary(&said));
            return Ok(());
        }
        let lines: Vec<&str> = said.lines().collect();
        for line in &lines[lines.len().saturating_sub(SHOWN_LINES)..] {
            println!("    {}| {line}", self.name);
        }
        let how = match artifact(&said) {
            Some(input) => format!("to see it again: cargo xtask fuzz {} --input {input}", self.name),
            None => "it left no input behind".to_owned(),
        };
        Err(Failure::new(format!("FAILED ({status}); log: {}; {how}", self.log.display())))
    }

    /// Runs one input, under the same limits, and shows what the fuzzer says.
    pub(super) fn reproduce(&self, input: &Path) -> Result {
        stream(self.command().args(LIMITS).arg(input))
    }

    /// Adds to the inputs that people have made, which all stay, what together reaches all that any known input reaches; or
    /// if that is too much, the first of it.
    pub(super) fn merge(&self) -> Result {
        let merged = self.found.with_file_name("merged");
        let fault = |error| io(merged.display(), &error);
        if merged.exists() {
            fs::remove_dir_all(&merged).map_err(fault)?;
        }
        fs::create_dir(&merged).map_err(fault)?;
        for input in inputs(&self.corpus)?.iter().filter(|input| !is_found(input)) {
            fs::copy(input, merged.join(input.file_name().unwrap_or_default())).map_err(fault)?;
        }
        // How often something is reached is left out: it is what makes hundreds of inputs of tens.
        let mut command = self.command();
        command.args(["-set_cover_merge=1", "-use_counters=0", LONGEST_INPUT]).args(LIMITS);
        stream(command.args([&merged, &self.corpus, &self.found]))?;
        for input in inputs(&self.corpus)?.iter().filter(|input| is_found(input)) {
            fs::remove_file(input).map_err(fault)?;
        }
        // Each was written after those that reach more that is new.
        for input in inputs(&merged)?.iter().filter(|input| is_found(input)).take(MOST_FOUND) {
            fs::copy(input, self.corpus.join(input.file_name().unwrap_or_default())).map_err(fault)?;
        }
        Ok(())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        without_settings(&mut command).current_dir(root());
        command
    }
}

/// The inputs in a folder, the oldest first.
fn inputs(folder: &Path) -> Result<Vec<PathBuf>> {
    let fault = |error| io(folder.display(), &error);
    let mut inputs = Vec::new();
    for input in fs::read_dir(folder).map_err(fault)? {
        let input = input.map_err(fault)?;
        inputs.push((input.metadata().and_then(|data| data.modified()).map_err(fault)?, input.path()));
    }
    inputs.sort();
    Ok(inputs.into_iter().map(|(_, path)| path).collect())
}

/// Whether a fuzzer named the input, which it does by a hash of 40 digits; people use words.
fn is_found(input: &Path) -> bool {
    let name = input.file_name().unwrap_or_default().to_string_lossy();
    name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What a fuzzer that found nothing says at its end, in one line.
fn summary(said: &str) -> String {
    let stat = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)).map_or("?", str::trim);
    let inputs = stat("stat::number_of_executed_units:");
    let memory = stat("stat::peak_rss_mb:");
    let done = said.lines().rev().find(|line| line.starts_with('#') && line.contains("\tDONE"));
    let edges = done.and_then(|line| line.split_whitespace().skip_while(|word| *word != "cov:").nth(1));
    format!("ok, {inputs} inputs, {} edges, {memory} MiB", edges.unwrap_or("?"))
}

/// The file that a fuzzer wrote the input to that it failed on.
fn artifact(said: &str) -> Option<&str> {
    said.lines().find_map(|line| line.split_once("Test unit written to ")).map(|(_, path)| path.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_made_is_told_from_what_was_found() {
        assert!(is_found(Path::new("corpus/values/005bfd5cbc3bf82e95f291659c82bbb63be8ad8d")));
        for name in ["a-huge-text", "crash-005bfd5cbc3bf82e95f291659c82bbb63be8ad8d", "", "00"] {
            assert!(!is_found(&Path::new("corpus/values").join(name)), "{name}");
        }
    }

    #[test]
    fn the_last_words_of_a_fuzzer_are_understood() {
        let said = "#2\tINITED cov: 13 ft: 13 corp: 1/1b exec/s: 0 rss: 27Mb\n\
                    #99\tDONE   cov: 20 ft: 20 corp: 6/38b lim: 4096 exec/s: 23 rss: 27Mb\n\
                    stat::number_of_executed_units: 99\nstat::peak_rss_mb:              27\n";
        assert_eq!(summary(said), "ok, 99 inputs, 20 edges, 27 MiB");
        assert_eq!(artifact(said), None);
        let said =
            "SUMMARY: libFuzzer: deadly signal\nartifact_prefix='/x/'; Test unit written to /x/crash-0a\n";
        assert_eq!(artifact(said), Some("/x/crash-0a"));
    }
}

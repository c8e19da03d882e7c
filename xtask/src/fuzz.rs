//! `cargo xtask fuzz`: libFuzzer against everything that reads stored bytes or tokens, a minute for each target.
//!
//! The targets are functions of `fuzz/`, the package; the fuzzers are its binaries. They are built with the compiler that
//! builds everything else: coverage is a pass of LLVM that a stable compiler runs too, and the address sanitizer, which
//! it does not have, has little to look for where `unsafe` is forbidden.

mod options;
mod run;

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

pub(crate) use options::Options;
use run::Fuzzer;

use crate::failure::{Failure, Result, io};
use crate::metadata::target_dir;
use crate::process::{ask, cargo, on_path, root, stream};
use crate::steps::Steps;

/// The package of the targets, its folder, and the profile that its fuzzers are built with.
const PACKAGE: &str = "roomkey-fuzz";
const FOLDER: &str = "fuzz";
const PROFILE: &str = "fuzz";

/// What cargo-fuzz sets too: a counter for every edge, a table of where they are, and a look at every comparison.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares";

pub(crate) fn run(args: &[String]) -> Result {
    let options = Options::parse(args)?;
    let mut steps = Steps::new();
    let verdict = check(&mut steps, &options);
    println!("{steps}");
    verdict
}

/// Builds the fuzzers and does with them what the options say.
pub(crate) fn check(steps: &mut Steps, options: &Options) -> Result {
    let names = options.choose(&names()?)?;
    let programs = steps.run("build fuzzers", build)?;
    let fuzzers = names.iter().map(|name| Fuzzer::new(name, &programs)).collect::<Result<Vec<Fuzzer>>>()?;
    match options {
        Options { input: Some(input), .. } => fuzzers.iter().try_for_each(|fuzzer| fuzzer.reproduce(input)),
        Options { merge: true, .. } => steps.run("merge", || fuzzers.iter().try_for_each(Fuzzer::merge)),
        Options { seconds, .. } => steps.run("fuzz", || run::all(&fuzzers, *seconds)),
    }
}

/// Every target, in the order of their names.
fn names() -> Result<Vec<String>> {
    let folder = root().join(FOLDER).join("fuzz_targets");
    let entries = fs::read_dir(&folder).map_err(|error| io(folder.display(), &error))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.path().file_stem().map(|stem| stem.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}

/// Builds all fuzzers and returns the folder that they are in.
fn build() -> Result<PathBuf> {
    if env::var_os("CXX").is_none() && on_path("c++").is_none() {
        return Err(Failure::new("libFuzzer is C++ and there is no compiler for it: install g++ or clang"));
    }
    let host = host()?;
    let flags = env::var("RUSTFLAGS").unwrap_or_default();
    let mut command = cargo("build");
    command.args(["--package", PACKAGE, "--bins", "--features", "libfuzzer", "--profile", PROFILE]);
    // With a target, even if it is the host, cargo does not give the flags to what runs while it builds.
    command.args(["--target", &host]).env("RUSTFLAGS", format!("{flags} {COVERAGE}").trim());
    stream(&mut command)?;
    Ok(target_dir()?.join(host).join(PROFILE))
}

/// The platform that the compiler runs on.
fn host() -> Result<String> {
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let said = ask(rustc.arg("-vV").current_dir(root()), Duration::from_secs(60));
    let said = said.map_err(|error| io("rustc", &error))?;
    let host = said.text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Failure::new("rustc does not say which platform it runs on"))
}

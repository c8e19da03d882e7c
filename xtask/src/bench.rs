//! `cargo xtask bench`: Roomkey against its peers, in one process, as ratios.

mod profile;

use crate::failure::Result;
use crate::process::{cargo, stream, without_settings};
use crate::redis;
use crate::steps::Steps;

/// The package of the harness, and its program.
const HARNESS: &str = "roomkey-benches";

/// Hands every argument to the harness in `benches/`, which starts the server it is given and writes `target/bench/`.
/// With `--profile` the harness runs one client under a profiler instead.
pub(crate) fn run(args: &[String]) -> Result {
    let profiled = profile::Options::parse(args)?;
    let mut steps = Steps::new();
    let server = steps.run("redis-server", redis::provide)?;
    // Optimized like a release, with the lines that a profile names.
    steps.run("build", || stream(cargo("build").args(["--profile", "bench", "--package", HARNESS])))?;
    let measured = match profiled {
        Some(options) => steps.run("profile", || profile::run(&options, &server)),
        None => steps.run("measure", || {
            let mut harness = cargo("run");
            without_settings(&mut harness).env(redis::VARIABLE, server.path());
            stream(harness.args(["--quiet", "--profile", "bench", "--package", HARNESS, "--"]).args(args))
        }),
    };
    println!("{steps}");
    measured
}

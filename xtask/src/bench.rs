//! `cargo xtask bench`: Roomkey against its peers, in one process, as ratios.

use crate::failure::Result;
use crate::process::{cargo, stream, without_settings};
use crate::redis;
use crate::steps::Steps;

/// Hands every argument to the harness in `benches/`, which starts the server it is given and writes `target/bench/`.
pub(crate) fn run(args: &[String]) -> Result {
    let mut steps = Steps::new();
    let server = steps.run("redis-server", redis::provide)?;
    steps.run("build", || stream(cargo("build").args(["--release", "--package", "roomkey-benches"])))?;
    let measured = steps.run("measure", || {
        let mut harness = cargo("run");
        without_settings(&mut harness).env(redis::VARIABLE, server.path());
        stream(harness.args(["--quiet", "--release", "--package", "roomkey-benches", "--"]).args(args))
    });
    println!("{steps}");
    measured
}

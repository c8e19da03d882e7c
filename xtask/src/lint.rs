//! `cargo xtask lint`: clippy over every target of every crate, the benchmarks included.

use crate::failure::{Result, only};
use crate::process::{cargo, stream};

pub(crate) fn run(args: &[String]) -> Result {
    only("lint", args, &[])?;
    check()
}

/// Fails on every warning. They stay warnings in an editor: half-written code should compile.
pub(crate) fn check() -> Result {
    stream(cargo("clippy").args(["--workspace", "--all-targets", "--", "-D", "warnings"]))
}

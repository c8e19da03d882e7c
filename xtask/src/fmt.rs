//! `cargo xtask fmt`: one way to lay out code, so that nobody has to discuss it.

use crate::failure::{Result, only};
use crate::process::{cargo, stream};

pub(crate) fn run(args: &[String]) -> Result {
    only("fmt", args, &["--check"])?;
    if args.is_empty() { stream(cargo("fmt").arg("--all")) } else { check() }
}

/// Fails where `cargo xtask fmt` would change something.
pub(crate) fn check() -> Result {
    stream(cargo("fmt").args(["--all", "--check"]))
}

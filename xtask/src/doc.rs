//! `cargo xtask doc`: the documentation of every crate, where a broken link is an error.

use std::env;

use crate::failure::{Result, only};
use crate::process::{cargo, stream};

pub(crate) fn run(args: &[String]) -> Result {
    only("doc", args, &["--open"])?;
    build(args)
}

/// Fails on every warning of rustdoc.
pub(crate) fn check() -> Result {
    build(&[])
}

fn build(args: &[String]) -> Result {
    let flags = env::var("RUSTDOCFLAGS").unwrap_or_default();
    let flags = format!("{flags} -D warnings");
    stream(cargo("doc").args(["--workspace", "--no-deps"]).args(args).env("RUSTDOCFLAGS", flags.trim()))
}

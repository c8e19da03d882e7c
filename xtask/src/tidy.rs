//! `cargo xtask tidy`: the rules of ARCHITECTURE.md and of the house style that a program can check.

mod code;
mod layers;
mod manifests;
mod sources;

use std::fs;

use crate::failure::{Failure, Result, io, only};
use crate::metadata::Metadata;
use crate::process::root;

pub(crate) fn run(args: &[String]) -> Result {
    only("tidy", args, &[])?;
    check()
}

/// Shows everything that is out of order, not only the first of it.
pub(crate) fn check() -> Result {
    let metadata = Metadata::load()?;
    let mut problems = layers::problems(&metadata);
    problems.extend(manifests::problems(&metadata, &read("ARCHITECTURE.md"), |package| {
        fs::read_to_string(&package.manifest).unwrap_or_default()
    }));
    let files = sources::files(&root()).map_err(|error| io("reading the sources", &error))?;
    problems.extend(sources::problems(&files));

    println!("    {} packages and {} source files read", metadata.members().count(), files.len());
    if problems.is_empty() {
        return Ok(());
    }
    problems.iter().for_each(|problem| println!("    {problem}"));
    Err(Failure::new(format!("tidy: {} problems", problems.len())))
}

/// A file of the root; one that is missing holds nothing, and that is what the rule then complains about.
fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_default()
}

//! `cargo xtask deny`: licences, bans, sources and advisories of everything we depend on, by cargo-deny.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::failure::{Failure, Result, only};
use crate::metadata::target_dir;
use crate::process::{ask, cargo, on_path, root, stream};
use crate::steps::Steps;

/// Installs cargo-deny if need be: who asks for this check wants it made.
pub(crate) fn run(args: &[String]) -> Result {
    only("deny", args, &[])?;
    let mut steps = Steps::new();
    if tool()?.is_none() {
        steps.run("install cargo-deny", install)?;
    }
    let verdict = check(&mut steps, false);
    println!("{steps}");
    verdict
}

/// Checks what can be checked, and notes in `steps` what could not be.
///
/// Where cargo-deny is missing and cannot be installed, or may not be, the check is left out, visibly.
pub(crate) fn check(steps: &mut Steps, may_install: bool) -> Result {
    if may_install && tool()?.is_none() {
        // Not having the tool is no fault of the code; the missing step is noted below.
        let _ = steps.run("install cargo-deny", install);
    }
    let Some(tool) = tool()? else {
        steps.not_run("deny", "cargo-deny is not installed; `cargo xtask deny` installs it");
        return Ok(());
    };
    steps.run("deny", || {
        stream(deny(&tool).args(["check", "--hide-inclusion-graph", "bans", "licenses", "sources"]))
    })?;
    // The database of advisories is a git repository on a host that not every machine may talk to.
    let fetched = ask(deny(&tool).args(["fetch", "db"]), Duration::from_secs(120));
    if fetched.is_ok_and(|said| said.status.is_some_and(|status| status.success())) {
        steps.run("deny advisories", || stream(deny(&tool).args(["check", "--disable-fetch", "advisories"])))
    } else {
        steps.not_run("deny advisories", "the advisory database cannot be fetched from here");
        Ok(())
    }
}

/// Building it takes two to three minutes on two cores, once: worth it in CI, unless one is told otherwise.
pub(crate) fn installs_in_ci() -> bool {
    env::var_os("ROOMKEY_INSTALL_DENY").is_none_or(|value| value != "0")
}

fn deny(tool: &Path) -> Command {
    let mut command = Command::new(tool);
    command.current_dir(root());
    command
}

/// The one on PATH, or the one that we have installed.
fn tool() -> Result<Option<PathBuf>> {
    let own = target_dir()?.join("tools/bin/cargo-deny");
    Ok(on_path("cargo-deny").or_else(|| own.is_file().then_some(own)))
}

fn install() -> Result {
    let mut command = cargo("install");
    // Of one minor version, because a later one may understand deny.toml differently.
    command.args(["cargo-deny", "--version", "~0.20", "--locked", "--root"]).arg(target_dir()?.join("tools"));
    stream(&mut command)
        .map_err(|failure| Failure::new(format!("cargo-deny cannot be had: {}", failure.message())))
}

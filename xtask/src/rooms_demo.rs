//! `cargo xtask rooms-demo`: processes in rooms, killed and back again, drawn live.

use std::env;

use crate::failure::{Failure, Result, io};
use crate::process::{cargo, code, stream, without_settings};
use crate::redis::{self, Instance};
use crate::steps::Steps;

/// Runs `examples/rooms-demo` on a server that is started for it, or on that of REDIS_URL, and ends with its exit code.
pub(crate) fn run(args: &[String]) -> Result {
    println!("==> Building the demo; the first time takes a minute or two.");
    stream(cargo("build").args(["--package", "rooms-demo"]))?;
    show(args)
}

/// Some seconds of it as lines: what CI looks at.
pub(crate) fn check(steps: &mut Steps) -> Result {
    steps.run("rooms-demo", || run(&["--headless".to_owned(), "--seconds".to_owned(), "12".to_owned()]))
}

fn show(args: &[String]) -> Result {
    let mut demo = cargo("run");
    demo.args(["--quiet", "--package", "rooms-demo", "--"]).args(args);
    let mut instance = None;
    if env::var_os("REDIS_URL").is_none() {
        let started = Instance::start(&redis::provide()?)?;
        without_settings(&mut demo).env("REDIS_URL", started.url());
        instance = Some(started);
    }
    let status = demo.status().map_err(|error| io("cargo run", &error))?;
    // The server goes before the verdict, whatever that is.
    drop(instance);
    if status.success() { Ok(()) } else { Err(Failure::with_code(code(status))) }
}

//! `cargo xtask demo`: the quickstart, on the embedded store or on a real Redis.

use std::env;

use crate::failure::{Failure, Result, io, only};
use crate::process::{cargo, code, stream, without_settings};
use crate::redis::{self, Instance};

/// Runs `examples/quickstart` and ends with its exit code.
///
/// REDIS_URL reaches the example as it is; with `--redis` the URL is that of a server started for it.
pub(crate) fn run(args: &[String]) -> Result {
    only("demo", args, &["--redis"])?;
    let own_server = !args.is_empty();
    if own_server && env::var_os("REDIS_URL").is_some() {
        return Err(Failure::new(
            "REDIS_URL names a server and --redis asks for another one: choose one of them",
        ));
    }

    println!("==> Building the quickstart; the first time takes a minute or two.");
    stream(cargo("build").args(["--package", "quickstart"]))?;

    let mut quickstart = cargo("run");
    quickstart.args(["--quiet", "--package", "quickstart"]);
    let mut instance = None;
    if own_server {
        let started = Instance::start(&redis::provide()?)?;
        println!("    started for this demo: {}", started.url());
        without_settings(&mut quickstart).env("REDIS_URL", started.url());
        instance = Some(started);
    }
    println!();
    let status = quickstart.status().map_err(|error| io("cargo run", &error))?;
    // The server goes before the verdict, whatever that is.
    drop(instance);
    if status.success() { Ok(()) } else { Err(Failure::with_code(code(status))) }
}

//! `cargo xtask …`: the one way to build, test, check and measure Roomkey, on a laptop and in CI alike.
//!
//! Each command has a file of its name; [`ci`] is the definition of green.
#![expect(clippy::print_stdout, reason = "A task runner talks to the person who started it.")]

mod bench;
mod ci;
mod demo;
mod deny;
mod doc;
mod faults;
mod fmt;
mod fuzz;
mod help;
mod lint;
mod rooms_demo;
mod test;
mod tidy;

mod failure;
mod metadata;
mod process;
mod redis;
mod steps;

use std::env;
use std::process::ExitCode;

use failure::{Failure, Result};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report();
            ExitCode::from(failure.code())
        }
    }
}

fn run(args: &[String]) -> Result {
    let Some((command, rest)) = args.split_first() else {
        return help::run();
    };
    match command.as_str() {
        "demo" => demo::run(rest),
        "rooms-demo" => rooms_demo::run(rest),
        "test" => test::run(rest),
        "faults" => faults::run(rest),
        "ci" => ci::run(rest),
        "fuzz" => fuzz::run(rest),
        "bench" => bench::run(rest),
        "tidy" => tidy::run(rest),
        "fmt" => fmt::run(rest),
        "lint" => lint::run(rest),
        "doc" => doc::run(rest),
        "deny" => deny::run(rest),
        "help" | "--help" | "-h" => help::run(),
        other => Err(Failure::new(format!("there is no command `{other}`; `cargo xtask help` lists them"))),
    }
}

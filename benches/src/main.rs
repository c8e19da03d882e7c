//! Roomkey against its peers: `cargo xtask bench`.
//!
//! Every row compares one load of ours with the same load of a peer, in one process and against one `redis-server` that
//! the harness starts. Contenders take turns in every round, so that whatever disturbs the machine disturbs all of
//! them, and a row states the median over the rounds with its quartiles. Each family of loads has control rows, a peer
//! against itself: a ratio says nothing beyond what the control's quartiles leave open.
//!
//! Nothing here is a test of speed: targets are stated as met or not met, and the exit code does not depend on them.
//! It does depend on the results being right, because every load checks what it gets.

mod comparison;
mod drive;
mod loads;
mod options;
mod report;
mod runner;
mod server;
mod stats;

use std::process::ExitCode;

use tokio::runtime;

use crate::loads::{FAMILIES, Setting};
use crate::options::{Command, Options};
use crate::report::{Conditions, Report};
use crate::server::Server;

/// A failed benchmark is told and ends the run; nobody acts on its kind.
pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Threads of the runtime that both sides share.
pub(crate) const WORKERS: usize = 2;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result {
    let options = match Options::parse(std::env::args().skip(1))? {
        Command::Measure(options) => options,
        Command::Help => {
            eprint!("{}", options::HELP);
            return Ok(());
        }
    };
    let runtime = runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    let server = Server::start(runtime.handle())?;
    let conditions = Conditions::of(&options.plan, &server);
    let setting = Setting { runtime: runtime.handle().clone(), redis: server.address() };

    let mut rows = Vec::new();
    for (family, comparisons) in FAMILIES.iter().filter(|(family, _)| options.wants_family(family)) {
        eprintln!("{family}: preparing");
        for mut comparison in comparisons(&setting)? {
            if options.wants(&comparison.name) {
                rows.extend(runner::run(&mut comparison, &options.plan)?);
            }
        }
    }
    if rows.is_empty() {
        return Err("--only matches no load; without it, every load is measured and listed".into());
    }
    Report::new(conditions, rows).publish()
}

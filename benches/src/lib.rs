//! Roomkey against its peers: `cargo xtask bench`.
//!
//! Every row compares one load of ours with the same load of a peer, in one process and against one `redis-server` (or
//! three, in a cluster) that the harness starts. Contenders take turns in every round, so that whatever disturbs the
//! machine disturbs all of them, and a row states the median over the rounds with its quartiles. Each family of loads
//! has control rows, a peer against itself: a ratio says nothing beyond what the control's quartiles leave open.
//!
//! Nothing here is a test of speed: targets are stated as met or not met, and the exit code does not depend on them.
//! It does depend on the results being right, because every load checks what it gets.
//!
//! It is a library because there are two programs: the second one counts allocations, which costs time.

mod comparison;
mod drive;
mod fanout;
mod footprint;
mod heap;
mod idle;
mod latency;
mod loads;
mod meter;
mod options;
mod report;
mod runner;
mod server;
mod solo;
mod stats;
mod wire;

use std::process::ExitCode;

use tokio::runtime::{self, Runtime};

pub use crate::heap::Allocated;
use crate::loads::{FAMILIES, Setting};
use crate::options::{Command, Options};
use crate::report::{Conditions, Report};
use crate::server::{Keeper, Server};

/// A failed benchmark is told and ends the run; nobody acts on its kind.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// The result of what may fail so.
pub(crate) type Result<T = ()> = std::result::Result<T, Error>;

/// Threads of the runtime that all sides share.
pub(crate) const WORKERS: usize = 2;

/// Measures what the command line asks for, and reports it.
pub fn measure() -> ExitCode {
    exit_code(run())
}

/// Counts what calls allocate, by an allocator that says how much it has handed out so far, and prints it as JSON.
pub fn count_allocations(so_far: fn() -> Allocated) -> ExitCode {
    exit_code(heap::count(so_far))
}

fn run() -> Result {
    match Options::parse(std::env::args().skip(1))? {
        Command::Measure(options) => measure_all(&options),
        Command::Solo(solo) => solo::run(&solo),
        Command::Help => {
            eprint!("{}", options::HELP);
            Ok(())
        }
    }
}

fn measure_all(options: &Options) -> Result {
    let runtime = runtime()?;
    let keeper = Keeper::new(runtime.handle());
    let server = Server::start(&keeper)?;
    let mut report = Report::new(Conditions::of(&options.plan, &server));
    let setting = Setting::new(runtime.handle().clone(), keeper, &server, options.grid)?;

    let gathered = gather(options, &setting, &mut report);
    // What was found before something failed took minutes to find.
    if !report.is_empty() {
        report.write()?;
    }
    gathered?;
    if report.is_empty() {
        return Err("--only matches no load; without it, every load is measured and listed".into());
    }
    if options.publish { report.publish() } else { Ok(()) }
}

fn gather(options: &Options, setting: &Setting, report: &mut Report) -> Result {
    // First of all, while nobody else is connected.
    if options.wants("idle") {
        report.idle = Some(idle::watch(setting, options.idle)?);
    }
    for (family, comparisons) in FAMILIES.iter().filter(|(family, _)| options.wants_family(family)) {
        eprintln!("{family}: preparing");
        for mut comparison in comparisons(setting)? {
            if options.wants(&comparison.name) {
                report.rows.extend(runner::run(&mut comparison, &options.plan)?);
            }
        }
    }
    if options.wants("footprint") {
        report.footprints = footprint::measure(setting)?;
    }
    if options.wants("revocation") {
        report.revocation = Some(footprint::revoke_all(setting)?);
    }
    if options.wants("rooms/memory") {
        report.memberships = footprint::rooms::measure(setting)?;
    }
    if options.wants("rooms/fan-out") {
        report.fanout = Some(fanout::measure(setting)?);
    }
    if options.wants("latency") {
        report.latencies = latency::measure(setting, &options.plan)?;
    }
    if options.wants("allocations") {
        report.allocations = heap::ask()?;
    }
    Ok(())
}

pub(crate) fn runtime() -> Result<Runtime> {
    Ok(runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?)
}

fn exit_code(result: Result) -> ExitCode {
    match result {
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

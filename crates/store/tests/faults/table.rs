//! The rows of the table, one per test, handed to whoever collects them.

use std::env;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::Duration;

use roomkey_testkit::history::Report;

/// The file that rows are added to, if somebody wants them.
const VARIABLE: &str = "ROOMKEY_FAULT_ROWS";

/// One row: what was done to the store, and what came of it.
pub(crate) struct Row<'a> {
    /// `F17`.
    pub(crate) fault: &'a str,
    pub(crate) what: &'a str,
    pub(crate) report: &'a Report,
    /// Writes that set out more than once; `None` where nobody counted.
    pub(crate) retried: Option<u64>,
}

impl Row<'_> {
    /// Adds the row to the table.
    pub(crate) fn add(&self) {
        let Self { fault, what, report, retried } = self;
        let dash = || "-".to_owned();
        add(&[
            (*fault).to_owned(),
            (*what).to_owned(),
            report.operations.to_string(),
            report.acknowledged.to_string(),
            report.ambiguous.to_string(),
            retried.map_or_else(dash, |retried| retried.to_string()),
            report.recovery.map_or_else(dash, time),
            report.lost().to_string(),
            report.doubled().to_string(),
        ]);
    }
}

/// The row of a fault that needs no load: so many calls, each of which did what it should.
pub(crate) fn checked(fault: &str, what: &str, calls: usize) {
    let dash = || "-".to_owned();
    let cells = [calls.to_string(), dash(), dash(), dash(), dash(), dash(), dash()];
    add(&[&[fault.to_owned(), what.to_owned()], &cells[..]].concat());
}

fn time(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

fn add(cells: &[String]) {
    let line = cells.join("\t");
    eprintln!("{line}");
    if let Some(path) = env::var_os(VARIABLE) {
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        // One write, so that rows of tests that run at the same time do not mix.
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

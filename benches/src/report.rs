//! What was measured, as JSON, as Markdown tables and as a plot.

mod plot;
mod publish;
mod row;

use std::fmt::{self, Write as _};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

pub(crate) use self::row::{Row, Side};
use crate::fanout::Fanout;
use crate::footprint::rooms::Membership;
use crate::footprint::{Footprint, Revocation};
use crate::heap::Allocations;
use crate::idle::Idle;
use crate::latency::Latency;
use crate::runner::Plan;
use crate::server::Server;
use crate::{Result, WORKERS};

/// How the page shows the plot to those who see it and to those who do not.
const PICTURE: &str = "![Operations per second over concurrent tasks, for reads and for writes of 256 B: roomkey, redis, \
                       rustis, fred and deadpool-redis](bench/throughput.svg)";

/// Under which conditions was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Conditions {
    unix_time: u64,
    processor: String,
    cores: usize,
    /// Over 1, 5 and 15 minutes before the start: what else the machine was doing.
    load_average: Option<String>,
    redis_version: String,
    runtime_workers: usize,
    rounds: usize,
    seconds_per_turn: f64,
}

impl Conditions {
    pub(crate) fn of(plan: &Plan, server: &Server) -> Self {
        Self {
            unix_time: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            processor: processor().unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            load_average: load_average(),
            redis_version: server.version().to_owned(),
            runtime_workers: WORKERS,
            rounds: plan.rounds,
            seconds_per_turn: plan.turn.as_secs_f64(),
        }
    }
}

impl Conditions {
    /// Machine, server and day, in a line.
    fn machine(&self) -> String {
        let Self { processor, cores, redis_version, .. } = self;
        let day = day(self.unix_time);
        format!("{processor}, {cores} cores shared with redis-server {redis_version}, {day}")
    }
}

/// Everything that a run found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    conditions: Conditions,
    pub(crate) rows: Vec<Row>,
    pub(crate) latencies: Vec<Latency>,
    pub(crate) allocations: Vec<Allocations>,
    pub(crate) idle: Option<Idle>,
    pub(crate) footprints: Vec<Footprint>,
    pub(crate) revocation: Option<Revocation>,
    pub(crate) memberships: Vec<Membership>,
    pub(crate) fanout: Option<Fanout>,
}

impl Report {
    pub(crate) fn new(conditions: Conditions) -> Self {
        Self {
            conditions,
            rows: Vec::new(),
            latencies: Vec::new(),
            allocations: Vec::new(),
            idle: None,
            footprints: Vec::new(),
            revocation: None,
            memberships: Vec::new(),
            fanout: None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        let Self {
            conditions: _,
            rows,
            latencies,
            allocations,
            idle,
            footprints,
            revocation,
            memberships,
            fanout,
        } = self;
        rows.is_empty()
            && latencies.is_empty()
            && allocations.is_empty()
            && idle.is_none()
            && footprints.is_empty()
            && revocation.is_none()
            && memberships.is_empty()
            && fanout.is_none()
    }

    /// Writes `results.json`, `results.md` and, if there is something to draw, `throughput.svg` to `target/bench/`, and
    /// prints the tables.
    #[expect(clippy::print_stdout, reason = "the table is what the program is for")]
    pub(crate) fn write(&self) -> Result {
        let folder = folder();
        let markdown = self.to_string();
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("results.json"), self.json()?)?;
        fs::write(folder.join("results.md"), format!("# Roomkey against its peers\n\n{markdown}"))?;
        if let Some(plot) = self.plot() {
            fs::write(folder.join("throughput.svg"), plot)?;
        }
        println!("{markdown}");
        eprintln!("written to {}", folder.display());
        Ok(())
    }

    /// Puts the same into the documentation.
    pub(crate) fn publish(&self) -> Result {
        let docs = root().join("docs");
        let plot = self.plot().ok_or("a plot needs the reads and writes of 256 B")?;
        fs::create_dir_all(docs.join("bench"))?;
        fs::write(docs.join("bench/results.json"), self.json()?)?;
        fs::write(docs.join("bench/throughput.svg"), plot)?;
        let page = docs.join("benchmarks.md");
        let text = publish::between_markers(&fs::read_to_string(&page)?, &format!("{PICTURE}\n\n{self}"))?;
        fs::write(&page, text)?;
        eprintln!("published in {}", docs.display());
        Ok(())
    }

    fn json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    fn plot(&self) -> Option<String> {
        plot::throughput(&self.rows, &self.conditions.machine())
    }
}

/// Markdown.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Conditions { load_average, runtime_workers, rounds, seconds_per_turn, .. } = &self.conditions;
        let load = load_average.as_deref().unwrap_or("unknown");
        writeln!(
            f,
            "{}; load average before: {load}. tokio with {runtime_workers} workers for all sides; ours has the lanes that \
             it has by default, unless a row says otherwise, and a peer what its name says. {rounds} rounds, in each of \
             which every contender has one turn of {seconds_per_turn} s. Rates are medians, a ratio is the median of the \
             rounds' ratios with its quartiles. CPU is microseconds per operation, in this process + in the server. A \
             control row is a peer against itself: differences that its quartiles span are noise.",
            self.conditions.machine()
        )?;
        if !self.rows.is_empty() {
            writeln!(f, "\n{}", row::HEADER)?;
            self.rows.iter().try_for_each(|row| writeln!(f, "{row}"))?;
        }
        if !self.latencies.is_empty() {
            writeln!(f, "\n### Latency at half of each side's own saturation\n")?;
            writeln!(
                f,
                "| load | client | saturation/s | offered/s | p50 µs | quartiles | p99 µs | quartiles |"
            )?;
            writeln!(f, "|---|---|---:|---:|---:|---|---:|---|")?;
            self.latencies.iter().try_for_each(|latency| writeln!(f, "{latency}"))?;
        }
        if !self.allocations.is_empty() {
            writeln!(f, "\n### Allocations per call\n")?;
            writeln!(f, "| load | client | allocations | bytes |\n|---|---|---:|---:|")?;
            self.allocations.iter().try_for_each(|counted| writeln!(f, "{counted}"))?;
        }
        if !self.footprints.is_empty() {
            writeln!(f, "\n### Memory of a token\n")?;
            writeln!(f, "| names | tokens of a subject | bytes a token | target |\n|---|---:|---:|---|")?;
            self.footprints.iter().try_for_each(|footprint| writeln!(f, "{footprint}"))?;
        }
        if let Some(revocation) = &self.revocation {
            writeln!(f, "\n### Ending all tokens of a subject\n\n{revocation}")?;
        }
        if !self.memberships.is_empty() {
            writeln!(f, "\n### Memory of a member\n")?;
            writeln!(
                f,
                "| members of a room | bytes of an id | bytes a member | seats | records | rest | event log, besides | target |"
            )?;
            writeln!(f, "|---:|---:|---:|---:|---:|---:|---:|---|")?;
            self.memberships.iter().try_for_each(|membership| writeln!(f, "{membership}"))?;
        }
        if let Some(fanout) = &self.fanout {
            writeln!(f, "\n### Events to a thousand watchers\n\n{fanout}")?;
        }
        if let Some(idle) = &self.idle {
            writeln!(f, "\n### A store at rest\n\n{idle}")?;
        }
        Ok(())
    }
}

/// A whole number with its digits in groups of three.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// `bench/` in the build folder of the workspace.
fn folder() -> PathBuf {
    // A relative folder is relative to where Cargo was called, which is where this program was.
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join("bench")
}

/// The root of the workspace.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new("."))
}

/// The day in UTC, as `2026-11-23`: the proleptic Gregorian calendar, counted from the 1st of March of the year 0, so
/// that leap days are last.
fn day(unix_time: u64) -> String {
    let days = unix_time / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

fn processor() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(": ")?.1.to_owned())
}

fn load_average() -> Option<String> {
    let average = fs::read_to_string("/proc/loadavg").ok()?;
    let mut text = String::new();
    for number in average.split_whitespace().take(3) {
        let _ = write!(text, "{}{number}", if text.is_empty() { "" } else { " " });
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        let days = [0, 951_782_400, 1_709_251_199, 1_709_251_200, 1_795_478_399];
        assert_eq!(days.map(day), ["1970-01-01", "2000-02-29", "2024-02-29", "2024-03-01", "2026-11-23"]);
    }

    #[test]
    fn digits_stand_in_threes() {
        assert_eq!([0.0, 999.0, 1_000.0, 1_234_567.0].map(grouped), ["0", "999", "1 000", "1 234 567"]);
    }
}

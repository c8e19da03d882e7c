//! What was measured, as JSON and as a Markdown table.

use std::fmt::{self, Write as _};
use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::comparison::Target;
use crate::runner::Plan;
use crate::server::Server;
use crate::stats::Spread;
use crate::{Result, WORKERS};

/// One load of ours against one peer. Rates and the ratio are medians; `_q1` and `_q3` are the quartiles around them.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    name: String,
    concurrency: usize,
    ours_per_s: f64,
    peer: &'static str,
    peer_per_s: f64,
    pub(crate) ratio: f64,
    ratio_q1: f64,
    ratio_q3: f64,
    ours_per_s_q1: f64,
    ours_per_s_q3: f64,
    peer_per_s_q1: f64,
    peer_per_s_q3: f64,
    /// The peer against itself, which shows what the machine's noise does to a ratio.
    control: bool,
    target: Option<String>,
    pub(crate) met: Option<bool>,
}

impl Row {
    pub(crate) fn new(
        name: &str,
        concurrency: usize,
        peer: &'static str,
        ours: Spread,
        theirs: Spread,
        ratio: Spread,
    ) -> Self {
        Self {
            name: name.to_owned(),
            concurrency,
            ours_per_s: ours.median.round(),
            peer,
            peer_per_s: theirs.median.round(),
            ratio: thousandths(ratio.median),
            ratio_q1: thousandths(ratio.q1),
            ratio_q3: thousandths(ratio.q3),
            ours_per_s_q1: ours.q1.round(),
            ours_per_s_q3: ours.q3.round(),
            peer_per_s_q1: theirs.q1.round(),
            peer_per_s_q3: theirs.q3.round(),
            control: false,
            target: None,
            met: None,
        }
    }

    pub(crate) fn target(self, target: Option<Target>) -> Self {
        let met = target.map(|target| target.met(self.ours_per_s, self.ratio));
        Self { target: target.map(|target| target.to_string()), met, ..self }
    }

    pub(crate) fn control(self) -> Self {
        Self { name: format!("control: {}", self.name), control: true, ..self }
    }
}

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

/// Everything that a run found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    conditions: Conditions,
    rows: Vec<Row>,
}

impl Report {
    pub(crate) fn new(conditions: Conditions, rows: Vec<Row>) -> Self {
        Self { conditions, rows }
    }

    /// Writes `target/bench/results.json` and `target/bench/results.md`, and prints the latter.
    #[expect(clippy::print_stdout, reason = "the table is what the program is for")]
    pub(crate) fn publish(&self) -> Result {
        let folder = folder();
        let json = serde_json::to_string_pretty(self)? + "\n";
        let markdown = self.to_string();
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("results.json"), json)?;
        fs::write(folder.join("results.md"), &markdown)?;
        println!("{markdown}");
        eprintln!("written to {}", folder.display());
        Ok(())
    }
}

/// Markdown.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Conditions {
            unix_time: _,
            processor,
            cores,
            load_average,
            redis_version,
            runtime_workers,
            rounds,
            seconds_per_turn,
        } = &self.conditions;
        let load = load_average.as_deref().unwrap_or("unknown");
        writeln!(f, "# Roomkey against its peers\n")?;
        writeln!(
            f,
            "{processor}, {cores} cores shared with redis-server {redis_version}; load average before: {load}. \
             tokio with {runtime_workers} workers for both sides; on Redis, ours has the lanes that it has by default, the \
             peers what their name says. {rounds} rounds, in each of which every contender has one turn of \
             {seconds_per_turn} s; rates are medians, a ratio is the median of the rounds' ratios with its quartiles. \
             A control row is a peer against itself: differences that its quartiles span are noise.\n"
        )?;
        writeln!(f, "| load | concurrency | ours/s | peer | peer/s | ratio | quartiles | target | |")?;
        writeln!(f, "|---|---:|---:|---|---:|---:|---|---|---|")?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}

/// A line of the table.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.met {
            Some(true) => "met",
            Some(false) => "**not met**",
            None => "",
        };
        write!(
            f,
            "| {} | {} | {} | {} | {} | {:.2} | {:.2}–{:.2} | {} | {verdict} |",
            self.name,
            self.concurrency,
            grouped(self.ours_per_s),
            self.peer,
            grouped(self.peer_per_s),
            self.ratio,
            self.ratio_q1,
            self.ratio_q3,
            self.target.as_deref().unwrap_or_default(),
        )
    }
}

/// A whole number with its digits in groups of three.
fn grouped(number: f64) -> String {
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

/// Beyond the third digit there is only noise.
fn thousandths(ratio: f64) -> f64 {
    (ratio * 1000.0).round() / 1000.0
}

/// `bench/` in the build folder of the workspace.
fn folder() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    // A relative folder is relative to where Cargo was called, which is where this program was.
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    target.join("bench")
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

    fn even(median: f64) -> Spread {
        Spread { q1: median, median, q3: median }
    }

    #[test]
    fn a_row_is_read_by_programs_and_by_people() {
        let row = Row::new("vault/get 256 B", 64, "raw redis", even(180_000.4), even(200_000.0), even(0.9))
            .target(Some(Target::Ratio(0.8)));
        let Ok(json) = serde_json::to_value(&row) else { panic!("no JSON") };
        assert_eq!(json["ours_per_s"], 180_000.0);
        assert_eq!((&json["concurrency"], &json["met"]), (&64.into(), &true.into()));
        assert_eq!(
            row.to_string(),
            "| vault/get 256 B | 64 | 180 000 | raw redis | 200 000 | 0.90 | 0.90–0.90 | ratio ≥ 0.8 | met |"
        );
    }

    #[test]
    fn targets_of_time_are_turned_over() {
        assert!(Target::Time(3.0).met(0.0, 0.34) && !Target::Time(3.0).met(0.0, 0.33));
        assert!(Target::Rate(1e6).met(1e6, 0.01));
    }

    #[test]
    fn digits_stand_in_threes() {
        assert_eq!([0.0, 999.0, 1_000.0, 1_234_567.0].map(grouped), ["0", "999", "1 000", "1 234 567"]);
    }
}

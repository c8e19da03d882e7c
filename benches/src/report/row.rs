//! A line of the table of rates: one load of ours against one peer.

use std::fmt;

use serde::Serialize;

use super::grouped;
use crate::comparison::{Sample, Target};
use crate::meter::Cpu;
use crate::stats::Spread;

pub(super) const HEADER: &str = "\
| load | tasks | ours/s | peer | peer/s | ratio | quartiles | CPU ours | CPU peer | target | |
|---|---:|---:|---|---:|---:|---|---|---|---|---|";

/// Rates and the ratio are medians; `_q1` and `_q3` are the quartiles around them.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(super) name: String,
    pub(super) concurrency: usize,
    pub(super) ours_per_s: f64,
    pub(super) peer: &'static str,
    pub(super) peer_per_s: f64,
    pub(crate) ratio: f64,
    ratio_q1: f64,
    ratio_q3: f64,
    ours_per_s_q1: f64,
    ours_per_s_q3: f64,
    peer_per_s_q1: f64,
    peer_per_s_q3: f64,
    /// Medians, of loads that talk to a server.
    ours_cpu: Option<Cpu>,
    peer_cpu: Option<Cpu>,
    /// The peer against itself, which shows what the machine's noise does to a ratio.
    pub(super) control: bool,
    target: Option<String>,
    pub(crate) met: Option<bool>,
}

/// What all turns of a contender found.
pub(crate) struct Side {
    per_s: Spread,
    cpu: Option<Cpu>,
}

impl Side {
    pub(crate) fn of(samples: &[Sample]) -> Self {
        let cpu: Option<Vec<Cpu>> = samples.iter().map(|sample| sample.cpu).collect();
        let median =
            |cpu: &[Cpu], part: fn(&Cpu) -> f64| thousandths(Spread::of(cpu.iter().map(part)).median);
        Self {
            per_s: Spread::of(samples.iter().map(|sample| sample.per_s)),
            cpu: cpu.map(|cpu| Cpu {
                client_us: median(&cpu, |cpu| cpu.client_us),
                server_us: median(&cpu, |cpu| cpu.server_us),
            }),
        }
    }
}

impl Row {
    pub(crate) fn new(
        name: &str,
        concurrency: usize,
        peer: &'static str,
        ours: Side,
        theirs: Side,
        ratio: Spread,
    ) -> Self {
        Self {
            name: name.to_owned(),
            concurrency,
            ours_per_s: ours.per_s.median.round(),
            peer,
            peer_per_s: theirs.per_s.median.round(),
            ratio: thousandths(ratio.median),
            ratio_q1: thousandths(ratio.q1),
            ratio_q3: thousandths(ratio.q3),
            ours_per_s_q1: ours.per_s.q1.round(),
            ours_per_s_q3: ours.per_s.q3.round(),
            peer_per_s_q1: theirs.per_s.q1.round(),
            peer_per_s_q3: theirs.per_s.q3.round(),
            ours_cpu: ours.cpu,
            peer_cpu: theirs.cpu,
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

/// A line of the table.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.met {
            Some(true) => "met",
            Some(false) => "**not met**",
            None => "",
        };
        let cpu = |cpu: Option<Cpu>| {
            cpu.map_or_else(String::new, |cpu| format!("{:.1} + {:.1}", cpu.client_us, cpu.server_us))
        };
        write!(
            f,
            "| {} | {} | {} | {} | {} | {:.2} | {:.2}–{:.2} | {} | {} | {} | {verdict} |",
            self.name,
            self.concurrency,
            grouped(self.ours_per_s),
            self.peer,
            grouped(self.peer_per_s),
            self.ratio,
            self.ratio_q1,
            self.ratio_q3,
            cpu(self.ours_cpu),
            cpu(self.peer_cpu),
            self.target.as_deref().unwrap_or_default(),
        )
    }
}

/// Beyond the third digit there is only noise.
fn thousandths(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(per_s: f64) -> Side {
        Side::of(&[Sample { per_s, cpu: Some(Cpu { client_us: 4.04, server_us: 1.5 }) }])
    }

    #[test]
    fn a_row_is_read_by_programs_and_by_people() {
        let ratio = Spread { q1: 0.88, median: 0.9, q3: 0.92 };
        let row = Row::new("vault/get 256 B", 64, "raw redis", side(180_000.4), side(200_000.0), ratio)
            .target(Some(Target::Ratio(0.8)));
        let Ok(json) = serde_json::to_value(&row) else { panic!("no JSON") };
        assert_eq!((&json["ours_per_s"], &json["ours_cpu"]["client_us"]), (&180_000.0.into(), &4.04.into()));
        assert_eq!((&json["concurrency"], &json["met"]), (&64.into(), &true.into()));
        assert_eq!(
            row.to_string(),
            "| vault/get 256 B | 64 | 180 000 | raw redis | 200 000 | 0.90 | 0.88–0.92 | 4.0 + 1.5 | 4.0 + 1.5 \
             | ratio ≥ 0.8 | met |"
        );
    }

    #[test]
    fn targets_of_time_are_turned_over() {
        assert!(Target::Time(3.0).met(0.0, 0.34) && !Target::Time(3.0).met(0.0, 0.33));
        assert!(Target::Rate(1e6).met(1e6, 0.01));
    }
}

//! The command line.

use std::time::Duration;

use crate::Result;
use crate::loads::Grid;
use crate::runner::Plan;

pub(crate) const HELP: &str = "\
Usage: cargo xtask bench [OPTIONS]

Measures Roomkey against its peers and writes target/bench/results.json, results.md and throughput.svg. It takes about
twenty minutes, in which the machine should have nothing else to do.

  --only NAME     only loads whose name begins so: `crypto`, `vault/get`, `idle`, `latency`, `allocations`, …
  --rounds N      rounds, in each of which every contender has one turn (default 9)
  --seconds S     length of a turn (default 0.25)
  --full          every load at every size and concurrency against everybody, in 11 rounds of 0.4 s: over an hour
  --quick         3 rounds of 0.05 s: checks the harness, says nothing about speed
  --publish       puts what was found into docs/benchmarks.md and docs/bench/; not with --quick or --only
  --help          this text

  --profile LOAD  instead of measuring, where the time of a load goes: `get`, `set`, `mixed`, `verify` (of tokens) or
                  `join` (of rooms), by perf where it works and by callgrind otherwise
      --client C  roomkey (default), redis, rustis, fred or deadpool; of `join` roomkey or redis, of `verify` roomkey
      --tasks N   tasks at the same time (default 256)
      --size B    bytes of a value (default 256)
      --calls N   calls in all (default 1000000; 20000 under callgrind)
      --callgrind instructions per call, exactly, by callgrind
";

/// What to do.
#[derive(Debug)]
pub(crate) enum Command {
    Measure(Options),
    /// One client alone, for a profiler.
    Solo(Solo),
    Help,
}

/// What to measure and how long.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) plan: Plan,
    pub(crate) grid: Grid,
    /// How long an idle store is watched.
    pub(crate) idle: Duration,
    pub(crate) publish: bool,
    only: Option<String>,
}

/// What to run for a profiler.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Solo {
    pub(crate) load: String,
    pub(crate) client: String,
    pub(crate) tasks: usize,
    pub(crate) size: usize,
    pub(crate) calls: u64,
}

const USUAL: Plan = Plan { rounds: 9, turn: Duration::from_millis(250) };
const FULL: Plan = Plan { rounds: 11, turn: Duration::from_millis(400) };
const QUICK: Plan = Plan { rounds: 3, turn: Duration::from_millis(50) };

impl Options {
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Command> {
        let mut options = Self {
            plan: USUAL,
            grid: Grid::Usual,
            idle: Duration::from_secs(10),
            publish: false,
            only: None,
        };
        let mut quick = false;
        let mut solo = None;
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value; see --help"));
            match arg.as_str() {
                "--only" => options.only = Some(value()?),
                "--rounds" => {
                    options.plan.rounds = value()?.parse().map_err(|_| "--rounds takes a number")?
                }
                "--seconds" => options.plan.turn = seconds(&value()?)?,
                "--full" => (options.plan, options.grid) = (FULL, Grid::Full),
                "--quick" => {
                    (options.plan, options.idle) = (QUICK, Duration::from_secs(1));
                    quick = true;
                }
                "--publish" => options.publish = true,
                "--solo" => solo = Some(Solo::parse(&value()?)?),
                "--help" | "-h" => return Ok(Command::Help),
                _ => return Err(format!("unknown argument {arg}; see --help").into()),
            }
        }
        if let Some(solo) = solo {
            return Ok(Command::Solo(solo));
        }
        if options.plan.rounds == 0 {
            return Err("--rounds must be 1 or more".into());
        }
        if options.publish && (quick || options.only.is_some()) {
            return Err("--publish takes a whole run: neither --quick nor --only".into());
        }
        Ok(Command::Measure(options))
    }

    /// Whether a load is to be measured.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.starts_with(only))
    }

    /// Whether a family may have such a load, so that the others need not be prepared.
    pub(crate) fn wants_family(&self, family: &str) -> bool {
        self.only.as_ref().is_none_or(|only| family.starts_with(only) || only.starts_with(family))
    }
}

impl Solo {
    /// `<client>/<load>/<tasks>/<size>/<calls>`: how `cargo xtask bench --profile` says it.
    fn parse(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let &[client, load, tasks, size, calls] = parts.as_slice() else {
            return Err("--solo takes client/load/tasks/size/calls".into());
        };
        let solo = Self {
            client: client.to_owned(),
            load: load.to_owned(),
            tasks: tasks.parse().map_err(|_| "--tasks takes a number")?,
            size: size.parse().map_err(|_| "--size takes a number")?,
            calls: calls.parse().map_err(|_| "--calls takes a number")?,
        };
        if solo.tasks == 0 || solo.size < 4 {
            return Err("--tasks must be 1 or more, --size 4 or more".into());
        }
        Ok(solo)
    }
}

fn seconds(text: &str) -> Result<Duration> {
    let turn = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    Ok(turn.filter(|turn| !turn.is_zero()).ok_or("--seconds takes a number above 0, such as 0.4")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn only_chooses_by_the_beginning_of_a_name() {
        let Ok(Command::Measure(options)) = parse("--only vault/get --quick") else { panic!("no options") };
        assert!(options.wants("vault/get 256 B") && options.wants_family("vault"));
        assert!(!options.wants("vault/set 256 B") && !options.wants_family("crypto"));
        assert_eq!(options.plan.rounds, 3);
    }

    #[test]
    fn a_mistake_is_told() {
        for line in
            ["--rounds", "--rounds 0", "--rounds x", "--seconds 0", "--seconds -1", "--seconds", "fast"]
        {
            assert!(parse(line).is_err(), "{line}");
        }
        for line in
            ["--publish --quick", "--only vault --publish", "--solo roomkey/get/0/256/1", "--solo get"]
        {
            assert!(parse(line).is_err(), "{line}");
        }
        assert!(matches!(parse("--help"), Ok(Command::Help)));
    }
}

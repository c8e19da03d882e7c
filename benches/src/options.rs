//! The command line.

use std::time::Duration;

use crate::Result;
use crate::runner::Plan;

pub(crate) const HELP: &str = "\
Usage: cargo xtask bench [OPTIONS]

Measures Roomkey against its peers and writes target/bench/results.json and results.md.

  --only NAME     only loads whose name begins so, such as `crypto` or `vault/get`
  --rounds N      rounds, in each of which every contender has one turn (default 11)
  --seconds S     length of a turn (default 0.4)
  --quick         3 rounds of 0.05 s: checks the harness, says nothing about speed
  --help          this text
";

/// What to do.
#[derive(Debug)]
pub(crate) enum Command {
    Measure(Options),
    Help,
}

/// What to measure and how long.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) plan: Plan,
    only: Option<String>,
}

impl Options {
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Command> {
        let mut options = Self { plan: Plan { rounds: 11, turn: Duration::from_millis(400) }, only: None };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value; see --help"));
            match arg.as_str() {
                "--only" => options.only = Some(value()?),
                "--rounds" => {
                    options.plan.rounds = value()?.parse().map_err(|_| "--rounds takes a number")?
                }
                "--seconds" => options.plan.turn = seconds(&value()?)?,
                "--quick" => options.plan = Plan { rounds: 3, turn: Duration::from_millis(50) },
                "--help" | "-h" => return Ok(Command::Help),
                _ => return Err(format!("unknown argument {arg}; see --help").into()),
            }
        }
        if options.plan.rounds == 0 {
            Err("--rounds must be 1 or more".into())
        } else {
            Ok(Command::Measure(options))
        }
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
        assert!(matches!(parse("--help"), Ok(Command::Help)));
    }
}

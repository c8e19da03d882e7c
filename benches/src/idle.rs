//! What a store does when nobody asks it for anything.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::time::Duration;

use serde::Serialize;

use crate::Result;
use crate::loads::{Setting, peers};
use crate::meter::process_time;
use crate::wire::Wire;

/// A store that was connected and then left alone.
#[derive(Debug, Serialize)]
pub(crate) struct Idle {
    seconds: f64,
    /// How often a thread of the process went to sleep, and so must have been woken. The harness' own thread sleeps once.
    wake_ups: u64,
    /// The same for a runtime without a store.
    wake_ups_without: u64,
    cpu_ms: f64,
    /// What the server was asked, by its own count, and how often.
    commands: BTreeMap<String, u64>,
}

/// Watches nothing for so long, and then a store for so long.
pub(crate) fn watch(setting: &Setting, time: Duration) -> Result<Idle> {
    eprintln!("idle store, {:.0} s", time.as_secs_f64());
    let before = sleeps()?;
    std::thread::sleep(time);
    let wake_ups_without = sleeps()? - before;

    let store = peers::store(setting)?;
    let mut wire = Wire::connect(setting.redis)?;
    // What belongs to connecting, such as the second lane, is not what an idle store does.
    std::thread::sleep(Duration::from_millis(500));
    wire.ask("CONFIG RESETSTAT")?;
    let (before, cpu) = (sleeps()?, process_time());
    std::thread::sleep(time);
    let (wake_ups, cpu) = (sleeps()? - before, process_time().saturating_sub(cpu));
    let commands = commands(&wire.ask("INFO commandstats")?);
    peers::close(setting, &store)?;
    Ok(Idle {
        seconds: time.as_secs_f64(),
        wake_ups,
        wake_ups_without,
        cpu_ms: cpu.as_secs_f64() * 1e3,
        commands,
    })
}

/// How often the threads of this process have gone to sleep of their own will.
fn sleeps() -> Result<u64> {
    let mut sum = 0;
    for thread in fs::read_dir("/proc/self/task")? {
        let status = fs::read_to_string(thread?.path().join("status"))?;
        let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        sum += count.ok_or("the kernel does not count how often threads sleep")?.trim().parse::<u64>()?;
    }
    Ok(sum)
}

/// `cmdstat_ping:calls=3,usec=…` and so on, without what the harness itself asks.
fn commands(stats: &str) -> BTreeMap<String, u64> {
    let command = |line: &str| {
        let (name, told) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let calls = told.split(',').next()?.parse().ok()?;
        (!matches!(name, "info" | "config|resetstat")).then(|| (name.replace('|', " "), calls))
    };
    stats.lines().filter_map(command).collect()
}

/// A sentence.
impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds, wake_ups, wake_ups_without, cpu_ms, commands } = self;
        write!(
            f,
            "In {seconds:.0} s a connected store that nobody asks for anything cost {wake_ups} wake-ups of threads \
             (a runtime without a store: {wake_ups_without}) and {cpu_ms:.1} ms of CPU time; the server was asked "
        )?;
        if commands.is_empty() {
            return write!(f, "nothing.");
        }
        for (place, (command, calls)) in commands.iter().enumerate() {
            write!(f, "{}`{}` {calls} times", if place > 0 { ", " } else { "" }, command.to_uppercase())?;
        }
        write!(f, ".")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_harness_own_questions_are_left_out() {
        let stats = "# Commandstats\r\ncmdstat_ping:calls=3,usec=1,usec_per_call=0.3\r\n\
                     cmdstat_config|resetstat:calls=1,usec=9\r\ncmdstat_client|id:calls=2,usec=9\r\n\
                     cmdstat_info:calls=1,usec=9\r\n";
        let expected = BTreeMap::from([("ping".to_owned(), 3), ("client id".to_owned(), 2)]);
        assert_eq!(commands(stats), expected);
    }
}

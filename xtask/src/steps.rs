//! The steps of a task: a headline when one begins, a table of all of them at the end.

use std::fmt;
use std::time::{Duration, Instant};

use crate::failure::Result;

/// What ran, what came of it, how long it took, and what did not run and why.
pub(crate) struct Steps {
    started: Instant,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    took: Option<Duration>,
    verdict: String,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), rows: Vec::new() }
    }

    /// Runs one step under its headline.
    pub(crate) fn run<T>(&mut self, name: impl Into<String>, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let name = name.into();
        println!("\n==> {name} [{:.0} s since the start]", self.started.elapsed().as_secs_f64());
        let start = Instant::now();
        let outcome = work();
        let took = start.elapsed();
        let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
        println!("    {name}: {verdict} after {:.1} s", took.as_secs_f64());
        self.rows.push(Row { name, took: Some(took), verdict: verdict.to_owned() });
        outcome
    }

    /// Notes a step that was left out, so that nobody takes it for checked.
    pub(crate) fn not_run(&mut self, name: &str, why: &str) {
        println!("\n==> {name}\n    not run: {why}");
        self.rows.push(Row { name: name.to_owned(), took: None, verdict: format!("not run: {why}") });
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.name.len()).max().unwrap_or(0).max("total".len());
        writeln!(f, "\n{:<width$}  {:>9}  result", "step", "seconds")?;
        for Row { name, took, verdict } in &self.rows {
            let took = took.map_or_else(|| "-".to_owned(), |took| format!("{:.1}", took.as_secs_f64()));
            writeln!(f, "{name:<width$}  {took:>9}  {verdict}")?;
        }
        writeln!(f, "{:<width$}  {:>9.1}", "total", self.started.elapsed().as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;

    #[test]
    fn the_table_names_what_ran_what_failed_and_what_did_not_run() {
        let mut steps = Steps::new();
        assert!(steps.run("fmt", || Ok(())).is_ok());
        assert!(steps.run("lint", || Err::<(), _>(Failure::new("a warning"))).is_err());
        steps.not_run("deny", "cargo-deny is not there");
        let table = steps.to_string();
        let row = |name: &str| table.lines().find(|line| line.starts_with(name)).map(str::to_owned);
        assert!(row("fmt").is_some_and(|row| row.ends_with("  ok")), "{table}");
        assert!(row("lint").is_some_and(|row| row.ends_with("  FAILED")), "{table}");
        assert!(
            row("deny").is_some_and(|row| row.ends_with("-  not run: cargo-deny is not there")),
            "{table}"
        );
    }
}

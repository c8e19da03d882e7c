//! Counting along with the test harness, whose output is made for people and has had this form since Rust 1.0.

use std::collections::BTreeMap;
use std::fmt;

/// Counts per package, from a stream of output.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Which package a test program belongs to, by file name.
    packages: BTreeMap<String, String>,
    /// What they run on, if they run on several.
    engine: Option<String>,
    rows: BTreeMap<String, Counts>,
    /// Tests that failed and programs that did not finish, by name.
    failures: Vec<String>,
    running: Option<Running>,
    /// The beginning of a line that has not ended yet.
    partial: Vec<u8>,
}

/// The program that runs now.
#[derive(Debug)]
struct Running {
    package: String,
    /// `None` until it has reported a result.
    counts: Option<Counts>,
    /// Doc tests report in several parts. Any other program reports once, at its end: what looks like a result before
    /// is the output of a test that failed.
    in_parts: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Tally {
    pub(crate) fn new(packages: BTreeMap<String, String>) -> Self {
        Self { packages, ..Self::default() }
    }

    /// Counts what follows apart, as that on another engine.
    pub(crate) fn on(&mut self, engine: &str) {
        self.engine = Some(engine.to_owned());
    }

    /// Takes the next piece of output, in any cut.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' {
                let line = std::mem::take(&mut self.partial);
                self.line(plain(&String::from_utf8_lossy(&line)).trim());
            } else {
                self.partial.push(byte);
            }
        }
    }

    /// Says that the output is over. A program without a result, because it crashed or was killed, has failed.
    pub(crate) fn finish(&mut self) {
        let Some(Running { package, counts, .. }) = self.running.take() else { return };
        match counts {
            Some(counts) => self.rows.entry(package).or_default().add(counts),
            None => self.fail(&package, "a test program ended without a result"),
        }
    }

    /// Counts a failure that the harness has not.
    pub(crate) fn fail(&mut self, package: &str, what: &str) {
        self.failures.push(format!("{package}: {what}"));
        self.rows.entry(package.to_owned()).or_default().failed += 1;
    }

    pub(crate) fn passed(&self) -> u64 {
        self.rows.values().map(|counts| counts.passed).sum()
    }

    pub(crate) fn failed(&self) -> u64 {
        self.rows.values().map(|counts| counts.failed).sum()
    }

    fn line(&mut self, line: &str) {
        if let Some(begun) = self.begins(line) {
            self.finish();
            self.running = Some(begun);
            return;
        }
        // What is printed while no program runs is cargo's.
        let Some(running) = &mut self.running else { return };
        if let Some(counts) = result(line) {
            let before =
                if running.in_parts { running.counts.unwrap_or_default() } else { Counts::default() };
            running.counts.insert(before).add(counts);
        } else if let Some(name) =
            line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            self.failures.push(format!("{}: {name}", running.package));
        }
    }

    /// The program that cargo announces in this line.
    fn begins(&self, line: &str) -> Option<Running> {
        if let Some(library) = line.strip_prefix("Doc-tests ") {
            let package = format!("doc {}", library.trim_start_matches("roomkey_"));
            return Some(Running { package, counts: None, in_parts: true });
        }
        let path = line.strip_prefix("Running ")?.strip_suffix(')')?.rsplit_once('(')?.1;
        let package = self.packages.get(path.rsplit(['/', '\\']).next()?)?;
        let package = match &self.engine {
            Some(engine) => format!("{package} on {engine}"),
            None => package.clone(),
        };
        Some(Running { package, counts: None, in_parts: false })
    }
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.keys().map(String::len).max().unwrap_or(0).max("package".len());
        writeln!(f, "\n{:<width$}  {:>7}  {:>7}  {:>7}", "package", "passed", "failed", "ignored")?;
        for (name, Counts { passed, failed, ignored }) in &self.rows {
            writeln!(f, "{name:<width$}  {passed:>7}  {failed:>7}  {ignored:>7}")?;
        }
        for failure in &self.failures {
            writeln!(f, "failed: {failure}")?;
        }
        Ok(())
    }
}

/// The counts of `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; …`.
fn result(line: &str) -> Option<Counts> {
    let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    let count = |what: &str| counts.split("; ").find_map(|part| part.strip_suffix(what)?.trim().parse().ok());
    Some(Counts { passed: count("passed")?, failed: count("failed")?, ignored: count("ignored")? })
}

/// The text without the escape sequences that colour it.
fn plain(line: &str) -> String {
    let mut pieces = line.split('\u{1b}');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        text.push_str(piece.split_once('m').map_or("", |(_, rest)| rest));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(output: &str) -> Tally {
        let programs = [("core-11", "core"), ("keys-22", "core"), ("vault-33", "vault")];
        let mut tally = Tally::new(programs.map(|(a, b)| (a.to_owned(), b.to_owned())).into());
        // In small pieces, as a pipe may deliver it.
        output.as_bytes().chunks(7).for_each(|piece| tally.feed(piece));
        tally.finish();
        tally
    }

    #[test]
    fn sums_per_package_over_programs_and_doc_tests() {
        let tally = tally(
            "     Running unittests src/lib.rs (target/debug/deps/core-11)\n\
             test a ... ok\n\
             test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
             \u{1b}[1m\u{1b}[92m     Running\u{1b}[0m tests/keys.rs (target/debug/deps/keys-22)\n\
             test result: \u{1b}[32mok\u{1b}[m. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n\
             \x20  Doc-tests roomkey_core\n\
             test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
             test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n",
        );
        assert_eq!((tally.passed(), tally.failed()), (10, 0));
        assert_eq!(tally.rows["core"], Counts { passed: 5, failed: 0, ignored: 1 });
        assert_eq!(tally.rows["doc core"], Counts { passed: 5, failed: 0, ignored: 0 });
        assert!(tally.failures.is_empty());
    }

    #[test]
    fn engines_are_counted_apart() {
        let mut tally = Tally::new([("core-11".to_owned(), "core".to_owned())].into());
        for (engine, failed) in [("7.0.15", 0), ("8.2.3", 1)] {
            tally.on(engine);
            let output = format!(
                "Running unittests src/lib.rs (target/debug/deps/core-11)\n\
                 test result: ok. 3 passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out\n"
            );
            tally.feed(output.as_bytes());
            tally.finish();
        }
        assert_eq!(tally.rows["core on 7.0.15"], Counts { passed: 3, failed: 0, ignored: 0 });
        assert_eq!(tally.rows["core on 8.2.3"], Counts { passed: 3, failed: 1, ignored: 0 });
    }

    #[test]
    fn names_what_failed() {
        let tally = tally(
            "Running unittests src/lib.rs (target/debug/deps/vault-33)\ntest codec::limit ... FAILED\n\
             test result: ok. 9 passed; 0 failed; 0 ignored; 0 measured, or so a test has printed\n\
             test result: FAILED. 7 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s\n",
        );
        assert_eq!((tally.passed(), tally.failed()), (7, 1));
        assert!(tally.to_string().contains("failed: vault: codec::limit"), "{tally}");
    }

    #[test]
    fn a_program_that_crashes_has_failed() {
        let tally = tally(
            "Running unittests src/lib.rs (target/debug/deps/core-11)\ntest a ... ok\n\
             Running unittests src/lib.rs (target/debug/deps/vault-33)\n\
             test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s\n",
        );
        assert_eq!((tally.passed(), tally.failed()), (1, 1));
        assert!(tally.to_string().contains("failed: core: a test program ended without a result"), "{tally}");
    }

    #[test]
    fn what_is_printed_outside_of_a_program_does_not_count() {
        let tally = tally("test result: ok. 9 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n");
        assert_eq!(tally.passed(), 0);
    }
}

//! Counting along with the test harness, whose output is made for people and has had this form since Rust 1.0.

use std::collections::BTreeMap;
use std::fmt;

/// Counts per package, from a stream of output.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Which package a test program belongs to, by file name.
    packages: BTreeMap<String, String>,
    rows: BTreeMap<String, Counts>,
    /// Tests that failed and programs that did not finish, by name.
    failures: Vec<String>,
    /// The program that runs now, and whether it has reported its result.
    running: Option<(String, bool)>,
    /// The beginning of a line that has not ended yet.
    partial: Vec<u8>,
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
        if let Some((package, false)) = self.running.take() {
            self.fail(&package, "a test program ended without a result");
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
        if let Some(package) = self.begins(line) {
            self.finish();
            self.rows.entry(package.clone()).or_default();
            self.running = Some((package, false));
            return;
        }
        // What is printed while no program runs is cargo's.
        let Some((package, reported)) = &mut self.running else { return };
        if let Some(counts) = result(line) {
            *reported = true;
            let row = self.rows.entry(package.clone()).or_default();
            row.passed += counts.passed;
            row.failed += counts.failed;
            row.ignored += counts.ignored;
        } else if let Some(name) =
            line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            self.failures.push(format!("{package}: {name}"));
        }
    }

    /// The package of the program that cargo announces in this line.
    fn begins(&self, line: &str) -> Option<String> {
        if let Some(library) = line.strip_prefix("Doc-tests ") {
            return Some(format!("doc {}", library.trim_start_matches("roomkey_")));
        }
        let path = line.strip_prefix("Running ")?.strip_suffix(')')?.rsplit_once('(')?.1;
        self.packages.get(path.rsplit(['/', '\\']).next()?).cloned()
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
    fn names_what_failed() {
        let tally = tally(
            "Running unittests src/lib.rs (target/debug/deps/vault-33)\ntest codec::limit ... FAILED\n\
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

//! `cargo xtask faults`: the fault matrix F1 to F31 against a real server, and the table of what came of it.
//!
//! The matrix is a test target of the store. It runs by itself rather than among the other tests: some of its tests hold
//! calls to their deadlines, and the table has to be collected.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::failure::{Failure, Result, io};
use crate::process::root;
use crate::test::tally::Tally;
use crate::test::{self, Options};

/// The module that every test of the matrix is in, by which the other tests are told from them.
pub(crate) const MODULE: &str = "matrix::";

/// The variable by which the tests learn where to put their rows.
const ROWS: &str = "ROOMKEY_FAULT_ROWS";

/// The matrix, as arguments of `cargo test`.
pub(crate) const TARGET: [&str; 4] = ["--package", "roomkey-store", "--test", "faults"];

const HEAD: [&str; 9] =
    ["fault", "what", "operations", "acknowledged", "ambiguous", "retried", "recovery", "lost", "doubled"];

pub(crate) fn run(args: &[String]) -> Result {
    test::report(&Options::parse("faults", args)?.only_matrix())
}

/// Runs the matrix by a prepared `cargo test`, and prints and keeps its table, whatever came of it.
pub(crate) fn matrix(mut command: Command, filter: Option<&String>, tally: &mut Tally) -> Result {
    let folder = root().join("target/faults");
    fs::create_dir_all(&folder).map_err(|error| io(folder.display(), &error))?;
    let rows = folder.join("rows.tsv");
    fs::write(&rows, "").map_err(|error| io(rows.display(), &error))?;

    command.env(ROWS, &rows).args(TARGET).args(["--no-fail-fast", "--", "--include-ignored"]);
    let ran = test::follow(command.args(filter), tally);
    let rows = fs::read_to_string(&rows).map_err(|error| io(rows.display(), &error))?;
    // A filter may have left none.
    if !rows.is_empty() {
        let table = table(&rows);
        println!("\n{table}");
        keep(folder.join("table.md"), &table)?;
    }
    ran
}

fn keep(path: PathBuf, table: &str) -> Result {
    fs::write(&path, table).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    println!("    table: {}", path.display());
    Ok(())
}

/// The rows, in the order of their numbers, as a table for people and for Markdown.
fn table(rows: &str) -> String {
    let mut rows: Vec<Vec<&str>> = rows.lines().map(|row| row.split('\t').collect()).collect();
    // Tests end in any order.
    let number =
        |row: &[&str]| row.first().and_then(|fault| fault.trim_start_matches('F').parse::<u32>().ok());
    rows.sort_by(|one, other| (number(one), one).cmp(&(number(other), other)));
    rows.insert(0, HEAD.to_vec());
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..HEAD.len()).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        for (column, width) in widths.iter().enumerate() {
            let cell = row.get(column).copied().unwrap_or_default();
            // Words begin at the left, numbers end at the right. Writing to a string cannot fail.
            let _ = if column < 2 {
                write!(text, "| {cell:<width$} ")
            } else {
                write!(text, "| {cell:>width$} ")
            };
        }
        text.push_str("|\n");
        if at == 0 {
            for (column, width) in widths.iter().enumerate() {
                let _ = write!(text, "|{}{}", "-".repeat(width + 1), if column < 2 { "-" } else { ":" });
            }
            text.push_str("|\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_by_number_and_aligned() {
        let table = table("F10\tBUSY\t5\t4\t1\t0\t0.10 s\t0\t0\nF2\tkill\t100\t99\t1\t2\t-\t0\t0\n");
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].starts_with("| fault | what | operations |"), "{table}");
        assert!(lines[1].starts_with("|-------|------|-----------:|"), "{table}");
        assert!(lines[2].starts_with("| F2    | kill |        100 |"), "{table}");
        assert!(lines[3].starts_with("| F10   | BUSY |          5 |"), "{table}");
        assert_eq!(lines.len(), 4);
    }
}

//! Whether docs/operations.md, the manual for operators, says what is true of the code.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::rights::{Scope, needed};

/// The manual. It stands beside the crates and not in this one.
pub(crate) fn text() -> String {
    fs::read_to_string(crates().join("../docs/operations.md")).unwrap()
}

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What stands in the first column of the tables, with and without marks.
fn first_column(manual: &str) -> BTreeSet<&str> {
    let rows = manual.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    rows.map(|cell| cell.trim_matches('`')).collect()
}

#[test]
fn every_error_has_a_row() {
    for (file, name) in [("core/src/error.rs", "Error"), ("store/src/error.rs", "ConnectError")] {
        let source = fs::read_to_string(crates().join(file)).unwrap();
        let (_, behind) = source.split_once(&format!("pub enum {name} {{\n")).unwrap();
        let (body, _) = behind.split_once("\n}\n").unwrap();
        let variants: Vec<&str> = body
            .lines()
            .filter_map(|line| line.strip_prefix("    "))
            .filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()))
            .map(|line| line.split(['(', '{', ',', ' ']).next().unwrap())
            .collect();
        assert!(variants.len() > 8, "{name} was read as {variants:?}");
        let manual = text();
        let rows = first_column(&manual);
        for variant in variants {
            assert!(rows.contains(variant), "docs/operations.md has no row for {name}::{variant}");
        }
    }
}

#[test]
fn the_rights_are_those_that_are_checked() {
    let manual = text();
    let rights = needed(Scope::Server);
    assert!(
        manual.contains(&format!("-@all ~roomkey:* {rights}\n")),
        "docs/operations.md lacks the rule that ends in: ~roomkey:* {rights}"
    );
    for right in needed(Scope::Cluster).split(' ').filter(|right| !rights.contains(right)) {
        assert!(manual.contains(right), "docs/operations.md lacks a right for clusters: {right}");
    }
}

/// What a line of the log or a span is called in the source: the last text in its macro.
#[test]
fn every_event_and_span_has_a_row() {
    let mut sources = Vec::new();
    collect(&crates().join("store/src"), &mut sources);
    let manual = text();
    let rows = first_column(&manual);
    let mut found = 0;
    for source in sources {
        let mut rest = source.as_str();
        while let Some((_, behind)) = rest.split_once("tracing::") {
            rest = behind;
            let Some((name, arguments)) = behind.split_once("!(") else { break };
            let is_span = name.ends_with("_span");
            if !is_span && !["error", "warn", "info", "debug", "trace"].contains(&name) {
                continue;
            }
            // No message of ours holds a quote.
            let arguments = arguments_of(arguments);
            let mut texts = arguments.split('"').skip(1).step_by(2);
            let text = if is_span { texts.next() } else { texts.last() }.unwrap();
            found += 1;
            // What is said elsewhere, such as a warning of `health`, has rows of its own.
            if !text.starts_with('{') {
                assert!(rows.contains(text), "docs/operations.md has no row for: {text}");
            }
        }
    }
    assert!(found > 10, "{found} were found");
}

/// The arguments of a call, given what is behind its parenthesis.
fn arguments_of(call: &str) -> &str {
    let (mut depth, mut quoted) = (1, false);
    for (at, letter) in call.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &call[..at];
        }
    }
    call
}

fn collect(folder: &Path, sources: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, sources);
        } else if !path.ends_with("manual.rs") {
            sources.push(fs::read_to_string(path).unwrap());
        }
    }
}

//! What every source file has to look like.

use std::fs;
use std::io;
use std::path::Path;

use super::code::code_only;

/// A file with one role fits on a few screens.
const MAX_LINES: usize = 400;

/// Longer files, each with the reason why it is not two.
const LONG: &[(&str, &str)] = &[];

/// What has no place in finished code.
const LEFTOVERS: [&str; 3] = ["dbg!", "todo!", "unimplemented!"];

/// The test crates stand on these two. Their unit tests would see a second copy of the crate they are part of, whose
/// types are not theirs; what needs a test crate goes into `tests/`.
const NOT_IN_UNIT_TESTS: &[(&str, &str)] = &[
    ("crates/core/src/", "roomkey_memory"),
    ("crates/core/src/", "roomkey_testkit"),
    ("crates/memory/src/", "roomkey_testkit"),
];

/// A Rust file: its path below the root, with `/`, and its text.
#[derive(Debug)]
pub(super) struct File {
    path: String,
    text: String,
}

/// Every Rust file of the workspace, in the order of their paths.
pub(super) fn files(root: &Path) -> io::Result<Vec<File>> {
    let mut files = Vec::new();
    collect(root, "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Everything that is wrong with them, with file and line.
pub(super) fn problems(files: &[File]) -> Vec<String> {
    let mut problems: Vec<String> = files.iter().flat_map(check).collect();
    let needed =
        |path: &str| files.iter().any(|file| file.path == path && file.text.lines().count() > MAX_LINES);
    let idle = LONG.iter().filter(|(path, _)| !needed(path));
    problems
        .extend(idle.map(|(path, _)| format!("{path}: needs no exception from {MAX_LINES} lines any more")));
    problems
}

fn collect(folder: &Path, below: &str, files: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{below}{name}");
        if entry.file_type()?.is_dir() {
            // What is built, and what belongs to tools.
            if name != "target" && !name.starts_with('.') {
                collect(&entry.path(), &format!("{path}/"), files)?;
            }
        } else if name.ends_with(".rs") {
            files.push(File { path, text: fs::read_to_string(entry.path())? });
        }
    }
    Ok(())
}

fn check(file: &File) -> Vec<String> {
    let File { path, text } = file;
    let mut problems = Vec::new();
    // A README that is also the documentation of its crate says it at greater length.
    if !text.starts_with("//!") && !text.starts_with("#![doc = include_str!(") {
        problems.push(format!("{path}:1: does not open with `//!` and what it is for"));
    }
    let lines = text.lines().count();
    if lines > MAX_LINES && !LONG.iter().any(|(long, _)| long == path) {
        problems
            .push(format!("{path}: has {lines} lines, more than {MAX_LINES}: give each role its own file"));
    }
    if path.ends_with("/mod.rs") {
        problems.push(format!("{path}: `foo.rs` beside `foo/`, not `foo/mod.rs`"));
    }
    for (index, line) in text.lines().enumerate() {
        if line.ends_with([' ', '\t']) {
            problems.push(format!("{path}:{}: ends with white space", index + 1));
        }
    }
    let code = code_only(text);
    for (index, line) in code.lines().enumerate() {
        for word in LEFTOVERS.iter().filter(|word| has_macro(line, word)) {
            problems.push(format!("{path}:{}: `{word}` is not finished code", index + 1));
        }
        for (_, name) in NOT_IN_UNIT_TESTS.iter().filter(|(folder, _)| path.starts_with(folder)) {
            if line.contains(name) {
                problems.push(format!("{path}:{}: `{name}` belongs into `tests/`", index + 1));
            }
        }
    }
    for (line, attribute) in attributes(&code) {
        if lacks_reason(attribute) {
            problems.push(format!("{path}:{line}: `{}` gives no reason", attribute.trim()));
        }
    }
    problems
}

/// Whether the macro is called here, and not one whose name only ends alike.
fn has_macro(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// The insides of every `#[…]` and `#![…]`, each with its line.
fn attributes(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.match_indices('#').filter_map(|(at, _)| {
        let rest = &code[at + 1..];
        let body = rest.strip_prefix('!').unwrap_or(rest).strip_prefix('[')?;
        let mut depth = 1_usize;
        let end = body.find(|c| {
            depth = match c {
                '[' => depth + 1,
                ']' => depth - 1,
                _ => depth,
            };
            depth == 0
        })?;
        Some((code[..at].matches('\n').count() + 1, &body[..end]))
    })
}

/// `ignore` has to say why, and so has everything that silences a lint, also inside `cfg_attr`.
fn lacks_reason(attribute: &str) -> bool {
    let words: Vec<&str> = attribute.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let silences = words.iter().any(|word| matches!(*word, "allow" | "expect")) && !words.contains(&"reason");
    // With a reason the attribute would end in its quote.
    let ignores =
        words.contains(&"ignore") && attribute.trim_end_matches([')', ',', ' ', '\n']).ends_with("ignore");
    silences || ignores
}

#[cfg(test)]
mod tests;

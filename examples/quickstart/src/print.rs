//! How the demo looks: numbered chapters, what the application does and sees, what the store holds, and checks.

use std::fmt;
use std::io::IsTerminal as _;

use crate::tour::Failed;

/// Writes the demo to standard output, in colour where a person is watching.
#[derive(Debug)]
pub(crate) struct Printer {
    colour: bool,
    chapter: u32,
    checks: u32,
}

impl Printer {
    pub(crate) fn new() -> Self {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { colour, chapter: 0, checks: 0 }
    }

    /// Begins a chapter.
    pub(crate) fn chapter(&mut self, title: &str) {
        self.chapter += 1;
        println!("\n{} {}", self.paint(BOLD, format_args!("{:>2}", self.chapter)), self.paint(BOLD, title));
    }

    /// Shows a call and what the application gets from it.
    pub(crate) fn sees(&self, call: &str, result: impl fmt::Debug) {
        println!("   {call:<58} {} {result:?}", self.paint(DIM, "->"));
    }

    /// Shows a call and why it was refused; one that was not shows nothing, and fails its check.
    pub(crate) fn refused<T>(&self, call: &str, result: &Result<T, impl fmt::Display>) {
        println!("   {call}");
        if let Err(error) = result {
            println!("     {} {error}", self.paint(DIM, "refused:"));
        }
    }

    /// Shows a call that gives nothing worth showing.
    pub(crate) fn does(&self, call: &str) {
        println!("   {call}");
    }

    /// Shows one key of the store.
    pub(crate) fn holds(&self, key: &str, content: &str) {
        println!("     {} {} {}", self.paint(DIM, "store:"), self.paint(CYAN, key), self.paint(DIM, content));
    }

    /// Shows that something holds, or ends the demo.
    pub(crate) fn check(&mut self, holds: bool, claim: &str) -> Result<(), Failed> {
        if !holds {
            return Err(format!("it does not hold that {claim}").into());
        }
        self.checks += 1;
        println!("   {} {claim}", self.paint(GREEN, "✓"));
        Ok(())
    }

    /// Ends the demo.
    pub(crate) fn finish(&self) {
        println!("\n{}", self.paint(BOLD, format_args!("All {} checks hold.", self.checks)));
    }

    fn paint(&self, style: &str, text: impl fmt::Display) -> String {
        if self.colour { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_string() }
    }
}

const BOLD: &str = "1";
const DIM: &str = "2";
const GREEN: &str = "32";
const CYAN: &str = "36";

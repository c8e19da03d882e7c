//! The fault matrix: what a store survives, fault by fault, with an exact account of what was asked and what happened.
//!
//! The numbers F1 to F31 are those of the list in `docs/operations.md`. Each test adds a row to one table, which
//! `cargo xtask faults` prints.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

mod ear;
mod matrix;
mod scene;
mod table;

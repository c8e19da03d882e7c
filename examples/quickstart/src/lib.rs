#![doc = include_str!("../../../README.md")]
#![expect(clippy::print_stdout, reason = "a program for people to read")]

mod holdings;
mod print;
mod tour;

pub use tour::{Failed, walk};

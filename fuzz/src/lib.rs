//! Hostile bytes for everything that reads what a store holds or a stranger sends.
//!
//! Each target is a function of any bytes that must return: a decoder gives the right value or one of its documented
//! errors, whatever it is given, and takes no more memory than the input is worth. Where a decoder lies behind the seal,
//! the input is sealed with the vault's own key first, as a fuzzer cannot forge it; that shows what a decoder does with
//! what another version, another type or a careless operator has sealed.
//!
//! `cargo xtask fuzz` drives the targets; `tests/corpus.rs` runs each over the inputs that are committed in `corpus/`.

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

mod brought;
mod envelope;
mod input;
mod issued;
mod rooms;
mod structures;
mod texts;
mod values;
mod web;
mod world;

pub use brought::brought;
pub use envelope::envelope;
pub use issued::{issued, sessions};
pub use rooms::rooms;
pub use structures::structures;
pub use texts::texts;
pub use values::values;
pub use web::{bearer, browser};

/// A function that holds for any bytes.
pub type Target = fn(&[u8]);

/// Every target, under the name of its fuzzer and of the folder of its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("bearer", bearer),
    ("brought", brought),
    ("browser", browser),
    ("envelope", envelope),
    ("issued", issued),
    ("rooms", rooms),
    ("sessions", sessions),
    ("structures", structures),
    ("texts", texts),
    ("values", values),
];

/// Runs a target on an input, and counts what it allocates.
///
/// # Panics
/// If the target does, or if it allocates more than a constant and [`PER_BYTE`] for each byte of the input. What is
/// counted is all that was allocated, given back or not, so nothing is hidden by being short-lived.
pub fn check(target: Target, data: &[u8]) {
    let before = allocated();
    target(data);
    let taken = allocated().wrapping_sub(before);
    assert!(
        taken <= BASE + PER_BYTE * data.len(),
        "{taken} bytes were allocated for an input of {}",
        data.len()
    );
}

/// What making a store and a vault and a few calls may take.
const BASE: usize = 4 << 20;

/// What a byte of input may take: the longest chains from bytes to values are those of maps and of JSON, which are read,
/// written, read back and compared.
pub const PER_BYTE: usize = 4 << 10;

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn allocated() -> usize {
    let stats = COUNTING.stats();
    stats.bytes_allocated.wrapping_add_signed(stats.bytes_reallocated)
}

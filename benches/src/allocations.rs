//! Counts what a sealed call allocates, in a process of its own: counting costs time that nobody else should pay.
//!
//! `cargo xtask bench` starts it beside the measuring program and reads what it prints.

use std::alloc::System;
use std::process::ExitCode;

use roomkey_benches::Allocated;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    roomkey_benches::count_allocations(|| {
        let stats = COUNTING.stats();
        Allocated {
            // Growing in place or moving is work all the same.
            times: stats.allocations + stats.reallocations,
            bytes: stats.bytes_allocated.saturating_add_signed(stats.bytes_reallocated),
        }
    })
}

//! The bounds of a program and of its parts, which every store shares.
//!
//! The bounds are checked when a [`Txn`](crate::Txn), a [`Batch`](crate::Batch), a [`Scan`](crate::Scan) or a
//! [`Wait`](crate::Wait) is built, so a store never sees a program that breaks one.

use std::time::Duration;

/// The most different keys that one transaction may name.
pub const MAX_KEYS: usize = 64;

/// The most ops that one transaction may hold, over all its branches.
pub const MAX_OPS: usize = 512;

/// The most checks that one transaction may hold, over all its forks.
pub const MAX_CHECKS: usize = 512;

/// The deepest nesting of one transaction: forks inside forks.
pub const MAX_DEPTH: usize = 16;

/// The most elements in one argument list.
///
/// Lua refuses to unpack more than about 8 000 values; a bounded list also bounds how long one program can hold a
/// server.
pub const MAX_ELEMENTS: usize = 1_000;

/// The highest `limit` or `count` of an op that reads or takes a part of a structure.
pub const MAX_LIMIT: u32 = 1_000;

/// The most ops of one batch.
pub const MAX_BATCH: usize = 65_536;

/// The most logs that one [`Wait`](crate::Wait) may name.
pub const MAX_LOGS: usize = 1_024;

/// The largest value, list element or log field, in bytes (16 MiB).
///
/// One large value holds up everything behind it on its connection; Redis itself would take 512 MiB.
pub const MAX_VALUE_BYTES: usize = 16 * 1024 * 1024;

/// The longest map field or ranking member, in bytes (64 KiB).
pub const MAX_FIELD_BYTES: usize = 64 * 1024;

/// The most bytes that all arguments of one program may hold together (64 MiB).
pub const MAX_PROGRAM_BYTES: usize = 64 * 1024 * 1024;

/// The longest lifetime or lease: 100 years of 365 days.
pub const MAX_DURATION: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

/// The highest score of a ranking member and, negated, the lowest: 2^53, the range in which a Redis score is exact.
pub const MAX_SCORE: i64 = 1 << 53;

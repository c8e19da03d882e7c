//! The transactions of tokens.

mod brought;
mod codes;
mod consume;
mod issue;
mod moment;
mod others;
mod refresh;
mod revoke;
mod sessions;
mod touch;
mod update;

pub(crate) use brought::{RevokeProgram, StoreProgram};
pub(crate) use codes::{Trial, Tried, TryProgram};
pub(crate) use consume::ConsumeProgram;
pub(crate) use issue::{Begin, BeginProgram, Generation, Held, HeldProgram, Write, Written};
pub(crate) use moment::MomentProgram;
pub(crate) use others::{Others, OthersProgram, RecordOf, Remains};
pub(crate) use refresh::{Kept, KeptProgram, Rotate, RotateProgram};
pub(crate) use revoke::EndProgram;
pub(crate) use sessions::WalkProgram;
pub(crate) use touch::TouchProgram;
pub(crate) use update::UpdateProgram;

use std::time::Duration;

/// How many dead entries of its index each token that is added removes: two for every one, so that an index stays in
/// proportion to the live tokens without anybody cleaning up.
const SWEPT: u32 = 2;

/// How long an index outlives the last token in it, so that a daily cleanup finds what has expired.
const LINGER: Duration = Duration::from_secs(24 * 3_600);

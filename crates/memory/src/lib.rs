#![doc = include_str!("../README.md")]

mod clock;
mod cursor;
mod entry;
mod expiry;
mod integer;
mod keyspace;
mod names;
mod program;
mod reaper;
mod shard;
mod store;
mod structures;
#[cfg(test)]
mod testing;
mod wait;

pub use store::{MemoryOptions, MemoryStore};

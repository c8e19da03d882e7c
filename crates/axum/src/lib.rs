#![doc = include_str!("../README.md")]

mod sessions;

pub use sessions::VaultSessionStore;

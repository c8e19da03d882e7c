#![doc = include_str!("../README.md")]

mod bearer;
mod sessions;

pub use bearer::{Bearer, BearerLayer, BearerService, NotVerified, Refusal};
pub use sessions::VaultSessionStore;

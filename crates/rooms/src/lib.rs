#![doc = include_str!("../README.md")]

mod error;
mod programs;
mod rooms;

pub use error::{Error, Result};
pub use rooms::{DEFAULT_EXPIRY, DEFAULT_LIMIT, Rooms};

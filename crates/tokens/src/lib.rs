#![doc = include_str!("../README.md")]

mod error;
mod keys;
mod programs;
mod tokens;

pub use error::{Error, Result};
pub use keys::MAX_TOKEN_BYTES;
pub use tokens::{DEFAULT_EXPIRY, Tokens, TokensOptions};

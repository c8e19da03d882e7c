#![doc = include_str!("../README.md")]
//!
//! # Map
//!
//! [`SecretKey`] and [`Passphrase`] are what an operator keeps; a [`Keyring`] is made of them once per
//! process; [`Keyring::scope`] derives the keys of one namespace; a [`Scope`] seals, opens and hides names.

mod context;
mod envelope;
mod error;
mod keyring;
mod labels;
mod primitives;
mod random;
mod scope;
mod secret;

pub use context::Context;
pub use envelope::{Header, OVERHEAD, Opened, Suite, inspect};
pub use error::{Error, Result};
pub use keyring::{KeyId, Keyring, KeyringBuilder};
pub use scope::{Scope, Tag};
pub use secret::{MIN_ITERATIONS, MIN_SALT_LEN, Passphrase, SecretKey};

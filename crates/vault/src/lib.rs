#![doc = include_str!("../README.md")]

mod codec;
mod error;
mod expiry;
mod metrics;
mod name;
mod space;
mod vault;

pub use codec::{Decode, Encode, Json, Payload, decode};
pub use error::{Error, Result};
pub use expiry::Expiry;
pub use name::{MAX_NAME_BYTES, Name};
pub use roomkey_core::Ttl;
pub use roomkey_crypto::{KeyId, Keyring};
pub use space::Space;
pub use vault::{Builder, MAX_VALUE_BYTES, Vault};

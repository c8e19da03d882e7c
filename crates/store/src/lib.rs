#![doc = include_str!("../README.md")]

mod backoff;
mod batch;
mod call;
mod command;
mod compile;
mod config;
mod connect;
mod credentials;
mod dial;
mod error;
mod health;
mod lane;
mod lanes;
mod link;
mod metrics;
mod node;
mod pool;
mod rights;
mod secret;
mod sentinel;
mod server;
mod store;
mod tls;

pub use config::{Endpoint, RedisConfig, RedisConfigBuilder, Topology, VerifyMode};
pub use credentials::{Credentials, CredentialsFuture, CredentialsProvider};
pub use error::{Answer, ConnectError};
pub use store::RedisStore;

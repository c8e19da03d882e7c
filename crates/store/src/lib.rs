#![doc = include_str!("../README.md")]

mod backoff;
mod batch;
mod breaker;
mod budget;
mod call;
mod cluster;
mod command;
mod compile;
mod config;
mod connect;
mod credentials;
mod dial;
mod durability;
mod error;
mod graves;
mod health;
mod lane;
mod lanes;
mod line;
mod link;
#[cfg(test)]
mod manual;
mod metrics;
mod node;
mod packed;
mod pool;
mod rights;
mod secret;
mod sentinel;
mod server;
mod site;
mod store;
mod tally;
mod tls;
mod topology;
mod watch;

pub use config::{Endpoint, RedisConfig, RedisConfigBuilder, Topology, VerifyMode};
pub use credentials::{Credentials, CredentialsFuture, CredentialsProvider};
pub use durability::NotReplicated;
pub use error::{Answer, ConnectError, Unavailable};
pub use store::RedisStore;

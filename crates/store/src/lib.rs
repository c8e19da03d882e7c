//! The Redis store of Roomkey: configuration, TLS, lanes and the compiler from programs to Lua

mod backoff;
mod batch;
mod call;
mod command;
mod compile;
mod config;
mod connect;
mod error;
mod health;
mod lane;
mod lanes;
mod pool;
mod rights;
mod secret;
mod server;
mod store;
mod tls;

pub use config::{Endpoint, RedisConfig, RedisConfigBuilder, VerifyMode};
pub use error::{Answer, ConnectError};
pub use store::RedisStore;

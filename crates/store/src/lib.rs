//! The Redis store of Roomkey: configuration, TLS, lanes and the compiler from programs to Lua

mod backoff;
mod config;
mod connect;
mod error;
mod lane;
mod lanes;
mod pool;
mod rights;
mod secret;
mod server;
mod tls;

pub use config::{Endpoint, RedisConfig, RedisConfigBuilder, VerifyMode};
pub use error::{Answer, ConnectError};

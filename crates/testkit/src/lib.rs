#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test says what it expects by panicking"))]

pub mod conformance;
pub mod history;
pub mod linear;
pub mod mock;
pub mod programs;
pub mod proxy;
pub mod server;
pub mod workers;

mod alike;
mod cases;
mod cluster;
mod differential;
mod faulty;
mod pause;
mod prepared;
mod recording;
mod retry;
mod sentinel;
mod state;

pub use alike::{Alike, outcomes_alike};
pub use cases::Cases;
pub use cluster::{ClusterOptions, Failover, Migration, RedisCluster};
pub use differential::{assert_same, assert_same_sampled};
pub use faulty::{Fault, FaultyStore, Gate};
pub use history::History;
pub use mock::MockStore;
pub use proxy::FaultProxy;
pub use recording::{Answer, Call, RecordingStore, Request};
pub use retry::assert_retry_safe;
pub use sentinel::{RedisSentinel, SentinelOptions};
pub use server::RedisServer;
pub use state::{Content, KeyState, keys_of, read_state};
pub use workers::Crew;

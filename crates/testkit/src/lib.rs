//! Conformance suite, wrappers, mocks and real servers for testing Roomkey stores.
//!
//! A development dependency, never part of a service.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test says what it expects by panicking"))]

pub mod server;

pub use server::RedisServer;

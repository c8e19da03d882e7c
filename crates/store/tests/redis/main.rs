//! The store against real servers: how it connects, what it refuses, and what it survives.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

mod age;
mod breaker;
mod cluster;
mod connect;
mod credentials;
mod crowd;
mod durability;
mod faults;
mod graves;
mod secrets;
mod sentinel;
mod tls;
mod tls_reload;
mod waits;

use bytes::Bytes;
use roomkey_core::{Batch, Key, Kind, Life, Namespace, Op, Partition, Reply, Result, Store};
use roomkey_store::{RedisConfig, RedisConfigBuilder, RedisStore};
use roomkey_testkit::RedisServer;

/// A configuration for a server that speaks plain text and asks nobody who he is.
fn config(server: &RedisServer) -> RedisConfigBuilder {
    RedisConfig::builder().host("127.0.0.1").port(server.port())
}

async fn connect(server: &RedisServer) -> RedisStore {
    RedisStore::connect(config(server).build().unwrap()).await.unwrap()
}

fn namespace() -> Namespace {
    Namespace::new("test", "v1", "store").unwrap()
}

/// A key of its own for each tag, in the partition of that number.
fn key(kind: Kind, partition: u16, tag: u8) -> Key {
    Key::new(kind, &namespace(), Partition::from_slot(partition).unwrap(), [tag; 16])
}

/// The reply of one op.
async fn reply(store: &RedisStore, op: Op) -> Result<Reply> {
    store.run(Batch::one(op)?).await?.remove(0)
}

async fn put(store: &RedisStore, key: &Key, value: &'static str) -> Result<Reply> {
    reply(store, Op::put(key, Bytes::from_static(value.as_bytes()), Life::Never)).await
}

async fn get(store: &RedisStore, key: &Key) -> Result<Option<Bytes>> {
    reply(store, Op::get(key)).await.map(Reply::into_bytes)
}

/// Waits until calls succeed again. How long that takes is up to the pauses between attempts to connect.
async fn comes_back(store: &RedisStore, key: &Key) {
    let begun = std::time::Instant::now();
    while let Err(error) = get(store, key).await {
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{}", shown(&error));
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// Everything that an error shows, as a log would: both forms, of it and of all its causes.
fn shown(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error:?} {error}");
    let mut next = error.source();
    while let Some(cause) = next {
        text += &format!(" {cause:?} {cause}");
        next = cause.source();
    }
    text
}

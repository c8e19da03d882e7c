//! Random programs, on Redis and on the embedded store.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use roomkey_store::RedisStore;
use roomkey_testkit::assert_same_sampled;
use roomkey_testkit::conformance::{Fixture, MemoryFixture};
use tokio::sync::OnceCell;

use super::RedisFixture;
use super::servers::Way;

/// A sequence of programs makes up to a dozen new scripts, and a server keeps each for ever: now and then it
/// must forget.
const FORGET_AFTER: u32 = 100;
/// Every way leads to the same engine, so the others are compared on a tenth of the sequences.
const SAMPLE: u32 = 10;

#[test]
fn redis_and_memory_are_the_same() {
    compare(Way::Plain, 1);
}

#[test]
fn redis_with_tls_and_memory_are_the_same() {
    compare(Way::Tls, SAMPLE);
}

#[test]
fn redis_behind_sentinels_and_memory_are_the_same() {
    compare(Way::Sentinel, SAMPLE);
}

#[test]
fn redis_behind_sentinels_with_tls_and_memory_are_the_same() {
    compare(Way::SentinelTls, SAMPLE);
}

/// The keys of the programs lie on all three nodes.
#[test]
fn a_cluster_and_memory_are_the_same() {
    compare(Way::Cluster, SAMPLE);
}

#[test]
fn a_cluster_with_tls_and_memory_are_the_same() {
    compare(Way::ClusterTls, SAMPLE);
}

fn compare(way: Way, one_in: u32) {
    let redis = OnceCell::new();
    let cases = Cell::new(0u32);
    assert_same_sampled(one_in, async || {
        let fixture = redis.get_or_init(async || Arc::new(RedisFixture::own(way).await)).await;
        fixture.clear();
        cases.set(cases.get() + 1);
        if cases.get().is_multiple_of(FORGET_AFTER) {
            fixture.forget_scripts();
        }
        (Shared(Arc::clone(fixture)), MemoryFixture::in_real_time())
    });
}

/// The same servers for all sequences: starting some for each would take longer than all the rest.
#[derive(Debug)]
struct Shared(Arc<RedisFixture>);

impl Fixture for Shared {
    type Store = RedisStore;

    fn store(&self) -> &RedisStore {
        self.0.store()
    }

    async fn advance(&self, duration: Duration) {
        self.0.advance(duration).await;
    }

    async fn limit_memory(&self, at_limit: bool) {
        self.0.limit_memory(at_limit).await;
    }
}

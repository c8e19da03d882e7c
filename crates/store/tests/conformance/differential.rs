//! Random programs, on Redis and on the embedded store.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use roomkey_store::RedisStore;
use roomkey_testkit::assert_same;
use roomkey_testkit::conformance::{Fixture, MemoryFixture};
use tokio::sync::OnceCell;

use super::RedisFixture;

/// A sequence of programs makes up to a dozen new scripts, and a server keeps each for ever: now and then it
/// must forget.
const FORGET_AFTER: u32 = 100;

#[test]
fn redis_and_memory_are_the_same() {
    let redis = OnceCell::new();
    let cases = Cell::new(0u32);
    assert_same(async || {
        let fixture = redis.get_or_init(async || Arc::new(RedisFixture::plain().await)).await;
        fixture.clear();
        cases.set(cases.get() + 1);
        if cases.get().is_multiple_of(FORGET_AFTER) {
            fixture.forget_scripts();
        }
        (Shared(Arc::clone(fixture)), MemoryFixture::in_real_time())
    });
}

/// One server for all sequences: starting one for each would take longer than all the rest.
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

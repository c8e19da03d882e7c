//! What the suite needs besides a store.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use roomkey_core::Store;
use roomkey_memory::MemoryStore;

/// A fresh, empty store under test, and the two things that a test does to it from outside.
pub trait Fixture: fmt::Debug {
    /// The store under test.
    type Store: Store;

    /// The store.
    fn store(&self) -> &Self::Store;

    /// Returns when more than `duration` has passed on the store's clock.
    fn advance(&self, duration: Duration) -> impl Future<Output = ()>;

    /// Puts the store at its memory limit, or takes it off again. At the limit it refuses to grow.
    fn limit_memory(&self, at_limit: bool) -> impl Future<Output = ()>;
}

/// A [`MemoryStore`], on tokio's paused clock or on the real one.
#[derive(Clone, Debug)]
pub struct MemoryFixture {
    store: MemoryStore,
    paused: bool,
}

impl MemoryFixture {
    /// A fresh store on a paused clock, so that hours pass at once. Pauses the clock of the current runtime,
    /// which must be a current-thread one and not be paused yet.
    #[expect(clippy::unused_async, reason = "the suite takes constructors that are async")]
    pub async fn paused() -> Self {
        tokio::time::pause();
        Self { store: MemoryStore::new(), paused: true }
    }

    /// A fresh store on the real clock, beside another store that has no other.
    pub fn in_real_time() -> Self {
        Self { store: MemoryStore::new(), paused: false }
    }
}

impl Fixture for MemoryFixture {
    type Store = MemoryStore;

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    async fn advance(&self, duration: Duration) {
        let duration = duration + Duration::from_millis(1);
        if self.paused {
            tokio::time::advance(duration).await;
        } else {
            tokio::time::sleep(duration).await;
        }
    }

    async fn limit_memory(&self, at_limit: bool) {
        // Every store uses at least no memory at all.
        self.store.set_capacity(at_limit.then_some(0));
    }
}

//! The conformance suite on the embedded store, and on every wrapper over it.

use std::time::Duration;

use roomkey_core::Store;
use roomkey_memory::MemoryStore;
use roomkey_testkit::conformance::{Fixture, MemoryFixture};
use roomkey_testkit::{FaultyStore, RecordingStore, conformance_suite};

/// A wrapper over a memory store.
#[derive(Debug)]
struct Wrapped<S> {
    memory: MemoryFixture,
    store: S,
}

impl<S: Store> Wrapped<S> {
    async fn new(wrap: impl FnOnce(MemoryStore) -> S) -> Self {
        let memory = MemoryFixture::paused().await;
        Self { store: wrap(memory.store().clone()), memory }
    }
}

impl<S: Store> Fixture for Wrapped<S> {
    type Store = S;

    fn store(&self) -> &S {
        &self.store
    }

    async fn advance(&self, duration: Duration) {
        self.memory.advance(duration).await;
    }

    async fn limit_memory(&self, at_limit: bool) {
        self.memory.limit_memory(at_limit).await;
    }
}

async fn faulty() -> Wrapped<FaultyStore<MemoryStore>> {
    Wrapped::new(FaultyStore::new).await
}

async fn recording() -> Wrapped<RecordingStore<MemoryStore>> {
    Wrapped::new(RecordingStore::new).await
}

mod memory_store {
    use super::*;

    conformance_suite!(MemoryFixture::paused);
}

mod faulty_store {
    use super::*;

    conformance_suite!(faulty);
}

mod recording_store {
    use super::*;

    conformance_suite!(recording);
}

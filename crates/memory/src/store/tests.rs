//! The store as its users see it.

mod capacity;
mod concurrency;
mod expiry;
mod random;
mod scan;
mod wait;

use roomkey_core::{ErrorKind, Kind, Op, Scan, Store as _};

use crate::testing::{key, namespace, one};
use crate::{MemoryOptions, MemoryStore};

#[tokio::test]
async fn a_closed_store_holds_nothing_and_refuses_everything() {
    let store = MemoryStore::new();
    let handle = store.clone();
    one(&store, Op::put(&key(Kind::Value, 0), "v", roomkey_core::Life::Keep)).await.unwrap();
    handle.close().await.unwrap();
    handle.close().await.unwrap();
    assert_eq!(one(&store, Op::get(&key(Kind::Value, 0))).await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(store.scan(Scan::new(namespace())).await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(store.health().await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!((store.used(), store.inner.keys_held()), (0, 0));
}

#[tokio::test]
async fn health_names_the_limit_that_was_reached() {
    let store = MemoryStore::with_options(MemoryOptions::new().capacity(1));
    assert_eq!(store.health().await.unwrap().warnings.len(), 0);
    one(&store, Op::put(&key(Kind::Value, 0), "v", roomkey_core::Life::Keep)).await.unwrap();
    let health = store.health().await.unwrap();
    assert_eq!((health.memory_used, health.memory_limit), (Some(store.used()), Some(1)));
    assert_eq!(health.warnings.len(), 1);
    assert!(health.engine.starts_with("memory "));
}

#[test]
fn a_store_works_without_a_runtime_until_somebody_waits() {
    // The futures of the store complete at once, so polling them is all that an executor has to do.
    let store = MemoryStore::new();
    let mut put = std::pin::pin!(one(&store, Op::put(&key(Kind::Value, 0), "v", crate::testing::set(1_000))));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(put.as_mut().poll(&mut context).is_ready());
    assert_eq!(store.inner.keys_held(), 1);
}

//! Walks over all nodes of a cluster, and what ends them.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{ErrorKind, Kind, Result, Scan, Store as _};
use roomkey_store::RedisStore;
use roomkey_testkit::RedisCluster;
use roomkey_testkit::server::Restart;

use super::{PATIENT, connect};
use crate::{key, namespace, put};

/// Every key of the namespace, page by page.
async fn walk(store: &RedisStore) -> Result<Vec<Bytes>> {
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.scan(Scan::new(namespace()).count(10)?.after(cursor)).await?;
        found.extend(page.keys);
        cursor = page.next;
        if cursor.is_none() {
            return Ok(found);
        }
    }
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_scan_walks_all_nodes() {
    let cluster = RedisCluster::start();
    let store = connect(&cluster).await;
    let keys: HashSet<Bytes> =
        (0..200).map(|n| key(Kind::Value, n * 81, 3)).map(|key| key.bytes().clone()).collect();
    for n in 0..200 {
        put(&store, &key(Kind::Value, n * 81, 3), "x").await.unwrap();
    }
    assert_eq!(walk(&store).await.unwrap().into_iter().collect::<HashSet<_>>(), keys);

    // A cursor goes on in another process, and one of another kind of store is lost.
    let first = store.scan(Scan::new(namespace()).count(10).unwrap()).await.unwrap();
    let page = connect(&cluster).await.scan(Scan::new(namespace()).after(first.next)).await.unwrap();
    assert!(page.next.is_some());
    let strange = roomkey_core::Cursor::from_bytes(Bytes::from_static(b"0123456789abcdef:7"));
    let error = store.scan(Scan::new(namespace()).after(strange)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CursorLost);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_scan_never_spans_a_move_or_a_restart() {
    let cluster = RedisCluster::start();
    let store = connect(&cluster).await;
    for n in 0..200 {
        put(&store, &key(Kind::Value, n * 81, 3), "x").await.unwrap();
    }
    let begin = || async { store.scan(Scan::new(namespace()).count(10).unwrap()).await.unwrap().next };
    let go_on = |cursor| async {
        let mut cursor = cursor;
        loop {
            match store.scan(Scan::new(namespace()).count(10).unwrap().after(cursor)).await {
                Ok(page) if page.next.is_none() => return Ok(()),
                Ok(page) => cursor = page.next,
                Err(error) => return Err(error.kind()),
            }
        }
    };
    // From a node that the walk has yet to see to one that it has seen.
    let slot = 16_000;
    let (cursor, to) = (begin().await, cluster.owner(0));
    cluster.migrate_slot(slot, to);
    assert_eq!(go_on(cursor).await, Err(ErrorKind::CursorLost));
    walk(&store).await.unwrap();

    // A slot on its way: a walk under way ends, and none begins.
    let cursor = begin().await;
    let migration = cluster.migration(slot, cluster.owner(8_000));
    assert_eq!(go_on(cursor).await, Err(ErrorKind::CursorLost));
    let hasty = store.with_timeout(Duration::from_millis(200));
    let error = hasty.scan(Scan::new(namespace())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotExecuted);
    assert!(error.to_string().contains("on its way"), "{error}");
    migration.finish();
    walk(&store.with_timeout(PATIENT)).await.unwrap();

    let cursor = begin().await;
    cluster.owner(16_383).restart(Restart::KeepData);
    cluster.wait_until_agreed();
    let patient = store.with_timeout(PATIENT);
    let mut next = cursor;
    let error = loop {
        match patient.scan(Scan::new(namespace()).after(next)).await {
            Ok(page) => next = Some(page.next.expect("a walk over a restart came to its end")),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::CursorLost);
}

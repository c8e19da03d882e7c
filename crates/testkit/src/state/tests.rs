//! The state of a key that ends while it is read.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use roomkey_core::{Health, Life, Namespace, Outcome, Page, Partition, Result, Scan, Wait, Woken};
use roomkey_memory::MemoryStore;

use super::*;

const MS: Duration = Duration::from_millis(1);

/// A store on which a millisecond passes after each op of a batch.
#[derive(Clone, Debug)]
struct Slow(MemoryStore);

impl Store for Slow {
    async fn run(&self, batch: Batch) -> Result<Vec<Result<Reply>>> {
        let mut replies = Vec::new();
        for op in batch.ops() {
            replies.extend(self.0.run(Batch::one(op.clone())?).await?);
            tokio::time::advance(MS).await;
        }
        Ok(replies)
    }

    async fn transact(&self, txn: &Txn) -> Result<Outcome> {
        self.0.transact(txn).await
    }

    async fn scan(&self, scan: Scan) -> Result<Page> {
        self.0.scan(scan).await
    }

    async fn wait(&self, wait: Wait) -> Result<Woken> {
        self.0.wait(wait).await
    }

    async fn health(&self) -> Result<Health> {
        self.0.health().await
    }

    async fn close(&self) -> Result<()> {
        self.0.close().await
    }
}

#[tokio::test(start_paused = true)]
async fn what_expires_while_it_is_read_is_missing() {
    let store = Slow(MemoryStore::new());
    let namespace = Namespace::new("app", "v1", "doc").unwrap();
    let key = |kind| Key::new(kind, &namespace, Partition::from_slot(0).unwrap(), [0; 16]);
    let (value, map) = (key(Kind::Value), key(Kind::Map));
    for lives in 1..12 {
        let life = Life::Set((lives * MS).into());
        let text = Bytes::from_static(b"text");
        let puts = [Op::put(&value, text.clone(), life), Op::map_put(&map, text.clone(), text, life)];
        for put in puts {
            store.0.run(Batch::new([Op::delete(&value), put]).unwrap()).await.unwrap();
            let state = read_state(&store, [value.bytes().clone()]).await.remove(0);
            // The last of seven reads is six milliseconds after the first.
            assert_eq!(state.content == Content::Missing, lives < 6, "{lives}: {state:?}");
            assert_eq!(state.ttl == Ttl::Missing, lives < 6, "{lives}: {state:?}");
        }
    }
}

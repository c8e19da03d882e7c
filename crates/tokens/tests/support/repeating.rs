//! A store that repeats, for tests of lost replies.

use roomkey_core::{
    Batch, Class, Health, Outcome, Page, Reply, Result as CoreResult, Scan, Store, Txn, Wait, Woken,
};
use roomkey_testkit::FaultyStore;

/// A store that repeats what is safe to repeat after an ambiguous failure, as the contract lets it.
#[derive(Clone, Debug)]
pub(crate) struct Repeating<S>(pub(crate) FaultyStore<S>);

impl<S: Store> Store for Repeating<S> {
    async fn run(&self, batch: Batch) -> CoreResult<Vec<CoreResult<Reply>>> {
        self.0.run(batch).await
    }

    async fn transact(&self, txn: &Txn) -> CoreResult<Outcome> {
        match self.0.transact(txn).await {
            Err(error) if error.class() == Class::Ambiguous && txn.retry_safe() => self.0.transact(txn).await,
            done => done,
        }
    }

    async fn scan(&self, scan: Scan) -> CoreResult<Page> {
        self.0.scan(scan).await
    }

    async fn wait(&self, wait: Wait) -> CoreResult<Woken> {
        self.0.wait(wait).await
    }

    async fn health(&self) -> CoreResult<Health> {
        self.0.health().await
    }

    async fn close(&self) -> CoreResult<()> {
        self.0.close().await
    }
}

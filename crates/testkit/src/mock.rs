//! A mock of the contract, for tests that say call by call what a store is asked and what it answers.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use mockall::mock;
use roomkey_core::{Batch, Health, Outcome, Page, Reply, Result, Scan, Store, Txn, Wait, Woken};

mock! {
    /// A [`Store`] that answers as expected of it, and panics at anything else.
    ///
    /// For most tests a [`FaultyStore`](crate::FaultyStore) over a memory store says more with less; a mock
    /// is for what no store would do, and for tests that no call is made at all. Code under test clones its
    /// store, so hand it a [`shared`](Self::shared) mock.
    ///
    /// ```
    /// use roomkey_core::{Batch, ErrorKind, Error, Store as _};
    /// use roomkey_testkit::MockStore;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut mock = MockStore::new();
    /// mock.expect_run().once().returning(|_| Box::pin(async { Err(Error::not_executed("the server is away")) }));
    /// let store = mock.shared();
    ///
    /// let error = store.clone().run(Batch::default()).await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::NotExecuted);
    /// # }
    /// ```
    pub Store {}

    impl Clone for Store {
        fn clone(&self) -> Self;
    }

    impl Store for Store {
        fn run(&self, batch: Batch) -> impl Future<Output = Result<Vec<Result<Reply>>>> + Send;
        fn transact(&self, txn: &Txn) -> impl Future<Output = Result<Outcome>> + Send;
        fn scan(&self, scan: Scan) -> impl Future<Output = Result<Page>> + Send;
        fn wait(&self, wait: Wait) -> impl Future<Output = Result<Woken>> + Send;
        fn health(&self) -> impl Future<Output = Result<Health>> + Send;
        fn close(&self) -> impl Future<Output = Result<()>> + Send;
    }
}

impl MockStore {
    /// A handle that can be cloned freely; all calls of all clones go to this mock, which is checked when the
    /// last one is dropped.
    #[must_use]
    pub fn shared(self) -> Self {
        handle(&Arc::new(self))
    }
}

fn handle(mock: &Arc<MockStore>) -> MockStore {
    /// Forwards one method. A future may outlive the call that made it, hence its own reference.
    macro_rules! forward {
        ($handle:ident . $expect:ident => |$inner:ident $(, $arg:ident)?| $call:expr) => {{
            let mock = Arc::clone(mock);
            $handle.$expect().returning(move |$($arg)?| {
                let $inner = Arc::clone(&mock);
                Box::pin(async move { $call.await })
            });
        }};
    }
    let mut handle = MockStore::new();
    forward!(handle.expect_run => |inner, batch| inner.run(batch));
    forward!(handle.expect_scan => |inner, scan| inner.scan(scan));
    forward!(handle.expect_wait => |inner, wait| inner.wait(wait));
    forward!(handle.expect_health => |inner| inner.health());
    forward!(handle.expect_close => |inner| inner.close());
    let inner = Arc::clone(mock);
    handle.expect_transact().returning(move |txn| {
        let (inner, txn) = (Arc::clone(&inner), txn.clone());
        Box::pin(async move { inner.transact(&txn).await })
    });
    let inner = Arc::clone(mock);
    handle.expect_clone().returning(move || self::handle(&inner));
    handle
}

impl fmt::Debug for MockStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Expectations are closures, of which there is nothing to show.
        f.debug_struct("MockStore").finish_non_exhaustive()
    }
}

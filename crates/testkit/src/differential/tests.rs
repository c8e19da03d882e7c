//! Whether the comparison finds what it is for, and nothing else.

use std::panic;

use roomkey_core::{Health, Page, Result, Scan, Wait, Woken};
use roomkey_memory::MemoryStore;

use super::*;
use crate::conformance::MemoryFixture;

/// A store with a flaw.
#[derive(Clone, Debug)]
struct Flawed {
    inner: MemoryStore,
    flaw: Flaw,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    None,
    /// `Delete` says of missing keys that they existed.
    Reply,
    /// `Put` forgets its expiry.
    State,
    /// Overflow is told as text.
    ErrorKind,
    /// A transaction says that it took all branches.
    Path,
}

impl Store for Flawed {
    async fn run(&self, batch: Batch) -> Result<Vec<Result<Reply>>> {
        let flaw = self.flaw;
        let ops = batch.into_ops().into_iter().map(|op| match op {
            Op::Put { key, value, .. } if flaw == Flaw::State => {
                Op::Put { key, value, life: roomkey_core::Life::Keep }
            }
            op => op,
        });
        let replies = self.inner.run(Batch::new(ops)?).await?;
        let replies = replies.into_iter().map(|reply| match reply {
            Ok(Reply::Flag(false)) if flaw == Flaw::Reply => Ok(Reply::Flag(true)),
            Err(Error::Overflow) if flaw == Flaw::ErrorKind => Err(Error::NotANumber),
            reply => reply,
        });
        Ok(replies.collect())
    }

    async fn transact(&self, txn: &Txn) -> Result<Outcome> {
        let outcome = self.inner.transact(txn).await?;
        if self.flaw != Flaw::Path {
            return Ok(outcome);
        }
        let mut flawed = Outcome::new(txn, outcome.now());
        for (id, _) in crate::state::ops_of(txn) {
            if let Some(reply) = outcome.reply(id) {
                flawed.set_reply(id, reply.clone());
            }
        }
        Ok(flawed)
    }

    async fn scan(&self, scan: Scan) -> Result<Page> {
        self.inner.scan(scan).await
    }

    async fn wait(&self, wait: Wait) -> Result<Woken> {
        self.inner.wait(wait).await
    }

    async fn health(&self) -> Result<Health> {
        self.inner.health().await
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}

#[derive(Debug)]
struct FlawedFixture {
    memory: MemoryFixture,
    store: Flawed,
}

impl FlawedFixture {
    fn new(flaw: Flaw) -> Self {
        let memory = MemoryFixture::in_real_time();
        Self { store: Flawed { inner: memory.store().clone(), flaw }, memory }
    }
}

impl Fixture for FlawedFixture {
    type Store = Flawed;

    fn store(&self) -> &Flawed {
        &self.store
    }

    async fn advance(&self, duration: Duration) {
        self.memory.advance(duration).await;
    }

    async fn limit_memory(&self, at_limit: bool) {
        self.memory.limit_memory(at_limit).await;
    }
}

fn compare_with(flaw: Flaw, cases: u32) {
    let cases = Cases::new(cases, cases);
    compare_stores(&cases, async || (MemoryFixture::in_real_time(), FlawedFixture::new(flaw)));
}

#[test]
fn a_store_is_the_same_as_itself() {
    compare_with(Flaw::None, 200);
}

#[test]
fn a_flaw_is_found_and_cut_down_to_its_core() {
    for flaw in [Flaw::Reply, Flaw::State, Flaw::ErrorKind, Flaw::Path] {
        let found = panic::catch_unwind(|| compare_with(flaw, 5_000)).unwrap_err();
        let message = found.downcast::<String>().unwrap();
        assert!(message.contains("PROPTEST_RNG_SEED"), "{message}");
        // The shortest sequence has at most a step that prepares and one that shows the flaw.
        let steps = message.matches("    Run(").count() + message.matches("    Transact(").count();
        assert!((1..=2).contains(&steps), "{flaw:?} took {steps} steps:\n{message}");
    }
}

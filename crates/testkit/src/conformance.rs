//! The conformance suite: what every store does, one test per behaviour.
//!
//! [`conformance_suite!`](crate::conformance_suite) writes the tests; the modules below hold the behaviours,
//! in the order of the contract. A behaviour names no store and no engine, and waits for nothing but the
//! store's own clock.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]
#![allow(clippy::future_not_send, reason = "a test runs on one thread")]

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{
    Batch, BranchId, Check, ErrorKind, Key, Kind, Namespace, Op, Outcome, Partition, Reply, Store, Ttl, Txn,
    TxnBuilder,
};

mod fixture;
mod list;

#[doc(hidden)]
pub mod batches;
#[doc(hidden)]
pub mod bindings;
#[doc(hidden)]
pub mod checks;
#[doc(hidden)]
pub mod errors;
#[doc(hidden)]
pub mod expiry;
#[doc(hidden)]
pub mod handles;
#[doc(hidden)]
pub mod lists;
#[doc(hidden)]
pub mod logs;
#[doc(hidden)]
pub mod maps;
#[doc(hidden)]
pub mod memory_limit;
#[doc(hidden)]
pub mod programs;
#[doc(hidden)]
pub mod rankings;
#[doc(hidden)]
pub mod references;
#[doc(hidden)]
pub mod scans;
#[doc(hidden)]
pub mod values;
#[doc(hidden)]
pub mod waits;
#[doc(hidden)]
pub mod walks;

pub use fixture::{Fixture, MemoryFixture};

/// A lifetime that ends only when a behaviour lets it: far longer than any test runs.
const LONG: Duration = Duration::from_secs(3_600);
/// A lifetime that a behaviour lets pass. Nothing is ever expected to happen *within* it.
const BRIEF: Duration = Duration::from_millis(20);

/// How the ops of a behaviour reach the store: both ways have to agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// In a batch of one.
    Batch,
    /// In a transaction with a fork and a second op, so that no store can send it as one plain command.
    Program,
}

/// A store under test, and short names for what the behaviours do with it.
#[doc(hidden)]
#[derive(Debug)]
pub struct Harness<F> {
    fixture: F,
    way: Way,
}

impl<F: Fixture> Harness<F> {
    /// Sends single ops as batches of one.
    pub const fn by_batch(fixture: F) -> Self {
        Self { fixture, way: Way::Batch }
    }

    /// Sends single ops inside of programs.
    pub const fn by_program(fixture: F) -> Self {
        Self { fixture, way: Way::Program }
    }

    fn store(&self) -> &F::Store {
        self.fixture.store()
    }

    /// Runs one op, in the way of this harness.
    async fn run(&self, op: impl Into<Op>) -> Result<Reply, ErrorKind> {
        let op = op.into();
        match self.way {
            Way::Batch => self.batch([op]).await.swap_remove(0),
            Way::Program => {
                let partition = op.key().partition();
                let nothing = Key::new(Kind::Value, &namespace("suite"), partition, [0xff; 16]);
                let mut program = TxnBuilder::new("suite.op");
                let (free, _) = program.fork(BranchId::ROOT, [Check::missing(&nothing)]);
                let id = program.op(free, op);
                program.op(BranchId::ROOT, Op::ttl(&nothing));
                let mut outcome = self.transact(program).await?;
                Ok(outcome
                    .take_reply(id)
                    .unwrap_or_else(|| panic!("the op was on the path and has no reply")))
            }
        }
    }

    /// Runs a batch; its ops' errors by kind.
    async fn batch(&self, ops: impl IntoIterator<Item = Op>) -> Vec<Result<Reply, ErrorKind>> {
        let batch = Batch::new(ops).unwrap_or_else(|e| panic!("the behaviour is invalid: {e}"));
        let replies = self.store().run(batch).await.unwrap_or_else(|e| panic!("the batch failed: {e}"));
        replies.into_iter().map(|reply| reply.map_err(|e| e.kind())).collect()
    }

    /// Runs a program.
    async fn transact(&self, program: TxnBuilder) -> Result<Outcome, ErrorKind> {
        self.store().transact(&built(program)).await.map_err(|e| e.kind())
    }

    /// Runs a program of these ops and returns their replies.
    async fn all(&self, ops: impl IntoIterator<Item = Op>) -> Result<Vec<Reply>, ErrorKind> {
        let mut program = TxnBuilder::new("suite.all");
        let ids: Vec<_> = ops.into_iter().map(|op| program.op(BranchId::ROOT, op)).collect();
        let mut outcome = self.transact(program).await?;
        Ok(ids.into_iter().filter_map(|id| outcome.take_reply(id)).collect())
    }

    /// Asks whether checks hold.
    async fn holds(&self, checks: impl IntoIterator<Item = Check>) -> Result<bool, ErrorKind> {
        let mut program = TxnBuilder::new("suite.holds");
        let (then, otherwise) = program.fork(BranchId::ROOT, checks);
        let outcome = self.transact(program).await?;
        assert_ne!(outcome.took(then), outcome.took(otherwise), "a fork takes exactly one branch");
        Ok(outcome.took(then))
    }

    /// Prepares the state: ops that have to succeed.
    async fn given(&self, ops: impl IntoIterator<Item = Op>) {
        for reply in self.batch(ops).await {
            reply.unwrap_or_else(|e| panic!("the state could not be prepared: {e:?}"));
        }
    }

    async fn ttl(&self, key: &Key) -> Ttl {
        match self.batch([Op::ttl(key)]).await.swap_remove(0) {
            Ok(Reply::Ttl(ttl)) => ttl,
            other => panic!("Ttl replied {other:?}"),
        }
    }

    /// Lets time pass on the store's clock.
    async fn advance(&self, duration: Duration) {
        self.fixture.advance(duration).await;
    }
}

fn built(program: TxnBuilder) -> Txn {
    program.build().unwrap_or_else(|e| panic!("the behaviour is invalid: {e}"))
}

fn namespace(name: &str) -> Namespace {
    Namespace::new("testkit", "v1", name).unwrap_or_else(|e| panic!("{name} is no namespace: {e}"))
}

/// A key of the behaviour's partition. Keys of one number share their bytes, whatever their kind.
fn key(kind: Kind, number: u8) -> Key {
    key_in(42, kind, number)
}

/// A key of another partition.
fn key_in(slot: u16, kind: Kind, number: u8) -> Key {
    let partition = Partition::from_slot(slot).unwrap_or_else(|| panic!("{slot} is no slot"));
    Key::new(kind, &namespace("suite"), partition, [number; 16])
}

fn value(number: u8) -> Key {
    key(Kind::Value, number)
}

fn map(number: u8) -> Key {
    key(Kind::Map, number)
}

fn list(number: u8) -> Key {
    key(Kind::List, number)
}

fn ranking(number: u8) -> Key {
    key(Kind::Ranking, number)
}

fn log(number: u8) -> Key {
    key(Kind::Log, number)
}

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn many<const N: usize>(texts: [&'static str; N]) -> Vec<Bytes> {
    texts.map(bytes).to_vec()
}

/// Whether a lifetime of `whole` has begun to run: it is a part of the whole, and not less than what a test
/// may last.
fn runs(ttl: Ttl, whole: Duration) -> bool {
    matches!(ttl, Ttl::After(left) if left <= whole && left > whole / 2)
}

/// Waits for `future`, but not for ever: a bound on hanging, not an expectation of speed.
async fn within_reason<T>(future: impl Future<Output = T>) -> T {
    let bound = Duration::from_secs(60);
    tokio::time::timeout(bound, future).await.unwrap_or_else(|_| panic!("nothing happened within {bound:?}"))
}

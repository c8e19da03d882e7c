//! The contract of a store.

use std::fmt;
use std::future::Future;

use crate::{Batch, Health, Outcome, Page, Reply, Result, Scan, Txn, Wait, Woken};

/// A place for short-lived shared state: a small machine that runs transactions.
///
/// # Contract
/// - A store holds five [structures](crate::Kind) and runs programs over them as [`Txn`] and [`Op`](crate::Op) say, on
///   its own clock. Two stores given the same programs at the same times reply the same, except for log ids and the
///   order and size of pages.
/// - A transaction is all or nothing. A batch is not: its ops are independent.
/// - A failure is [`NotExecuted`](crate::Class::NotExecuted), [`Ambiguous`](crate::Class::Ambiguous) or
///   [`Permanent`](crate::Class::Permanent). After an ambiguous one a store repeats reads, ops of class
///   [`Absolute`](crate::Retry::Absolute) and transactions marked [`retry_safe`](Txn::retry_safe), and nothing else.
/// - A store never turns its own trouble into a reply.
/// - A dropped future is forgotten, not cancelled: the program may run to its end.
/// - Keys and fields that reach a store hide what they stand for, values are sealed: that is the caller's work.
///   Whoever can reach the store can still see sizes, counts, times and scores.
///
/// # Clone
/// A clone is another handle on the same store and costs next to nothing.
///
/// # Wrappers
/// A wrapper is generic over `S: Store`, forwards every method, and passes the conformance suite of `roomkey-testkit`.
///
/// Implementors write `async fn`.
pub trait Store: Clone + fmt::Debug + Send + Sync + 'static {
    /// Runs independent ops on any keys: one reply each in the order given, not atomic together, one round trip per
    /// server. An empty batch is `Ok(vec![])` and costs nothing.
    ///
    /// # Errors
    /// The outer error means that no op ran, or that nobody knows of any; an inner one concerns its op alone.
    fn run(&self, batch: Batch) -> impl Future<Output = Result<Vec<Result<Reply>>>> + Send;

    /// Runs one transaction: all of it or nothing, on the store's clock, in one round trip.
    ///
    /// # Errors
    /// See [`Error`](crate::Error); all but [`Ambiguous`](crate::Error::Ambiguous) leave the store unchanged.
    fn transact(&self, txn: &Txn) -> impl Future<Output = Result<Outcome>> + Send;

    /// Reads one page of the keys of a namespace: cursor in, cursor out, never a blocking walk.
    ///
    /// # Errors
    /// [`CursorLost`](crate::Error::CursorLost) for a cursor of another run or store, besides the store's own trouble.
    fn scan(&self, scan: Scan) -> impl Future<Output = Result<Page>> + Send;

    /// Returns when one of the logs has an entry after its id, and names the logs that have; or at the timeout.
    ///
    /// An entry counts whenever it was appended, so nothing is missed between a wait and the next. It is noticed as soon as
    /// it is there, or where the store has no means for that, after about a second; no store looks more often. A log that
    /// always has an entry does not keep the others from being named. The timeout is a bound on waiting: what it takes to
    /// ask the store comes on top.
    ///
    /// Dropping the future ends the wait, and gives back what it holds.
    ///
    /// # Errors
    /// [`WrongType`](crate::Error::WrongType) if one of the keys holds another structure, and the store's own trouble: part
    /// of the store that fails is asked again until the timeout, and an error only if it fails then.
    fn wait(&self, wait: Wait) -> impl Future<Output = Result<Woken>> + Send;

    /// Asks the store how it is.
    ///
    /// # Errors
    /// If the store does not answer.
    fn health(&self) -> impl Future<Output = Result<Health>> + Send;

    /// Ends the store for all its handles: later calls are [`Closed`](crate::Error::Closed). Closing twice is no error.
    ///
    /// # Errors
    /// The store's own trouble; it is closed all the same.
    fn close(&self) -> impl Future<Output = Result<()>> + Send;
}

//! One command from the caller to the server and back: which connection, which deadline, and when to try again.

use std::borrow::Cow;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use redis::Value;
use roomkey_core::{Error, Failure, Partition, Result};
use tokio::time::{Instant, sleep, sleep_until};

use crate::backoff::Backoff;
use crate::budget::Budget;
use crate::command::Command;
use crate::durability::NotReplicated;
use crate::error::{FORGOTTEN, Refusal, is_final, refusal};
use crate::metrics::Metrics;
use crate::node::{Errand, Node};
use crate::server::Server;
use crate::topology::{Held, Topology};

/// What calls are made over.
#[derive(Debug)]
pub(crate) struct Wires {
    pub(crate) topology: Topology,
    pub(crate) budget: Budget,
    pub(crate) metrics: Arc<Metrics>,
}

/// What is sent, and what may be done when nobody knows whether it ran.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) command: &'a Command,
    /// The one that all its keys are of.
    pub(crate) partition: Partition,
    /// Whether running it a second time is harmless.
    pub(crate) repeatable: bool,
    /// Whether it can change anything at all.
    pub(crate) writes: bool,
}

/// An answer that is no error, and who gave it.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) value: Value,
    pub(crate) server: Arc<Server>,
    /// It is written, and may yet be lost.
    pub(crate) shortfall: Option<NotReplicated>,
}

impl Answered {
    /// Reads the answer. What kept the server from doing anything weighs more than that no replica has it.
    pub(crate) fn read<T>(self, read: impl FnOnce(Value, &Server) -> Result<T>) -> Result<T> {
        let read = read(self.value, &self.server)?;
        self.shortfall.map_or(Ok(read), |shortfall| Err(shortfall.into()))
    }
}

impl Wires {
    /// Sends one command and gives its answer, with everything that takes inside one deadline.
    ///
    /// # Errors
    ///
    /// What the server refused, what got lost, or what was not sent in time; each in the class that is known to be true.
    pub(crate) async fn call(&self, request: Request<'_>, deadline: Instant) -> Result<Answered> {
        let mut attempt = Attempt::default();
        let outcome = {
            // Pinned where it is: by value, all of it would be copied into the timeout.
            let under_way = AtomicBool::new(false);
            let attempt = pin!(self.attempt(request, deadline, &under_way, &mut attempt));
            within(deadline, &under_way, attempt).await
        };
        match outcome {
            Some(Ok(answered)) => Ok(answered),
            Some(Err(error)) => Err(attempt.verdict(error, request.writes)),
            None => {
                self.topology.suspect();
                let trouble = || self.topology.trouble(request.partition);
                Err(attempt.overdue(trouble, request.writes))
            }
        }
    }

    /// Tries until it succeeds; `under_way` is set while something is handed to a connection and not yet answered.
    async fn attempt(
        &self,
        request: Request<'_>,
        deadline: Instant,
        under_way: &AtomicBool,
        attempt: &mut Attempt,
    ) -> Result<Answered> {
        let mut next = Next { deadline, asked: None, by_source: false, detours: 0 };
        let mut backoff = Backoff::of_a_call();
        loop {
            let error = match self.once(request, under_way, attempt, &mut next).await {
                Ok(Some(answered)) => return Ok(answered),
                Ok(None) => continue,
                Err(error) if Instant::now() >= deadline => return Err(error),
                Err(error) => error,
            };
            let again = match &error {
                Error::NotExecuted(failure) => !is_final(failure),
                Error::Ambiguous(_) => request.repeatable && self.budget.pays_a_repeat(),
                _ => false,
            };
            if !again {
                return Err(error);
            }
            self.metrics.retried(&error);
            attempt.last = Some(error);
            sleep(backoff.pause()).await;
        }
    }

    /// Sends the command once. Without an answer and without an error it is to be sent again at once.
    async fn once(
        &self,
        request: Request<'_>,
        under_way: &AtomicBool,
        attempt: &mut Attempt,
        next: &mut Next,
    ) -> Result<Option<Answered>> {
        let asked = next.asked.take();
        let asking = asked.is_some();
        let node = match asked {
            Some(node) => Held::Member(node),
            None => self.topology.owner(request.partition)?,
        };
        let errand = Errand { bytes: request.command.bytes(), writes: request.writes, again: attempt.doubt };
        let wire = self.topology.wire(&node, errand).await?;
        // A server that has started anew would take any cursor, and go on somewhere.
        if !request.command.fits(wire.run()) {
            wire.unused();
            return Err(Error::CursorLost);
        }
        let command = if next.by_source {
            request.command.by_source()
        } else {
            Cow::Borrowed(request.command.by_hash())
        };
        under_way.store(true, Ordering::Relaxed);
        let answer = if asking {
            wire.send_asking(next.deadline, &command, request.writes).await
        } else {
            wire.link().commit(next.deadline, &command, request.writes).await
        };
        under_way.store(false, Ordering::Relaxed);
        let refused = match answer {
            Ok((Value::ServerError(refused), _)) => refused,
            Ok((value, shortfall)) => {
                self.budget.answered();
                return Ok(Some(Answered { value, server: wire.answered(), shortfall }));
            }
            Err(error) => {
                attempt.doubt |= matches!(error, Error::Ambiguous(_));
                self.topology.suspect();
                return Err(error);
            }
        };
        wire.answered();
        if let Some(detour) = self.topology.heed(&node, &refused) {
            next.asked = detour.asked();
            next.detours += 1;
            if next.detours <= MOST_DETOURS {
                return Ok(None);
            }
        }
        match refusal(&refused) {
            // Another connection may lead to another server, so the source goes along from here on.
            Refusal::NoScript if !next.by_source => {
                next.by_source = true;
                Ok(None)
            }
            Refusal::NoScript => Err(Error::not_executed(FORGOTTEN)),
            Refusal::Error(error) => Err(error),
        }
    }
}

/// So often a call follows a redirect at once. Nodes that send it to and fro do not agree yet, and need time.
pub(crate) const MOST_DETOURS: u32 = 5;

/// How the next attempt differs from the first.
struct Next {
    /// By which it has to be answered.
    deadline: Instant,
    /// It goes to this node, not to the owner of the partition.
    asked: Option<Arc<Node>>,
    /// With the source of the script.
    by_source: bool,
    detours: u32,
}

/// What becomes of a call by its deadline; none if it is still not done.
///
/// While anything is under way, its connection keeps the time: a timer for every call would cost more than what else
/// the call does here.
pub(crate) async fn within<T>(
    deadline: Instant,
    under_way: &AtomicBool,
    mut call: Pin<&mut impl Future<Output = T>>,
) -> Option<T> {
    let mut timer = None;
    poll_fn(|context| {
        if let Poll::Ready(outcome) = call.as_mut().poll(context) {
            return Poll::Ready(Some(outcome));
        }
        if under_way.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        timer.as_mut().poll(context).map(|()| None)
    })
    .await
}

/// What is known of a call, should its deadline pass.
#[derive(Debug, Default)]
struct Attempt {
    /// An earlier attempt got lost: whatever the server says of a later one, the first may have happened.
    doubt: bool,
    /// Why the attempt before failed.
    last: Option<Error>,
}

impl Attempt {
    fn verdict(self, error: Error, writes: bool) -> Error {
        in_doubt(error, self.doubt && writes)
    }

    fn overdue(self, trouble: impl FnOnce() -> Error, writes: bool) -> Error {
        in_doubt(untried(self.last.unwrap_or_else(trouble)), self.doubt && writes)
    }
}

/// What an error means when an earlier attempt was lost and may have changed something.
pub(crate) fn in_doubt(error: Error, doubt: bool) -> Error {
    match error {
        error @ Error::Ambiguous(_) => error,
        error if doubt => {
            Error::Ambiguous(Failure::new("an earlier attempt was lost, and the last one failed", error))
        }
        error => error,
    }
}

/// What the failure of the last attempt means when the deadline forbade another.
pub(crate) fn untried(last: Error) -> Error {
    match last {
        Error::Permanent(failure) | Error::Ambiguous(failure) => Error::NotExecuted(failure),
        error => error,
    }
}

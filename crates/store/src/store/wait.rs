//! Waiting for entries of logs.

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, Value};
use roomkey_core::{Error, Result, Wait, Woken};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::RedisStore;
use crate::backoff::Backoff;
use crate::call::MOST_DETOURS;
use crate::error::{Refusal, lost, refusal, unexpected_answer};
use crate::node::{Errand, Node};
use crate::topology::{Detour, Held};

/// The longest that the server is asked to wait at a time, so that a connection that died meanwhile is noticed.
const SLICE: Duration = Duration::from_secs(30);

impl RedisStore {
    pub(super) async fn wait_for_entry(&self, wait: &Wait) -> Result<Woken> {
        // 100 years from now is beyond no clock that tokio runs on.
        let end = Instant::now() + wait.timeout();
        tokio::select! {
            () = self.shared.wires.topology.closed() => Err(Error::Closed),
            woken = self.wait_until(wait, end) => woken,
        }
    }

    async fn wait_until(&self, wait: &Wait, end: Instant) -> Result<Woken> {
        let mut backoff = Backoff::of_a_lane();
        let mut asked = None;
        let mut detours = 0;
        loop {
            let error = match self.wait_once(wait, end, asked.take()).await {
                Ok(Turn::Over(woken)) => return Ok(woken),
                Ok(Turn::Next) => {
                    backoff.reset();
                    detours = 0;
                    continue;
                }
                Ok(Turn::Elsewhere(detour)) if detours < MOST_DETOURS => {
                    asked = detour.asked();
                    detours += 1;
                    continue;
                }
                Ok(Turn::Elsewhere(_)) => {
                    Error::not_executed("the nodes of the cluster send a wait to and fro")
                }
                // To wait is to read, so whatever happened, it may be done again.
                Err(error @ (Error::NotExecuted(_) | Error::Ambiguous(_))) => error,
                Err(error) => return Err(error),
            };
            let again = Instant::now() + backoff.pause();
            if again >= end {
                return Err(error);
            }
            sleep_until(again).await;
        }
    }

    /// Waits for one slice.
    async fn wait_once(&self, wait: &Wait, end: Instant, asked: Option<Arc<Node>>) -> Result<Turn> {
        let topology = &self.shared.wires.topology;
        let partition = wait.logs()[0].0.partition();
        let asking = asked.is_some();
        let node = asked.map_or_else(|| topology.owner(partition), |node| Ok(Held::Member(node)))?;
        // A connection of one's own may have to be waited for, or opened: not for longer than a call may take.
        let checkout = timeout_at(end.min(self.deadline()), topology.wire(&node, Errand::WAIT)).await;
        let wire =
            checkout.map_err(|_| Error::not_executed("no connection for a wait came free in time"))??;
        let left = end.saturating_duration_since(Instant::now());
        let slice = left.min(SLICE);
        // The server answers at the end of the slice; what comes later than the deadline of a call comes never.
        let patience = slice.saturating_add(self.timeout);
        let xread = xread(wait, slice);
        let send = async {
            if asking {
                wire.send_asking(Instant::now() + patience, &(&xread).into(), false)
                    .await
                    .map(|(answer, _)| answer)
            } else {
                wire.link().send(&xread).await.map_err(lost)
            }
        };
        let answer = tokio::select! {
            answer = timeout(patience, send) => {
                answer.map_err(|_| Error::ambiguous("the server did not answer at the end of a wait"))
            }
            // It may never say so itself, as when it is frozen.
            () = topology.moved_from(partition, &node), if !asking => {
                return Ok(Turn::Elsewhere(Detour::Owner));
            }
        };
        let answer = answer.and_then(|answer| answer).inspect_err(|_| topology.suspect())?;
        wire.answered();
        match answer {
            Value::Nil if left > slice => Ok(Turn::Next),
            Value::Nil => Ok(Turn::Over(Woken::TimedOut)),
            Value::Array(_) | Value::Map(_) => Ok(Turn::Over(Woken::Ready)),
            Value::ServerError(refused) => match topology.heed(&node, &refused) {
                Some(detour) => Ok(Turn::Elsewhere(detour)),
                None => Err(match refusal(&refused) {
                    Refusal::Error(error) => error,
                    Refusal::NoScript => unexpected_answer(),
                }),
            },
            _ => Err(unexpected_answer()),
        }
    }
}

/// How a slice of a wait ended.
enum Turn {
    Over(Woken),
    /// There is more time.
    Next,
    /// Another node has the logs.
    Elsewhere(Detour),
}

fn xread(wait: &Wait, slice: Duration) -> Cmd {
    let mut command = redis::cmd("XREAD");
    // 0 would mean for ever.
    let milliseconds = u64::try_from(slice.as_millis()).unwrap_or(u64::MAX).max(1);
    command.arg("COUNT").arg(1).arg("BLOCK").arg(milliseconds).arg("STREAMS");
    for (log, _) in wait.logs() {
        command.arg(&log.bytes()[..]);
    }
    for (_, after) in wait.logs() {
        command.arg(after.to_string());
    }
    command
}

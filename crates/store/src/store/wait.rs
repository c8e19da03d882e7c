//! Waiting for entries of logs.

use std::time::Duration;

use redis::{Cmd, Value};
use roomkey_core::{Error, Result, Wait, Woken};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::RedisStore;
use crate::backoff::Backoff;
use crate::error::{Refusal, lost, refusal, unexpected_answer};

/// The longest that the server is asked to wait at a time, so that a connection that died meanwhile is noticed.
const SLICE: Duration = Duration::from_secs(30);

impl RedisStore {
    pub(super) async fn wait_for_entry(&self, wait: &Wait) -> Result<Woken> {
        // 100 years from now is beyond no clock that tokio runs on.
        let end = Instant::now() + wait.timeout();
        tokio::select! {
            () = self.shared.wires.node.lanes.closed() => Err(Error::Closed),
            woken = self.wait_until(wait, end) => woken,
        }
    }

    async fn wait_until(&self, wait: &Wait, end: Instant) -> Result<Woken> {
        let mut backoff = Backoff::of_a_lane();
        loop {
            let error = match self.wait_once(wait, end).await {
                Ok(Some(woken)) => return Ok(woken),
                Ok(None) => {
                    backoff.reset();
                    continue;
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

    /// Waits for one slice; `None` when it is over and there is more time.
    async fn wait_once(&self, wait: &Wait, end: Instant) -> Result<Option<Woken>> {
        // A connection of one's own may have to be waited for, or opened: not for longer than a call may take.
        let checkout =
            timeout_at(end.min(self.deadline()), self.shared.wires.node.pool.checkout(false)).await;
        let checkout =
            checkout.map_err(|_| Error::not_executed("no connection for a wait came free in time"))??;
        let left = end.saturating_duration_since(Instant::now());
        let slice = left.min(SLICE);
        // The server answers at the end of the slice; what comes later than the deadline of a call comes never.
        let patience = slice.saturating_add(self.timeout);
        let answer = timeout(patience, checkout.link().send(&xread(wait, slice))).await;
        let answer = answer
            .map_err(|_| Error::ambiguous("the server did not answer at the end of a wait"))?
            .map_err(lost)?;
        checkout.give_back();
        match answer {
            Value::Nil if left > slice => Ok(None),
            Value::Nil => Ok(Some(Woken::TimedOut)),
            Value::Array(_) | Value::Map(_) => Ok(Some(Woken::Ready)),
            Value::ServerError(error) => Err(match refusal(&error) {
                Refusal::Error(error) => error,
                Refusal::NoScript => unexpected_answer(),
            }),
            _ => Err(unexpected_answer()),
        }
    }
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

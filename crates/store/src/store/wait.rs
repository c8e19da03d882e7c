//! Waiting for entries of logs.
//!
//! A wait is cut into groups of logs that one command may name: all of them where there is one server, those of one
//! partition in a cluster. A group *blocks* on a connection of its own, if its node has one left for that, and is then
//! heard of at once. The others are *looked at* over the shared connections, once a second, those of a node together.

mod group;
mod turn;

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use roomkey_core::{Error, Key, Result, Wait, Woken};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use self::group::{Group, groups};
use self::turn::{Seat, Turn, block, look};
use super::RedisStore;
use crate::node::Node;

/// How often those are looked at that cannot block.
const EVERY: Duration = Duration::from_secs(1);
/// How long what was found waits for what is found at other nodes.
const HEARING: Duration = Duration::from_millis(50);

impl RedisStore {
    pub(super) async fn wait_for_entry(&self, wait: &Wait) -> Result<Woken> {
        // 100 years from now is beyond no clock that tokio runs on.
        let end = Instant::now() + wait.timeout();
        let waiting = Waiting {
            store: self,
            end,
            looks: FuturesUnordered::new(),
            blocked: FuturesUnordered::new(),
            stop: watch::Sender::new(false),
        };
        tokio::select! {
            () = self.shared.wires.topology.closed() => Err(Error::Closed),
            woken = waiting.woken(wait) => woken,
        }
    }
}

/// One call that waits.
struct Waiting<'a> {
    store: &'a RedisStore,
    end: Instant,
    looks: FuturesUnordered<BoxFuture<'a, Turn<'a>>>,
    blocked: FuturesUnordered<BoxFuture<'a, Turn<'a>>>,
    /// Tells those that are blocked that the wait is over.
    stop: watch::Sender<bool>,
}

impl<'a> Waiting<'a> {
    async fn woken(mut self, wait: &'a Wait) -> Result<Woken> {
        let mut unheard = self.begin(groups(&self.store.shared.wires.topology, wait.logs()));
        let mut ready = Vec::new();
        let mut hearing = None;
        loop {
            let Turn { first, outcomes } = tokio::select! {
                Some(turn) = self.blocked.next() => turn,
                Some(turn) = self.looks.next() => turn,
                () = sleep_until(hearing.unwrap_or(self.end)), if hearing.is_some() => break,
                else => break,
            };
            unheard -= usize::from(first);
            let rest = sort(outcomes, &mut ready)?;
            if ready.is_empty() {
                self.go_on(rest)?;
            } else if unheard == 0 {
                break;
            } else {
                hearing.get_or_insert_with(|| Instant::now() + HEARING);
            }
        }
        if ready.is_empty() {
            return Ok(Woken::TimedOut);
        }
        self.stop(&mut ready).await;
        Ok(Woken::Ready(ready))
    }

    /// Begins, and tells how many looks have to be heard before any wait ends.
    ///
    /// A log that has an entry each time would end each wait before the others are heard, so all are looked at before any
    /// blocks. Of a single group there are no others, and to block is to look, too.
    fn begin(&mut self, groups: Vec<Group<'a>>) -> usize {
        let now = Instant::now();
        if groups.len() > 1 {
            return self.look(groups, now, true);
        }
        self.block_or_look(groups, now);
        0
    }

    /// Has those block or looked at again that were not ready; what failed only after a pause.
    ///
    /// # Errors
    ///
    /// If something failed, and there is no time left.
    fn go_on(&mut self, rest: Rest<'a>) -> Result<()> {
        let Rest { quiet, mut failed, trouble } = rest;
        let now = Instant::now();
        if now >= self.end {
            return trouble.map_or(Ok(()), Err);
        }
        self.block_or_look(quiet, now + EVERY);
        let pause = failed.iter_mut().map(|group| group.backoff.pause()).max().unwrap_or_default();
        self.look(failed, now + pause, false);
        Ok(())
    }

    /// Has those groups block that can, and the others be looked at then.
    fn block_or_look(&mut self, groups: Vec<Group<'a>>, then: Instant) {
        let mut others = Vec::new();
        for mut group in groups {
            match Seat::at(self.store, &mut group) {
                Some(seat) => {
                    let stop = self.stop.subscribe();
                    self.blocked.push(Box::pin(block(self.store, group, seat, self.end, stop)));
                }
                None => others.push(group),
            }
        }
        self.look(others, then, false);
    }

    /// Has those that are blocked give back their connections. Closed instead, they would all have to be opened anew for
    /// the wait that follows.
    async fn stop(&mut self, ready: &mut Vec<Key>) {
        self.stop.send_replace(true);
        let stopped = async {
            while let Some(turn) = self.blocked.next().await {
                turn.outcomes.into_iter().for_each(|(_, found)| ready.extend(found.unwrap_or_default()));
            }
        };
        // Who takes longer is closed: what is ready is waited for.
        let _ = timeout(HEARING, stopped).await;
    }

    /// Looks at groups, those of a node by themselves: one that does not answer holds up nothing but its own. Tells how
    /// many looks that makes.
    fn look(&mut self, groups: Vec<Group<'a>>, at: Instant, first: bool) -> usize {
        let topology = &self.store.shared.wires.topology;
        let mut parts: HashMap<Option<*const Node>, Vec<Group<'a>>> = HashMap::new();
        for group in groups {
            let owner = topology.owner(group.partition).ok().map(|node| &raw const *node);
            parts.entry(owner).or_default().push(group);
        }
        let at = at.min(self.end);
        let looks = parts.len();
        for part in parts.into_values() {
            self.looks.push(Box::pin(look(self.store, part, at, first)));
        }
        looks
    }
}

/// Those of some groups that are not ready.
#[derive(Default)]
struct Rest<'a> {
    quiet: Vec<Group<'a>>,
    failed: Vec<Group<'a>>,
    /// Why one has failed.
    trouble: Option<Error>,
}

/// Puts the logs that are ready to the others, and tells which groups have none.
///
/// # Errors
///
/// What will not pass by itself.
fn sort<'a>(outcomes: Vec<(Group<'a>, Result<Vec<Key>>)>, ready: &mut Vec<Key>) -> Result<Rest<'a>> {
    let mut rest = Rest::default();
    for (group, outcome) in outcomes {
        match outcome {
            Ok(found) if found.is_empty() => rest.quiet.push(group),
            Ok(found) => ready.extend(found),
            // To wait is to read, so whatever happened, it may be done again.
            Err(error @ (Error::NotExecuted(_) | Error::Ambiguous(_))) => {
                rest.failed.push(group);
                rest.trouble = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(rest)
}

//! Several commands in one round trip per node.
//!
//! Commands of one partition have to run in the order given, also when some of them have to be sent again, or elsewhere.
//! Three rules see to that:
//!
//! - A command is sent again only together with all later commands of its partition. When one of those has been
//!   answered, it keeps the error it has; except that a read may still follow reads.
//! - A script that has a later command of its partition behind it goes by its source. By its hash it could turn out to be
//!   unknown, and what is behind it would have overtaken it.
//! - Commands of one partition that have to go to different nodes, as while it moves, go one node after the other.
//!
//! What goes to different nodes travels at the same time, and is repeated by itself: a node that does not answer holds up
//! nothing but its own.

mod part;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use redis::Value;
use roomkey_core::{Error, Partition, Result};
use tokio::time::{Instant, sleep};

use self::part::{Part, divide};
use crate::backoff::Backoff;
use crate::call::{Answered, MOST_DETOURS, Wires, in_doubt, untried, within};
use crate::command::Command;
use crate::error::{FORGOTTEN, Refusal, is_final, refusal, unexpected_answer};
use crate::node::{Errand, Node};
use crate::packed::Packed;
use crate::topology::{Detour, Held};

/// One command of a batch.
pub(crate) struct Item {
    pub(crate) command: Command,
    pub(crate) partition: Partition,
    /// Whether running it a second time is harmless.
    pub(crate) repeatable: bool,
    /// Whether it can change anything at all.
    pub(crate) writes: bool,
    state: State,
    /// An earlier attempt got lost.
    doubt: bool,
    /// The server did not know the script.
    by_source: bool,
    /// It goes to this node next, not to the owner of its partition.
    asked: Option<Arc<Node>>,
    detours: u32,
    /// Handed to a connection and not yet answered.
    under_way: bool,
    /// A server has said something of it, be it no.
    heard: bool,
}

enum State {
    /// To be sent, with the error of the attempt before.
    Open(Option<Error>),
    Done(Result<Answered>),
}

impl Item {
    pub(crate) fn new(command: Command, partition: Partition, repeatable: bool, writes: bool) -> Self {
        Self {
            command,
            partition,
            repeatable,
            writes,
            state: State::Open(None),
            doubt: false,
            by_source: false,
            asked: None,
            detours: 0,
            under_way: false,
            heard: false,
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    fn fail(&mut self, error: Error) {
        self.state = State::Done(Err(in_doubt(error, self.doubt && self.writes)));
    }

    /// Takes an error that the server answered.
    fn refuse(&mut self, refusal: Refusal) {
        self.heard = true;
        match refusal {
            Refusal::NoScript if !self.by_source => {
                self.by_source = true;
                self.state = State::Open(None);
            }
            Refusal::NoScript => self.state = State::Open(Some(Error::not_executed(FORGOTTEN))),
            Refusal::Error(error @ Error::NotExecuted(_)) => self.state = State::Open(Some(error)),
            Refusal::Error(error) => self.fail(error),
        }
    }

    /// Takes a redirect that the server answered.
    fn divert(&mut self, detour: Detour, refusal: Refusal) {
        self.asked = detour.asked();
        self.detours += 1;
        if self.detours <= MOST_DETOURS {
            self.heard = true;
            self.state = State::Open(None);
        } else {
            self.refuse(refusal);
        }
    }

    /// Learns that the last attempt has no answer.
    fn lose(&mut self, error: &Error, may_repeat: bool) {
        let unsent = matches!(error, Error::NotExecuted(_));
        self.doubt |= !unsent;
        if may_repeat && (self.repeatable || unsent) {
            self.state = State::Open(Some(error.clone()));
        } else {
            self.fail(error.clone());
        }
    }

    /// What becomes of the item at the end, or at the deadline.
    fn conclude(self, trouble: impl FnOnce(Partition) -> Error) -> Result<Answered> {
        let last = match self.state {
            State::Done(answer) => return answer,
            State::Open(last) => last,
        };
        // The last attempt's failure says more than the connections do.
        let error = untried(last.unwrap_or_else(|| trouble(self.partition)));
        Err(in_doubt(error, self.doubt && self.writes))
    }
}

impl Wires {
    /// Sends commands together and gives their answers in the order given, with everything inside one deadline.
    ///
    /// # Errors
    ///
    /// The outer error if no command has an answer: then it is the same for all of them, or none was sent.
    pub(crate) async fn batch(
        &self,
        mut items: Vec<Item>,
        deadline: Instant,
    ) -> Result<Vec<Result<Answered>>> {
        self.settle(items.iter_mut().collect(), deadline).await;
        let heard = items.iter().any(|item| item.heard);
        let trouble = |partition| self.topology.trouble(partition);
        // Into memory of their own: in the place of the larger items they would be given back in part.
        let mut answers = Vec::with_capacity(items.len());
        answers.extend(items.into_iter().map(|item| item.conclude(trouble)));
        if heard {
            return Ok(answers);
        }
        // The most that can be said of all of them together.
        let errors = || answers.iter().filter_map(|answer| answer.as_ref().err());
        let worst = errors().find(|error| matches!(error, Error::Ambiguous(_))).or_else(|| errors().next());
        match worst.cloned() {
            Some(error) => Err(error),
            None => Ok(answers),
        }
    }

    /// Sends until every item is done, or until the deadline.
    async fn settle(&self, items: Vec<&mut Item>, deadline: Instant) {
        // Pinned where it is: by value, all of it would be copied into the timeout.
        let under_way = AtomicBool::new(false);
        let sending = pin!(self.send_until_done(items, deadline, &under_way));
        if within(deadline, &under_way, sending).await.is_none() {
            self.topology.suspect();
        }
    }

    /// Sends until every item is done; `under_way` is set while others keep the time.
    async fn send_until_done(&self, mut items: Vec<&mut Item>, deadline: Instant, under_way: &AtomicBool) {
        let mut backoff = Backoff::of_a_call();
        loop {
            items.retain(|item| item.is_open());
            let mut parts = divide(&self.topology, items);
            let Some(mut part) = parts.pop() else { return };
            if !parts.is_empty() {
                parts.push(part);
                under_way.store(true, Ordering::Relaxed);
                join_all(parts.into_iter().map(|part| self.settle_part(part.items, deadline))).await;
                return;
            }
            let again = self.send(&mut part, deadline, under_way).await;
            items = part.items;
            match again {
                Again::No => return,
                Again::AtOnce => {}
                Again::Later => {
                    for item in items.iter() {
                        if let State::Open(Some(error)) = &item.state {
                            self.metrics.retried(error);
                        }
                    }
                    sleep(backoff.pause()).await;
                }
            }
        }
    }

    /// As [`settle`](Self::settle), in a box: a part may have to be divided in its turn.
    fn settle_part<'s>(
        &'s self,
        items: Vec<&'s mut Item>,
        deadline: Instant,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 's>> {
        Box::pin(self.settle(items, deadline))
    }

    /// Sends what can be sent of a part, and takes the answers.
    async fn send(&self, part: &mut Part<'_, '_>, deadline: Instant, under_way: &AtomicBool) -> Again {
        let Part { node, asking, items } = part;
        let node = match node {
            Ok(node) => node,
            Err(error) => return unconnected(items, error),
        };
        let errand = errand(items);
        let wire = match self.topology.wire(node, errand).await {
            Ok(wire) => wire,
            Err(error) => return unconnected(items, &error),
        };
        // A server that has started anew would take any cursor, and go on somewhere.
        for item in items.iter_mut().filter(|item| !item.command.fits(wire.run())) {
            item.heard = true;
            item.fail(Error::CursorLost);
        }
        let in_cluster = matches!(node, Held::Member(_));
        board(items, *asking);
        let unit = unit(items, *asking, in_cluster);
        if unit.is_empty() {
            wire.unused();
            return keep_order(items);
        }
        under_way.store(true, Ordering::Relaxed);
        let answers = wire.link().commit_unit(deadline, unit, errand.writes).await;
        under_way.store(false, Ordering::Relaxed);
        let sent = items.iter_mut().filter_map(|item| std::mem::take(&mut item.under_way).then_some(item));
        match answers {
            Ok((answers, shortfall)) => {
                self.budget.answered();
                let server = wire.answered();
                // Of what is asked, every other answer is that to ASKING.
                let each = 1 + usize::from(*asking);
                let mut answers = answers.into_iter().skip(each - 1).step_by(each);
                for item in sent {
                    item.asked = None;
                    match answers.next() {
                        Some(Value::ServerError(error)) => match self.topology.heed(node, &error) {
                            Some(detour) => item.divert(detour, refusal(&error)),
                            None => item.refuse(refusal(&error)),
                        },
                        Some(value) => {
                            item.heard = true;
                            let (server, shortfall) = (server.clone(), shortfall.filter(|_| item.writes));
                            item.state = State::Done(Ok(Answered { value, server, shortfall }));
                        }
                        None => item.fail(unexpected_answer()),
                    }
                }
            }
            Err(error) => {
                drop(wire);
                self.topology.suspect();
                let in_time = Instant::now() < deadline;
                let may_repeat =
                    in_time && (matches!(error, Error::NotExecuted(_)) || self.budget.pays_a_repeat());
                for item in sent {
                    item.asked = None;
                    item.lose(&error, may_repeat);
                }
            }
        }
        keep_order(items)
    }
}

/// Takes that there is no connection, or that there will be none.
fn unconnected(items: &mut [&mut Item], error: &Error) -> Again {
    let passes = matches!(error, Error::NotExecuted(failure) if !is_final(failure));
    for item in items.iter_mut().filter(|item| item.is_open()) {
        item.asked = None;
        if passes {
            item.state = State::Open(Some(error.clone()));
        } else {
            item.fail(error.clone());
        }
    }
    if passes { Again::Later } else { Again::No }
}

/// Whether and when to send the rest again.
enum Again {
    No,
    AtOnce,
    Later,
}

/// Gives up what has been overtaken by a later command of its partition.
fn keep_order(items: &mut [&mut Item]) -> Again {
    if !items.iter().any(|item| item.is_open()) {
        return Again::No;
    }
    // What is done of each partition, and whether any of it may have changed something.
    let mut passed: HashMap<Partition, bool> = HashMap::new();
    let mut again = Again::No;
    for item in items.iter_mut().rev() {
        let overtaken = passed.get(&item.partition).is_some_and(|written| *written || item.writes);
        match &mut item.state {
            State::Open(last) if overtaken => {
                let error = last.take().unwrap_or_else(|| Error::not_executed(OVERTAKEN));
                item.fail(error);
            }
            State::Open(Some(_)) => again = Again::Later,
            State::Open(None) if matches!(again, Again::No) => again = Again::AtOnce,
            State::Open(None) | State::Done(_) => {}
        }
        if !item.is_open() {
            *passed.entry(item.partition).or_default() |= item.writes;
        }
    }
    again
}

const OVERTAKEN: &str =
    "it would have to be sent again, and a later command of its partition has run already";

/// What a connection for these items is wanted for.
fn errand(items: &[&mut Item]) -> Errand {
    let mut errand = Errand { bytes: 0, writes: false, again: false };
    for item in items.iter().filter(|item| item.is_open()) {
        errand.bytes += item.command.bytes();
        errand.writes |= item.writes;
        errand.again |= item.writes && item.doubt;
    }
    errand
}

/// Puts under way what is sent of a part: of each partition what is at its head and goes where the part goes.
fn board(items: &mut [&mut Item], asking: bool) {
    let mut held = HashSet::new();
    for item in items.iter_mut().filter(|item| item.is_open()) {
        if item.asked.is_some() != asking {
            held.insert(item.partition);
        }
        item.under_way = !held.contains(&item.partition);
    }
}

/// The commands of what is under way, in order.
fn unit<'i>(items: &'i [&mut Item], asking: bool, in_cluster: bool) -> Vec<Cow<'i, Packed>> {
    let by_source = by_source(items, in_cluster);
    let mut unit = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate().filter(|(_, item)| item.under_way) {
        if asking {
            // Good for the one command behind it.
            unit.push(Cow::Owned(Packed::new("ASKING", 0, 0)));
        }
        let by_source = by_source.get(at).is_some_and(|by_source| *by_source);
        unit.push(if by_source { item.command.by_source() } else { Cow::Borrowed(item.command.by_hash()) });
    }
    unit
}

/// Which items go by their source: those that must not be overtaken, and only the first of each script, since the server
/// knows it from there on; unless it refuses that one, as a node of a cluster may for its partition. Empty where there is
/// no script.
fn by_source(items: &[&mut Item], in_cluster: bool) -> Vec<bool> {
    if !items.iter().any(|item| item.command.is_script()) {
        return Vec::new();
    }
    let mut by_source: Vec<bool> = items.iter().map(|item| item.is_open() && item.by_source).collect();
    let mut behind = HashSet::new();
    for (item, by_source) in items.iter().zip(&mut by_source).rev().filter(|(item, _)| item.is_open()) {
        *by_source |= item.command.is_script() && behind.contains(&item.partition);
        behind.insert(item.partition);
    }
    let mut sent = HashSet::new();
    for (item, by_source) in items.iter().zip(&mut by_source) {
        let scope = in_cluster.then_some(item.partition);
        *by_source =
            *by_source && item.command.source().is_some_and(|source| sent.insert((source.clone(), scope)));
    }
    by_source
}

#[cfg(test)]
mod tests;

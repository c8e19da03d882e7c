//! Several commands in one round trip.
//!
//! Commands of one partition have to run in the order given, also when some of them have to be sent again. Two rules see
//! to that:
//!
//! - A command is sent again only together with all later commands of its partition. When one of those has been
//!   answered, it keeps the error it has.
//! - A script that has a later command of its partition behind it goes by its source. By its hash it could turn out to be
//!   unknown, and what is behind it would have overtaken it.

use std::borrow::Cow;
use std::collections::HashSet;

use redis::{Pipeline, Value};
use roomkey_core::{Error, Partition, Result};
use tokio::time::{Instant, sleep, timeout_at};

use crate::backoff::Backoff;
use crate::call::{Answered, Wires, in_doubt, untried};
use crate::command::Command;
use crate::error::{FORGOTTEN, Refusal, is_final, refusal};
use crate::node::Errand;

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
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    fn fail(&mut self, error: Error) {
        self.state = State::Done(Err(in_doubt(error, self.doubt && self.writes)));
    }

    /// What becomes of the item, given what ended the batch before it was done.
    fn conclude(self, trouble: Option<&Error>, overdue: bool) -> Result<Answered> {
        let last = match self.state {
            State::Done(answer) => return answer,
            State::Open(last) => last,
        };
        let error = match (last, trouble) {
            // The last attempt's failure says more than the lanes do.
            (Some(last), _) if overdue => untried(last),
            (_, Some(trouble)) if overdue => untried(trouble.clone()),
            (_, Some(trouble)) => trouble.clone(),
            (Some(last), None) => last,
            (None, None) => Error::not_executed("the batch ended early"),
        };
        Err(in_doubt(error, self.doubt && self.writes))
    }
}

/// How far a batch has come.
#[derive(Default)]
struct Progress {
    /// Handed to a connection and not yet answered.
    under_way: bool,
    /// The server has said something of some item.
    answered: bool,
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
        let mut progress = Progress::default();
        let outcome = timeout_at(deadline, self.settle(&mut items, &mut progress)).await;
        let overdue = outcome.is_err() && !progress.under_way;
        let trouble = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(_) if progress.under_way => Some(Error::ambiguous("no answer within the deadline")),
            Err(_) => Some(self.node.trouble()),
        };
        let answers: Vec<_> =
            items.into_iter().map(|item| item.conclude(trouble.as_ref(), overdue)).collect();
        if progress.answered {
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

    /// Sends until every item is done.
    async fn settle(&self, items: &mut [Item], progress: &mut Progress) -> Result<()> {
        let mut backoff = Backoff::of_a_call();
        loop {
            let errand = errand(items);
            let wire = match self.node.wire(errand).await {
                Ok(wire) => wire,
                Err(Error::NotExecuted(failure)) if !is_final(&failure) => {
                    let error = Error::NotExecuted(failure);
                    for item in items.iter_mut().filter(|item| item.is_open()) {
                        item.state = State::Open(Some(error.clone()));
                    }
                    self.metrics.retried(&error);
                    sleep(backoff.pause()).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            // A server that has started anew would take any cursor, and go on somewhere.
            let run = wire.run();
            for item in items.iter_mut().filter(|item| item.is_open() && !item.command.fits(run)) {
                item.fail(Error::CursorLost);
            }
            let pipeline = pipeline(items);
            if pipeline.is_empty() {
                progress.answered = true;
                wire.answered();
                return Ok(());
            }
            progress.under_way = true;
            let answers = wire.link().commit_all(pipeline, errand.writes).await;
            progress.under_way = false;
            let again = match answers {
                Ok((answers, shortfall)) => {
                    progress.answered = true;
                    self.budget.answered();
                    let server = wire.answered();
                    let mut answers = answers.into_iter();
                    for item in items.iter_mut().filter(|item| item.is_open()) {
                        match answers.next() {
                            Some(Value::ServerError(error)) => {
                                self.node.heed(&error);
                                item.refuse(refusal(&error));
                            }
                            Some(value) => {
                                let (server, shortfall) = (server.clone(), shortfall.filter(|_| item.writes));
                                item.state = State::Done(Ok(Answered { value, server, shortfall }));
                            }
                            None => item.fail(crate::error::unexpected_answer()),
                        }
                    }
                    keep_order(items)
                }
                Err(error) => {
                    drop(wire);
                    let unsent = matches!(error, Error::NotExecuted(_));
                    let may_repeat = unsent || self.budget.pays_a_repeat();
                    for item in items.iter_mut().filter(|item| item.is_open()) {
                        item.doubt |= !unsent;
                        if may_repeat && (item.repeatable || unsent) {
                            item.state = State::Open(Some(error.clone()));
                        } else {
                            item.fail(error.clone());
                        }
                    }
                    keep_order(items)
                }
            };
            match again {
                Again::No => return Ok(()),
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
}

impl Item {
    /// Takes an error that the server answered.
    fn refuse(&mut self, refusal: Refusal) {
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
}

/// Whether and when to send the rest again.
enum Again {
    No,
    AtOnce,
    Later,
}

/// Gives up what has been overtaken by a later command of its partition.
fn keep_order(items: &mut [Item]) -> Again {
    let mut passed: HashSet<Partition> = HashSet::new();
    let mut again = Again::No;
    for item in items.iter_mut().rev() {
        match &mut item.state {
            State::Done(_) => {
                passed.insert(item.partition);
            }
            State::Open(last) if passed.contains(&item.partition) => {
                let error = last.take().unwrap_or_else(|| Error::not_executed(FORGOTTEN));
                item.fail(error);
            }
            State::Open(Some(_)) => again = Again::Later,
            State::Open(None) if matches!(again, Again::No) => again = Again::AtOnce,
            State::Open(None) => {}
        }
    }
    again
}

/// What a connection for the open items is wanted for.
fn errand(items: &[Item]) -> Errand {
    let mut errand = Errand { bytes: 0, writes: false, again: false };
    for item in items.iter().filter(|item| item.is_open()) {
        errand.bytes += item.command.bytes();
        errand.writes |= item.writes;
        errand.again |= item.writes && item.doubt;
    }
    errand
}

/// The open items, in order.
fn pipeline(items: &[Item]) -> Pipeline {
    let by_source = by_source(items);
    let open: Vec<_> = items.iter().zip(by_source).filter(|(item, _)| item.is_open()).collect();
    let mut pipeline = Pipeline::with_capacity(open.len());
    for (item, by_source) in open {
        let command =
            if by_source { item.command.by_source() } else { Cow::Borrowed(item.command.by_hash()) };
        pipeline.add_command(command.into_owned());
    }
    pipeline
}

/// Which items go by their source: those that must not be overtaken, and only the first of each script, since the server
/// knows it from there on.
fn by_source(items: &[Item]) -> Vec<bool> {
    let mut by_source: Vec<bool> = items.iter().map(|item| item.is_open() && item.by_source).collect();
    if items.iter().any(|item| item.command.is_script()) {
        let mut behind = HashSet::new();
        for (item, by_source) in items.iter().zip(&mut by_source).rev().filter(|(item, _)| item.is_open()) {
            *by_source |= item.command.is_script() && behind.contains(&item.partition);
            behind.insert(item.partition);
        }
        let mut sent = HashSet::new();
        for (item, by_source) in items.iter().zip(&mut by_source) {
            *by_source =
                *by_source && item.command.source().is_some_and(|source| sent.insert(source.clone()));
        }
    }
    by_source
}

#[cfg(test)]
mod tests;

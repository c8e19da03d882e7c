//! One look at groups of logs, or one slice of time for which a group blocks.

use std::pin::pin;
use std::time::Duration;

use redis::Value;
use roomkey_core::{Error, Key, Result};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::group::{Group, named, xread};
use crate::backoff::Backoff;
use crate::batch::Item;
use crate::call::MOST_DETOURS;
use crate::command::Command;
use crate::error::{Refusal, lost, refusal, unexpected_answer};
use crate::node::{Errand, Node, Wire};
use crate::packed::Packed;
use crate::store::RedisStore;
use crate::topology::{Detour, Held};

/// The longest that the server is asked to wait at a time, so that a connection that died meanwhile is noticed.
const SLICE: Duration = Duration::from_secs(30);

/// What became of groups: which of their logs are ready, if that is known.
pub(super) struct Turn<'a> {
    /// It was the first look at them.
    pub(super) first: bool,
    pub(super) outcomes: Vec<(Group<'a>, Result<Vec<Key>>)>,
}

/// Looks at groups, all together, with the deadline and the repeats of a call.
pub(super) async fn look<'a>(
    store: &RedisStore,
    groups: Vec<Group<'a>>,
    at: Instant,
    first: bool,
) -> Turn<'a> {
    sleep_until(at).await;
    let wires = &store.shared.wires;
    let item =
        |group: &Group<'a>, logs| Item::new(Command::plain(xread(logs, None)), group.partition, true, false);
    let looks = |group| Group::looks(group, &wires.topology).map(|logs| item(group, logs));
    let answers = wires.batch(groups.iter().flat_map(looks).collect(), store.deadline()).await;
    let outcomes = match answers {
        Ok(answers) => {
            let mut answers = answers.into_iter();
            let mut found = |group: &Group<'a>| {
                let mut ready = Vec::new();
                for logs in group.looks(&wires.topology) {
                    let answered = answers.next().ok_or_else(unexpected_answer)??;
                    ready.extend(answered.read(|answer, _| named(logs, &answer))?);
                }
                Ok(ready)
            };
            groups
                .into_iter()
                .map(|group| (found(&group), group))
                .map(|(found, group)| (group, found))
                .collect()
        }
        Err(error) => groups.into_iter().map(|group| (group, Err(error.clone()))).collect(),
    };
    Turn { first, outcomes }
}

/// A place among those who may block a connection of a node.
pub(super) struct Seat<'a> {
    node: Held<'a>,
    /// The node does not own the partition, or not yet.
    asking: bool,
    _permit: OwnedSemaphorePermit,
}

impl<'a> Seat<'a> {
    /// One at the node where the group is, if there is one free.
    pub(super) fn at(store: &'a RedisStore, group: &mut Group<'_>) -> Option<Self> {
        let asked = group.asked.take().map(Held::Member);
        let asking = asked.is_some();
        let owner = || store.shared.wires.topology.owner(group.partition).ok();
        let node = asked.or_else(owner)?;
        let permit = node.seat()?;
        Some(Self { node, asking, _permit: permit })
    }
}

/// Blocks for one slice, or until it is to `stop`.
pub(super) async fn block<'a>(
    store: &RedisStore,
    mut group: Group<'a>,
    seat: Seat<'_>,
    end: Instant,
    stop: watch::Receiver<bool>,
) -> Turn<'a> {
    let outcome = match block_at(store, &group, &seat, end, stop).await {
        Ok(Slice::Answered(found)) => {
            group.backoff = Backoff::of_a_lane();
            group.detours = 0;
            Ok(found)
        }
        Ok(Slice::Elsewhere(detour)) if group.detours < MOST_DETOURS => {
            group.asked = detour.asked();
            group.detours += 1;
            Ok(Vec::new())
        }
        Ok(Slice::Elsewhere(_)) => {
            group.detours = 0;
            Err(Error::not_executed("the nodes of the cluster send a wait to and fro"))
        }
        Err(error) => Err(error),
    };
    Turn { first: false, outcomes: vec![(group, outcome)] }
}

/// How a slice ended.
enum Slice {
    /// With the logs that are ready, or at its end.
    Answered(Vec<Key>),
    /// Another node has the logs.
    Elsewhere(Detour),
}

async fn block_at(
    store: &RedisStore,
    group: &Group<'_>,
    seat: &Seat<'_>,
    end: Instant,
    mut stop: watch::Receiver<bool>,
) -> Result<Slice> {
    const STOPPED: Result<Slice> = Ok(Slice::Answered(Vec::new()));
    let topology = &store.shared.wires.topology;
    let Seat { node, asking, _permit } = seat;
    // A connection of one's own may have to be opened, which may take as long as a call.
    let checkout = timeout_at(store.deadline(), topology.wire(node, Errand::WAIT));
    let wire = tokio::select! {
        wire = checkout => wire,
        () = told(&mut stop) => return STOPPED,
    };
    let wire = wire.map_err(|_| Error::not_executed("no connection for a wait came free in time"))??;
    let slice = end.saturating_duration_since(Instant::now()).min(SLICE);
    let command = xread(&group.logs, Some(slice));
    // The server answers at the end of the slice; what comes later than the deadline of a call comes never.
    let deadline = Instant::now() + slice.saturating_add(store.timeout);
    let answer = {
        let mut send = pin!(async {
            if *asking {
                wire.send_asking(deadline, &command, false).await.map(|(answer, _)| answer)
            } else {
                wire.link().send_until(deadline, &command).await.map_err(lost)
            }
        });
        tokio::select! {
            answer = &mut send => answer,
            // It may never say so itself, as when it is frozen.
            () = topology.moved_from(group.partition, node), if !*asking => {
                return Ok(Slice::Elsewhere(Detour::Owner));
            }
            () = told(&mut stop) => match unblock(store, node, &wire).await {
                Some(()) => send.await,
                None => return STOPPED,
            },
        }
    };
    let answer = answer.inspect_err(|_| topology.suspect())?;
    wire.answered();
    match answer {
        Value::ServerError(refused) => match topology.heed(node, &refused) {
            Some(detour) => Ok(Slice::Elsewhere(detour)),
            None => Err(match refusal(&refused) {
                Refusal::Error(error) => error,
                Refusal::NoScript => unexpected_answer(),
            }),
        },
        answer => named(&group.logs, &answer).map(Slice::Answered),
    }
}

/// Completes when the blocked are told to stop.
async fn told(stop: &mut watch::Receiver<bool>) {
    // Who could tell is only gone together with whoever is told.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Has the server answer a connection that blocks, so that it need not be closed. None if the server does not: it may
/// not block yet, or the login may not do this, and then it is closed.
async fn unblock(store: &RedisStore, node: &Node, blocked: &Wire<'_>) -> Option<()> {
    let client = blocked.client()?;
    let lane = store.shared.wires.topology.wire(node, Errand::LOOK).await.ok()?;
    // To another server the id is somebody else's.
    if lane.run() != blocked.run() {
        return None;
    }
    let mut command = Packed::new("CLIENT", 2, 32);
    command.arg("UNBLOCK").unsigned(client);
    let answer = lane.link().send_until(store.deadline(), &command).await.ok()?;
    lane.answered();
    (answer == Value::Int(1)).then_some(())
}

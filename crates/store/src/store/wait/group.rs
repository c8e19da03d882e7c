//! Logs that are waited for with one command, and that command.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use redis::Value;
use roomkey_core::{Key, LogId, MAX_LOGS, Partition, Result};

use crate::backoff::Backoff;
use crate::error::unexpected_answer;
use crate::node::Node;
use crate::packed::Packed;
use crate::topology::Topology;

/// A log, and the id after which an entry counts.
pub(super) type Log = (Key, LogId);

/// Logs that a server takes in one command.
pub(super) struct Group<'a> {
    pub(super) partition: Partition,
    pub(super) logs: Vec<&'a Log>,
    /// It blocks at this node next, not at the owner of the partition.
    pub(super) asked: Option<Arc<Node>>,
    pub(super) detours: u32,
    pub(super) backoff: Backoff,
}

/// The groups that some logs make: one, if there is one server; in a cluster one for each partition.
pub(super) fn groups<'a>(topology: &Topology, logs: &'a [Log]) -> Vec<Group<'a>> {
    let mut logs: Vec<_> = logs.iter().collect();
    if matches!(topology, Topology::Cluster(_)) {
        logs.sort_by_key(|(key, _)| key.partition());
    }
    let together = |(one, _): &&Log, (other, _): &&Log| match topology {
        Topology::One(_) => true,
        Topology::Cluster(_) => one.partition() == other.partition(),
    };
    let group = |logs: &[&'a Log]| Group {
        partition: logs[0].0.partition(),
        logs: logs.to_vec(),
        asked: None,
        detours: 0,
        backoff: Backoff::of_a_lane(),
    };
    logs.chunk_by(together).map(group).collect()
}

impl<'a> Group<'a> {
    /// The logs as they are looked at, a command each. In a cluster that is one by one, which a slot that is on its way
    /// admits: of several it wants to have all at the same end.
    pub(super) fn looks(&self, topology: &Topology) -> impl Iterator<Item = &[&'a Log]> {
        self.logs.chunks(match topology {
            Topology::One(_) => MAX_LOGS,
            Topology::Cluster(_) => 1,
        })
    }
}

/// Reads one entry of each log that has any after its id. If none has, it answers at once, or blocks for some time.
pub(super) fn xread(logs: &[&Log], block: Option<Duration>) -> Packed {
    let mut command = Packed::new("XREAD", 5 + 2 * logs.len(), 96 * logs.len());
    command.arg("COUNT").unsigned(1);
    if let Some(slice) = block {
        // 0 would mean for ever.
        command.arg("BLOCK").unsigned(u64::try_from(slice.as_millis()).unwrap_or(u64::MAX).max(1));
    }
    command.arg("STREAMS");
    for (log, _) in logs {
        command.arg(log.bytes());
    }
    for (_, after) in logs {
        command.arg(after.to_string());
    }
    command
}

/// Which of the logs the answer to [`xread`] names.
pub(super) fn named(logs: &[&Log], answer: &Value) -> Result<Vec<Key>> {
    let name = |name: &Value| match name {
        Value::BulkString(name) => Some(name.clone()),
        _ => None,
    };
    let names: Option<HashSet<Vec<u8>>> = match answer {
        Value::Nil => return Ok(Vec::new()),
        Value::Array(streams) => streams
            .iter()
            .map(|stream| match stream {
                Value::Array(stream) => stream.first().and_then(name),
                _ => None,
            })
            .collect(),
        Value::Map(streams) => streams.iter().map(|(stream, _)| name(stream)).collect(),
        _ => None,
    };
    let names = names.ok_or_else(unexpected_answer)?;
    let named = logs.iter().filter(|(key, _)| names.contains(&key.bytes()[..]));
    Ok(named.map(|(key, _)| key.clone()).collect())
}

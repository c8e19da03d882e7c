//! What members of rooms cost in the server's memory.

use std::fmt;
use std::ops::Range;

use redis::AsyncCommands as _;
use redis::aio::MultiplexedConnection;
use serde::Serialize;

use super::settled;
use crate::Result;
use crate::loads::rooms::crowd::Crowd;
use crate::loads::rooms::side::{Ours, Side as _, id};
use crate::loads::rooms::{LARGE, SCENE, SMALL, rooms};
use crate::loads::{Setting, peers};
use crate::wire::Wire;

/// Bytes of the server's memory per member of a configured room, without metadata.
#[derive(Debug, Serialize)]
pub(crate) struct Membership {
    per_room: usize,
    /// Of all keys but the log of events: what lasts.
    bytes_per_member: f64,
    /// Of the ranking of seats and of the map of records, which are among them.
    seats: f64,
    records: f64,
    /// Of the log of events, which holds so many at most, however many members there are.
    events: f64,
    target: f64,
}

/// 100 000 members, in rooms of 100 and in one.
pub(crate) fn measure(setting: &Setting) -> Result<Vec<Membership>> {
    [(SMALL, 100, 240.0), (LARGE, 100_000, 300.0)]
        .into_iter()
        .map(|(numbers, per_room, target)| of(setting, numbers, per_room, target))
        .collect()
}

fn of(setting: &Setting, numbers: Range<usize>, per_room: usize, target: f64) -> Result<Membership> {
    eprintln!("memory of members, {per_room} in a room");
    let raw = peers::multiplexed(setting)?;
    setting.runtime.block_on(peers::clear(&raw))?;
    let store = peers::store(setting)?;
    let ours = Ours(rooms(setting, store.clone())?);
    // What there is once: scripts, and buffers of connections.
    setting.runtime.block_on(async {
        ours.configure(SCENE, 1).await?;
        ours.join(SCENE, 0).await
    })?;
    let mut wire = Wire::connect(setting.redis)?;
    let members = (numbers.len() * per_room) as f64;
    let before = settled(&mut wire)?;
    Crowd::gather(setting, ours, numbers, per_room)?;
    let all = (settled(&mut wire)? - before) / members;
    let layout = |layout| Ok::<_, crate::Error>(setting.runtime.block_on(usage(&raw, layout))? / members);
    let (seats, records, events) = (layout("m1")?, layout("i1")?, layout("e1")?);
    peers::close(setting, &store)?;
    Ok(Membership { per_room, bytes_per_member: all - events, seats, records, events, target })
}

/// What all keys of a layout take, as the server counts them.
async fn usage(raw: &MultiplexedConnection, layout: &str) -> Result<f64> {
    let mut raw = raw.clone();
    let keys: Vec<Vec<u8>> = raw.keys(format!("*:{layout}:*")).await?;
    let mut bytes = 0.0;
    for key in keys {
        let mut usage = redis::cmd("MEMORY");
        let used: f64 = usage.arg("USAGE").arg(key).arg("SAMPLES").arg(0).query_async(&mut raw).await?;
        bytes += used;
    }
    Ok(bytes)
}

/// A line of the table.
impl fmt::Display for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { per_room, bytes_per_member, seats, records, events, target } = self;
        let met = if bytes_per_member <= target { "met" } else { "**not met**" };
        let rest = bytes_per_member - seats - records;
        write!(
            f,
            "| {per_room} | {} | {bytes_per_member:.0} | {seats:.0} | {records:.0} | {rest:.0} | {events:.0} | ≤ {target} B: {met} |",
            id(0).len(),
        )
    }
}

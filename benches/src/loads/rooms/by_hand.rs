//! The same steps as scripts that somebody writes by hand, called by their hashes over one connection, which is what
//! programs of ours take too.
//!
//! Nothing is hidden and nothing sealed, and keys are written once instead of for every call.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use redis::Cmd;
use redis::aio::MultiplexedConnection;
use roomkey_core::{Key, Kind, Namespace, Spread};

use super::side::Side;
use super::{LEASE, LIFE, LISTED, ROOMS};
use crate::Result;
use crate::loads::tag;

/// As long as what ours seals of a member with an id of 16 bytes.
const RECORD: &[u8] = &[0x5a; 82];
/// As long as what ours seals of a room.
const OF_ROOM: &[u8] = &[0x5a; 66];
/// How much of a record tells one lease of a member from another.
const FENCE: usize = 32;
/// As long as the terms of a room.
const TERMS: &[u8] = &[0x5a; 32];

/// Makes a script fail before its first write if a key holds another structure than it will write to, as every
/// compiled program does.
const GUARD: &str = "redis.call('HLEN', KEYS[2]) redis.call('ZCARD', KEYS[3]) redis.call('XLEN', KEYS[6]) \
                     redis.call('ZCARD', KEYS[8]) redis.call('ZCARD', KEYS[9])\n";

#[derive(Clone)]
pub(crate) struct ByHand {
    connection: MultiplexedConnection,
    rooms: Arc<[Room]>,
    join: Arc<str>,
    leave: Arc<str>,
    /// Whether a renewal compares leases first.
    compares: bool,
}

/// A room, in keys as long as ours.
struct Room {
    tag: Bytes,
    /// In the order in which the scripts take them.
    keys: [Key; 9],
}

const SEATS: usize = 0;
const RECORDS: usize = 1;
const EVENTS: usize = 5;
const CONFIG: usize = 6;
const LIST: usize = 8;

impl Room {
    fn new(number: usize) -> Result<Self> {
        let tag = tag(number as u64);
        let partition = Spread::over(1_024).partition(tag);
        let key = |kind, layout, tag| {
            Ok::<_, roomkey_core::Invalid>(Key::new(
                kind,
                &Namespace::new("byhandx", layout, "default")?,
                partition,
                tag,
            ))
        };
        let keys = [
            key(Kind::Ranking, "m1", tag)?,
            key(Kind::Map, "i1", tag)?,
            key(Kind::Ranking, "h1", tag)?,
            key(Kind::Ranking, "w1", tag)?,
            key(Kind::Ranking, "o1", tag)?,
            key(Kind::Log, "e1", tag)?,
            key(Kind::Map, "r1", tag)?,
            key(Kind::Ranking, "d1", [0; 16])?,
            key(Kind::Ranking, "l1", [0; 16])?,
        ];
        Ok(Self { tag: Bytes::copy_from_slice(&tag), keys })
    }
}

/// A seat: the number of its room, and the member.
pub(crate) type Taken = (usize, [u8; 16]);

impl ByHand {
    pub(crate) async fn new(connection: MultiplexedConnection) -> Result<Self> {
        Self::of(connection, "").await
    }

    /// With the kinds of all keys looked at first, and the leases that are renewed.
    pub(crate) async fn guarded(&self) -> Result<Self> {
        Ok(Self { compares: true, ..Self::of(self.connection.clone(), GUARD).await? })
    }

    async fn of(mut connection: MultiplexedConnection, guard: &str) -> Result<Self> {
        let mut hashes: [Arc<str>; 2] = Default::default();
        for (hash, script) in hashes.iter_mut().zip([include_str!("join.lua"), include_str!("leave.lua")]) {
            let script = [guard, include_str!("steps.lua"), script].concat();
            let loaded: String =
                redis::cmd("SCRIPT").arg("LOAD").arg(script).query_async(&mut connection).await?;
            *hash = loaded.into();
        }
        let [join, leave] = hashes;
        let rooms = (0..ROOMS).map(Room::new).collect::<Result<_>>()?;
        Ok(Self { connection, rooms, join, leave, compares: false })
    }

    fn key(&self, room: usize, which: usize) -> &[u8] {
        self.rooms[room].keys[which].bytes()
    }

    /// The call of a script, with what all scripts are told.
    fn call(&self, script: &str, (room, member): Taken, record: &[u8]) -> Cmd {
        let Room { tag, keys } = &self.rooms[room];
        let mut call = redis::cmd("EVALSHA");
        call.arg(script).arg(keys.len());
        for key in keys {
            call.arg(&key.bytes()[..]);
        }
        call.arg(&member[..]).arg(record).arg(&tag[..]).arg(millis(LIFE)).arg(millis(LISTED));
        call
    }
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

impl Side for ByHand {
    type Lease = Taken;

    async fn configure(&self, room: usize, limit: u32) -> Result {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let mut pipeline = redis::pipe();
        let (config, events, list) = (self.key(room, CONFIG), self.key(room, EVENTS), self.key(room, LIST));
        pipeline.cmd("HSET").arg(config);
        pipeline.arg("t").arg(TERMS).arg("l").arg(limit).arg("q").arg(0).arg("m").arg(OF_ROOM);
        pipeline.cmd("PEXPIRE").arg(config).arg(millis(LISTED));
        pipeline.cmd("XADD").arg(events).arg("*").arg(&["k", "c", "m", "", "i", ""]);
        pipeline.cmd("PEXPIRE").arg(events).arg(millis(LIFE));
        pipeline.cmd("ZADD").arg(list).arg(millis(now + LISTED)).arg(&self.rooms[room].tag[..]);
        pipeline.cmd("PEXPIRE").arg(list).arg(millis(LISTED));
        pipeline.exec_async(&mut self.connection.clone()).await?;
        Ok(())
    }

    async fn join(&self, room: usize, member: u64) -> Result<Option<Taken>> {
        let taken = (room, tag(member));
        let mut call = self.call(&self.join, taken, RECORD);
        call.arg(TERMS).arg(millis(LEASE));
        match call.query_async(&mut self.connection.clone()).await? {
            (1, 0) => Ok(Some(taken)),
            (2, _) => Ok(None),
            other => Err(format!("join.lua replied {other:?}").into()),
        }
    }

    async fn leave(&self, taken: &Taken) -> Result {
        let call = self.call(&self.leave, *taken, &RECORD[..FENCE]);
        match call.query_async(&mut self.connection.clone()).await? {
            1 => Ok(()),
            other => Err(format!("leave.lua replied {other:?}").into()),
        }
    }

    /// No script: what has to be done at the least, in one pipeline.
    async fn renew(&self, leases: &[Taken]) -> Result {
        let Some((room, _)) = leases.first() else { return Ok(()) };
        let seats = self.key(*room, SEATS);
        let until = millis(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)? + LEASE);
        let mut pipeline = redis::pipe();
        if self.compares {
            pipeline.cmd("HMGET").arg(self.key(*room, RECORDS));
            for (_, member) in leases {
                pipeline.arg(&member[..]);
            }
        }
        pipeline.cmd("ZMSCORE").arg(seats);
        for (_, member) in leases {
            pipeline.arg(&member[..]);
        }
        pipeline.cmd("ZADD").arg(seats).arg("XX");
        for (_, member) in leases {
            pipeline.arg(until).arg(&member[..]);
        }
        let connection = &mut self.connection.clone();
        let (records, scores, new): (Vec<Bytes>, Vec<Option<f64>>, u64) = if self.compares {
            pipeline.query_async(connection).await?
        } else {
            let (scores, new) = pipeline.query_async(connection).await?;
            (Vec::new(), scores, new)
        };
        let lost = records.iter().any(|record| !record.starts_with(&RECORD[..FENCE]));
        if !lost && new == 0 && scores.iter().flatten().count() == leases.len() {
            Ok(())
        } else {
            Err("a seat was lost".into())
        }
    }
}

//! The same commands as ours, sent by hand over one multiplexed connection of `redis`.

use redis::aio::MultiplexedConnection;

use super::SUBJECTS;
use crate::Result;
use crate::drive::Work;

/// As long as a sealed record of 32 bytes of claims.
const RECORD: [u8; 123] = [0x5a; 123];
const HOUR_MS: u64 = 3_600_000;

/// What is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Steps {
    Issue,
    Refresh,
    Revoke,
}

/// Sends its commands in one pipeline.
#[derive(Clone)]
pub(super) struct Pipeline {
    connection: MultiplexedConnection,
    what: What,
    at: usize,
}

#[derive(Clone, Copy)]
enum What {
    Reads { sliding: bool },
    Writes(Steps),
}

impl Pipeline {
    pub(super) const fn reads(connection: MultiplexedConnection, sliding: bool) -> Self {
        Self { connection, what: What::Reads { sliding }, at: 0 }
    }

    pub(super) const fn writes(connection: MultiplexedConnection, steps: Steps) -> Self {
        Self { connection, what: What::Writes(steps), at: 0 }
    }

    pub(super) fn from(self, at: usize) -> Self {
        Self { at, ..self }
    }

    /// Writes what the reads find.
    pub(super) async fn fill(&self) -> Result {
        let mut pipeline = redis::pipe();
        for number in 0..SUBJECTS {
            pipeline.cmd("SET").arg(key("t2", number)).arg(&RECORD[..]).arg("PX").arg(HOUR_MS).ignore();
            pipeline.cmd("ZADD").arg(key("s1", number)).arg(0).arg("generat.").ignore();
            pipeline.cmd("HSET").arg(key("g1", number)).arg("ty").arg("generat.").ignore();
        }
        Ok(pipeline.query_async(&mut self.connection.clone()).await?)
    }
}

impl Work for Pipeline {
    async fn step(&mut self, n: u64) -> Result {
        let number = (self.at + n as usize) % SUBJECTS;
        let mut pipeline = redis::pipe();
        match self.what {
            What::Reads { sliding } => {
                pipeline.cmd("GET").arg(key("t2", number));
                if sliding {
                    pipeline.cmd("PTTL").arg(key("t2", number)).ignore();
                }
                let subject = key("s1", number);
                pipeline.cmd("ZRANGEBYSCORE").arg(subject).arg(0).arg(0).arg("LIMIT").arg(0).arg(16).ignore();
                pipeline.cmd("HGET").arg(key("g1", number)).arg("ty").ignore();
                let (found,): (Option<Vec<u8>>,) = pipeline.query_async(&mut self.connection).await?;
                return if found.as_deref() == Some(&RECORD) { Ok(()) } else { Err("no record".into()) };
            }
            What::Writes(Steps::Revoke) => {
                pipeline.cmd("UNLINK").arg(key("s1", number)).ignore();
            }
            What::Writes(Steps::Issue) => {
                let record = format!("{}{n}", key("t2", number));
                pipeline.cmd("SET").arg(record).arg(&RECORD[..]).arg("PX").arg(HOUR_MS).ignore();
                pipeline.cmd("ZADD").arg(key("s1", number)).arg(n).arg(n).ignore();
                pipeline.cmd("PEXPIRE").arg(key("s1", number)).arg(HOUR_MS).ignore();
            }
            What::Writes(Steps::Refresh) => {
                pipeline.cmd("SET").arg(key("n1", number)).arg(&RECORD[..]).arg("PX").arg(10_000).ignore();
                let family = key("f1", number);
                pipeline.cmd("HSET").arg(&family).arg("c").arg(n).arg("p").arg(n).ignore();
                pipeline.cmd("PEXPIRE").arg(&family).arg(HOUR_MS).ignore();
                let record = format!("{}{n}", key("t2", number));
                pipeline.cmd("SET").arg(record).arg(&RECORD[..]).arg("PX").arg(HOUR_MS).ignore();
                pipeline.cmd("ZADD").arg(key("s1", number)).arg(n).arg("family").ignore();
                pipeline.cmd("PEXPIRE").arg(key("s1", number)).arg(HOUR_MS).ignore();
            }
        }
        Ok(pipeline.query_async(&mut self.connection).await?)
    }
}

/// Reads the record alone.
#[derive(Clone)]
pub(super) struct Get(pub(super) Pipeline);

impl Get {
    pub(super) fn from(&self, at: usize) -> Self {
        Self(self.0.clone().from(at))
    }
}

impl Work for Get {
    async fn step(&mut self, n: u64) -> Result {
        let Self(Pipeline { connection, at, .. }) = self;
        let number = (*at + n as usize) % SUBJECTS;
        let found: Option<Vec<u8>> = redis::cmd("GET").arg(key("t2", number)).query_async(connection).await?;
        if found.as_deref() == Some(&RECORD) { Ok(()) } else { Err("no record".into()) }
    }
}

/// As long as a key of ours, and apart from them.
fn key(layout: &str, number: usize) -> String {
    format!("byhandx:{layout}:default:{{abc}}{number:012}")
}

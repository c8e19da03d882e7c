//! Walking over the keys of a namespace.

mod cluster;

use bytes::Bytes;
use redis::{Cmd, Value};
use roomkey_core::{Cursor, Error, Page, Partition, Result, Scan};

use super::RedisStore;
use crate::call::Request;
use crate::command::Command;
use crate::error::unexpected_answer;
use crate::topology::Topology;

/// Where there is only one server, every partition is there.
const ANYWHERE: Partition = Partition::from_slot(0).expect("the first slot exists");

impl RedisStore {
    pub(super) async fn scan_page(&self, scan: &Scan) -> Result<Page> {
        match &self.shared.wires.topology {
            Topology::One(_) => self.page_of_server(scan).await,
            Topology::Cluster(cluster) => cluster::page(cluster, scan, self.deadline()).await,
        }
    }

    async fn page_of_server(&self, scan: &Scan) -> Result<Page> {
        let place = scan.cursor().map(Place::read).transpose()?;
        let command = command(scan, place.as_ref().map_or(0, |place| place.cursor));
        let command = Command::plain((&command).into()).of_run(place.map(|place| place.run.into()));
        let request = Request { command: &command, partition: ANYWHERE, repeatable: true, writes: false };
        let answered = self.shared.wires.call(request, self.deadline()).await?;
        let (cursor, keys) = read_page(answered.value).ok_or_else(unexpected_answer)?;
        let next = (cursor != 0).then(|| Place { run: &answered.server.run, cursor }.write());
        Ok(Page { keys, next })
    }
}

/// Where a walk goes on, as the bytes of a [`Cursor`]: `run id:cursor`.
struct Place<'a> {
    run: &'a str,
    cursor: u64,
}

impl<'a> Place<'a> {
    fn read(cursor: &'a Cursor) -> Result<Self> {
        let text = std::str::from_utf8(cursor.as_bytes()).map_err(|_| Error::CursorLost)?;
        let (run, cursor) = text.split_once(':').ok_or(Error::CursorLost)?;
        let cursor = cursor.parse().map_err(|_| Error::CursorLost)?;
        Ok(Self { run, cursor })
    }

    fn write(&self) -> Cursor {
        Cursor::from_bytes(Bytes::from(format!("{}:{}", self.run, self.cursor)))
    }
}

fn command(scan: &Scan, cursor: u64) -> Cmd {
    let mut command = redis::cmd("SCAN");
    command.arg(cursor);
    // A namespace holds no character that means something in a pattern.
    command.arg("MATCH").arg([scan.namespace().prefix(), b"*"].concat());
    command.arg("COUNT").arg(scan.limit());
    command
}

fn read_page(answer: Value) -> Option<(u64, Vec<Bytes>)> {
    let Value::Array(parts) = answer else { return None };
    let [Value::BulkString(cursor), Value::Array(keys)] = <[Value; 2]>::try_from(parts).ok()? else {
        return None;
    };
    let keys = keys.into_iter().map(|key| match key {
        Value::BulkString(bytes) => Some(Bytes::from(bytes)),
        _ => None,
    });
    Some((std::str::from_utf8(&cursor).ok()?.parse().ok()?, keys.collect::<Option<_>>()?))
}

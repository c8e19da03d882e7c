//! Walking over the keys of a namespace.

use bytes::Bytes;
use redis::Value;
use roomkey_core::{Cursor, Error, Page, Result, Scan};

use super::RedisStore;
use crate::call::Request;
use crate::command::Command;
use crate::error::unexpected_answer;

impl RedisStore {
    pub(super) async fn scan_page(&self, scan: &Scan) -> Result<Page> {
        let place = scan.cursor().map(Place::read).transpose()?;
        let mut command = redis::cmd("SCAN");
        command.arg(place.as_ref().map_or("0", |place| place.cursor));
        // A namespace holds no character that means something in a pattern.
        command.arg("MATCH").arg([scan.namespace().prefix(), b"*"].concat());
        command.arg("COUNT").arg(scan.limit());
        let command = Command::plain(command).of_run(place.map(|place| place.run.into()));
        let request = Request { command: &command, repeatable: true, writes: false };
        let answered = self.shared.wires.call(request, self.deadline()).await?;
        let (cursor, keys) = read_page(answered.value).ok_or_else(unexpected_answer)?;
        let next = (cursor != "0").then(|| Place { run: &answered.server.run, cursor: &cursor }.write());
        Ok(Page { keys, next })
    }
}

/// Where a walk goes on, as the bytes of a [`Cursor`]: `run id:cursor`.
struct Place<'a> {
    run: &'a str,
    cursor: &'a str,
}

impl<'a> Place<'a> {
    fn read(cursor: &'a Cursor) -> Result<Self> {
        let text = std::str::from_utf8(cursor.as_bytes()).map_err(|_| Error::CursorLost)?;
        let (run, cursor) = text.split_once(':').ok_or(Error::CursorLost)?;
        match cursor.parse::<u64>() {
            Ok(_) => Ok(Self { run, cursor }),
            Err(_) => Err(Error::CursorLost),
        }
    }

    fn write(&self) -> Cursor {
        Cursor::from_bytes(Bytes::from(format!("{}:{}", self.run, self.cursor)))
    }
}

fn read_page(answer: Value) -> Option<(String, Vec<Bytes>)> {
    let Value::Array(parts) = answer else { return None };
    let [Value::BulkString(cursor), Value::Array(keys)] = <[Value; 2]>::try_from(parts).ok()? else {
        return None;
    };
    let keys = keys.into_iter().map(|key| match key {
        Value::BulkString(bytes) => Some(Bytes::from(bytes)),
        _ => None,
    });
    Some((String::from_utf8(cursor).ok()?, keys.collect::<Option<_>>()?))
}

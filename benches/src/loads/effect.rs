//! What a load leaves on the server, in a form that two runs of it share.

use std::collections::BTreeMap;

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands as _, FromRedisValue, cmd};

use crate::Result;
use crate::drive::Work;
use crate::loads::{Setting, peers};

const HOUR: f64 = 3_600_000.0;

/// What so many steps of a load leave behind on an empty server. The load itself checks the replies.
pub(crate) fn of(
    setting: &Setting,
    raw: &MultiplexedConnection,
    mut load: impl Work,
    steps: u64,
) -> Result<Vec<String>> {
    setting.runtime.block_on(async {
        peers::clear(raw).await?;
        for n in 0..steps {
            load.step(n).await?;
        }
        read(raw, plain).await
    })
}

/// Fails with the first difference if two loads left something else.
pub(crate) fn same(left_by_us: &[String], left_by_hand: &[String]) -> Result {
    let (mut ours, mut theirs) = (left_by_us.iter(), left_by_hand.iter());
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return Ok(()),
            (ours, theirs) if ours == theirs => {}
            (ours, theirs) => return Err(format!("we left {ours:?}, the script {theirs:?}").into()),
        }
    }
}

/// All that is on the server: every structure with its contents, in an order of its own, without the names of keys (ours
/// are hidden) and the ids of log entries, and with times in hours from now. `text` shows what is stored.
pub(crate) async fn read(raw: &MultiplexedConnection, text: fn(&[u8]) -> String) -> Result<Vec<String>> {
    let mut raw = raw.clone();
    let (seconds, _): (f64, f64) = cmd("TIME").query_async(&mut raw).await?;
    let keys: Vec<String> = raw.keys("*").await?;
    let mut found = Vec::new();
    for key in keys {
        let kind: String = cmd("TYPE").arg(&key).query_async(&mut raw).await?;
        let left: f64 = raw.pttl(&key).await?;
        let contents = match kind.as_str() {
            "string" => text(&ask::<Vec<u8>>(&mut raw, &["GET", &key]).await?),
            "hash" => {
                let fields: BTreeMap<Vec<u8>, Vec<u8>> = ask(&mut raw, &["HGETALL", &key]).await?;
                sorted(fields.iter().map(|(field, value)| format!("{}={} ", text(field), text(value))))
            }
            "zset" => {
                let members: BTreeMap<Vec<u8>, f64> =
                    ask(&mut raw, &["ZRANGE", &key, "0", "-1", "WITHSCORES"]).await?;
                let hours = |score: &f64| (score - seconds * 1_000.0) / HOUR;
                sorted(members.iter().map(|(who, score)| format!("{}={:.0} h ", text(who), hours(score))))
            }
            "stream" => {
                let entries: Vec<(String, Vec<Vec<u8>>)> = ask(&mut raw, &["XRANGE", &key, "-", "+"]).await?;
                entries.iter().flat_map(|(_, fields)| fields).map(|part| text(part) + " ").collect()
            }
            other => return Err(format!("{key} holds a {other}").into()),
        };
        found.push(format!("{kind}, {:.0} h left: {contents}", left / HOUR));
    }
    found.sort();
    Ok(found)
}

/// Shown as it is.
fn plain(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// Only the length of what one side hides or seals: of all that is as long as a keyed hash.
pub(crate) fn hidden(bytes: &[u8]) -> String {
    if bytes.len() < 16 { plain(bytes) } else { format!("<{}>", bytes.len()) }
}

fn sorted(parts: impl Iterator<Item = String>) -> String {
    let mut parts: Vec<_> = parts.collect();
    parts.sort();
    parts.concat()
}

async fn ask<T: FromRedisValue>(raw: &mut MultiplexedConnection, command: &[&str]) -> Result<T> {
    let mut call = cmd(command[0]);
    call.arg(&command[1..]);
    Ok(call.query_async(raw).await?)
}

//! What a load leaves on the server, in a form that two runs of it share.

use std::collections::BTreeMap;

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands as _, FromRedisValue, cmd};

use super::room::STEPS;
use crate::Result;
use crate::drive::Work;
use crate::loads::{Setting, peers};

const HOUR: f64 = 3_600_000.0;

/// What a load leaves behind of three rooms on an empty server: every structure with its contents, in an order of its
/// own, without the names of keys (ours are hidden) and the ids of log entries, and with times in hours from now. The
/// load itself checks the replies.
pub(crate) fn of(setting: &Setting, raw: &MultiplexedConnection, mut load: impl Work) -> Result<Vec<String>> {
    setting.runtime.block_on(async {
        peers::clear(raw).await?;
        for n in 0..3 * STEPS {
            load.step(n).await?;
        }
        read(raw).await
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

async fn read(raw: &MultiplexedConnection) -> Result<Vec<String>> {
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
                fields.iter().map(|(field, value)| format!("{}={} ", text(field), text(value))).collect()
            }
            "zset" => {
                let members: BTreeMap<Vec<u8>, f64> =
                    ask(&mut raw, &["ZRANGE", &key, "0", "-1", "WITHSCORES"]).await?;
                let hours = |score: &f64| (score - seconds * 1_000.0) / HOUR;
                members
                    .iter()
                    .map(|(member, score)| format!("{}={:.0} h ", text(member), hours(score)))
                    .collect()
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

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

async fn ask<T: FromRedisValue>(raw: &mut MultiplexedConnection, command: &[&str]) -> Result<T> {
    let mut call = cmd(command[0]);
    call.arg(&command[1..]);
    Ok(call.query_async(raw).await?)
}

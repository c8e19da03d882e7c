//! What a load leaves on the server, in a form that two runs of it share.

use std::collections::BTreeMap;
use std::fmt::Debug;

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands as _, FromRedisValue, cmd};

use super::room::STEPS;
use crate::Result;
use crate::drive::Work;
use crate::loads::Setting;

const HOUR: f64 = 3_600_000.0;

/// What a load leaves behind of three rooms on an empty server: by key, the structure and its contents, with times in
/// hours from now and without the ids of log entries. The load itself checks the replies.
pub(crate) fn of(
    setting: &Setting,
    raw: &MultiplexedConnection,
    mut load: impl Work,
) -> Result<BTreeMap<String, String>> {
    setting.runtime.block_on(async {
        clear(raw).await?;
        for n in 0..3 * STEPS {
            load.step(n).await?;
        }
        read(raw).await
    })
}

/// Fails with the first difference if two loads left something else.
pub(crate) fn same<T: Debug + PartialEq>(
    left_by_us: impl IntoIterator<Item = T>,
    left_by_hand: impl IntoIterator<Item = T>,
) -> Result {
    let (mut ours, mut theirs) = (left_by_us.into_iter(), left_by_hand.into_iter());
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return Ok(()),
            (ours, theirs) if ours == theirs => {}
            (ours, theirs) => return Err(format!("we left {ours:?}, the script {theirs:?}").into()),
        }
    }
}

/// Removes everything, in the foreground. Scripts stay.
pub(crate) async fn clear(raw: &MultiplexedConnection) -> Result {
    Ok(cmd("FLUSHALL").arg("SYNC").query_async(&mut raw.clone()).await?)
}

async fn read(raw: &MultiplexedConnection) -> Result<BTreeMap<String, String>> {
    let mut raw = raw.clone();
    let (seconds, _): (f64, f64) = cmd("TIME").query_async(&mut raw).await?;
    let keys: Vec<String> = raw.keys("*").await?;
    let mut found = BTreeMap::new();
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
        found.insert(key, format!("{kind}, {:.0} h left: {contents}", left / HOUR));
    }
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

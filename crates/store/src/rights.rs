//! Whether the login may use every command that we send.
//!
//! A script that is refused one command has already run those before it, and nothing is undone. So the rights are
//! checked before the first program, once per store.
//!
//! They are asked of the server in a way that needs no rights of administration and works from 6.2 on: inside `MULTI` a
//! command is only queued, but refused at once if the login may not use it; `DISCARD` then forgets the queue.

use redis::{Cmd, Pipeline, ServerError, Value};

use crate::error::{Answer, ConnectError};
use crate::link::{Link, Lost};

/// One well-formed call of every command that is sent, by itself or from a script. None of them is ever run.
const CALLS: [&str; 49] = [
    // Every kind.
    "EXISTS k",
    "PERSIST k",
    "PEXPIRE k 1",
    "PEXPIREAT k 1",
    "PTTL k",
    "RENAMENX k k",
    "UNLINK k",
    // Values.
    "GET k",
    "GETDEL k",
    "INCRBY k 1",
    "MGET k",
    "SET k v",
    "STRLEN k",
    // Maps.
    "HDEL k f",
    "HEXISTS k f",
    "HGET k f",
    "HGETALL k",
    "HLEN k",
    "HMGET k f",
    "HSCAN k 0",
    "HSET k f v",
    // Lists.
    "LLEN k",
    "LPOP k",
    "LPUSH k v",
    "LRANGE k 0 0",
    "RPOP k",
    "RPUSH k v",
    // Rankings.
    "ZADD k 1 m",
    "ZCARD k",
    "ZCOUNT k 0 1",
    "ZMSCORE k m",
    "ZRANGEBYSCORE k 0 1",
    "ZRANK k m",
    "ZREM k m",
    "ZREMRANGEBYRANK k 1 0",
    "ZREVRANGEBYSCORE k 1 0",
    "ZSCAN k 0",
    "ZSCORE k m",
    // Logs.
    "XADD k * f v",
    "XLEN k",
    "XRANGE k - +",
    "XREAD STREAMS k 0",
    "XREVRANGE k + -",
    // The server.
    "EVAL s 0",
    "EVALSHA s 0",
    "INFO",
    "PING",
    "SCAN 0",
    "TIME",
];

/// What a store can do without, if it has to: see [`graves`](crate::graves).
const TO_CLOSE: [&str; 2] = ["CLIENT ID", "CLIENT KILL ID 1"];

/// What is sent to a node of a cluster besides.
const CLUSTER_CALLS: [&str; 4] = ["ASKING", "CLUSTER INFO", "CLUSTER NODES", "CLUSTER SLOTS"];

/// Which commands will be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Server,
    Cluster,
}

impl Scope {
    fn calls(self) -> impl Iterator<Item = &'static str> {
        let more: &[_] = match self {
            Self::Server => &[],
            Self::Cluster => &CLUSTER_CALLS,
        };
        CALLS.iter().chain(more).copied()
    }
}

/// What the check found out, when nothing is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    /// Everything that is needed is there.
    Complete {
        /// Also the right to close connections by their id.
        closes: bool,
    },
    /// The server lets nobody ask, as some proxies do.
    Unknown,
}

impl Rights {
    /// Whether the login may close connections by their id, as far as is known.
    pub(crate) fn closes(self) -> bool {
        !matches!(self, Self::Complete { closes: false })
    }
}

/// Asks about every command, on a connection that nobody else uses yet.
pub(crate) async fn check(link: &Link, scope: Scope) -> Result<Rights, ConnectError> {
    let hung_up = |lost: Lost| ConnectError::Refused {
        answer: Answer::new("MULTI"),
        advice: match lost {
            Lost::Broken(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                "it answers in a form that is no Redis protocol"
            }
            _ => "it hung up while its rights were checked",
        },
    };
    // Were it refused, what follows would be run instead of queued.
    match link.send(&redis::cmd("MULTI")).await.map_err(hung_up)? {
        Value::Okay => {}
        _ => return Ok(Rights::Unknown),
    }
    let mut queue = Pipeline::new();
    for call in scope.calls().chain(TO_CLOSE) {
        queue.add_command(command(call));
    }
    queue.add_command(redis::cmd("DISCARD"));
    let answers = link.send_all(&queue).await.map_err(hung_up)?;
    // A connection that is still inside MULTI would queue whatever comes, for ever.
    if !matches!(answers.last(), Some(Value::Okay)) {
        return Err(ConnectError::MissingRight {
            command: "DISCARD",
            needed: format!("{} +discard", needed(scope)),
        });
    }
    let (needed_ones, to_close) = answers.split_at(scope.calls().count());
    for (call, answer) in scope.calls().zip(needed_ones) {
        if let Value::ServerError(error) = answer
            && is_about_the_command(error)
        {
            return Err(ConnectError::MissingRight { command: name(call), needed: needed(scope) });
        }
    }
    let refused = |answer: &Value| matches!(answer, Value::ServerError(_));
    Ok(Rights::Complete { closes: !to_close.iter().take(TO_CLOSE.len()).any(refused) })
}

/// Every command that is used, as the rules of `ACL SETUSER`.
pub(crate) fn needed(scope: Scope) -> String {
    let closing = TO_CLOSE.into_iter().map(|call| call.strip_suffix(" ID 1").unwrap_or(call));
    let rules: Vec<String> = scope
        .calls()
        .chain(closing)
        .map(|call| match call.split_once(' ') {
            Some(("CLUSTER" | "CLIENT", _)) => format!("+{}", call.replace(' ', "|").to_ascii_lowercase()),
            _ => format!("+{}", name(call).to_ascii_lowercase()),
        })
        .collect();
    rules.join(" ")
}

fn name(call: &'static str) -> &'static str {
    call.split(' ').next().unwrap_or(call)
}

fn command(call: &str) -> Cmd {
    let mut command = Cmd::new();
    for word in call.split(' ') {
        command.arg(word);
    }
    command
}

/// A login may be confined to some keys, and `k` need not be one of them. The command is judged first, so a refusal of
/// the key means that the command is granted.
fn is_about_the_command(error: &ServerError) -> bool {
    error.code() == "NOPERM" && error.details().is_some_and(|text| text.contains("permissions to run the"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// What stands in capitals in the compiler and is no command.
    const OPTIONS: [&str; 7] = ["COUNT", "KEEPTTL", "LIMIT", "MAXLEN", "NOMKSTREAM", "PXAT", "WITHSCORES"];
    /// What is sent by others than the compiler.
    const OTHERS: [&str; 6] = ["EVAL", "INFO", "MGET", "PING", "SCAN", "XREAD"];

    #[test]
    fn the_list_is_what_is_sent() {
        let mut sent: BTreeSet<String> = OTHERS.map(str::to_owned).into();
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/compile")];
        let mut files = vec![folders[0].with_extension("rs")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true if path.ends_with("tests") => {}
                    true => folders.push(path),
                    false => files.push(path),
                }
            }
        }
        for file in files.iter().filter(|file| !file.ends_with("tests.rs")) {
            let source = std::fs::read_to_string(file).unwrap();
            // Every word in quotes, of Rust or of Lua, that is nothing but capitals.
            for word in source.split(['"', '\'']) {
                let capitals = word.len() > 2 && word.bytes().all(|b| b.is_ascii_uppercase());
                if capitals && !OPTIONS.contains(&word) {
                    sent.insert(word.to_owned());
                }
            }
        }
        let listed: BTreeSet<String> = CALLS.into_iter().map(|call| name(call).to_owned()).collect();
        assert_eq!(listed, sent, "left is what is checked at connect, right is what is sent");
        assert_eq!(listed.len(), CALLS.len(), "a command is listed twice");
        let server = needed(Scope::Server);
        assert!(
            server.starts_with("+exists ") && server.ends_with(" +time +client|id +client|kill"),
            "{server}"
        );
        let cluster = needed(Scope::Cluster);
        assert!(cluster.contains(" +asking +cluster|info +cluster|nodes +cluster|slots "), "{cluster}");
    }
}

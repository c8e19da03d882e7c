//! Whether the login may use every command that we send.
//!
//! A script that is refused one command has already run those before it, and nothing is undone. So the rights are
//! checked before the first program, once per store.
//!
//! They are asked of the server in a way that needs no rights of administration and works from 6.2 on: inside `MULTI` a
//! command is only queued, but refused at once if the login may not use it; `DISCARD` then forgets the queue.

use redis::{Cmd, Pipeline, ServerError, Value};

use crate::connect::Connection;
use crate::error::{Answer, ConnectError, broken};

/// One well-formed call of every command that is sent, by itself or from a script. None of them is ever run.
const CALLS: [&str; 49] = [
    // Every kind.
    "EXISTS k",
    "EXPIRE k 1",
    "PERSIST k",
    "PEXPIRE k 1",
    "PEXPIREAT k 1",
    "PTTL k",
    "UNLINK k",
    // Values.
    "GET k",
    "GETDEL k",
    "GETEX k",
    "INCRBY k 1",
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
    "LTRIM k 0 -1",
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

/// What the check found out, when nothing is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    Complete,
    /// The server lets nobody ask, as some proxies do.
    Unknown,
}

/// Asks about every command, on a connection that nobody else uses yet.
pub(crate) async fn check(connection: &Connection) -> Result<Rights, ConnectError> {
    let hung_up = |error: redis::RedisError| ConnectError::Refused {
        answer: Answer::new("MULTI"),
        advice: match broken(&error).kind() {
            std::io::ErrorKind::InvalidData => "it answers in a form that is no Redis protocol",
            _ => "it hung up while its rights were checked",
        },
    };
    // Were it refused, what follows would be run instead of queued.
    match connection.send(&redis::cmd("MULTI")).await.map_err(hung_up)? {
        Value::Okay => {}
        _ => return Ok(Rights::Unknown),
    }
    let mut queue = Pipeline::new();
    for call in CALLS {
        queue.add_command(command(call));
    }
    queue.add_command(redis::cmd("DISCARD"));
    let answers = connection
        .multiplexed
        .clone()
        .send_packed_commands(&queue, 0, CALLS.len() + 1)
        .await
        .map_err(hung_up)?;
    for (call, answer) in CALLS.into_iter().zip(answers) {
        if let Value::ServerError(error) = answer
            && is_about_the_command(&error)
        {
            return Err(ConnectError::MissingRight { command: name(call), needed: needed() });
        }
    }
    Ok(Rights::Complete)
}

/// Every command that is needed, as the rules of `ACL SETUSER`.
pub(crate) fn needed() -> String {
    let rules: Vec<String> =
        CALLS.into_iter().map(|call| format!("+{}", name(call).to_ascii_lowercase())).collect();
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
mod tests {
    use super::*;

    #[test]
    fn each_command_is_listed_once() {
        let mut names: Vec<_> = CALLS.into_iter().map(name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
        assert!(needed().starts_with("+exists +expire ") && needed().ends_with(" +time"));
    }
}

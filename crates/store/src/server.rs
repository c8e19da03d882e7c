//! What a server says of itself.

use std::sync::Arc;

use redis::{Value, VerbatimFormat};

use crate::error::{Answer, ConnectError};

/// The oldest release line with every command that we use: `SET PXAT`, `GETDEL`, `GETEX`, `ZMSCORE`, `LPOP` with a count.
const OLDEST: (u32, u32) = (6, 2);

/// Who is at the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    /// `redis 7.0.15`, `valkey 8.1.0`.
    pub(crate) engine: String,
    /// Changes with every start of the process, and so with every failover: what a cursor is good for.
    pub(crate) run: Arc<str>,
}

impl Server {
    /// Reads the answer to `INFO server`.
    pub(crate) fn parse(answer: &Value) -> Result<Self, ConnectError> {
        let silent = || ConnectError::Refused {
            answer: Answer::new("INFO"),
            advice: "INFO does not tell a version and a run id; is this a Redis server?",
        };
        let text = text(answer).ok_or_else(silent)?;
        let version = field(text, "redis_version").ok_or_else(silent)?;
        let run = field(text, "run_id").ok_or_else(silent)?;
        let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
        let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        if (major, minor) < OLDEST {
            return Err(ConnectError::TooOld { version: version.to_owned() });
        }
        // Valkey goes on calling itself redis 7.2.4 beside its own version.
        let engine = match field(text, "valkey_version") {
            Some(version) => format!("valkey {version}"),
            None => format!("redis {version}"),
        };
        Ok(Self { engine, run: run.into() })
    }
}

/// Whether the answer to `INFO replication` is that of a master.
pub(crate) fn is_master(answer: &Value) -> bool {
    text(answer).and_then(|text| field(text, "role")) == Some("master")
}

/// The text of an answer to `INFO`, in either version of the protocol.
pub(crate) fn text(answer: &Value) -> Option<&str> {
    match answer {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::VerbatimString { format: VerbatimFormat::Text, text } => Some(text),
        _ => None,
    }
}

/// One field of an answer to `INFO`.
pub(crate) fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(info: &str) -> Result<Server, ConnectError> {
        Server::parse(&Value::BulkString(info.as_bytes().to_vec()))
    }

    #[test]
    fn names_engine_and_run() {
        let redis = server("# Server\r\nredis_version:7.0.15\r\nredis_git_sha1:0\r\nrun_id:abc\r\n");
        assert_eq!(redis.unwrap(), Server { engine: "redis 7.0.15".into(), run: "abc".into() });
        let valkey =
            server("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0\r\nrun_id:abc\r\n");
        assert_eq!(valkey.unwrap().engine, "valkey 8.1.0");
    }

    #[test]
    fn refuses_what_is_too_old_or_no_redis() {
        for version in ["6.0.16", "5.0.7", "6.1.242", "x"] {
            let old = server(&format!("redis_version:{version}\r\nrun_id:abc\r\n"));
            assert!(matches!(old, Err(ConnectError::TooOld { .. })), "{version}: {old:?}");
        }
        assert!(server("redis_version:6.2.0\r\nrun_id:abc\r\n").is_ok());
        assert!(matches!(server("hello"), Err(ConnectError::Refused { .. })));
        assert!(matches!(Server::parse(&Value::Okay), Err(ConnectError::Refused { .. })));
    }
}

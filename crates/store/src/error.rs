//! What can go wrong, in words that hold no secret.
//!
//! Nothing of `redis` is ever formatted here: its errors and values repeat what the server sent, and that may be a
//! payload. What the server says is reduced to its code, the first word of its answer.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use redis::ServerError;
use roomkey_core::{Error, Failure};

use crate::config::Endpoint;
use crate::link::Lost;

/// Why there is no [`RedisStore`](crate::RedisStore).
///
/// Settings are named and never repeated: what stands in the wrong variable may be a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    // The configuration's fault.
    /// A setting cannot be used as it stands.
    #[error("{name} cannot be used: it must be {expected}")]
    Invalid {
        /// The variable, the method of the builder, or `the URL`.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// Two settings exclude each other.
    #[error("{}: {advice}", contradiction(.first, .second))]
    Conflict {
        /// The one.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// A variable that is not read but looks as if it were meant to be.
    #[error("{name} is not a setting; did you mean {instead}?")]
    Unknown {
        /// The variable.
        name: String,
        /// The one that is read.
        instead: &'static str,
    },
    /// A file that a setting names cannot be read.
    #[error("{name} names a file that cannot be read")]
    File {
        /// The variable, the method of the builder, or `the URL`.
        name: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A certificate or key that a setting names cannot be used.
    #[error("{name} names a certificate or key that cannot be used")]
    Certificate {
        /// The variable, the method of the builder, or `the URL`.
        name: &'static str,
        /// Why.
        source: Box<dyn StdError + Send + Sync>,
    },

    // The network's fault.
    /// Nothing answers there, or what answers hangs up.
    #[error("cannot reach a server at {endpoint}; is it running, and is this its address?")]
    Unreachable {
        /// Where.
        endpoint: Endpoint,
        /// Why.
        source: io::Error,
    },
    /// The TLS handshake failed: an unknown authority, a wrong name, a missing certificate, or a server without TLS.
    #[error(
        "no TLS connection to {endpoint}; see REDIS_SSL_VERIFY_MODE, _CA_FILE, _CERT_FILE and the server's log"
    )]
    Tls {
        /// Where.
        endpoint: Endpoint,
        /// Why.
        source: io::Error,
    },
    /// The connection was not open and logged in within its time.
    #[error("no connection to {endpoint} within {after:?}; see REDIS_CONNECT_TIMEOUT_MS")]
    TimedOut {
        /// Where.
        endpoint: Endpoint,
        /// How long it was given.
        after: Duration,
    },

    /// No sentinel says where the master is: none can be reached, or none knows a master of this name.
    #[error("no sentinel knows where the master {master} is; see REDIS_SENTINELS and REDIS_SENTINEL_MASTER")]
    NoMaster {
        /// The name that it was asked for by.
        master: String,
        /// What the last sentinel that failed had to say; none if those that answered know no such master.
        source: Option<Box<Self>>,
    },
    /// The sentinels name a server that is no master. During a failover this passes.
    #[error("the server at {endpoint} is not the master, or not yet")]
    NotMaster {
        /// Where.
        endpoint: Endpoint,
    },

    // The application's, or its vault's.
    /// The provider of the credentials, or the file with the password, has none to give.
    #[error("there are no credentials for a connection to the server")]
    Credentials {
        /// Why.
        source: Box<dyn StdError + Send + Sync>,
    },

    // The server's fault, or its administrator's.
    /// The server refuses the login.
    #[error("the server refuses the login ({answer}); check REDIS_USERNAME and REDIS_PASSWORD")]
    LoginRefused {
        /// The code of its answer.
        answer: Answer,
    },
    /// The login lacks the right to a command. Without it a transaction could stop half-way.
    #[error("the login may not use {command}; grant it with ACL SETUSER (Roomkey needs {needed})")]
    MissingRight {
        /// The command.
        command: &'static str,
        /// All commands that are needed, in the form of ACL rules.
        needed: String,
    },
    /// The server is too old.
    #[error("the server is of version {version}; Roomkey needs 6.2 or newer")]
    TooOld {
        /// Its version.
        version: String,
    },
    /// The server refuses to have us, for another reason.
    #[error("the server refuses the connection ({answer}); {advice}")]
    Refused {
        /// The code of its answer.
        answer: Answer,
        /// What to do.
        advice: &'static str,
    },
}

/// One URL can say two things that do not go together.
fn contradiction(first: &str, second: &str) -> String {
    if first == second {
        format!("{first} contradicts itself")
    } else {
        format!("{first} and {second} contradict each other")
    }
}

impl ConnectError {
    /// Whether trying again may help without anybody changing anything.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::NoMaster { .. }
            | Self::NotMaster { .. }
            | Self::Credentials { .. }
            | Self::Refused { .. } => true,
            // What TLS objects to is invalid data; anything else is the network's doing.
            Self::Tls { source, .. } => source.kind() != io::ErrorKind::InvalidData,
            Self::Invalid { .. }
            | Self::Conflict { .. }
            | Self::Unknown { .. }
            | Self::File { .. }
            | Self::Certificate { .. }
            | Self::LoginRefused { .. }
            | Self::MissingRight { .. }
            | Self::TooOld { .. } => false,
        }
    }
}

impl ConnectError {
    /// Whether nothing was heard of the server at all.
    pub(crate) fn is_silence(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::TimedOut { .. } | Self::NoMaster { .. })
            || matches!(self, Self::Tls { source, .. } if source.kind() != io::ErrorKind::InvalidData)
    }
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Self {
        if error.may_pass() {
            Self::not_executed(Failure::new("there is no connection to the server", error))
        } else {
            Self::permanent(Failure::new("the server cannot be used as configured", error))
        }
    }
}

/// Why a store did not even try: the cause of an [`Error::NotExecuted`] that is about ourselves rather than the server.
///
/// ```
/// use std::error::Error as _;
///
/// use roomkey_core::Error;
/// use roomkey_store::Unavailable;
///
/// fn is_overload(error: &Error) -> bool {
///     let Error::NotExecuted(failure) = error else { return false };
///     matches!(failure.source().and_then(|why| why.downcast_ref()), Some(Unavailable::Overloaded { .. }))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// As many calls are under way to one server as may be. More would make all of them late. This one failed at once.
    #[error("{limit} calls are under way to the server, which is the most; see REDIS_MAX_IN_FLIGHT")]
    Overloaded {
        /// The most calls under way to one server.
        limit: usize,
    },
    /// Nothing has been heard of the server for longer than two deadlines of a call. Until it gives a sign of life, calls
    /// fail at once.
    #[error("the server at {endpoint} has not answered for a while")]
    NotAnswering {
        /// Where it should be.
        endpoint: Endpoint,
    },
    /// All connections for waits and large values were in use for the whole time that a call may take.
    #[error("all {size} connections for waits and large values are in use; see REDIS_POOL_SIZE")]
    PoolExhausted {
        /// How many there may be.
        size: usize,
    },
}

/// The error of a call that was not tried.
pub(crate) fn unavailable(why: Unavailable) -> Error {
    Error::NotExecuted(Failure::new("the store takes no such call just now", why))
}

/// Whether a call is to end at once, although it was not executed and could be tried again: that is what the limits are
/// for.
pub(crate) fn is_final(failure: &Failure) -> bool {
    let why = StdError::source(failure).and_then(|why| why.downcast_ref());
    matches!(why, Some(Unavailable::Overloaded { .. } | Unavailable::NotAnswering { .. }))
}

/// The code of a server's answer, such as `WRONGPASS`. The text behind it is dropped, because it may repeat arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer(String);

impl Answer {
    pub(crate) fn new(code: &str) -> Self {
        let looks_like_a_code =
            !code.is_empty() && code.len() <= 32 && code.bytes().all(|b| b.is_ascii_uppercase());
        Self(if looks_like_a_code { code } else { "ERR" }.to_owned())
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Answer {}

/// What the server's refusal of one command means.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// It does not know the script of this hash. Nothing ran.
    NoScript,
    /// What the caller gets to see, unless it is retried.
    Error(Error),
}

/// Sorts an error that the server answered.
pub(crate) fn refusal(error: &ServerError) -> Refusal {
    let (code, text) = (error.code(), error.details().unwrap_or_default());
    match raised(text).filter(|_| code == "ERR") {
        Some((code, text)) => sort(code, text),
        None => sort(code, text),
    }
}

/// Whether it is because the server is no master any more.
pub(crate) fn says_replica(error: &ServerError) -> bool {
    let (code, text) = (error.code(), error.details().unwrap_or_default());
    code == "READONLY" || (code == "ERR" && raised(text).is_some_and(|(code, _)| code == "READONLY"))
}

/// What a script raised, as Redis 6.2 wraps it: code and text.
///
/// `Error running script (call to f_…): @user_script:3: WRONGTYPE …`, or, for what the server itself refused,
/// `…: @user_script:3: @user_script: 3: -OOM …`.
fn raised(text: &str) -> Option<(&str, &str)> {
    let (_, behind) = text.rsplit_once("@user_script:")?;
    let (_, raised) = behind.trim_start().split_once(": ")?;
    let raised = raised.trim_start_matches('-');
    Some(raised.split_once(' ').unwrap_or((raised, "")))
}

fn sort(code: &str, text: &str) -> Refusal {
    let failure = |what| Failure::new(what, Answer::new(code));
    let passing = |what| Error::NotExecuted(failure(what));
    Refusal::Error(match code {
        "NOSCRIPT" => return Refusal::NoScript,
        "WRONGTYPE" => Error::WrongType,
        "OOM" => Error::Full,
        "TRYAGAIN" | "MOVED" | "ASK" => passing("the partition is on its way from one node to another"),
        "CLUSTERDOWN" => passing("the cluster does not serve the partition just now"),
        "READONLY" | "UNBLOCKED" => passing("the server is not a master any more"),
        "LOADING" | "BUSY" | "MASTERDOWN" | "NOREPLICAS" => passing("the server cannot do it just now"),
        "NOAUTH" | "NOPERM" | "WRONGPASS" => Error::Permanent(failure("the login lacks the right to do it")),
        "MISCONF" => {
            Error::Permanent(failure("the server cannot persist and therefore writes nothing; see its log"))
        }
        "ERR" if text.starts_with("value is not an integer") => Error::NotANumber,
        "ERR" if text.starts_with("increment or decrement would overflow") => Error::Overflow,
        "ERR" if text.starts_with("max number of clients") => {
            Error::NotExecuted(failure("the server has too many clients"))
        }
        _ => Error::Permanent(failure("the server refused the command")),
    })
}

/// Scripts are forgotten by `SCRIPT FLUSH`, at restarts, and by newer servers when there are many.
pub(crate) const FORGOTTEN: &str = "the server has forgotten a script that it knew";

/// What became of a command that was handed to a connection and got no answer.
pub(crate) fn lost(lost: Lost) -> Error {
    match lost {
        Lost::Unsent => Error::not_executed(Failure::new("the connection to the server was lost", lost)),
        Lost::NotInTime => Error::not_executed(Failure::new("the server takes nothing more", lost)),
        Lost::Overdue => Error::ambiguous("no answer within the deadline"),
        Lost::Broken(source) => {
            Error::Ambiguous(Failure::new("the connection broke before the answer came", source))
        }
    }
}

/// An answer of a form that the command does not have: the bytes on the connection can no longer be trusted.
pub(crate) fn unexpected_answer() -> Error {
    Error::ambiguous("the server answered in a form that the command does not have")
}

#[cfg(test)]
mod tests {
    use roomkey_core::ErrorKind;

    use super::*;

    fn kind(code: &str, text: &str) -> ErrorKind {
        match sort(code, text) {
            Refusal::Error(error) => error.kind(),
            Refusal::NoScript => panic!("{code} is no missing script"),
        }
    }

    #[test]
    fn refusals_are_sorted_by_code_not_by_prose() {
        assert!(matches!(sort("NOSCRIPT", ""), Refusal::NoScript));
        assert_eq!(kind("WRONGTYPE", "whatever"), ErrorKind::WrongType);
        assert_eq!(kind("OOM", ""), ErrorKind::Full);
        assert_eq!(kind("LOADING", ""), ErrorKind::NotExecuted);
        assert_eq!(kind("READONLY", ""), ErrorKind::NotExecuted);
        assert_eq!(kind("NOPERM", ""), ErrorKind::Permanent);
        assert_eq!(kind("MISCONF", ""), ErrorKind::Permanent);
        assert_eq!(kind("ERR", "value is not an integer or out of range"), ErrorKind::NotANumber);
        assert_eq!(kind("ERR", "increment or decrement would overflow"), ErrorKind::Overflow);
        assert_eq!(kind("ERR", "max number of clients reached"), ErrorKind::NotExecuted);
        assert_eq!(kind("ERR", "syntax error"), ErrorKind::Permanent);
    }

    #[test]
    fn what_a_script_raised_is_unwrapped() {
        let call = "Error running script (call to f_0beec7): @user_script:";
        let wrong_type = format!("{call}3: WRONGTYPE Operation against a key");
        assert_eq!(raised(&wrong_type), Some(("WRONGTYPE", "Operation against a key")));
        let full =
            format!("{call}1: @user_script: 1: -OOM command not allowed when used memory > 'maxmemory'.");
        assert_eq!(raised(&full).map(|(code, _)| code), Some("OOM"));
        assert_eq!(raised("value is not an integer or out of range"), None);
    }

    #[test]
    fn the_text_of_an_answer_is_shown_nowhere() {
        let Refusal::Error(error) = sort("ERR", "unknown command 'sentinel-a7'") else { panic!() };
        let shown = format!("{error} {error:?} {:?}", StdError::source(&error).map(ToString::to_string));
        assert!(!shown.contains("sentinel-a7"), "{shown}");
        assert_eq!(Answer::new("sentinel-a7"), Answer::new("ERR"));
    }

    #[test]
    fn what_was_never_sent_is_not_executed() {
        assert_eq!(lost(Lost::Unsent).kind(), ErrorKind::NotExecuted);
        assert_eq!(lost(Lost::Broken(io::ErrorKind::NotConnected.into())).kind(), ErrorKind::Ambiguous);
    }
}

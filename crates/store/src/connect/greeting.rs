//! The steps of a greeting, and what a refusal of each means.

use redis::ServerError;

use crate::error::{Answer, ConnectError};
use crate::rights::{Scope, needed};

/// One step of a greeting, to tell which of them was refused.
#[derive(Clone, Copy)]
pub(super) enum Greeting {
    Login,
    Database,
    Name,
    Client,
    Server,
    Role,
    Wait,
}

impl Greeting {
    /// What it means when the server refuses it.
    pub(super) fn refused(self, answer: &Answer, error: &ServerError) -> ConnectError {
        let answer = answer.clone();
        match (self, error.code()) {
            (Self::Login, "WRONGPASS" | "NOAUTH" | "NOPERM") | (_, "NOAUTH") => {
                ConnectError::LoginRefused { answer }
            }
            // Redis answers a login with the wrong number of words, or one that it does not expect, with plain ERR.
            (Self::Login, "ERR") if !is_full(error) => ConnectError::LoginRefused { answer },
            (Self::Database, "ERR") => ConnectError::Invalid {
                name: "REDIS_DB",
                expected: "a database that the server has (see its setting `databases`; a cluster has only 0)",
            },
            (Self::Database, "NOPERM") => {
                ConnectError::MissingRight { command: "SELECT", needed: "+select".to_owned() }
            }
            (Self::Wait, "NOPERM") => {
                ConnectError::MissingRight { command: "WAIT", needed: "+wait".to_owned() }
            }
            (_, "NOPERM") => ConnectError::MissingRight { command: "INFO", needed: needed(Scope::Server) },
            _ => ConnectError::Refused { answer, advice: "it is full or not ready; try again later" },
        }
    }
}

/// `ERR max number of clients reached` answers whatever was said first.
fn is_full(error: &ServerError) -> bool {
    error.details().is_some_and(|text| text.starts_with("max number of clients"))
}

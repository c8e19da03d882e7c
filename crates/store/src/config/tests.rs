//! The configuration as its sources say it.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod from_serde;
mod refusals;
mod secrets;
mod sources;
mod topologies;

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use super::setting::Setting;
use super::*;
use crate::credentials::Credentials;

fn vars(vars: &[(&str, &str)]) -> Result<RedisConfig, ConnectError> {
    RedisConfig::from_vars(vars.iter().copied())
}

fn tcp(host: &str, port: u16) -> Endpoint {
    Endpoint::Tcp { host: host.into(), port }
}

/// The login that a connection would be given.
fn login(provider: &Option<Arc<dyn CredentialsProvider>>) -> (Option<String>, String) {
    let provider = Arc::clone(provider.as_ref().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let credentials = runtime.block_on(provider.credentials()).unwrap();
    (credentials.username().map(Into::into), credentials.password().into())
}

/// The whole chain of messages, as a log would show it.
fn shown(error: &ConnectError) -> String {
    let mut text = format!("{error:?} {error}");
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text += &format!(" {cause:?} {cause}");
        next = cause.source();
    }
    text
}

fn refused(given: &[(&str, &str)], names: &str) -> String {
    let error = vars(given).unwrap_err();
    assert!(error.to_string().contains(names), "{error} does not name {names}");
    shown(&error)
}

fn temp_file(name: &str, content: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("roomkey-config-{}-{name}", std::process::id()));
    std::fs::File::create(&path).unwrap().write_all(content).unwrap();
    path
}

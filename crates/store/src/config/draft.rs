//! What the sources of a configuration have said, before it is known to be consistent.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::setting::Setting;
use super::tls::{Pem, VerifyMode};
use super::url;
use crate::credentials::CredentialsProvider;
use crate::error::ConnectError;
use crate::secret::{self, Secret};

/// A value, and what an error calls the place that it comes from.
#[derive(Clone, Debug)]
pub(super) struct Said<T> {
    pub(super) value: T,
    pub(super) by: &'static str,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub(super) host: Option<Said<String>>,
    pub(super) port: Option<Said<u16>>,
    pub(super) unix_socket: Option<Said<PathBuf>>,
    /// As text, like the nodes of a cluster.
    pub(super) sentinels: Option<Said<String>>,
    pub(super) sentinel_master: Option<Said<String>>,
    pub(super) sentinel_login: Login,
    pub(super) cluster: Option<Said<String>>,
    pub(super) login: Login,
    pub(super) db: Option<Said<u32>>,
    pub(super) tls: Option<Said<bool>>,
    pub(super) verify: Option<Said<VerifyMode>>,
    pub(super) server_name: Option<Said<String>>,
    pub(super) ca: Option<Said<Pem>>,
    pub(super) client_cert: Option<Said<Pem>>,
    pub(super) client_key: Option<Said<Pem>>,
    pub(super) timeout: Option<Said<Duration>>,
    pub(super) connect_timeout: Option<Said<Duration>>,
    pub(super) max_connection_age: Option<Said<Duration>>,
    pub(super) lanes: Option<Said<usize>>,
    pub(super) pool_size: Option<Said<usize>>,
    pub(super) max_in_flight: Option<Said<usize>>,
    pub(super) large_value_bytes: Option<Said<usize>>,
    pub(super) wait_replicas: Option<Said<u32>>,
    pub(super) wait_timeout: Option<Said<Duration>>,
    pub(super) client_name: Option<Said<String>>,
}

/// A login, whoever it is for.
#[derive(Clone, Debug, Default)]
pub(super) struct Login {
    pub(super) username: Option<Said<String>>,
    pub(super) password: Option<Said<Secret>>,
    pub(super) password_file: Option<Said<PathBuf>>,
    pub(super) provider: Option<Said<Arc<dyn CredentialsProvider>>>,
}

/// Puts a value where there is none, and refuses a different one.
pub(super) fn say<T: PartialEq>(
    slot: &mut Option<Said<T>>,
    value: T,
    by: &'static str,
) -> Result<(), ConnectError> {
    match slot {
        Some(said) if said.value != value => {
            Err(conflict(said.by, by, "they say different things; remove one of them"))
        }
        Some(_) => Ok(()),
        None => {
            *slot = Some(Said { value, by });
            Ok(())
        }
    }
}

impl Draft {
    /// Takes a setting in its text form.
    pub(super) fn read(
        &mut self,
        setting: Setting,
        text: &str,
        by: &'static str,
    ) -> Result<(), ConnectError> {
        let secret = || Secret::new(text.to_owned());
        match setting {
            Setting::Url => url::read(self, text, by),
            Setting::UrlFile => url::read(self, secret_file(Path::new(text), by)?.expose(), by),
            Setting::Host => say(&mut self.host, text.to_owned(), by),
            Setting::Port => say(&mut self.port, number(text, by, PORT)?, by),
            Setting::UseSsl => say(&mut self.tls, switch(text, by)?, by),
            Setting::Sentinels => say(&mut self.sentinels, text.to_owned(), by),
            Setting::Cluster => say(&mut self.cluster, text.to_owned(), by),
            Setting::SentinelMaster => say(&mut self.sentinel_master, text.to_owned(), by),
            Setting::SentinelUsername => say(&mut self.sentinel_login.username, text.to_owned(), by),
            Setting::SentinelPassword => say(&mut self.sentinel_login.password, secret(), by),
            Setting::SentinelPasswordFile => say(&mut self.sentinel_login.password_file, text.into(), by),
            Setting::Username => say(&mut self.login.username, text.to_owned(), by),
            Setting::Password => say(&mut self.login.password, secret(), by),
            Setting::PasswordFile => say(&mut self.login.password_file, text.into(), by),
            Setting::Db => say(&mut self.db, number(text, by, "a database number, 0 or more")?, by),
            Setting::SslVerifyMode => say(&mut self.verify, verify_mode(text, by)?, by),
            Setting::SslServerName => say(&mut self.server_name, text.to_owned(), by),
            Setting::SslCaFile => say(&mut self.ca, Pem::File(text.into()), by),
            Setting::SslCertFile => say(&mut self.client_cert, Pem::File(text.into()), by),
            Setting::SslKeyFile => say(&mut self.client_key, Pem::File(text.into()), by),
            Setting::TimeoutMs => say(&mut self.timeout, milliseconds(text, by)?, by),
            Setting::ConnectTimeoutMs => say(&mut self.connect_timeout, milliseconds(text, by)?, by),
            Setting::MaxConnectionAgeMs => say(&mut self.max_connection_age, milliseconds(text, by)?, by),
            Setting::Lanes => say(&mut self.lanes, number(text, by, "a number of connections")?, by),
            Setting::PoolSize => say(&mut self.pool_size, number(text, by, "a number of connections")?, by),
            Setting::MaxInFlight => say(&mut self.max_in_flight, number(text, by, "a number of calls")?, by),
            Setting::LargeValueBytes => {
                say(&mut self.large_value_bytes, number(text, by, "a number of bytes")?, by)
            }
            Setting::WaitReplicas => {
                say(&mut self.wait_replicas, number(text, by, "a number of replicas, 0 or more")?, by)
            }
            Setting::WaitTimeoutMs => say(&mut self.wait_timeout, milliseconds(text, by)?, by),
            Setting::ClientName => say(&mut self.client_name, text.to_owned(), by),
        }
    }
}

pub(super) const PORT: &str = "a number from 1 to 65535";

pub(super) fn conflict(first: &'static str, second: &'static str, advice: &'static str) -> ConnectError {
    ConnectError::Conflict { first, second, advice }
}

pub(super) fn number<T: std::str::FromStr>(
    text: &str,
    name: &'static str,
    expected: &'static str,
) -> Result<T, ConnectError> {
    text.parse().map_err(|_| ConnectError::Invalid { name, expected })
}

/// Reads a file that holds a password, or a URL with one.
pub(super) fn secret_file(path: &Path, name: &'static str) -> Result<Secret, ConnectError> {
    secret::from_file(path).map_err(|source| match source.kind() {
        io::ErrorKind::InvalidData => {
            ConnectError::Invalid { name, expected: "a file that holds UTF-8 text and is not empty" }
        }
        _ => ConnectError::File { name, source },
    })
}

fn milliseconds(text: &str, by: &'static str) -> Result<Duration, ConnectError> {
    number(text, by, "a number of milliseconds").map(Duration::from_millis)
}

pub(super) fn switch(text: &str, name: &'static str) -> Result<bool, ConnectError> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(ConnectError::Invalid { name, expected: "true or false" }),
    }
}

fn verify_mode(text: &str, by: &'static str) -> Result<VerifyMode, ConnectError> {
    match text.to_ascii_lowercase().as_str() {
        "none" => Ok(VerifyMode::None),
        "optional" => Ok(VerifyMode::Optional),
        "required" => Ok(VerifyMode::Required),
        _ => Err(ConnectError::Invalid { name: by, expected: "one of: none, optional, required" }),
    }
}

//! What a [`RedisStore`](crate::RedisStore) needs to know before it connects.

mod builder;
mod draft;
mod env;
mod url;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use self::builder::RedisConfigBuilder;
use self::draft::Draft;
use crate::error::ConnectError;
use crate::secret::Secret;

/// Where the server is, who we are there, and how we treat the connection.
///
/// A value of this type is complete and free of contradictions: files have been read, certificates parsed, limits
/// checked. What is still open is whether a server answers.
///
/// # Settings
///
/// | Variable | URL | Builder | Meaning | Default |
/// |---|---|---|---|---|
/// | `REDIS_URL` | – | – | everything that a URL can say, see [`from_url`](Self::from_url) | – |
/// | `REDIS_HOST` | host | [`host`](RedisConfigBuilder::host) | name or address | `localhost` |
/// | `REDIS_PORT` | port | [`port`](RedisConfigBuilder::port) | TCP port | 6379 |
/// | – | path | [`unix_socket`](RedisConfigBuilder::unix_socket) | a unix socket in place of host and port | – |
/// | `REDIS_USERNAME` | user | [`username`](RedisConfigBuilder::username) | ACL user | the server's `default` |
/// | `REDIS_PASSWORD` | password | [`password`](RedisConfigBuilder::password) | password of that user | none |
/// | `REDIS_PASSWORD_FILE` | `password_file` | [`password_file`](RedisConfigBuilder::password_file) | a file that holds it; one line end at its end is not part of it | none |
/// | `REDIS_DB` | path or `db` | [`db`](RedisConfigBuilder::db) | database number | 0 |
/// | `REDIS_USE_SSL` | `rediss://` | [`tls`](RedisConfigBuilder::tls) | TLS on or off | off |
/// | `REDIS_SSL_VERIFY_MODE` | `ssl_verify_mode` | [`verify_mode`](RedisConfigBuilder::verify_mode) | [`none`, `optional`, `required`](VerifyMode) | `required` |
/// | `REDIS_SSL_CA_FILE` | `ssl_ca_file` | [`ca_file`](RedisConfigBuilder::ca_file), [`ca_pem`](RedisConfigBuilder::ca_pem) | PEM: the only authorities to trust | the system's |
/// | `REDIS_SSL_CERT_FILE` | `ssl_cert_file` | [`client_cert_file`](RedisConfigBuilder::client_cert_file), [`client_cert_pem`](RedisConfigBuilder::client_cert_pem) | PEM: our certificate chain | none |
/// | `REDIS_SSL_KEY_FILE` | `ssl_key_file` | as above | PEM: the key of our certificate | none |
/// | `REDIS_TIMEOUT_MS` | `timeout_ms` | [`timeout`](RedisConfigBuilder::timeout) | deadline of one call, everything included | 2 000 |
/// | `REDIS_CONNECT_TIMEOUT_MS` | `connect_timeout_ms` | [`connect_timeout`](RedisConfigBuilder::connect_timeout) | time to open one connection, login included | 1 000 |
/// | `REDIS_LANES` | `lanes` | [`lanes`](RedisConfigBuilder::lanes) | connections that all calls share | 2 |
/// | `REDIS_POOL_SIZE` | `pool_size` | [`pool_size`](RedisConfigBuilder::pool_size) | further connections, opened when needed, for waits and large values | 8 |
/// | `REDIS_CLIENT_NAME` | `client_name` | [`client_name`](RedisConfigBuilder::client_name) | name shown by `CLIENT LIST` | `roomkey` |
///
/// Two sources may say the same thing; what they say differently is an error that names both.
#[derive(Clone)]
pub struct RedisConfig {
    pub(crate) endpoint: Endpoint,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) db: u32,
    pub(crate) tls: Option<Tls>,
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) lanes: usize,
    pub(crate) pool_size: usize,
    pub(crate) client_name: String,
}

impl RedisConfig {
    /// Starts from the defaults: `localhost:6379`, no login, no TLS.
    pub fn builder() -> RedisConfigBuilder {
        RedisConfigBuilder::default()
    }

    /// Reads the `REDIS_*` variables of this process; [`from_vars`](Self::from_vars) has the rules.
    ///
    /// # Errors
    ///
    /// Those of [`from_vars`](Self::from_vars).
    pub fn from_env() -> Result<Self, ConnectError> {
        Self::from_vars(std::env::vars_os())
    }

    /// Reads the `REDIS_*` variables among the given ones, so that tests and other sources need no process environment.
    ///
    /// - An empty variable counts as absent: compose files and shells write unset as empty.
    /// - A variable that looks like a misspelt one of ours (`REDIS_SSL_VERIFYMODE`, `REDIS_TLS`, anything else that
    ///   begins with `REDIS_SSL_`) is an error, because ignoring it could mean an unprotected connection.
    /// - Other unknown `REDIS_*` variables are somebody else's and ignored: platforms set `REDIS_TLS_URL`, Kubernetes
    ///   sets `REDIS_SERVICE_HOST` and `REDIS_PORT_6379_TCP` for every service called `redis`.
    /// - For the same reason a `REDIS_PORT` that begins with `tcp://` (or `udp://`) is ignored, with a line in the log.
    ///
    /// ```
    /// use roomkey_store::{ConnectError, RedisConfig};
    ///
    /// let config = RedisConfig::from_vars([("REDIS_HOST", "db.example"), ("REDIS_PORT", "6380")])?;
    /// assert_eq!(config.endpoint().to_string(), "db.example:6380");
    ///
    /// let error = RedisConfig::from_vars([("REDIS_PORT", "abc")]).unwrap_err();
    /// assert_eq!(error.to_string(), "REDIS_PORT cannot be used: it must be a number from 1 to 65535");
    /// # Ok::<(), ConnectError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConnectError::Invalid`], [`Conflict`](ConnectError::Conflict), [`Unknown`](ConnectError::Unknown),
    /// [`File`](ConnectError::File) and [`Certificate`](ConnectError::Certificate), each naming the variable and
    /// none repeating what it holds.
    pub fn from_vars<K, V>(vars: impl IntoIterator<Item = (K, V)>) -> Result<Self, ConnectError>
    where
        K: Into<std::ffi::OsString>,
        V: Into<std::ffi::OsString>,
    {
        let mut draft = Draft::default();
        env::read(&mut draft, vars.into_iter().map(|(name, value)| (name.into(), value.into())))?;
        draft.settle()
    }

    /// Reads a URL.
    ///
    /// - `redis://[user[:password]@]host[:port][/db]`, and `rediss://…` for TLS; without a port 6379.
    /// - `redis+unix:///path/to/socket` or `unix://…`; the path is the socket, the rest goes into parameters.
    /// - Parameters after `?`: `username` (or `user`), `password` (or `pass`), `db` and those of the
    ///   [table](Self#settings). Any other is an error.
    /// - User and password are percent-decoded.
    ///
    /// ```
    /// use roomkey_store::{ConnectError, RedisConfig};
    ///
    /// let config = RedisConfig::from_url("rediss://app:p%40ss@db.example/3?timeout_ms=500")?;
    /// assert_eq!(config.endpoint().to_string(), "db.example:6379");
    /// # Ok::<(), ConnectError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`from_vars`](Self::from_vars), with `the URL` for a name. No part of the URL is repeated.
    pub fn from_url(url: &str) -> Result<Self, ConnectError> {
        let mut draft = Draft::default();
        url::read(&mut draft, url, "the URL")?;
        draft.settle()
    }

    /// Where the server is expected.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            endpoint,
            username,
            password,
            db,
            tls,
            timeout,
            connect_timeout,
            lanes,
            pool_size,
            client_name,
        } = self;
        f.debug_struct("RedisConfig")
            .field("endpoint", endpoint)
            .field("username", username)
            .field("password", password)
            .field("db", db)
            .field("tls", &tls.as_ref().map(|tls| tls.verify))
            .field("timeout", timeout)
            .field("connect_timeout", connect_timeout)
            .field("lanes", lanes)
            .field("pool_size", pool_size)
            .field("client_name", client_name)
            .finish()
    }
}

/// The address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint {
    /// A name or address, looked up anew for every connection, and a TCP port.
    Tcp {
        /// Name or address, without brackets.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// A unix socket on this machine.
    Unix(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// How much of the server's certificate has to be right.
///
/// The names are those of Python's `ssl` module, which the variable `REDIS_SSL_VERIFY_MODE` inherits. For a client
/// Python treats `CERT_OPTIONAL` like `CERT_REQUIRED`, and redis-py for years left the host name unchecked in both;
/// here the three modes are three different things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyMode {
    /// Nothing: anybody on the way can read and change everything. Every store that connects so logs a warning.
    None,
    /// The chain has to lead to a trusted authority, the host name may be any: for servers that are reached by an
    /// address or through a tunnel. Safe only with an authority of one's own (`REDIS_SSL_CA_FILE`), since a public
    /// one certifies anybody.
    Optional,
    /// The chain has to lead to a trusted authority and the certificate has to be made out to the host.
    #[default]
    Required,
}

/// TLS settings that have been read and found usable.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) verify: VerifyMode,
    pub(crate) client: Arc<rustls::ClientConfig>,
}

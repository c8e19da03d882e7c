//! What a [`RedisStore`](crate::RedisStore) needs to know before it connects.

mod builder;
mod de;
mod draft;
mod env;
mod setting;
mod settle;
mod tls;
mod topology;
mod url;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::builder::RedisConfigBuilder;
use self::draft::Draft;
pub(crate) use self::tls::Tls;
pub use self::tls::VerifyMode;
pub use self::topology::{Endpoint, Topology};
use crate::credentials::CredentialsProvider;
use crate::error::ConnectError;

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
/// | `REDIS_URL_FILE` | – | – | a file that holds it | – |
/// | `REDIS_HOST` | host | [`host`](RedisConfigBuilder::host) | name or address | `localhost` |
/// | `REDIS_PORT` | port | [`port`](RedisConfigBuilder::port) | TCP port | 6379 |
/// | – | path | [`unix_socket`](RedisConfigBuilder::unix_socket) | a unix socket in place of host and port | – |
/// | `REDIS_SENTINELS` | hosts | [`sentinels`](RedisConfigBuilder::sentinels) | in place of host and port: `host:port,…` of sentinels | – |
/// | `REDIS_SENTINEL_MASTER` | `master` | [`sentinel_master`](RedisConfigBuilder::sentinel_master) | the name under which they watch the master | – |
/// | `REDIS_SENTINEL_USERNAME` | `sentinel_username` | [`sentinel_username`](RedisConfigBuilder::sentinel_username) | ACL user at the sentinels | their `default` |
/// | `REDIS_SENTINEL_PASSWORD` | `sentinel_password` | [`sentinel_password`](RedisConfigBuilder::sentinel_password) | password of that user | none |
/// | `REDIS_SENTINEL_PASSWORD_FILE` | `sentinel_password_file` | [`sentinel_password_file`](RedisConfigBuilder::sentinel_password_file) | a file that holds it | none |
/// | `REDIS_CLUSTER` | hosts | [`cluster`](RedisConfigBuilder::cluster) | in place of host and port: `host:port,…` of some nodes of a cluster | – |
/// | `REDIS_USERNAME` | user | [`username`](RedisConfigBuilder::username) | ACL user | the server's `default` |
/// | `REDIS_PASSWORD` | password | [`password`](RedisConfigBuilder::password) | password of that user | none |
/// | `REDIS_PASSWORD_FILE` | `password_file` | [`password_file`](RedisConfigBuilder::password_file) | a file that holds it, read again for every connection; one line end at its end is not part of it | none |
/// | – | – | [`credentials`](RedisConfigBuilder::credentials) | who gives the login for every connection | – |
/// | `REDIS_DB` | path or `db` | [`db`](RedisConfigBuilder::db) | database number | 0 |
/// | `REDIS_USE_SSL` | `rediss://` | [`tls`](RedisConfigBuilder::tls) | TLS on or off | off |
/// | `REDIS_SSL_VERIFY_MODE` | `ssl_verify_mode` | [`verify_mode`](RedisConfigBuilder::verify_mode) | [`none`, `optional`, `required`](VerifyMode) | `required` |
/// | `REDIS_SSL_SERVER_NAME` | `ssl_server_name` | [`tls_server_name`](RedisConfigBuilder::tls_server_name) | name to find in the certificate | the host |
/// | `REDIS_SSL_CA_FILE` | `ssl_ca_file` | [`ca_file`](RedisConfigBuilder::ca_file), [`ca_pem`](RedisConfigBuilder::ca_pem) | PEM: the only authorities to trust | the system's |
/// | `REDIS_SSL_CERT_FILE` | `ssl_cert_file` | [`client_cert_file`](RedisConfigBuilder::client_cert_file), [`client_cert_pem`](RedisConfigBuilder::client_cert_pem) | PEM: our certificate chain | none |
/// | `REDIS_SSL_KEY_FILE` | `ssl_key_file` | as above | PEM: the key of our certificate | none |
/// | `REDIS_TIMEOUT_MS` | `timeout_ms` | [`timeout`](RedisConfigBuilder::timeout) | deadline of one call, everything included | 2 000 |
/// | `REDIS_CONNECT_TIMEOUT_MS` | `connect_timeout_ms` | [`connect_timeout`](RedisConfigBuilder::connect_timeout) | time to open one connection, login included | 1 000 |
/// | `REDIS_MAX_CONNECTION_AGE_MS` | `max_connection_age_ms` | [`max_connection_age`](RedisConfigBuilder::max_connection_age) | age at which a connection is replaced; 0 for never | 1 800 000 (30 minutes) |
/// | `REDIS_LANES` | `lanes` | [`lanes`](RedisConfigBuilder::lanes) | connections to one server that all calls share | 2 |
/// | `REDIS_POOL_SIZE` | `pool_size` | [`pool_size`](RedisConfigBuilder::pool_size) | further connections to it, opened when needed, for waits and large values | 8 |
/// | `REDIS_MAX_IN_FLIGHT` | `max_in_flight` | [`max_in_flight`](RedisConfigBuilder::max_in_flight) | calls under way to one server, beyond which more are refused | 16 384 |
/// | `REDIS_LARGE_VALUE_BYTES` | `large_value_bytes` | [`large_value_bytes`](RedisConfigBuilder::large_value_bytes) | size beyond which a value gets a connection of its own | 65 536 |
/// | `REDIS_WAIT_REPLICAS` | `wait_replicas` | [`wait_replicas`](RedisConfigBuilder::wait_replicas) | replicas that confirm a write before it counts as done | 0 |
/// | `REDIS_WAIT_TIMEOUT_MS` | `wait_timeout_ms` | [`wait_timeout`](RedisConfigBuilder::wait_timeout) | how long to wait for them | a quarter of the deadline |
/// | `REDIS_CLIENT_NAME` | `client_name` | [`client_name`](RedisConfigBuilder::client_name) | name shown by `CLIENT LIST` | `roomkey` |
///
/// Two sources may say the same thing; what they say differently is an error that names both.
///
/// # From a file of your own
///
/// The type can be deserialized, as a part of an application's configuration, from every format that describes itself. The
/// keys are the variables in lower case without `REDIS_`; a list of servers may also be a list, what is empty or null counts
/// as absent, and an unknown key is an error. The same rules hold as for variables.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config: roomkey_store::RedisConfig = serde_json::from_str(
///     r#"{
///         "sentinels": ["10.0.0.1:26379", "10.0.0.2:26379", "10.0.0.3:26379"],
///         "sentinel_master": "main",
///         "use_ssl": true,
///         "timeout_ms": 500,
///         "wait_replicas": 1
///     }"#,
/// )?;
/// assert_eq!(
///     config.topology().to_string(),
///     "master main of the sentinels 10.0.0.1:26379,10.0.0.2:26379,10.0.0.3:26379"
/// );
///
/// let error = serde_json::from_str::<roomkey_store::RedisConfig>(r#"{ "time_out": 500 }"#).unwrap_err();
/// assert!(error.to_string().starts_with("unknown field `time_out`"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisConfig {
    pub(crate) topology: Topology,
    /// The login at the servers: one that was given, a file, or whatever the application provides.
    pub(crate) credentials: Option<Arc<dyn CredentialsProvider>>,
    /// The login at the sentinels.
    pub(crate) sentinel_credentials: Option<Arc<dyn CredentialsProvider>>,
    pub(crate) db: u32,
    pub(crate) tls: Option<Tls>,
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    /// `None` for no limit.
    pub(crate) max_connection_age: Option<Duration>,
    pub(crate) lanes: usize,
    pub(crate) pool_size: usize,
    /// The most calls under way to one server.
    pub(crate) max_in_flight: usize,
    pub(crate) large_value_bytes: usize,
    /// 0 for no wait.
    pub(crate) wait_replicas: u32,
    /// Shorter than `timeout`.
    pub(crate) wait_timeout: Duration,
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
    /// assert_eq!(config.topology().to_string(), "db.example:6380");
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
    /// - `redis-sentinel://[user[:password]@]host[:port],host[:port]…[/db]?master=name`, and `rediss-sentinel://…`; without
    ///   a port 26379. Login, database and TLS are those of the servers; the sentinels' own login goes into parameters.
    /// - `redis-cluster://[user[:password]@]host[:port],host[:port]…`, and `rediss-cluster://…`; without a port 6379.
    /// - Parameters after `?`: `username` (or `user`), `password` (or `pass`), `db`, `master` and those of the
    ///   [table](Self#settings). Any other is an error.
    /// - User, password and hosts are percent-decoded; an IPv6 address stands in brackets.
    ///
    /// ```
    /// use roomkey_store::{ConnectError, RedisConfig};
    ///
    /// let config = RedisConfig::from_url("rediss://app:p%40ss@db.example/3?timeout_ms=500")?;
    /// assert_eq!(config.topology().to_string(), "db.example:6379");
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

    /// Which servers there are.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }
}

impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            topology,
            credentials,
            sentinel_credentials,
            db,
            tls,
            timeout,
            connect_timeout,
            max_connection_age,
            lanes,
            pool_size,
            max_in_flight,
            large_value_bytes,
            wait_replicas,
            wait_timeout,
            client_name,
        } = self;
        f.debug_struct("RedisConfig")
            .field("topology", topology)
            .field("credentials", credentials)
            .field("sentinel_credentials", sentinel_credentials)
            .field("db", db)
            .field("tls", tls)
            .field("timeout", timeout)
            .field("connect_timeout", connect_timeout)
            .field("max_connection_age", max_connection_age)
            .field("lanes", lanes)
            .field("pool_size", pool_size)
            .field("max_in_flight", max_in_flight)
            .field("large_value_bytes", large_value_bytes)
            .field("wait_replicas", wait_replicas)
            .field("wait_timeout", wait_timeout)
            .field("client_name", client_name)
            .finish()
    }
}

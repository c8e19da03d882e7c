//! A configuration written out in code.

use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use super::draft::{Draft, Pem, Said};
use super::{RedisConfig, VerifyMode};
use crate::error::ConnectError;
use crate::secret::Secret;

/// Collects the settings of a [`RedisConfig`]; what is set twice counts as set last.
///
/// ```
/// use std::time::Duration;
/// use roomkey_store::{ConnectError, RedisConfig};
///
/// let config = RedisConfig::builder()
///     .host("db.example")
///     .username("app")
///     .password("from a vault, not from the source")
///     .timeout(Duration::from_millis(500))
///     .build()?;
/// assert!(!format!("{config:?}").contains("vault"));
/// # Ok::<(), ConnectError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct RedisConfigBuilder {
    draft: Draft,
}

impl RedisConfigBuilder {
    /// Name or address of the server, without brackets. Looked up anew for every connection.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.draft.host = said("host", host.into());
        self
    }

    /// TCP port of the server.
    pub fn port(mut self, port: u16) -> Self {
        self.draft.port = said("port", port);
        self
    }

    /// A unix socket, in place of host and port.
    pub fn unix_socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.draft.unix_socket = said("unix_socket", path.into());
        self
    }

    /// The ACL user. Needs a password.
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.draft.username = said("username", username.into());
        self
    }

    /// The password, wiped from memory when the configuration is dropped. An empty one is none.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.draft.password = said("password", Secret::new(password.into()));
        self
    }

    /// A file that holds the password, read by [`build`](Self::build).
    pub fn password_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.draft.password_file = said("password_file", path.into());
        self
    }

    /// The number of the database.
    pub fn db(mut self, db: u32) -> Self {
        self.draft.db = said("db", db);
        self
    }

    /// TLS 1.2 or 1.3 instead of plain text.
    pub fn tls(mut self, on: bool) -> Self {
        self.draft.tls = said("tls", on);
        self
    }

    /// How much of the server's certificate has to be right. Needs [`tls`](Self::tls).
    pub fn verify_mode(mut self, mode: VerifyMode) -> Self {
        self.draft.verify = said("verify_mode", mode);
        self
    }

    /// A PEM file with the only authorities to trust, in place of the system's. Read by [`build`](Self::build).
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.draft.ca = said("ca_file", Pem::File(path.into()));
        self
    }

    /// The same as PEM text.
    pub fn ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.draft.ca = said("ca_pem", Pem::Text(Zeroizing::new(pem.into())));
        self
    }

    /// PEM files with our certificate chain and its private key, for servers that ask for one.
    pub fn client_cert_file(mut self, cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.draft.client_cert = said("client_cert_file", Pem::File(cert.into()));
        self.draft.client_key = said("client_cert_file", Pem::File(key.into()));
        self
    }

    /// The same as PEM text. The key is wiped from memory when the builder is dropped.
    pub fn client_cert_pem(mut self, cert: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.draft.client_cert = said("client_cert_pem", Pem::Text(Zeroizing::new(cert.into())));
        self.draft.client_key = said("client_cert_pem", Pem::Text(Zeroizing::new(key.into())));
        self
    }

    /// The deadline of one call, with waiting, connecting and retries inside it: 1 ms to 1 hour.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.draft.timeout = said("timeout", timeout);
        self
    }

    /// The time to open one connection, from the name lookup to the login: 1 ms to 1 hour.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.draft.connect_timeout = said("connect_timeout", timeout);
        self
    }

    /// The number of connections that all calls share, 1 to 1 024. The first carries everything until it is busy; the
    /// others take what is too much for it, and everything while it is being replaced.
    pub fn lanes(mut self, lanes: usize) -> Self {
        self.draft.lanes = said("lanes", lanes);
        self
    }

    /// The most connections for waits and large values, 1 to 1 024. They are opened when needed.
    pub fn pool_size(mut self, connections: usize) -> Self {
        self.draft.pool_size = said("pool_size", connections);
        self
    }

    /// The name by which the server lists our connections: printable ASCII without spaces.
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.draft.client_name = said("client_name", name.into());
        self
    }

    /// Checks the settings against each other and reads the files they name.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Invalid`], [`Conflict`](ConnectError::Conflict), [`File`](ConnectError::File) and
    /// [`Certificate`](ConnectError::Certificate), each naming the method.
    pub fn build(self) -> Result<RedisConfig, ConnectError> {
        self.draft.settle()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the slots of a draft are options")]
fn said<T>(by: &'static str, value: T) -> Option<Said<T>> {
    Some(Said { value, by })
}

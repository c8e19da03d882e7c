//! A configuration written out in code.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::RedisConfig;
use super::draft::{Draft, Said};
use super::tls::{Pem, VerifyMode};
use crate::credentials::CredentialsProvider;
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

    /// Some of the sentinels that watch the master, each as `host` or `host:port`, in place of host and port. The port of
    /// a sentinel is 26379 where none is given. Needs [`sentinel_master`](Self::sentinel_master).
    pub fn sentinels(mut self, sentinels: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.draft.sentinels = list("sentinels", sentinels);
        self
    }

    /// The name under which the sentinels watch the master.
    pub fn sentinel_master(mut self, name: impl Into<String>) -> Self {
        self.draft.sentinel_master = said("sentinel_master", name.into());
        self
    }

    /// The ACL user at the sentinels. They have logins of their own; that of the servers is not used there.
    pub fn sentinel_username(mut self, username: impl Into<String>) -> Self {
        self.draft.sentinel_login.username = said("sentinel_username", username.into());
        self
    }

    /// The password at the sentinels.
    pub fn sentinel_password(mut self, password: impl Into<String>) -> Self {
        self.draft.sentinel_login.password = said("sentinel_password", Secret::new(password.into()));
        self
    }

    /// A file that holds the password at the sentinels; as [`password_file`](Self::password_file).
    pub fn sentinel_password_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.draft.sentinel_login.password_file = said("sentinel_password_file", path.into());
        self
    }

    /// Some of the nodes of a cluster, each as `host` or `host:port`, in place of host and port.
    pub fn cluster(mut self, nodes: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.draft.cluster = list("cluster", nodes);
        self
    }

    /// The ACL user. Needs a password.
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.draft.login.username = said("username", username.into());
        self
    }

    /// The password, wiped from memory when the configuration is dropped. An empty one is none.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.draft.login.password = said("password", Secret::new(password.into()));
        self
    }

    /// A file that holds the password. It has to be there when [`build`](Self::build) is called, and is read again for
    /// every connection, so that a password that changes needs no restart.
    pub fn password_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.draft.login.password_file = said("password_file", path.into());
        self
    }

    /// Who gives the login for every connection, in place of username and password.
    pub fn credentials(mut self, provider: impl CredentialsProvider + 'static) -> Self {
        self.draft.login.provider = said("credentials", Arc::new(provider));
        self
    }

    /// The number of the database. A cluster has only 0.
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

    /// The name to ask for and to find in the certificate, in place of the host: for nodes that announce addresses
    /// while their certificates are made out to a name. Needs [`tls`](Self::tls).
    pub fn tls_server_name(mut self, name: impl Into<String>) -> Self {
        self.draft.server_name = said("tls_server_name", name.into());
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

    /// The age at which a connection is replaced, give or take a tenth: zero for never, or from 100 ms to 30 days.
    ///
    /// A server leaves connections open whose login has been changed or switched off, and a name may have moved to another
    /// address; this bounds how long either goes unnoticed.
    pub fn max_connection_age(mut self, age: Duration) -> Self {
        self.draft.max_connection_age = said("max_connection_age", age);
        self
    }

    /// The number of connections that all calls share, 1 to 1 024. The first carries all writes, which keeps them in order,
    /// and all reads until it is busy; the others take the reads that are too much for it, and those while it is down.
    pub fn lanes(mut self, lanes: usize) -> Self {
        self.draft.lanes = said("lanes", lanes);
        self
    }

    /// The most connections for waits and large values, 1 to 1 024. They are opened when needed. A quarter is not for waits.
    pub fn pool_size(mut self, connections: usize) -> Self {
        self.draft.pool_size = said("pool_size", connections);
        self
    }

    /// The most calls under way to one server, 1 to 1 048 576. More are refused at once as not executed.
    pub fn max_in_flight(mut self, calls: usize) -> Self {
        self.draft.max_in_flight = said("max_in_flight", calls);
        self
    }

    /// The size beyond which a value is large, 1 KiB to 512 MiB: it then travels on a connection of its own, so that
    /// nobody waits behind it.
    pub fn large_value_bytes(mut self, bytes: usize) -> Self {
        self.draft.large_value_bytes = said("large_value_bytes", bytes);
        self
    }

    /// How many replicas have to have a write before it counts as done; 0 asks for none.
    ///
    /// With less confirmed in time the write has happened and may yet be lost with its server, so the call ends as
    /// [`Error::Ambiguous`](roomkey_core::Error::Ambiguous) whose source is [`NotReplicated`](crate::NotReplicated). Reads
    /// wait for nobody, and have connections of their own for that.
    pub fn wait_replicas(mut self, replicas: u32) -> Self {
        self.draft.wait_replicas = said("wait_replicas", replicas);
        self
    }

    /// How long to wait for the replicas, shorter than [`timeout`](Self::timeout). A quarter of that unless said otherwise:
    /// writes that arrive while others wait share the next wait, so one may take twice as long.
    pub fn wait_timeout(mut self, timeout: Duration) -> Self {
        self.draft.wait_timeout = said("wait_timeout", timeout);
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

fn list(by: &'static str, items: impl IntoIterator<Item = impl AsRef<str>>) -> Option<Said<String>> {
    let items: Vec<_> = items.into_iter().collect();
    said(by, items.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(","))
}

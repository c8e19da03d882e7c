//! What a test can ask of its server.

use super::{RedisServer, TlsFiles};

/// Options of a [`RedisServer`], set one by one and ended by [`start`](Self::start).
///
/// ```
/// use roomkey_testkit::RedisServer;
///
/// let server = RedisServer::options().password("hunter2").config("maxmemory", "8mb").start();
/// assert_eq!(server.command(&["CONFIG", "GET", "maxmemory"]).items()[1].text(), "8388608");
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "options do nothing until start() is called"]
pub struct ServerOptions {
    pub(super) unix_socket: bool,
    pub(super) tls: bool,
    pub(super) client_certificates: bool,
    pub(super) password: Option<String>,
    pub(super) debug: bool,
    pub(super) config: Vec<(String, String)>,
    pub(super) role: Role,
    pub(super) master: Option<Master>,
    /// Those of another server, which then trusts this one and is trusted by it.
    pub(super) tls_files: Option<TlsFiles>,
}

/// What a server is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Role {
    /// Keeps data.
    #[default]
    Store,
    /// Keeps the data of its slots.
    ClusterNode,
    /// Watches over a master and its replicas, and keeps nothing.
    Sentinel,
}

/// Whose data a replica copies.
#[derive(Debug, Clone)]
pub(super) struct Master {
    pub(super) port: u16,
    pub(super) password: Option<String>,
}

impl ServerOptions {
    /// Listens on a unix socket only, on no port.
    pub fn unix_socket(mut self) -> Self {
        self.unix_socket = true;
        self
    }

    /// Speaks TLS on its port, with a fresh authority and certificates; see [`RedisServer::tls`]. For a server
    /// built without TLS the harness speaks it.
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Speaks TLS, and only with clients that show a certificate of the server's authority.
    pub fn require_client_certificates(mut self) -> Self {
        self.tls = true;
        self.client_certificates = true;
        self
    }

    /// Asks everybody for this password.
    ///
    /// # Panics
    /// When it holds anything but letters, digits, `-` and `_`, which would need quoting in URLs.
    pub fn password(mut self, password: &str) -> Self {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        assert!(
            !password.is_empty() && password.chars().all(plain),
            "a test's password must need no quoting"
        );
        self.password = Some(password.to_owned());
        self
    }

    /// Adds one line to `redis.conf`, as it stands there: `.config("save", "900 1")`. Later lines win over
    /// earlier ones.
    pub fn config(mut self, directive: &str, value: &str) -> Self {
        self.config.push((directive.to_owned(), value.to_owned()));
        self
    }

    /// Permits `DEBUG`, which servers of version 7 and later forbid by default.
    pub fn enable_debug(mut self) -> Self {
        self.debug = true;
        self
    }

    /// Copies the data of another server, which has to have a port. [`start`](Self::start) then waits until the first
    /// copy is complete. With TLS on both, they share an authority.
    ///
    /// ```
    /// use roomkey_testkit::RedisServer;
    ///
    /// let master = RedisServer::start();
    /// let replica = RedisServer::options().replica_of(&master).start();
    /// assert_eq!(replica.info("role"), "slave");
    /// ```
    ///
    /// # Panics
    /// When the other server listens on a unix socket only.
    pub fn replica_of(mut self, master: &RedisServer) -> Self {
        assert_ne!(master.port(), 0, "a master needs a port");
        self.master = Some(Master { port: master.port(), password: master.password().map(str::to_owned) });
        self.tls_of(master)
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Panics
    /// When there is no `redis-server`, or it does not start with these options.
    #[must_use = "a server ends when it is dropped"]
    pub fn start(self) -> RedisServer {
        assert!(!(self.tls && self.unix_socket), "Redis has no TLS on unix sockets");
        let server = RedisServer::start_with(self);
        server.wait_for_master();
        server
    }

    /// Says what the server is for.
    pub(crate) fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// Takes the authority and the certificates of another server.
    pub(crate) fn tls_of(mut self, other: &RedisServer) -> Self {
        self.tls_files = other.has_tls().then(|| other.tls().clone());
        self
    }

    /// Adds a line that the test's own lines win over.
    pub(crate) fn default_config(mut self, directive: &str, value: &str) -> Self {
        self.config.insert(0, (directive.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn wants_tls(&self) -> bool {
        self.tls
    }

    /// The value that an added line gives to a directive.
    pub(super) fn directive(&self, directive: &str) -> Option<&str> {
        let lines = self.config.iter().rev();
        lines.filter(|(name, _)| name == directive).map(|(_, value)| value.as_str()).next()
    }
}

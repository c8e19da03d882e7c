//! What a test can ask of its server, and the configuration file that says so.

use std::fmt::Write as _;
use std::path::Path;

use super::{Binary, RedisServer, TlsFiles};

/// The administration socket, in the server's folder.
pub(super) const SOCKET: &str = "redis.sock";
/// The log, in the server's folder.
pub(super) const LOG: &str = "redis.log";

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
    debug: bool,
    config: Vec<(String, String)>,
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

    /// Starts the server and waits until it answers.
    ///
    /// # Panics
    /// When there is no `redis-server`, or it does not start with these options.
    #[must_use = "a server ends when it is dropped"]
    pub fn start(self) -> RedisServer {
        assert!(!(self.tls && self.unix_socket), "Redis has no TLS on unix sockets");
        RedisServer::start_with(self)
    }

    /// The value that an added line gives to a directive.
    pub(super) fn directive(&self, directive: &str) -> Option<&str> {
        let lines = self.config.iter().rev();
        lines.filter(|(name, _)| name == directive).map(|(_, value)| value.as_str()).next()
    }

    /// The text of `redis.conf`. A server with a TLS front gets port 0 and no files.
    pub(super) fn render(&self, binary: &Binary, dir: &Path, port: u16, tls: Option<&TlsFiles>) -> String {
        let dir = dir.display();
        let (plain_port, tls_port) = if tls.is_some() { (0, port) } else { (port, 0) };
        let mut text = format!(
            "bind 127.0.0.1\nport {plain_port}\nunixsocket {dir}/{SOCKET}\nunixsocketperm 700\ndir {dir}\n\
             logfile {dir}/{LOG}\ndaemonize no\nsave \"\"\nappendonly no\nmaxmemory-policy noeviction\n"
        );
        let mut line = |directive: &str, value: &str| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{directive} {value}");
        };
        if let Some(tls) = tls {
            line("tls-port", &tls_port.to_string());
            line("tls-ca-cert-file", &tls.ca.display().to_string());
            line("tls-cert-file", &tls.server_certificate.display().to_string());
            line("tls-key-file", &tls.server_key.display().to_string());
            line("tls-auth-clients", if self.client_certificates { "yes" } else { "optional" });
        }
        if let Some(password) = &self.password {
            line("requirepass", password);
        }
        if self.debug && binary.at_least(7, 0) {
            line("enable-debug-command", "yes");
        }
        for (directive, value) in &self.config {
            // What the front sees to, the server may not even know.
            if tls.is_some() || !directive.starts_with("tls-") {
                line(directive, value);
            }
        }
        text
    }
}

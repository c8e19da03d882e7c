//! A real `redis-server` for one test: started on a free port or socket, gone when the test ends.
//!
//! The server's own log, data folder and an administration socket live in one temporary folder. The harness
//! speaks to the server over that socket only, so it works in every mode alike: with TLS, with a login, and
//! while another process has taken the port.
//!
//! A server outlives neither its handle nor its process: dropping the handle kills and reaps it, and where a
//! handle is never dropped (a `static`, an abort, a killed test run) a watchdog process does it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

mod binary;
mod certificates;
mod configuration;
mod launch;
mod monitor;
mod options;
mod ports;
mod process;
mod resp;
mod temp;
#[cfg(test)]
mod tests;
mod tls_front;

pub use binary::Binary;
pub use certificates::TlsFiles;
pub use monitor::Monitor;
pub use options::ServerOptions;
pub use resp::{Connection, Resp};

pub(crate) use options::Role;
pub(crate) use ports::BUS;

use launch::Running;
use process::Process;
use temp::TempDir;

/// How often a port is tried when somebody else took the one that was free a moment ago.
const PORT_ATTEMPTS: usize = 20;

/// A running `redis-server` that belongs to this value.
///
/// ```
/// use roomkey_testkit::RedisServer;
///
/// let server = RedisServer::start();
/// server.command(&["SET", "greeting", "hello"]);
/// assert_eq!(server.command(&["GET", "greeting"]).text(), "hello");
/// ```
#[derive(Debug)]
pub struct RedisServer {
    options: ServerOptions,
    binary: Binary,
    dir: TempDir,
    tls: Option<TlsFiles>,
    /// Whether our [`TlsFront`] speaks TLS, and not the server itself.
    front: bool,
    port: u16,
    /// Where a node of a cluster listens itself while a front has its port; else 0, or the same port.
    inner_port: u16,
    /// `None` between [`kill`](Self::kill) and [`restart`](Self::restart).
    running: Mutex<Option<Running>>,
}

/// What a server still knows after [`RedisServer::restart`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Restart {
    /// Everything, as after an orderly shutdown. Of a killed server: what its last snapshot held.
    KeepData,
    /// Nothing, as after the loss of a server without persistence.
    LoseData,
}

impl RedisServer {
    /// Starts a server with the default options: a free port of 127.0.0.1, no TLS, no login, nothing
    /// persisted.
    ///
    /// # Panics
    /// When there is no `redis-server`, or it does not start. So do all methods here: a test cannot go on
    /// without its server.
    pub fn start() -> Self {
        Self::options().start()
    }

    /// The options to start a server with.
    pub fn options() -> ServerOptions {
        ServerOptions::default()
    }

    /// The address in the form that Redis clients take, login included: `redis://`, `rediss://` or `unix://`.
    pub fn url(&self) -> String {
        let password = self.options.password.as_deref();
        if self.options.unix_socket {
            let login = password.map(|p| format!("?pass={p}")).unwrap_or_default();
            return format!("unix://{}{login}", self.socket().display());
        }
        let scheme = if self.tls.is_some() { "rediss" } else { "redis" };
        let login = password.map(|p| format!(":{p}@")).unwrap_or_default();
        format!("{scheme}://{login}127.0.0.1:{}", self.port)
    }

    /// The port on 127.0.0.1, plain or TLS; 0 for a server on a unix socket. It stays the same over restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The unix socket, which every server has, whatever else it listens on.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join(configuration::SOCKET)
    }

    /// The certificate of the authority that signed the server's certificate, as a PEM file.
    pub fn tls_ca(&self) -> &Path {
        &self.tls().ca
    }

    /// All PEM files of a server with TLS.
    pub fn tls(&self) -> &TlsFiles {
        self.tls.as_ref().unwrap_or_else(|| panic!("this server was started without tls()"))
    }

    /// Whether its port speaks TLS.
    pub fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    pub(crate) fn password(&self) -> Option<&str> {
        self.options.password.as_deref()
    }

    /// The port at which the server itself listens, whoever listens in front of it.
    pub(crate) fn inner_port(&self) -> u16 {
        self.inner_port
    }

    /// The program that runs, and its version.
    pub fn binary(&self) -> &Binary {
        &self.binary
    }

    /// The folder of the server's files: its log, its configuration, and `dump.rdb` after a `SAVE`.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What the server has logged so far, over restarts.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.dir.path().join(configuration::LOG)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Runs one command and waits for its reply. An error reply is a panic, so that no mistyped command
    /// passes unnoticed.
    pub fn command(&self, args: &[impl AsRef<[u8]>]) -> Resp {
        self.try_command(args).unwrap_or_else(|error| {
            let name =
                args.first().map(|a| String::from_utf8_lossy(a.as_ref()).into_owned()).unwrap_or_default();
            panic!("{name} failed: {error}")
        })
    }

    /// As [`command`](Self::command), for commands that are expected to fail.
    ///
    /// # Errors
    /// The server's error text, or that of the connection if the server cannot be reached.
    pub fn try_command(&self, args: &[impl AsRef<[u8]>]) -> Result<Resp, String> {
        self.connect().and_then(|mut connection| connection.call(args))
    }

    /// One field of `INFO everything`, such as `used_memory`.
    pub fn info(&self, field: &str) -> String {
        // A server that is being made a replica closes its connections, and asking again is harmless.
        let info = (0..3).find_map(|_| self.try_command(&["INFO", "everything"]).ok());
        let info = info.unwrap_or_else(|| self.command(&["INFO", "everything"])).text();
        let value = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.unwrap_or_else(|| panic!("INFO has no field {field}")).to_owned()
    }

    /// Starts to record every command that the server runs.
    pub fn monitor(&self) -> Monitor<'_> {
        Monitor::start(self)
    }

    fn connect(&self) -> Result<Connection, String> {
        Connection::open(&self.socket(), self.options.password.as_deref())
    }

    /// Ends the server at once, as a crash does: nothing is saved, clients see their connections break.
    pub fn kill(&self) {
        // Dropping a process kills and reaps it.
        drop(self.running().take());
    }

    /// Starts the server again on the same port, after a [`kill`](Self::kill) or by itself.
    pub fn restart(&self, restart: Restart) {
        if restart == Restart::KeepData && self.running().is_some() && self.options.role != Role::Sentinel {
            self.resume();
            self.command(&["SAVE"]);
        }
        self.kill();
        if restart == Restart::LoseData {
            for file in ["dump.rdb", "appendonly.aof"] {
                // It is not there unless somebody saved.
                let _ = fs::remove_file(self.dir.path().join(file));
            }
            let _ = fs::remove_dir_all(self.dir.path().join("appendonlydir"));
        }
        // The port was ours a moment ago; whoever took it (a client's own outgoing port, say) soon gives it
        // back.
        for _ in 0..PORT_ATTEMPTS {
            if self.launch() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("port {} did not become free for the restart; the server's log:\n{}", self.port, self.log());
    }

    /// Stops the server in its tracks (SIGSTOP): connections stay open and nothing answers, as with a dead
    /// machine.
    pub fn pause(&self) {
        self.with_process(Process::pause);
    }

    /// Lets a paused server go on (SIGCONT); it then serves what has piled up.
    pub fn resume(&self) {
        self.with_process(Process::resume);
    }

    fn with_process(&self, act: impl FnOnce(&mut Process)) {
        match &mut *self.running() {
            Some(running) => act(&mut running.process),
            None => panic!("there is no process to signal: the server was killed and not restarted"),
        }
    }

    /// Whether a question gets an answer: the server was neither killed nor paused. Others of its kind are asked then.
    pub(crate) fn answers(&self) -> bool {
        self.running().as_ref().is_some_and(|running| !running.process.is_paused())
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        // A test that panicked elsewhere has not left this half-written: it is one assignment.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

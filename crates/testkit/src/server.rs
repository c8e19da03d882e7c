//! A real `redis-server` for one test: started on a free port or socket, gone when the test ends.
//!
//! The server's own log, data folder and an administration socket live in one temporary folder. The harness
//! speaks to the server over that socket only, so it works in every mode alike: with TLS, with a login, and
//! while another process has taken the port.
//!
//! A server outlives neither its handle nor its process: dropping the handle kills and reaps it, and where a
//! handle is never dropped (a `static`, an abort, a killed test run) a watchdog process does it.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

mod binary;
mod certificates;
mod monitor;
mod options;
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
pub use resp::Resp;

use process::Process;
use resp::Connection;
use temp::TempDir;
use tls_front::TlsFront;

/// How long a server may take to answer its first `PING`. Generous, for loaded machines: it is a bound, not a
/// wait.
const STARTUP: Duration = Duration::from_secs(30);
/// How often another port is tried when somebody else took the one just found free.
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
    /// `None` between [`kill`](Self::kill) and [`restart`](Self::restart).
    running: Mutex<Option<Running>>,
}

/// What runs of a server, in the order in which it ends: connections break off, as in a crash, before the server's end
/// could close them in good order.
#[derive(Debug)]
struct Running {
    _front: Option<TlsFront>,
    process: Process,
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

    fn start_with(options: ServerOptions) -> Self {
        let binary = Binary::find();
        let front = options.tls && !binary.has_tls();
        Self::start_binary(binary, options, front)
    }

    fn start_binary(binary: Binary, options: ServerOptions, front: bool) -> Self {
        let dir = TempDir::new();
        let tls = options.tls.then(|| TlsFiles::create(dir.path()));
        let mut server = Self { options, binary, dir, tls, front, port: 0, running: Mutex::new(None) };
        for _ in 0..PORT_ATTEMPTS {
            server.port = if server.options.unix_socket { 0 } else { free_port() };
            if server.launch() {
                return server;
            }
        }
        panic!(
            "no port stayed free for redis-server in {PORT_ATTEMPTS} attempts; its log:\n{}",
            server.log()
        );
    }

    /// Starts the process and waits until it answers; false if its port was taken in the meantime.
    fn launch(&self) -> bool {
        let (port, tls) = if self.front { (0, None) } else { (self.port, self.tls.as_ref()) };
        let config = self.options.render(&self.binary, self.dir.path(), port, tls);
        let config_file = self.dir.path().join("redis.conf");
        fs::write(&config_file, config)
            .unwrap_or_else(|e| panic!("cannot write {}: {e}", config_file.display()));
        let log_before = self.log().len();

        let mut process = Process::spawn(&self.binary, &config_file, self.dir.path());
        let deadline = Instant::now() + STARTUP;
        loop {
            if self.try_command(&["PING"]).is_ok() {
                let front = match self.front.then(|| self.start_front()).transpose() {
                    Ok(front) => front,
                    Err(e) if e.kind() == ErrorKind::AddrInUse => return false,
                    Err(e) => panic!("cannot start a TLS front: {e}"),
                };
                *self.running() = Some(Running { _front: front, process });
                return true;
            }
            if let Some(status) = process.exited() {
                let log = self.log().split_off(log_before);
                let port_taken =
                    ["Address already in use", "Failed listening on port"].iter().any(|m| log.contains(m));
                assert!(port_taken, "{} ended at once, {status}: {}\n{log}", self.binary, process.errors());
                return false;
            }
            assert!(
                Instant::now() < deadline,
                "redis-server gave no answer within {STARTUP:?}; its log:\n{}",
                self.log()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn start_front(&self) -> io::Result<TlsFront> {
        TlsFront::start(&self.options, self.tls(), self.port, self.socket())
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
        self.dir.path().join(options::SOCKET)
    }

    /// The certificate of the authority that signed the server's certificate, as a PEM file.
    pub fn tls_ca(&self) -> &Path {
        &self.tls().ca
    }

    /// All PEM files of a server with TLS.
    pub fn tls(&self) -> &TlsFiles {
        self.tls.as_ref().unwrap_or_else(|| panic!("this server was started without tls()"))
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
        let bytes = fs::read(self.dir.path().join(options::LOG)).unwrap_or_default();
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
        let info = self.command(&["INFO", "everything"]).text();
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
        if restart == Restart::KeepData && self.running().is_some() {
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
        self.with_process(|process| {
            process.signal("STOP");
            process.wait_until_stopped();
        });
    }

    /// Lets a paused server go on (SIGCONT); it then serves what has piled up.
    pub fn resume(&self) {
        self.with_process(|process| process.signal("CONT"));
    }

    fn with_process(&self, act: impl FnOnce(&Process)) {
        match &*self.running() {
            Some(running) => act(&running.process),
            None => panic!("there is no process to signal: the server was killed and not restarted"),
        }
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        // A test that panicked elsewhere has not left this half-written: it is one assignment.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A port that nobody listens on now. Whoever comes first gets it, hence the attempts.
fn free_port() -> u16 {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    address.unwrap_or_else(|e| panic!("cannot find a free port on 127.0.0.1: {e}")).port()
}

//! Starting a server's process, on ports that are free.

use std::fs;
use std::io::{self, ErrorKind};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use super::ports::{free_node_port, free_port};
use super::process::Process;
use super::temp::TempDir;
use super::tls_front::TlsFront;
use super::{Binary, PORT_ATTEMPTS, RedisServer, Role, ServerOptions, TlsFiles, configuration};

/// How long a server may take to answer its first `PING`, and a replica to have its first copy. Generous, for loaded
/// machines: it is a bound, not a wait.
const STARTUP: Duration = Duration::from_secs(30);

/// What runs of a server, in the order in which it ends: connections break off, as in a crash, before the server's end
/// could close them in good order.
#[derive(Debug)]
pub(super) struct Running {
    _front: Option<TlsFront>,
    pub(super) process: Process,
}

impl RedisServer {
    pub(crate) fn start_with(options: ServerOptions) -> Self {
        let binary = Binary::find();
        let front = options.tls && !binary.has_tls();
        Self::start_binary(binary, options, front)
    }

    pub(crate) fn start_binary(binary: Binary, options: ServerOptions, front: bool) -> Self {
        let mut server = Self::prepare(binary, options, front);
        server.open();
        server
    }

    /// A server with a folder and certificates, for [`open`](Self::open) to start.
    pub(crate) fn prepare(binary: Binary, mut options: ServerOptions, front: bool) -> Self {
        let dir = TempDir::new();
        let shared = options.tls_files.take();
        let tls = options.tls.then(|| shared.unwrap_or_else(|| TlsFiles::create(dir.path())));
        Self { options, binary, dir, tls, front, port: 0, inner_port: 0, running: Mutex::new(None) }
    }

    /// Chooses free ports and starts the process on them.
    pub(crate) fn open(&mut self) {
        for _ in 0..PORT_ATTEMPTS {
            self.choose_ports();
            self.configure();
            if self.launch() {
                return;
            }
        }
        panic!("no port stayed free for redis-server in {PORT_ATTEMPTS} attempts; its log:\n{}", self.log());
    }

    fn choose_ports(&mut self) {
        let node = self.options.role == Role::ClusterNode;
        let own = || if node { free_node_port() } else { free_port() };
        (self.port, self.inner_port) = match (self.options.unix_socket, self.front) {
            (true, _) => (0, 0),
            // The front reaches the server by its socket. Only the other nodes of a cluster need another way.
            (false, true) => (free_port(), if node { own() } else { 0 }),
            (false, false) => {
                let port = own();
                (port, port)
            }
        };
    }

    /// Writes the configuration file, which from then on is the server's: a restart does not undo what it has learnt.
    pub(super) fn configure(&self) {
        let file = self.dir.path().join(configuration::FILE);
        fs::write(&file, configuration::render(self))
            .unwrap_or_else(|e| panic!("cannot write {}: {e}", file.display()));
    }

    /// Starts the process and waits until it answers; false if its port was taken in the meantime.
    pub(super) fn launch(&self) -> bool {
        let log_before = self.log().len();
        let sentinel = self.options.role == Role::Sentinel;
        let mut process = Process::spawn(&self.binary, self.dir.path(), configuration::FILE, sentinel);
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

    /// Waits until a replica has its first copy; a server that is none has nothing to wait for.
    pub(crate) fn wait_for_master(&self) {
        let deadline = Instant::now() + STARTUP;
        while self.options.master.is_some() && self.info("master_link_status") != "up" {
            assert!(
                Instant::now() < deadline,
                "the replica has no copy after {STARTUP:?}; its log:\n{}",
                self.log()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }
}

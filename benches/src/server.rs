//! A `redis-server` of the benchmark's own.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};

use crate::Result;

/// The variable by which `cargo xtask bench` gives its server.
const VARIABLE: &str = "ROOMKEY_REDIS_SERVER";
/// How often another port is tried when somebody took the one just found free.
const PORT_ATTEMPTS: usize = 20;
/// A bound for loaded machines, not a wait.
const STARTUP: Duration = Duration::from_secs(30);

/// A server on a free port of 127.0.0.1 that saves nothing and ends with this value, at Ctrl-C or at a
/// request to terminate.
pub(crate) struct Server {
    process: Arc<Process>,
    address: SocketAddr,
    version: String,
}

impl Server {
    pub(crate) fn start(runtime: &Handle) -> Result<Self> {
        for _ in 0..PORT_ATTEMPTS {
            let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
            let process = Arc::new(Process::spawn(address.port())?);
            if let Some(version) = process.wait_until_ready(address)? {
                for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
                    runtime.spawn(stop_at_signal(process.clone(), kind));
                }
                return Ok(Self { process, address, version });
            }
        }
        Err(format!("redis-server found no free port in {PORT_ATTEMPTS} attempts").into())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.stop();
    }
}

/// The operating system's process; stopped and reaped once.
struct Process(Mutex<Child>);

impl Process {
    fn spawn(port: u16) -> Result<Self> {
        let program = std::env::var_os(VARIABLE).unwrap_or_else(|| "redis-server".into());
        let child = Command::new(&program)
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--loglevel", "warning"])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
            .stdin(Stdio::null())
            // Read only if the server ends at once. Later it says too little to fill the pipe.
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| {
                format!("cannot start {} ({error}); name a redis-server by {VARIABLE}", program.display())
            })?;
        Ok(Self(Mutex::new(child)))
    }

    /// Waits until this very process answers, and returns its version; `None` if its port was taken by another.
    fn wait_until_ready(&self, address: SocketAddr) -> Result<Option<String>> {
        let deadline = Instant::now() + STARTUP;
        loop {
            if let Some(version) = self.answer(address) {
                return Ok(Some(version));
            }
            let ended = self.with(|child| child.try_wait())?;
            if let Some(status) = ended {
                let mut log = String::new();
                self.with(|child| child.stdout.take().map(|mut stdout| stdout.read_to_string(&mut log)));
                if log.contains("Address already in use") || log.contains("Failed listening") {
                    return Ok(None);
                }
                return Err(format!("redis-server ended at once, {status}: {log}").into());
            }
            if Instant::now() > deadline {
                self.stop();
                return Err(format!("redis-server gave no answer within {STARTUP:?}").into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The version, if it is this process that answers: another server may have taken the port.
    fn answer(&self, address: SocketAddr) -> Option<String> {
        let mut connection = TcpStream::connect(address).ok()?;
        connection.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
        connection.write_all(b"PING\r\nINFO server\r\nQUIT\r\n").ok()?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).ok()?;
        let field = |name: &str| answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let ours =
            answer.starts_with("+PONG") && field("process_id")? == self.with(|child| child.id()).to_string();
        ours.then(|| field("redis_version").map(str::to_owned))?
    }

    fn stop(&self) {
        self.with(|child| {
            // It may have ended by itself, at the same Ctrl-C for example; nothing is saved either way.
            let _ = child.kill();
            let _ = child.wait();
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut Child) -> T) -> T {
        // The handle of a process cannot be left half-changed by a panic.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A signal ends the program without dropping anything, hence the server first.
async fn stop_at_signal(process: Arc<Process>, kind: SignalKind) {
    let Ok(mut signals) = signal(kind) else { return };
    signals.recv().await;
    process.stop();
    std::process::exit(128 + kind.as_raw_value());
}

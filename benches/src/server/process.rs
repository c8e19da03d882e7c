//! The processes behind servers, none of which outlives the harness.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};

use crate::Result;
use crate::wire::Wire;

/// The variable by which `cargo xtask bench` gives its server.
const VARIABLE: &str = "ROOMKEY_REDIS_SERVER";
/// A bound for loaded machines, not a wait.
const STARTUP: Duration = Duration::from_secs(30);

pub(super) fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Ends every process that it has started when a signal ends the program, which drops nothing.
#[derive(Clone, Default)]
pub(crate) struct Keeper(Arc<Mutex<Vec<Arc<Process>>>>);

impl Keeper {
    pub(crate) fn new(runtime: &Handle) -> Self {
        let keeper = Self::default();
        for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
            runtime.spawn(keeper.clone().stop_at_signal(kind));
        }
        keeper
    }

    pub(super) fn spawn(&self, port: u16, args: &[&str]) -> Result<Arc<Process>> {
        // Under the lock, so that a signal finds every process that has been started.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let process = Arc::new(Process::spawn(port, args)?);
        kept.push(process.clone());
        Ok(process)
    }

    async fn stop_at_signal(self, kind: SignalKind) {
        let Ok(mut signals) = signal(kind) else { return };
        signals.recv().await;
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().for_each(|process| process.stop());
        std::process::exit(128 + kind.as_raw_value());
    }
}

/// The operating system's process; stopped and reaped once.
pub(crate) struct Process(Mutex<Child>);

impl Process {
    fn spawn(port: u16, args: &[&str]) -> Result<Self> {
        let program = std::env::var_os(VARIABLE).unwrap_or_else(|| "redis-server".into());
        let child = Command::new(&program)
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--loglevel", "warning"])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
            .args(args)
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
    pub(super) fn wait_until_ready(&self, address: SocketAddr) -> Result<Option<String>> {
        let deadline = Instant::now() + STARTUP;
        loop {
            if let Ok(version) = self.version(address) {
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
    fn version(&self, address: SocketAddr) -> Result<String> {
        let mut wire = Wire::connect(address)?;
        if wire.info("INFO server", "process_id")? == self.with(|child| child.id()).to_string() {
            wire.info("INFO server", "redis_version")
        } else {
            Err("another server has the port".into())
        }
    }

    pub(super) fn stop(&self) {
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

//! A running server of our own on a free loopback port, gone when dropped.

use std::env;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::Server;
use crate::failure::{Failure, Result, io};

/// How long a server may take until it answers. It takes a few milliseconds; a busy machine may need more.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that keeps nothing and that only this machine can reach.
#[derive(Debug)]
pub(crate) struct Instance {
    child: Child,
    address: SocketAddr,
    folder: PathBuf,
}

impl Instance {
    /// Starts a server and waits until it answers.
    pub(crate) fn start(server: &Server) -> Result<Self> {
        let mut last = Failure::new("");
        // Between choosing a port and using it somebody else may take it.
        for _ in 0..3 {
            match Self::start_once(server.path()) {
                Ok(instance) => return Ok(instance),
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    /// What REDIS_URL has to be for it.
    pub(crate) fn url(&self) -> String {
        format!("redis://{}/", self.address)
    }

    fn start_once(program: &Path) -> Result<Self> {
        let address = free_address().map_err(|error| io("no free loopback port", &error))?;
        let folder = env::temp_dir().join(format!("roomkey-xtask-{}-{}", process::id(), address.port()));
        fs::create_dir_all(&folder).map_err(|error| io(folder.display(), &error))?;
        let mut command = Command::new(program);
        command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string()]);
        command.args(["--save", "", "--appendonly", "no", "--daemonize", "no", "--logfile", "server.log"]);
        command.arg("--dir").arg(&folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| io(program.display(), &error))?;
        let mut instance = Self { child, address, folder };
        instance.wait()?;
        Ok(instance)
    }

    fn wait(&mut self) -> Result {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(Failure::new(format!("redis-server ended at once ({status}):\n{}", self.log())));
            }
            if answers(self.address, self.child.id()) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(Failure::new(format!("redis-server does not answer on {}:\n{}", self.address, self.log())))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // It keeps nothing, so there is nothing to say goodbye to; if it is gone already, so much the better.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Whether this very process answers there, and not somebody who was quicker to take the port.
fn answers(address: SocketAddr, pid: u32) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"INFO server\r\nQUIT\r\n")?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        Ok(reply)
    };
    ask().is_ok_and(|reply| reply.lines().any(|line| line == format!("process_id:{pid}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "A failed unwrap is a failed test.")]

    use super::*;
    use crate::redis::given;

    fn server() -> Server {
        given(Path::new(&env::var_os(crate::redis::VARIABLE).unwrap())).unwrap()
    }

    #[test]
    #[ignore = "needs Redis: cargo xtask test"]
    fn a_started_server_answers_and_is_gone_when_dropped() {
        let instance = Instance::start(&server()).unwrap();
        let (address, pid, folder) = (instance.address, instance.child.id(), instance.folder.clone());
        assert!(answers(address, pid) && folder.is_dir());
        assert!(!answers(address, pid + 1), "another process is taken for ours");
        drop(instance);
        assert!(!answers(address, pid) && !folder.exists());
    }

    #[test]
    fn a_program_that_ends_at_once_is_an_error() {
        let broken = Server { path: "/bin/false".into(), version: String::new(), tls: false };
        assert!(Instance::start(&broken).unwrap_err().message().contains("ended at once"));
    }
}

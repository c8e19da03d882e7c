//! The least of a connection: blocking, one command, one reply. For what the harness itself asks servers.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::Result;

/// A server that says nothing for so long is not going to.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Wire(BufReader<TcpStream>);

impl Wire {
    pub(crate) fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a command whose words hold no spaces, and returns its reply: that of a line, or the bulk that it announces.
    pub(crate) fn ask(&mut self, command: &str) -> Result<String> {
        self.0.get_mut().write_all(format!("{command}\r\n").as_bytes())?;
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let line = line.trim_end();
        match line.split_at_checked(1) {
            Some(("$", length)) => {
                let mut bulk = vec![0; length.parse::<usize>()? + 2];
                self.0.read_exact(&mut bulk)?;
                Ok(String::from_utf8(bulk)?)
            }
            Some(("+" | ":", word)) => Ok(word.to_owned()),
            _ => {
                let first = command.split(' ').next().unwrap_or_default();
                Err(format!("the server answered {first} with {line:?}").into())
            }
        }
    }

    /// One field of a section of INFO, or of CLUSTER INFO.
    pub(crate) fn info(&mut self, command: &str, field: &str) -> Result<String> {
        let told = self.ask(command)?;
        let value = told.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        Ok(value.ok_or_else(|| format!("{command} tells no {field}"))?.to_owned())
    }
}

//! A record of what a server was asked.

use super::RedisServer;
use super::resp::Connection;

/// Every command that a server runs, from [`RedisServer::monitor`] to [`finish`](Self::finish).
#[derive(Debug)]
#[must_use = "nothing is recorded once the monitor is dropped"]
pub struct Monitor<'a> {
    server: &'a RedisServer,
    connection: Connection,
}

impl<'a> Monitor<'a> {
    pub(super) fn start(server: &'a RedisServer) -> Self {
        let opened =
            server.connect().and_then(|mut connection| connection.call(&["MONITOR"]).map(|_| connection));
        let connection = opened.unwrap_or_else(|e| panic!("MONITOR failed: {e}"));
        Self { server, connection }
    }

    /// The commands in the server's order, one line each as `MONITOR` prints them, those inside scripts
    /// included.
    pub fn finish(mut self) -> Vec<String> {
        // A last command of our own marks the end, so nothing is missed and nothing is waited for in vain.
        const MARK: &str = "roomkey-testkit-end-of-monitor";
        self.server.command(&["ECHO", MARK]);
        let mut lines = Vec::new();
        loop {
            let line = self.connection.read().unwrap_or_else(|e| panic!("MONITOR broke off: {e}")).text();
            if line.contains(MARK) {
                return lines;
            }
            lines.push(line);
        }
    }
}

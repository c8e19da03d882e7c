//! The configuration file of a server, written from its options.

use std::fmt::{Display, Write as _};

use super::ports::BUS;
use super::{RedisServer, Role};

/// The file, in the server's folder.
pub(super) const FILE: &str = "redis.conf";
/// The administration socket, in the server's folder.
pub(super) const SOCKET: &str = "redis.sock";
/// The log, in the server's folder.
pub(super) const LOG: &str = "redis.log";

/// Where servers with a TLS front call others from. A server without TLS calls in plain text whatever it finds in front
/// of the other; a front tells such calls by this address and hands them on as they are. Everybody else has to speak TLS.
pub(super) const PEER: &str = "127.0.0.9";

/// The text of the file.
pub(super) fn render(server: &RedisServer) -> String {
    let mut file = File::default();
    basics(server, &mut file);
    let own_tls = server.has_tls() && !server.front;
    if own_tls {
        tls(server, &mut file);
    }
    if server.front {
        behind_front(server, &mut file);
    }
    replication(server, &mut file);
    if server.options.role == Role::ClusterNode {
        cluster(&mut file);
    }
    for (directive, value) in &server.options.config {
        // What the front sees to, the server may not even know.
        if own_tls || !directive.starts_with("tls-") {
            file.line(directive, value);
        }
    }
    file.0
}

#[derive(Default)]
struct File(String);

impl File {
    fn line(&mut self, directive: &str, value: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{directive} {value}");
    }
}

fn basics(server: &RedisServer, file: &mut File) {
    let dir = server.dir().display();
    let tls = server.has_tls() && !server.front;
    file.line("bind", "127.0.0.1");
    file.line("port", if tls { 0 } else { server.inner_port });
    file.line("unixsocket", format_args!("{dir}/{SOCKET}"));
    file.line("unixsocketperm", 700);
    file.line("dir", &dir);
    file.line("logfile", format_args!("{dir}/{LOG}"));
    file.line("daemonize", "no");
    if let Some(password) = server.password() {
        file.line("requirepass", password);
    }
    if server.options.role == Role::Sentinel {
        return;
    }
    file.line("save", "\"\"");
    file.line("appendonly", "no");
    file.line("maxmemory-policy", "noeviction");
    if server.options.debug && server.binary.at_least(7, 0) {
        file.line("enable-debug-command", "yes");
    }
}

fn tls(server: &RedisServer, file: &mut File) {
    let files = server.tls();
    file.line("tls-port", server.port);
    file.line("tls-ca-cert-file", files.ca.display());
    file.line("tls-cert-file", files.server_certificate.display());
    file.line("tls-key-file", files.server_key.display());
    // What it shows to other servers.
    file.line("tls-client-cert-file", files.client_certificate.display());
    file.line("tls-client-key-file", files.client_key.display());
    file.line("tls-auth-clients", if server.options.client_certificates { "yes" } else { "optional" });
    file.line("tls-replication", "yes");
    if server.options.role == Role::ClusterNode {
        file.line("tls-cluster", "yes");
    }
}

/// Says to others that the server is to be found where its front is.
fn behind_front(server: &RedisServer, file: &mut File) {
    if server.binary.at_least(7, 0) {
        file.line("bind-source-addr", PEER);
    } else {
        // Of several addresses, the first is the one to call others from.
        file.line("bind", format_args!("{PEER} 127.0.0.1"));
    }
    if server.options.role == Role::ClusterNode {
        file.line("cluster-announce-port", server.port);
        file.line("cluster-announce-bus-port", server.inner_port + BUS);
    }
    if server.options.role == Role::Sentinel {
        file.line("sentinel", "announce-ip 127.0.0.1");
        file.line("sentinel", format_args!("announce-port {}", server.port));
    } else {
        file.line("replica-announce-ip", "127.0.0.1");
        file.line("replica-announce-port", server.port);
    }
}

/// For a replica, for what may become one after a failover, and for a master that has some.
fn replication(server: &RedisServer, file: &mut File) {
    if server.options.role == Role::Sentinel {
        return;
    }
    let master = server.options.master.as_ref();
    if let Some(password) = master.map_or_else(|| server.password(), |master| master.password.as_deref()) {
        file.line("masterauth", password);
    }
    if let Some(master) = master {
        file.line("replicaof", format_args!("127.0.0.1 {}", master.port));
    }
    // A copy begins at once, and not when others may have asked for one too.
    file.line("repl-diskless-sync", "yes");
    file.line("repl-diskless-sync-delay", 0);
    file.line("repl-ping-replica-period", 1);
}

fn cluster(file: &mut File) {
    file.line("cluster-enabled", "yes");
    file.line("cluster-config-file", "nodes.conf");
    file.line("cluster-announce-ip", "127.0.0.1");
    // A replica that was cut off for long takes over all the same: a test waits for it.
    file.line("cluster-replica-validity-factor", 0);
}

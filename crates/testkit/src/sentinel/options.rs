//! What a test can ask of its sentinels, and how they find each other.

use std::thread;
use std::time::Duration;

use super::RedisSentinel;
use crate::server::{Binary, RedisServer, Role, ServerOptions};

/// After how long without success a failover is begun anew, in milliseconds. The default of Redis is three minutes.
const FAILOVER_TIMEOUT: u32 = 3_000;

/// Options of a [`RedisSentinel`], set one by one and ended by [`start`](Self::start).
///
/// ```
/// use roomkey_testkit::{RedisSentinel, RedisServer};
///
/// let servers = RedisServer::options().tls().password("hunter2");
/// let watched = RedisSentinel::options().servers(servers).password("watchword").start();
/// assert!(watched.url().starts_with("rediss-sentinel://:hunter2@127.0.0.1:"));
/// ```
#[derive(Debug, Clone)]
#[must_use = "options do nothing until start() is called"]
pub struct SentinelOptions {
    replicas: usize,
    sentinels: usize,
    quorum: usize,
    down_after: Duration,
    password: Option<String>,
    servers: ServerOptions,
}

impl Default for SentinelOptions {
    fn default() -> Self {
        Self {
            replicas: 1,
            sentinels: 3,
            quorum: 2,
            down_after: Duration::from_millis(600),
            password: None,
            servers: ServerOptions::default(),
        }
    }
}

impl SentinelOptions {
    /// How many replicas the master has: one if not said.
    pub fn replicas(mut self, replicas: usize) -> Self {
        self.replicas = replicas;
        self
    }

    /// How many sentinels there are: three if not said.
    pub fn sentinels(mut self, sentinels: usize) -> Self {
        self.sentinels = sentinels;
        self
    }

    /// How many sentinels have to find the master dead before they replace it: two if not said.
    pub fn quorum(mut self, quorum: usize) -> Self {
        self.quorum = quorum;
        self
    }

    /// After how long without an answer a server is dead to a sentinel: 600 ms if not said.
    pub fn down_after(mut self, time: Duration) -> Self {
        self.down_after = time;
        self
    }

    /// The password that the sentinels ask for. That of the servers is one of [`servers`](Self::servers).
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// What the master and the replicas are started with: TLS, which the sentinels then speak too, a password, lines of
    /// their configuration.
    pub fn servers(mut self, options: ServerOptions) -> Self {
        self.servers = options;
        self
    }

    /// Starts all of them, and waits until they know each other.
    ///
    /// # Panics
    /// When there is no `redis-server`, or they do not find each other.
    #[must_use = "they end when they are dropped"]
    pub fn start(self) -> RedisSentinel {
        let binary = Binary::find();
        let front = self.servers.wants_tls() && !binary.has_tls();
        self.start_binary(&binary, front)
    }

    pub(super) fn start_binary(self, binary: &Binary, front: bool) -> RedisSentinel {
        let master = RedisServer::start_binary(binary.clone(), self.servers.clone(), front);
        let replica = self.servers.clone().replica_of(&master);
        let replicas = start_all(binary, &replica, front, self.replicas);
        // A sentinel asks its master for replicas when it first meets it, and then not for ten seconds.
        replicas.iter().for_each(RedisServer::wait_for_master);
        let sentinels = start_all(binary, &self.sentinel(&master), front, self.sentinels);
        let started = RedisSentinel { sentinels, replicas, master };
        started.introduce();
        started.wait_until_agreed();
        started
    }

    fn sentinel(&self, master: &RedisServer) -> ServerOptions {
        let name = RedisSentinel::MASTER;
        let setting = |of: &str, value: &dyn std::fmt::Display| format!("{of} {name} {value}");
        let mut options = RedisServer::options().role(Role::Sentinel);
        if self.servers.wants_tls() {
            options = options.tls().tls_of(master);
        }
        let watched = format!("127.0.0.1 {} {}", master.port(), self.quorum);
        options = options
            .config("sentinel", &setting("monitor", &watched))
            .config("sentinel", &setting("down-after-milliseconds", &self.down_after.as_millis()))
            .config("sentinel", &setting("failover-timeout", &FAILOVER_TIMEOUT));
        if let Some(password) = master.password() {
            options = options.config("sentinel", &setting("auth-pass", &password));
        }
        if let Some(password) = &self.password {
            options = options.password(password).config("sentinel", &format!("sentinel-pass {password}"));
        }
        options
    }
}

fn start_all(binary: &Binary, options: &ServerOptions, front: bool, count: usize) -> Vec<RedisServer> {
    let prepare = |_| RedisServer::prepare(binary.clone(), options.clone(), front);
    let mut servers: Vec<RedisServer> = (0..count).map(prepare).collect();
    thread::scope(|scope| {
        for server in &mut servers {
            scope.spawn(|| server.open());
        }
    });
    servers
}

impl RedisSentinel {
    /// Makes the sentinels known to each other. They would find each other by what each of them publishes on the master
    /// every two seconds; here it is published for them as soon as they listen.
    fn introduce(&self) {
        let hello = |sentinel: &RedisServer| {
            let id = sentinel.command(&["SENTINEL", "MYID"]).text();
            let (port, master) = (sentinel.port(), self.master.port());
            // Address and id, its epoch, and the master with its own.
            format!("127.0.0.1,{port},{id},0,{},127.0.0.1,{master},0", Self::MASTER)
        };
        let hellos: Vec<String> = self.sentinels.iter().map(hello).collect();
        let others =
            |sentinel: &RedisServer| sentinel.command(&["SENTINEL", "SENTINELS", Self::MASTER]).items().len();
        self.wait_until("hear of each other", || {
            for hello in &hellos {
                self.master.command(&["PUBLISH", "__sentinel__:hello", hello]);
            }
            self.sentinels.iter().all(|sentinel| others(sentinel) + 1 == hellos.len())
        });
    }
}

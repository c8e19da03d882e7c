//! A store on every kind of server.

use std::sync::OnceLock;
use std::time::Duration;

use roomkey_store::{RedisConfig, RedisStore, VerifyMode};
use roomkey_testkit::conformance::Fixture;
use tokio::sync::{Mutex, MutexGuard};

use crate::servers::{Servers, Way};

/// No behaviour is about how long a server takes, and on a loaded machine it may take long.
const PATIENCE: Duration = Duration::from_secs(30);

/// A store on servers that are empty, and nobody else's while it lives.
#[derive(Debug)]
pub(crate) struct RedisFixture {
    // First, so that it ends before others may have the servers.
    store: RedisStore,
    servers: Lease,
}

#[derive(Debug)]
enum Lease {
    Own(Box<Servers>),
    /// Several servers take longer to start than a behaviour to be seen: all behaviours have the same, one after the other.
    Shared(MutexGuard<'static, Servers>),
}

impl RedisFixture {
    pub(crate) async fn plain() -> Self {
        Self::on(Lease::Own(Box::new(Servers::start(Way::Plain)))).await
    }

    pub(crate) async fn tls() -> Self {
        Self::on(Lease::Own(Box::new(Servers::start(Way::Tls)))).await
    }

    pub(crate) async fn unix_socket() -> Self {
        Self::on(Lease::Own(Box::new(Servers::start(Way::UnixSocket)))).await
    }

    pub(crate) async fn sentinel() -> Self {
        static SHARED: OnceLock<Mutex<Servers>> = OnceLock::new();
        Self::shared(&SHARED, Way::Sentinel).await
    }

    pub(crate) async fn sentinel_tls() -> Self {
        static SHARED: OnceLock<Mutex<Servers>> = OnceLock::new();
        Self::shared(&SHARED, Way::SentinelTls).await
    }

    pub(crate) async fn cluster() -> Self {
        static SHARED: OnceLock<Mutex<Servers>> = OnceLock::new();
        Self::shared(&SHARED, Way::Cluster).await
    }

    pub(crate) async fn cluster_tls() -> Self {
        static SHARED: OnceLock<Mutex<Servers>> = OnceLock::new();
        Self::shared(&SHARED, Way::ClusterTls).await
    }

    /// On servers of its own, for long.
    pub(crate) async fn own(way: Way) -> Self {
        Self::on(Lease::Own(Box::new(Servers::start(way)))).await
    }

    async fn shared(servers: &'static OnceLock<Mutex<Servers>>, way: Way) -> Self {
        let servers = servers.get_or_init(|| Mutex::new(Servers::start(way))).lock().await;
        servers.disconnect_all();
        servers.clear();
        Self::on(Lease::Shared(servers)).await
    }

    async fn on(servers: Lease) -> Self {
        let store = RedisStore::connect(config(servers.get())).await.unwrap();
        Self { store, servers }
    }

    /// Makes the servers empty again.
    pub(crate) fn clear(&self) {
        self.servers.get().clear();
    }

    /// Lets the servers forget all scripts.
    pub(crate) fn forget_scripts(&self) {
        self.servers.get().forget_scripts();
    }
}

impl Lease {
    fn get(&self) -> &Servers {
        match self {
            Self::Own(servers) => servers,
            Self::Shared(servers) => servers,
        }
    }
}

fn config(servers: &Servers) -> RedisConfig {
    let config = RedisConfig::builder().timeout(PATIENCE).connect_timeout(PATIENCE);
    let config = match servers {
        Servers::One(server) if server.port() == 0 => config.unix_socket(server.socket()),
        Servers::One(server) => config.host("127.0.0.1").port(server.port()),
        Servers::Watched(watched) => {
            let config =
                config.sentinels(watched.seeds()).sentinel_master(roomkey_testkit::RedisSentinel::MASTER);
            match servers.is_secure() {
                true => config.sentinel_password(Servers::SENTINEL_PASSWORD),
                false => config,
            }
        }
        Servers::Cluster(cluster) => config.cluster(cluster.seeds()),
    };
    let config = match servers.is_secure() {
        true => config
            .password(Servers::PASSWORD)
            .tls(true)
            .verify_mode(VerifyMode::Required)
            .ca_file(servers.tls_ca()),
        false => config,
    };
    config.build().unwrap()
}

impl Fixture for RedisFixture {
    type Store = RedisStore;

    fn store(&self) -> &RedisStore {
        &self.store
    }

    async fn advance(&self, duration: Duration) {
        tokio::time::sleep(duration + Duration::from_millis(2)).await;
    }

    async fn limit_memory(&self, at_limit: bool) {
        self.servers.get().limit_memory(at_limit);
    }
}

//! A Redis of its own for each test.

use std::time::Duration;

use roomkey_store::{RedisConfig, RedisStore, VerifyMode};
use roomkey_testkit::RedisServer;
use roomkey_testkit::conformance::Fixture;

/// A store on a fresh server.
#[derive(Debug)]
pub(crate) struct RedisFixture {
    server: RedisServer,
    store: RedisStore,
}

impl RedisFixture {
    /// By TCP, in plain text.
    pub(crate) async fn plain() -> Self {
        let server = RedisServer::start();
        let config = RedisConfig::builder().host("127.0.0.1").port(server.port()).build().unwrap();
        let store = RedisStore::connect(config).await.unwrap();
        Self { server, store }
    }

    /// By TLS, with a login.
    pub(crate) async fn tls() -> Self {
        let server = RedisServer::options().tls().password("a-password").start();
        let config = RedisConfig::builder()
            .host("127.0.0.1")
            .port(server.port())
            .password("a-password")
            .tls(true)
            .verify_mode(VerifyMode::Required)
            .ca_file(server.tls_ca())
            .build();
        let store = RedisStore::connect(config.unwrap()).await.unwrap();
        Self { server, store }
    }

    /// Makes the server empty again.
    pub(crate) fn clear(&self) {
        self.server.command(&["CONFIG", "SET", "maxmemory", "0"]);
        self.server.command(&["FLUSHALL", "SYNC"]);
    }

    /// Lets the server forget all scripts.
    pub(crate) fn forget_scripts(&self) {
        self.server.command(&["SCRIPT", "FLUSH", "SYNC"]);
    }
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
        // A server has always used more than one byte; 0 is no limit.
        self.server.command(&["CONFIG", "SET", "maxmemory", if at_limit { "1" } else { "0" }]);
    }
}

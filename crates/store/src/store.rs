//! The store itself.

mod scan;
mod wait;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use roomkey_core::{
    Batch, Error, Health, Outcome, Page, Reply, Result, Retry, Scan, Store, Txn, Wait, Woken,
};
use tokio::time::{Instant, timeout_at};

use crate::batch::Item;
use crate::call::{Request, Wires};
use crate::compile;
use crate::config::{Endpoint, RedisConfig, VerifyMode};
use crate::connect::Connector;
use crate::error::{ConnectError, lost};
use crate::health;
use crate::lanes::Lanes;
use crate::pool::Pool;
use crate::rights::{self, Rights};

/// A [`Store`] on one Redis server (or Valkey), from version 6.2 on.
///
/// A clone is another handle on the same connections. When the last is dropped they close.
///
/// # Connections
///
/// All calls share a few connections, the *lanes*; waits and commands over 64 KiB get one of their own from a pool.
/// Connections are opened again when they break, in the background and with growing, jittered pauses.
///
/// # Failures
///
/// Every call ends within one deadline, 2 seconds unless the configuration or [`with_timeout`](Self::with_timeout) says
/// otherwise. Inside it, what did not run is tried again; what may have run is tried again only if that is harmless. A
/// call that ends without knowing is [`Error::Ambiguous`].
///
/// ```no_run
/// use roomkey_core::{Batch, Op, Store};
/// use roomkey_store::RedisStore;
/// # use roomkey_core::{Key, Kind, Namespace, Partition};
/// # async fn example(key: Key) -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisStore::from_env().await?;
/// let replies = store.run(Batch::one(Op::get(&key))?).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisStore {
    shared: Arc<Shared>,
    timeout: Duration,
}

struct Shared {
    wires: Wires,
    endpoint: Endpoint,
    rights: Rights,
    /// Whether it is known who is at the other end: by certificate, or because there is nothing to verify.
    verified: bool,
}

impl RedisStore {
    /// Connects as the environment says: [`RedisConfig::from_env`], then [`connect`](Self::connect).
    ///
    /// # Errors
    ///
    /// Those of both.
    pub async fn from_env() -> Result<Self, ConnectError> {
        Self::connect(RedisConfig::from_env()?).await
    }

    /// Opens the first connection and checks what everything else relies on: the version of the server, the login, and
    /// its right to every command that will be used. What is unwise but works becomes a line in the log and a warning of
    /// [`health`](Store::health): an eviction policy that drops live state, a certificate that nobody verifies.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], which says what to do.
    pub async fn connect(config: RedisConfig) -> Result<Self, ConnectError> {
        let connector = Arc::new(Connector::new(&config)?);
        let first = connector.open().await?;
        let rights = tokio::time::timeout(config.timeout, rights::check(&first)).await.map_err(|_| {
            ConnectError::TimedOut { endpoint: config.endpoint.clone(), after: config.timeout }
        })??;
        tracing::info!(endpoint = %config.endpoint, server = %first.server.engine, "connected");
        let pool = Pool::new(Arc::clone(&connector), config.pool_size, config.timeout)?;
        let lanes = Lanes::start(&connector, first, config.lanes, config.timeout);
        let shared = Shared {
            wires: Wires { lanes, pool },
            endpoint: config.endpoint,
            rights,
            verified: config.tls.is_none_or(|tls| tls.verify != VerifyMode::None),
        };
        let store = Self { shared: Arc::new(shared), timeout: config.timeout };
        // A server that has just let us in and then says nothing of its memory is not refused for that.
        if let Ok(health) = store.health().await {
            for warning in &health.warnings {
                tracing::warn!(endpoint = %store.shared.endpoint, "{warning}");
            }
        }
        Ok(store)
    }

    /// The same store with another deadline for the calls of this handle and its clones.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { shared: Arc::clone(&self.shared), timeout }
    }
}

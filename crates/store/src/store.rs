//! The store itself.

mod programs;
mod scan;
mod status;
mod wait;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use roomkey_core::{Batch, Error, Health, Outcome, Page, Reply, Result, Scan, Store, Txn, Wait, Woken};
use tokio::time::{Instant, timeout};
use tracing::field;

use crate::budget::Budget;
use crate::call::Wires;
use crate::cluster::Cluster;
use crate::compile::Compiler;
use crate::config::{self, RedisConfig, VerifyMode};
use crate::connect::Connector;
use crate::error::ConnectError;
use crate::metrics::{CallKind, Metrics};
use crate::node::Node;
use crate::rights::{self, Rights, Scope};
use crate::sentinel::Watch;
use crate::topology::Topology;

/// A [`Store`] on one Redis server, or on a Redis Cluster (or Valkey), from version 6.2 on.
///
/// A clone is another handle on the same connections. When the last is dropped they close. Calls may come from any runtime,
/// but the connections live on that which connected, and so do the clocks of their calls: while it stands still, as one of
/// a single thread does outside of `block_on`, calls from others are not answered, and do not end at their deadlines either.
/// Once it has ended, calls fail.
///
/// # Connections
///
/// All calls share a few connections, the *lanes*; waits and commands over 64 KiB get one of their own from a pool.
/// Connections are opened again when they break, in the background and with growing, jittered pauses.
///
/// A wait blocks one connection to a server, and in a cluster one for each partition that it names. Waits block at most
/// three quarters of the pool to a server; where none is left, the logs are looked at once a second.
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
    compiler: Compiler,
    servers: config::Topology,
    /// Follows the master, where sentinels say who it is.
    watch: Option<Watch>,
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
        let verified = config.tls.as_ref().is_none_or(|tls| tls.verify != VerifyMode::None);
        let (timeout, servers) = (config.timeout, config.topology.clone());
        let (topology, metrics, rights, watch) = match &servers {
            config::Topology::Cluster { seeds } => {
                let (cluster, metrics, rights) = Cluster::connect(config, seeds).await?;
                (Topology::Cluster(cluster), metrics, rights, None)
            }
            config::Topology::Single(_) | config::Topology::Sentinel { .. } => connect_one(&config).await?,
        };
        tracing::info!(%servers, "connected");
        let wires = Wires { topology, budget: Budget::new(), metrics };
        let shared = Shared { wires, compiler: Compiler::default(), servers, watch, rights, verified };
        let store = Self { shared: Arc::new(shared), timeout };
        // A server that has just let us in and then says nothing of its memory is not refused for that.
        if let Ok(health) = store.health().await {
            for warning in &health.warnings {
                tracing::warn!(servers = %store.shared.servers, "{warning}");
            }
        }
        Ok(store)
    }

    /// The same store with another deadline for the calls of this handle and its clones.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { shared: Arc::clone(&self.shared), timeout }
    }

    /// Replaces all connections in the background, without a failed call: what they were opened with has changed, such as
    /// the login that a [`CredentialsProvider`](crate::CredentialsProvider) gives.
    ///
    /// A server asks for a login only when a connection is opened; those that are open keep theirs. Without this call
    /// they are replaced at their [age](crate::RedisConfigBuilder::max_connection_age).
    pub fn renew_connections(&self) {
        self.shared.wires.topology.renew();
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    fn check_open(&self) -> Result<()> {
        if self.shared.wires.topology.is_closed() { Err(Error::Closed) } else { Ok(()) }
    }
}

/// Connects to the only server, or to the master, and checks the login there.
async fn connect_one(
    config: &RedisConfig,
) -> Result<(Topology, Arc<Metrics>, Rights, Option<Watch>), ConnectError> {
    let connector = Arc::new(Connector::new(config)?);
    let first = connector.open().await?;
    let rights = timeout(config.connect_timeout, rights::check(first.link(), Scope::Server));
    let rights = rights.await.map_err(|_| ConnectError::TimedOut {
        endpoint: connector.endpoint(),
        after: config.connect_timeout,
    })??;
    let watch = connector.sentinels().map(|sentinels| Watch::start(&connector, sentinels));
    let metrics = Arc::clone(&connector.metrics);
    let node = Node::start(connector, Some(first), rights.closes(), config)?;
    Ok((Topology::One(Box::new(node)), metrics, rights, watch))
}

impl Store for RedisStore {
    async fn run(&self, batch: Batch) -> Result<Vec<Result<Reply>>> {
        self.check_open()?;
        let ops = batch.into_ops();
        let span = tracing::debug_span!("roomkey.store.run", ops = ops.len(), outcome = field::Empty);
        let call = pin!(self.run_ops(&ops));
        self.shared.wires.metrics.observe(CallKind::Run, span, call).await
    }

    async fn transact(&self, txn: &Txn) -> Result<Outcome> {
        self.check_open()?;
        let span =
            tracing::debug_span!("roomkey.store.transact", program = txn.name(), outcome = field::Empty);
        let call = pin!(self.run_txn(txn));
        self.shared.wires.metrics.observe(CallKind::Transact, span, call).await
    }

    async fn scan(&self, scan: Scan) -> Result<Page> {
        self.check_open()?;
        let span = tracing::debug_span!("roomkey.store.scan", outcome = field::Empty);
        let call = pin!(self.scan_page(&scan));
        self.shared.wires.metrics.observe(CallKind::Scan, span, call).await
    }

    async fn wait(&self, wait: Wait) -> Result<Woken> {
        self.check_open()?;
        let span =
            tracing::debug_span!("roomkey.store.wait", logs = wait.logs().len(), outcome = field::Empty);
        let call = pin!(self.wait_for_entry(&wait));
        self.shared.wires.metrics.observe(CallKind::Wait, span, call).await
    }

    async fn health(&self) -> Result<Health> {
        self.check_open()?;
        self.ask_for_health().await
    }

    /// Waits for the calls under way, at most until the deadline of a call.
    async fn close(&self) -> Result<()> {
        if let Some(watch) = &self.shared.watch {
            watch.stop();
        }
        self.shared.wires.topology.close(self.deadline()).await;
        Ok(())
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shared, timeout } = self;
        let Shared { wires: _, compiler: _, servers, watch: _, rights: _, verified: _ } = &**shared;
        f.debug_struct("RedisStore")
            .field("servers", servers)
            .field("timeout", timeout)
            .finish_non_exhaustive()
    }
}

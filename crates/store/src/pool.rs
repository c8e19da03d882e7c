//! Connections for what must not hold up the others: waits, which block their connection, and large values.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deadpool::managed::{self, Object, PoolError, RecycleError, RecycleResult};
use deadpool_redis::{Metrics, PoolConfig, QueueMode, Runtime, TimeoutType, Timeouts};
use roomkey_core::{Error, Result};
use tokio::time::timeout;

use crate::connect::{Connection, Connector};
use crate::error::ConnectError;
use crate::link::Link;

/// A connection that rested longer is asked for a sign of life before it is used again.
const RESTED: Duration = Duration::from_secs(1);
/// How long that sign may take: a server that is slower than this is slower than opening a connection.
const SIGN_OF_LIFE: Duration = Duration::from_millis(250);

/// A pool of `deadpool`, with the pool settings of `deadpool-redis` and a manager of our own.
///
/// The manager of `deadpool-redis` opens connections by `redis`' own way to TLS, and precedes every checkout with an
/// `UNWATCH` and a `PING`, one timeout after another when the server is gone.
#[derive(Debug)]
pub(crate) struct Pool {
    pool: managed::Pool<Manager>,
}

impl Pool {
    pub(crate) fn new(connector: Arc<Connector>, size: usize, wait: Duration) -> Result<Self, ConnectError> {
        let mut config = PoolConfig::new(size);
        config.timeouts = Timeouts {
            wait: Some(wait),
            // The connector keeps its own time and says more about it.
            create: Some(connector.timeout().saturating_mul(2)),
            recycle: Some(SIGN_OF_LIFE.saturating_mul(2)),
        };
        // The most recently used first, so that what is not needed ages.
        config.queue_mode = QueueMode::Lifo;
        let pool = managed::Pool::builder(Manager { connector, generation: AtomicU64::new(0) })
            .config(config)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|_| ConnectError::Invalid {
                name: "pool_size",
                expected: "a size that a pool can have",
            })?;
        Ok(Self { pool })
    }

    /// A connection of one's own.
    ///
    /// # Errors
    ///
    /// [`Error::NotExecuted`], [`Error::Permanent`] or [`Error::Closed`].
    pub(crate) async fn checkout(&self) -> Result<Checkout> {
        match self.pool.get().await {
            Ok(object) => Ok(Checkout { link: object.connection.link().clone(), object: Some(object) }),
            Err(PoolError::Backend(error)) => Err(error.into()),
            Err(PoolError::Closed) => Err(Error::Closed),
            Err(PoolError::Timeout(TimeoutType::Wait)) => Err(Error::not_executed(
                "all connections for waits and large values are in use; see REDIS_POOL_SIZE",
            )),
            Err(PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle)) => {
                Err(Error::not_executed("the server does not answer"))
            }
            Err(PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_)) => {
                Err(Error::permanent("the pool was built without a runtime or with a hook"))
            }
        }
    }

    pub(crate) fn close(&self) {
        self.pool.close();
    }
}

/// A connection of one's own, until it is given back.
///
/// Dropped without that, it is closed: a call that was cut short has left a reply on its way, or a server that waits.
#[derive(Debug)]
pub(crate) struct Checkout {
    /// `None` only while it is dropped or given back.
    object: Option<Object<Manager>>,
    link: Link,
}

impl Checkout {
    /// What its commands are sent through.
    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// Puts it back for the next, with nothing left to be answered.
    pub(crate) fn give_back(mut self) {
        drop(self.object.take());
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}

#[derive(Debug)]
struct Manager {
    connector: Arc<Connector>,
    /// Raised when a connection gives no sign of life: the others of its time are then not asked one by one, each for
    /// the whole of its timeout, but replaced.
    generation: AtomicU64,
}

#[derive(Debug)]
struct Pooled {
    connection: Connection,
    generation: u64,
}

impl managed::Manager for Manager {
    type Type = Pooled;
    type Error = ConnectError;

    async fn create(&self) -> Result<Pooled, ConnectError> {
        let generation = self.generation.load(Ordering::Relaxed);
        Ok(Pooled { connection: self.connector.open().await?, generation })
    }

    async fn recycle(&self, pooled: &mut Pooled, metrics: &Metrics) -> RecycleResult<ConnectError> {
        if !pooled.connection.is_open() || pooled.generation != self.generation.load(Ordering::Relaxed) {
            return Err(RecycleError::message("closed in the meantime"));
        }
        if metrics.last_used() < RESTED {
            return Ok(());
        }
        match timeout(SIGN_OF_LIFE, pooled.connection.link().send(&redis::cmd("PING"))).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(RecycleError::message("closed in the meantime")),
            Err(_) => {
                self.generation.fetch_add(1, Ordering::Relaxed);
                Err(RecycleError::message("no sign of life"))
            }
        }
    }
}

//! Connections for what must not hold up the others: waits, which block their connection, and large values.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deadpool::managed::{self, Object, PoolError, RecycleError, RecycleResult};
use deadpool_redis::{Metrics, PoolConfig, QueueMode, Runtime, TimeoutType, Timeouts};
use roomkey_core::{Error, Result};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::connect::Connection;
use crate::error::{ConnectError, Unavailable};
use crate::link::Link;
use crate::site::Site;

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
    size: usize,
    /// Closes connections that nobody uses and that have become old.
    sweeper: Option<JoinHandle<()>>,
}

impl Pool {
    pub(crate) fn new(site: Arc<Site>, size: usize, wait: Duration) -> Result<Self, ConnectError> {
        let mut config = PoolConfig::new(size);
        config.timeouts = Timeouts {
            wait: Some(wait),
            // The connector keeps its own time and says more about it.
            create: Some(site.connector.timeout.saturating_mul(2)),
            recycle: Some(SIGN_OF_LIFE.saturating_mul(2)),
        };
        // The most recently used first, so that what is not needed ages.
        config.queue_mode = QueueMode::Lifo;
        let max_age = site.max_age();
        let manager = Manager { site, generation: AtomicU64::new(0) };
        let pool = managed::Pool::builder(manager).config(config).runtime(Runtime::Tokio1).build().map_err(
            |_| ConnectError::Invalid { name: "pool_size", expected: "a size that a pool can have" },
        )?;
        let home = &pool.manager().site.connector.home;
        let sweeper = max_age.map(|age| home.spawn(sweep(pool.clone(), age / SWEEPS)));
        Ok(Self { pool, size, sweeper })
    }

    /// A connection of one's own.
    ///
    /// # Errors
    ///
    /// [`Error::NotExecuted`], [`Error::Permanent`] or [`Error::Closed`].
    pub(crate) async fn checkout(&self, writes: bool) -> Result<Checkout> {
        match self.pool.get().await {
            Ok(object) => {
                let (link, site) = (object.connection.link().clone(), Arc::clone(&self.pool.manager().site));
                Ok(Checkout { link, site, writes, object: Some(object) })
            }
            Err(PoolError::Backend(error)) => Err(error.into()),
            Err(PoolError::Closed) => Err(Error::Closed),
            Err(PoolError::Timeout(TimeoutType::Wait)) => {
                Err(self.pool.manager().site.unavailable(Unavailable::PoolExhausted { size: self.size }))
            }
            Err(PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle)) => {
                Err(Error::not_executed("the server does not answer"))
            }
            Err(PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_)) => {
                Err(Error::permanent("the pool was built without a runtime or with a hook"))
            }
        }
    }

    /// Ends the connections that nobody uses, and the others when they are given back.
    pub(crate) fn renew(&self) {
        self.pool.manager().generation.fetch_add(1, Ordering::Relaxed);
        self.pool.retain(|_, _| false);
    }

    pub(crate) fn close(&self) {
        self.pool.close();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(sweeper) = &self.sweeper {
            sweeper.abort();
        }
    }
}

/// How often in the life of a connection unused ones are looked through.
const SWEEPS: u32 = 10;

async fn sweep(pool: managed::Pool<Manager>, every: Duration) {
    loop {
        sleep(every).await;
        pool.retain(|pooled, _| !pooled.is_old());
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
    /// Whether what is sent on it can change anything.
    writes: bool,
    site: Arc<Site>,
}

impl Checkout {
    /// What its commands are sent through.
    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// By which id the server knows it, if it told.
    pub(crate) fn client(&self) -> Option<u64> {
        self.object.as_ref().and_then(|pooled| pooled.connection.client())
    }

    /// Puts it back for the next, with nothing left to be answered.
    pub(crate) fn give_back(self) {
        self.site.breaker.heard();
        self.put_back();
    }

    /// The same if nothing was sent.
    pub(crate) fn put_back(mut self) {
        drop(self.object.take());
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            let pooled = Object::take(object);
            if self.writes {
                self.site.breaker.unheard();
                self.site.graves.dig(&self.link.server.run, pooled.connection.client());
            }
        }
    }
}

#[derive(Debug)]
struct Manager {
    site: Arc<Site>,
    /// Raised when a connection gives no sign of life: the others of its time are then not asked one by one, each for
    /// the whole of its timeout, but replaced.
    generation: AtomicU64,
}

#[derive(Debug)]
struct Pooled {
    connection: Connection,
    generation: u64,
    old: Instant,
}

impl Pooled {
    fn is_old(&self) -> bool {
        Instant::now() >= self.old
    }
}

impl managed::Manager for Manager {
    type Type = Pooled;
    type Error = ConnectError;

    async fn create(&self) -> Result<Pooled, ConnectError> {
        let generation = self.generation.load(Ordering::Relaxed);
        let connection = self.site.open_at_home().await?;
        Ok(Pooled { connection, generation, old: Instant::now() + self.site.lifetime() })
    }

    async fn recycle(&self, pooled: &mut Pooled, metrics: &Metrics) -> RecycleResult<ConnectError> {
        if !pooled.connection.is_open() || pooled.generation != self.generation.load(Ordering::Relaxed) {
            return Err(RecycleError::message("closed in the meantime"));
        }
        if pooled.is_old() {
            return Err(RecycleError::message("old"));
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

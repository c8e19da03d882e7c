//! What the connections to one server share: how they are opened, what is known of the server, and what they are told.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use roomkey_core::Error;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::backoff::jittered;
use crate::breaker::Breaker;
use crate::connect::{Connection, Connector};
use crate::error::{ConnectError, Unavailable, unavailable};
use crate::graves::Graves;

/// Longer than any process runs, and still within every clock.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// One server, as its connections see it.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) connector: Arc<Connector>,
    pub(crate) graves: Graves,
    pub(crate) breaker: Breaker,
    /// How long the server may take for a sign of life: as long as for a call.
    pub(crate) patience: Duration,
    max_age: Option<Duration>,
    /// How often all connections were told to be replaced.
    renewals: watch::Sender<u64>,
    /// Tells those who wait for a shared connection that one has come or gone.
    pub(crate) changed: Notify,
}

impl Site {
    pub(crate) fn new(
        connector: Arc<Connector>,
        graves: Graves,
        patience: Duration,
        max_age: Option<Duration>,
    ) -> Self {
        Self {
            breaker: Breaker::new(patience, connector.metrics.breakers_open.clone()),
            connector,
            graves,
            patience,
            max_age,
            renewals: watch::Sender::default(),
            changed: Notify::new(),
        }
    }

    /// Opens a connection, and takes it for a sign of life, as also a refusal is.
    pub(crate) async fn open(&self) -> Result<Connection, ConnectError> {
        let opened = self.connector.open().await;
        match &opened {
            Err(error) if error.is_silence() => self.breaker.unheard(),
            _ => self.breaker.heard(),
        }
        opened
    }

    /// As [`open`](Self::open), from any runtime. Given up, it ends.
    pub(crate) async fn open_at_home(self: &Arc<Self>) -> Result<Connection, ConnectError> {
        let (site, mut opening) = (Arc::clone(self), JoinSet::new());
        opening.spawn_on(async move { site.open().await }, &self.connector.home);
        match opening.join_next().await {
            Some(Ok(opened)) => opened,
            Some(Err(_)) | None => Err(ConnectError::Unreachable {
                endpoint: self.connector.endpoint(),
                source: io::Error::other("the runtime of the store has ended"),
            }),
        }
    }

    /// The error of a call that is not tried.
    pub(crate) fn unavailable(&self, why: Unavailable) -> Error {
        self.connector.metrics.shed(&why);
        unavailable(why)
    }

    /// How old a connection that is opened now may become: up to a tenth more or less than configured, so that those
    /// opened together are not replaced together.
    pub(crate) fn lifetime(&self) -> Duration {
        self.max_age.map_or(NEVER, jittered)
    }

    /// How old a connection may become, if there is a limit.
    pub(crate) fn max_age(&self) -> Option<Duration> {
        self.max_age
    }

    /// Tells when all connections are to be replaced.
    pub(crate) fn orders(&self) -> watch::Receiver<u64> {
        self.renewals.subscribe()
    }

    /// Has all shared connections replaced.
    pub(crate) fn renew(&self) {
        self.renewals.send_modify(|renewals| *renewals += 1);
    }

    /// A moment that a connection need not expect to see.
    pub(crate) fn never() -> Instant {
        Instant::now() + NEVER
    }
}

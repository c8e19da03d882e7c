//! A Redis Cluster: which node serves which slot, and the nodes.
//!
//! Routing is ours. Every command names keys of one partition, so one node serves it, and each node is a [`Node`] like a
//! server that stands alone. What the client of `redis` would do besides (repeat what was lost, wait for nodes that a
//! command has nothing to do with) is what must not happen here.
//!
//! The map of the slots is corrected by every `MOVED`, slot by slot and at once, and read anew by a [`keeper`] in the
//! background. A command that is refused with a redirect did not run.

mod keeper;
mod layout;
mod map;
mod redirect;
pub(crate) mod survey;

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::join_all;
use redis::ServerError;
use roomkey_core::{Error, Partition, Result};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout};

use self::layout::Layout;
use self::map::Map;
use self::redirect::Redirect;
use crate::config::{Endpoint, RedisConfig};
use crate::connect::{Connection, Connector};
use crate::error::{Answer, ConnectError};
use crate::link::Lost;
use crate::metrics::Metrics;
use crate::node::{Errand, Node, Wire};
use crate::rights::{self, Rights};
use crate::topology::Detour;

/// How many slots a cluster has.
const SLOTS: usize = roomkey_core::SLOTS as usize;

/// Why a configuration without seeds leads nowhere.
pub(crate) const NO_SEED: ConnectError =
    ConnectError::Invalid { name: "REDIS_CLUSTER", expected: "at least one host" };

/// A cluster and the task that keeps its map true.
#[derive(Debug)]
pub(crate) struct Cluster {
    shared: Arc<Shared>,
    keeper: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    config: RedisConfig,
    /// Leads to whichever node it is told.
    connector: Connector,
    seeds: Vec<Endpoint>,
    /// Those of the login, which is the same at every node.
    rights: Rights,
    /// A plain lock: it is held for a look or a change, and never across an await.
    map: RwLock<Map>,
    /// Tells those who wait for a node that the map is another.
    changed: Notify,
    /// Tells the keeper that the map may be wrong.
    wanted: Notify,
    closed: AtomicBool,
}

impl Cluster {
    /// Reads the map from the first seed that gives one, and checks the login there. A seed that takes its time is joined
    /// by the next.
    ///
    /// # Errors
    ///
    /// Why the last seed could not be used.
    pub(crate) async fn connect(
        config: RedisConfig,
        seeds: &[Endpoint],
    ) -> Result<(Self, Arc<Metrics>, Rights), ConnectError> {
        let connector = Connector::new(&config)?;
        let mut next = seeds.iter().cloned();
        let mut entering = JoinSet::new();
        let mut trouble = None;
        let (seed, first, rights, layout) = loop {
            if let Some(seed) = next.next() {
                let connector = connector.to(seed.clone());
                entering.spawn(async move { (seed, enter(connector).await) });
            } else if entering.is_empty() {
                return Err(trouble.unwrap_or(NO_SEED));
            }
            let head_start = if next.len() > 0 { keeper::HEDGE } else { Duration::MAX };
            match timeout(head_start, entering.join_next()).await {
                Ok(Some(Ok((seed, Ok((first, rights, layout)))))) => break (seed, first, rights, layout),
                Ok(Some(Ok((seed, Err(error))))) => {
                    tracing::warn!(%seed, %error, "a seed of the cluster cannot be used");
                    trouble = Some(error);
                }
                // The runtime ends, or it is the next one's turn.
                Ok(Some(Err(_)) | None) | Err(_) => {}
            }
        };
        let metrics = Arc::clone(&connector.metrics);
        let shared = Arc::new(Shared {
            config,
            connector,
            seeds: seeds.to_vec(),
            rights,
            map: RwLock::default(),
            changed: Notify::new(),
            wanted: Notify::new(),
            closed: AtomicBool::new(false),
        });
        shared.install(&layout, Some((seed, first)));
        let keeper = tokio::spawn(keeper::keep(Arc::clone(&shared)));
        Ok((Self { shared, keeper }, metrics, rights))
    }

    pub(crate) fn owner(&self, partition: Partition) -> Result<Arc<Node>> {
        if self.is_closed() {
            return Err(Error::Closed);
        }
        let owner = self.shared.map().owner(partition).cloned();
        owner.ok_or_else(|| {
            self.suspect();
            Error::not_executed("no node of the cluster serves the partition")
        })
    }

    /// The nodes that serve slots, in the order of the first slot of each.
    pub(crate) fn masters(&self) -> Vec<Arc<Node>> {
        self.shared.map().masters()
    }

    /// A connection to a node. While the node is down it is waited for only as long as the map stays as it is: the node may
    /// then be the wrong one to wait for.
    pub(crate) async fn wire<'n>(&self, node: &'n Node, errand: Errand) -> Result<Wire<'n>> {
        let mut wire = pin!(node.wire(errand));
        let wire = loop {
            let changed = self.shared.changed.notified();
            // Nearly always there is one at once.
            if let Poll::Ready(wire) = std::future::poll_fn(|cx| Poll::Ready(wire.as_mut().poll(cx))).await {
                break wire;
            }
            let is_down = !node.lanes.is_up();
            if is_down {
                self.suspect();
            }
            tokio::select! {
                biased;
                wire = &mut wire => break wire,
                () = changed => if is_down && !node.lanes.is_up() {
                    return Err(Error::not_executed("the cluster changed while a node was waited for"));
                },
            }
        };
        match wire {
            Err(Error::Closed) if !self.is_closed() => {
                Err(Error::not_executed("the node has left the cluster"))
            }
            wire => wire.inspect_err(|_| self.suspect()),
        }
    }

    pub(crate) fn heed(&self, node: &Node, error: &ServerError) -> Option<Detour> {
        match Redirect::read(error, &node.endpoint()) {
            Some(Redirect::Moved { slot, to }) => {
                self.shared.connector.metrics.redirects_moved.increment(1);
                self.shared.moved(slot, to);
                self.suspect();
                Some(Detour::Owner)
            }
            Some(Redirect::Ask { at }) => {
                self.shared.connector.metrics.redirects_ask.increment(1);
                self.shared.guest(at).map(Detour::Ask)
            }
            None => {
                // A redirect that cannot be followed says at least that the map is wrong.
                if matches!(error.code(), "MOVED" | "CLUSTERDOWN" | "READONLY" | "MASTERDOWN" | "UNBLOCKED") {
                    self.suspect();
                }
                None
            }
        }
    }

    /// Has the map read anew, soon.
    pub(crate) fn suspect(&self) {
        self.shared.wanted.notify_one();
    }

    pub(crate) async fn moved_from(&self, partition: Partition, node: &Node) {
        loop {
            let changed = self.shared.changed.notified();
            let here = self
                .shared
                .map()
                .owner(partition)
                .is_some_and(|owner| std::ptr::eq(Arc::as_ptr(owner), node));
            if !here {
                return;
            }
            changed.await;
        }
    }

    pub(crate) fn renew(&self) {
        for node in &self.shared.map().nodes {
            node.renew();
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }

    pub(crate) async fn closed(&self) {
        loop {
            let changed = self.shared.changed.notified();
            if self.is_closed() {
                return;
            }
            changed.await;
        }
    }

    pub(crate) async fn close(&self, deadline: Instant) {
        self.shared.closed.store(true, Ordering::Release);
        self.keeper.abort();
        self.shared.changed.notify_waiters();
        let nodes = self.shared.map().nodes.clone();
        join_all(nodes.iter().map(|node| node.close(deadline))).await;
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Connects to a seed and asks it for all that a store needs to know.
async fn enter(connector: Connector) -> Result<(Connection, Rights, Layout), ConnectError> {
    let (seed, patience) = (connector.endpoint(), connector.timeout);
    let first = connector.open().await?;
    let ask = async {
        let rights = rights::check(first.link(), rights::Scope::Cluster).await?;
        let answers = first.link().send_all(&layout::question()).await.map_err(|lost| {
            let source = match lost {
                Lost::Broken(source) => source,
                _ => std::io::ErrorKind::BrokenPipe.into(),
            };
            ConnectError::Unreachable { endpoint: seed.clone(), source }
        })?;
        let layout = Layout::read(&answers, &seed).map_err(|code| ConnectError::Refused {
            answer: Answer::new(&code),
            advice: "it is not a node of a cluster, or its cluster serves nothing yet",
        })?;
        Ok((rights, layout))
    };
    let asked = timeout(patience, ask).await;
    let (rights, layout) =
        asked.map_err(|_| ConnectError::TimedOut { endpoint: seed.clone(), after: patience })??;
    Ok((first, rights, layout))
}

impl Shared {
    fn map(&self) -> RwLockReadGuard<'_, Map> {
        // A panic elsewhere cannot have left it half-written: it is changed by single assignments.
        self.map.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts another map into the place of the one there is. Nodes that it does not name are closed.
    ///
    /// `first` is a connection that is open already, and to whom.
    fn install(&self, layout: &Layout, mut first: Option<(Endpoint, Connection)>) {
        let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
        map.epoch = layout.epoch;
        if map.shows(layout) {
            return;
        }
        let mut next = Map { epoch: layout.epoch, ..Map::default() };
        for (slots, endpoint) in &layout.ranges {
            let place = next.place(endpoint).or_else(|| {
                let node = map.at(endpoint).cloned();
                next.admit(node.or_else(|| self.start(endpoint, &mut first))?)
            });
            if let Some(place) = place.and_then(|place| u16::try_from(place).ok()) {
                next.owners[usize::from(*slots.start())..=usize::from(*slots.end())].fill(place);
            }
        }
        let before = std::mem::replace(&mut *map, next);
        let gone: Vec<_> =
            before.nodes.into_iter().filter(|node| map.place(&node.endpoint()).is_none()).collect();
        tracing::debug!(
            nodes = map.nodes.len(),
            epoch = map.epoch,
            gone = gone.len(),
            "the cluster has changed"
        );
        drop(map);
        self.changed.notify_waiters();
        for node in gone {
            // Calls under way there end within their deadlines; nobody knows how long the longest is.
            tokio::spawn(async move { node.close(Instant::now() + LONG).await });
        }
    }

    /// Corrects the owner of one slot.
    fn moved(&self, slot: Partition, to: Endpoint) {
        let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
        if map.owner(slot).is_some_and(|owner| owner.endpoint() == to) {
            return;
        }
        let place = map.place(&to).or_else(|| {
            let node = self.start(&to, &mut None)?;
            map.admit(node)
        });
        if let Some(place) = place.and_then(|place| u16::try_from(place).ok()) {
            map.owners[usize::from(slot.slot())] = place;
            drop(map);
            self.changed.notify_waiters();
        }
    }

    /// The node at an address, which need not serve any slot yet.
    fn guest(&self, at: Endpoint) -> Option<Arc<Node>> {
        let known = self.map().at(&at).cloned();
        if known.is_some() {
            return known;
        }
        let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
        let place = map.place(&at).or_else(|| {
            let node = self.start(&at, &mut None)?;
            map.admit(node)
        });
        place.map(|place| Arc::clone(&map.nodes[place]))
    }

    /// Starts a node, which opens its connections by itself.
    ///
    /// Only ever called while the map is held to be changed: so what starts is among the nodes that are closed, or it is
    /// seen here that they have been.
    fn start(&self, endpoint: &Endpoint, first: &mut Option<(Endpoint, Connection)>) -> Option<Arc<Node>> {
        if self.closed.load(Ordering::Acquire) {
            return None;
        }
        let first = first.take_if(|(seed, _)| seed == endpoint).map(|(_, connection)| connection);
        let connector = self.connector.to(endpoint.clone());
        match Node::start(Arc::new(connector), first, self.rights.closes(), &self.config) {
            Ok(node) => Some(Arc::new(node)),
            Err(error) => {
                tracing::warn!(%endpoint, %error, "a node of the cluster cannot be used");
                None
            }
        }
    }
}

/// Longer than calls take.
const LONG: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;

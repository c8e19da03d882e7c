//! Which server a command goes to: the only one there is, or the node of a cluster that serves its partition.

use std::ops::Deref;
use std::sync::Arc;

use redis::ServerError;
use roomkey_core::{Error, Partition, Result};
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::node::{Errand, Node, Wire};

/// The servers of a store.
#[derive(Debug)]
pub(crate) enum Topology {
    One(Box<Node>),
    Cluster(Cluster),
}

impl Topology {
    /// The node that serves a partition.
    ///
    /// # Errors
    ///
    /// [`Error::NotExecuted`] as long as a cluster has none, and [`Error::Closed`].
    pub(crate) fn owner(&self, partition: Partition) -> Result<Held<'_>> {
        match self {
            Self::One(node) => Ok(Held::Only(node)),
            Self::Cluster(cluster) => cluster.owner(partition).map(Held::Member),
        }
    }

    /// A connection to a node.
    ///
    /// # Errors
    ///
    /// Those of [`Node::wire`]; and [`Error::NotExecuted`] if the cluster changes while there is none, since the node may
    /// then be the wrong one to wait for.
    pub(crate) async fn wire<'n>(&self, node: &'n Node, errand: Errand) -> Result<Wire<'n>> {
        match self {
            Self::One(_) => node.wire(errand).await,
            Self::Cluster(cluster) => cluster.wire(node, errand).await,
        }
    }

    /// Learns from a refusal. Tells where to try again at once, if the refusal says so.
    pub(crate) fn heed(&self, node: &Node, error: &ServerError) -> Option<Detour> {
        match self {
            Self::One(_) => {
                node.heed(error);
                None
            }
            Self::Cluster(cluster) => cluster.heed(node, error),
        }
    }

    /// Learns that a node did not answer.
    pub(crate) fn suspect(&self) {
        match self {
            Self::One(_) => {}
            Self::Cluster(cluster) => cluster.suspect(),
        }
    }

    /// Completes when another node than this one serves the partition.
    pub(crate) async fn moved_from(&self, partition: Partition, node: &Node) {
        match self {
            Self::One(_) => std::future::pending().await,
            Self::Cluster(cluster) => cluster.moved_from(partition, node).await,
        }
    }

    /// What keeps calls of a partition waiting, for an error that says so.
    pub(crate) fn trouble(&self, partition: Partition) -> Error {
        match self.owner(partition) {
            Ok(node) => node.trouble(),
            Err(error) => error,
        }
    }

    /// Whether what got lost can be kept from happening late, at every server.
    pub(crate) fn closes(&self) -> bool {
        match self {
            Self::One(node) => node.closes(),
            Self::Cluster(cluster) => cluster.masters().iter().all(|node| node.closes()),
        }
    }

    /// Replaces every connection without a failed call.
    pub(crate) fn renew(&self) {
        match self {
            Self::One(node) => node.renew(),
            Self::Cluster(cluster) => cluster.renew(),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Self::One(node) => node.lanes.is_closed(),
            Self::Cluster(cluster) => cluster.is_closed(),
        }
    }

    /// Completes when the store is closed.
    pub(crate) async fn closed(&self) {
        match self {
            Self::One(node) => node.lanes.closed().await,
            Self::Cluster(cluster) => cluster.closed().await,
        }
    }

    /// Takes no more calls, waits for those under way on shared connections until the deadline, and closes all.
    pub(crate) async fn close(&self, deadline: Instant) {
        match self {
            Self::One(node) => node.close(deadline).await,
            Self::Cluster(cluster) => cluster.close(deadline).await,
        }
    }
}

/// A node that somebody holds on to, also if it leaves its cluster meanwhile.
#[derive(Debug)]
pub(crate) enum Held<'a> {
    Only(&'a Node),
    Member(Arc<Node>),
}

impl Deref for Held<'_> {
    type Target = Node;

    fn deref(&self) -> &Node {
        match self {
            Self::Only(node) => node,
            Self::Member(node) => node,
        }
    }
}

/// Where a command that was refused is to be sent at once. It did not run.
#[derive(Debug)]
pub(crate) enum Detour {
    /// To the owner of its partition, which is another one than was thought.
    Owner,
    /// To this node, announced by `ASKING`, and only this once: its key is there already, its partition not yet.
    Ask(Arc<Node>),
}

impl Detour {
    /// The node that has to be asked.
    pub(crate) fn asked(self) -> Option<Arc<Node>> {
        match self {
            Self::Owner => None,
            Self::Ask(node) => Some(node),
        }
    }
}

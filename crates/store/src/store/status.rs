//! How the servers are.

use futures_util::future::join_all;
use roomkey_core::{Health, Result};
use tokio::time::{Instant, timeout_at};

use super::{RedisStore, Shared};
use crate::error::lost;
use crate::health;
use crate::node::{Errand, Node};
use crate::rights::Scope;
use crate::topology::Topology;

impl RedisStore {
    pub(super) async fn ask_for_health(&self) -> Result<Health> {
        let deadline = self.deadline();
        let mut health = match &self.shared.wires.topology {
            Topology::One(node) => health_of(node, Scope::Server, deadline).await?,
            Topology::Cluster(cluster) => {
                let masters = cluster.masters();
                let parts = masters.iter().map(|node| async move {
                    (node.endpoint(), health_of(node, Scope::Cluster, deadline).await)
                });
                health::sum(join_all(parts).await)?
            }
        };
        let Shared { wires, rights, verified, .. } = &*self.shared;
        health::warn_of_connection(&mut health, *rights, wires.topology.closes(), *verified);
        Ok(health)
    }
}

async fn health_of(node: &Node, scope: Scope, deadline: Instant) -> Result<Health> {
    let ask = async {
        let wire = node.wire(Errand::LOOK).await?;
        let answers = wire.link().send_all(&health::question(scope)).await.map_err(lost)?;
        Ok(health::assess(&wire.answered(), &answers))
    };
    timeout_at(deadline, ask).await.unwrap_or_else(|_| Err(node.trouble()))
}

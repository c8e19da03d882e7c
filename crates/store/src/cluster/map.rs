//! Who serves which slot, as far as is known.

use std::sync::Arc;

use roomkey_core::Partition;

use super::SLOTS;
use super::layout::Layout;
use crate::config::Endpoint;
use crate::node::Node;

/// In the place of an owner: there is none.
const NOBODY: u16 = u16::MAX;

/// Who serves what.
#[derive(Debug)]
pub(super) struct Map {
    pub(super) nodes: Vec<Arc<Node>>,
    /// For each slot the place of its owner among the nodes, or [`NOBODY`].
    pub(super) owners: Vec<u16>,
    /// The epoch of the cluster when it gave this map.
    pub(super) epoch: u64,
}

impl Default for Map {
    fn default() -> Self {
        Self { nodes: Vec::new(), owners: vec![NOBODY; SLOTS], epoch: 0 }
    }
}

impl Map {
    pub(super) fn owner(&self, partition: Partition) -> Option<&Arc<Node>> {
        self.nodes.get(usize::from(self.owners[usize::from(partition.slot())]))
    }

    pub(super) fn masters(&self) -> Vec<Arc<Node>> {
        let mut seen = vec![false; self.nodes.len()];
        let firsts = self.owners.iter().map(|place| usize::from(*place));
        firsts
            .filter(|place| seen.get_mut(*place).is_some_and(|seen| !std::mem::replace(seen, true)))
            .map(|place| Arc::clone(&self.nodes[place]))
            .collect()
    }

    pub(super) fn place(&self, endpoint: &Endpoint) -> Option<usize> {
        self.nodes.iter().position(|node| node.endpoint() == *endpoint)
    }

    pub(super) fn at(&self, endpoint: &Endpoint) -> Option<&Arc<Node>> {
        self.nodes.iter().find(|node| node.endpoint() == *endpoint)
    }

    pub(super) fn admit(&mut self, node: Arc<Node>) -> Option<usize> {
        self.nodes.push(node);
        self.nodes.len().checked_sub(1)
    }

    /// Whether every slot has the owner that the layout gives it, and no node is left that serves none and is gone. One
    /// that serves none and is there may be where the keys of a slot are on their way to.
    pub(super) fn shows(&self, layout: &Layout) -> bool {
        let served: usize = layout.ranges.iter().map(|(slots, _)| slots.len()).sum();
        let serves = |place: usize| self.owners.iter().any(|owner| usize::from(*owner) == place);
        served == self.owners.iter().filter(|place| **place != NOBODY).count()
            && self.nodes.iter().enumerate().all(|(place, node)| !node.lanes.have_failed() || serves(place))
            && layout.ranges.iter().all(|(slots, endpoint)| {
                let place = self.place(endpoint).and_then(|place| u16::try_from(place).ok());
                let owners = &self.owners[usize::from(*slots.start())..=usize::from(*slots.end())];
                place.is_some_and(|place| owners.iter().all(|owner| *owner == place))
            })
    }
}

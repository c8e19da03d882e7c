//! What of a batch goes to which node.

use std::collections::HashMap;
use std::sync::Arc;

use roomkey_core::{Partition, Result};

use super::Item;
use crate::topology::{Held, Topology};

/// Open items that are to be sent to the same node, and those of the same partitions that have to wait for them.
pub(super) struct Part<'t, 'i> {
    pub(super) node: Result<Held<'t>>,
    /// The node does not own the partitions, or not yet.
    pub(super) asking: bool,
    pub(super) items: Vec<&'i mut Item>,
}

/// Puts open items together by the node that the first of each partition goes to.
pub(super) fn divide<'t, 'i>(topology: &'t Topology, items: Vec<&'i mut Item>) -> Vec<Part<'t, 'i>> {
    if let (Topology::One(node), false) = (topology, items.is_empty()) {
        return vec![Part { node: Ok(Held::Only(node)), asking: false, items }];
    }
    let mut parts: Vec<Part<'t, 'i>> = Vec::new();
    let mut chosen: HashMap<Partition, usize> = HashMap::new();
    for item in items {
        let place = *chosen.entry(item.partition).or_insert_with(|| {
            let asking = item.asked.is_some();
            let node = match &item.asked {
                Some(node) => Ok(Held::Member(Arc::clone(node))),
                None => topology.owner(item.partition),
            };
            let same = |part: &Part<'_, '_>| match (&part.node, &node) {
                (Ok(one), Ok(other)) => {
                    part.asking == asking && std::ptr::eq(&raw const **one, &raw const **other)
                }
                (Err(_), Err(_)) => true,
                _ => false,
            };
            parts.iter().position(same).unwrap_or_else(|| {
                parts.push(Part { node, asking, items: Vec::new() });
                parts.len() - 1
            })
        });
        parts[place].items.push(item);
    }
    parts
}

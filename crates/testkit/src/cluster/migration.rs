//! A slot on its way from one node to another, key by key.

use super::RedisCluster;
use crate::server::{RedisServer, Resp};

/// How many keys move with one command at most.
const AT_ONCE: usize = 100;
/// How long one command may take to move its keys, in milliseconds.
const TIMEOUT: &str = "30000";

/// A slot that has begun to move: what it still has is served by the node that it leaves, everything else by the one that
/// it goes to. Dropped, it stays like this.
#[derive(Debug)]
#[must_use = "a slot keeps moving until it is finished or called off"]
pub struct Migration<'a> {
    cluster: &'a RedisCluster,
    slot: u16,
    from: &'a RedisServer,
    to: &'a RedisServer,
}

impl<'a> Migration<'a> {
    pub(super) fn begin(cluster: &'a RedisCluster, slot: u16, to: &'a RedisServer) -> Self {
        let migration = Self { cluster, slot, from: cluster.owner(slot), to };
        migration.set(to, &["IMPORTING", cluster.id(migration.from)]);
        migration.set(migration.from, &["MIGRATING", cluster.id(to)]);
        migration
    }

    /// The node that the slot leaves.
    pub fn from(&self) -> &'a RedisServer {
        self.from
    }

    /// The node that it goes to.
    pub fn to(&self) -> &'a RedisServer {
        self.to
    }

    /// Moves up to this many keys, and returns how many there were.
    pub fn move_keys(&self, at_most: usize) -> usize {
        let slot = self.slot.to_string();
        let keys = self.from.command(&["CLUSTER", "GETKEYSINSLOT", &slot, &at_most.to_string()]);
        let keys = keys.items();
        if !keys.is_empty() {
            self.migrate(keys);
        }
        keys.len()
    }

    fn migrate(&self, keys: &[Resp]) {
        // The nodes have their own way to each other, past any front.
        let port = self.to.inner_port().to_string();
        let mut command: Vec<&[u8]> =
            ["MIGRATE", "127.0.0.1", &port, "", "0", TIMEOUT].map(str::as_bytes).to_vec();
        if let Some(password) = self.to.password() {
            command.extend([b"AUTH", password.as_bytes()]);
        }
        command.push(b"KEYS");
        command.extend(keys.iter().map(Resp::bytes));
        self.from.command(&command);
    }

    /// Moves the keys that are left, then the slot, and tells everybody that answers.
    pub fn finish(self) {
        while self.move_keys(AT_ONCE) > 0 {}
        // The new owner first: were it the last to know, nobody would serve the slot in the meantime.
        let others = self.cluster.masters().into_iter();
        let others = others.filter(|node| {
            node.answers() && !std::ptr::eq(*node, self.from) && !std::ptr::eq(*node, self.to)
        });
        for node in [self.to, self.from].into_iter().chain(others) {
            self.set(node, &["NODE", self.cluster.id(self.to)]);
        }
    }

    /// Calls it off. The keys that have moved move back.
    pub fn call_off(self) {
        // First the old owner, which would send them on otherwise; the other one gives back what has not arrived for good.
        self.set(self.from, &["STABLE"]);
        let back = Self { from: self.to, to: self.from, ..self };
        while back.move_keys(AT_ONCE) > 0 {}
        back.set(back.from, &["STABLE"]);
    }

    fn set(&self, node: &RedisServer, what: &[&str]) {
        let slot = self.slot.to_string();
        let command: Vec<&str> =
            ["CLUSTER", "SETSLOT", &slot].into_iter().chain(what.iter().copied()).collect();
        node.command(&command);
    }
}

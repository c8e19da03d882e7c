//! What one node says about its cluster.

use std::ops::RangeInclusive;

use crate::server::RedisServer;

/// The answer of one node to `CLUSTER NODES`, and whether it serves.
#[derive(Debug)]
pub(super) struct View {
    pub(super) nodes: Vec<Node>,
    serves: bool,
}

/// A node, as seen by one of them.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) id: String,
    flags: Vec<String>,
    pub(super) master: Option<String>,
    /// Of two nodes that claim a slot, the one with the greater epoch has it.
    pub(super) epoch: u64,
    pub(super) slots: Vec<RangeInclusive<u16>>,
}

impl View {
    pub(super) fn of(server: &RedisServer) -> Self {
        let info = server.command(&["CLUSTER", "INFO"]).text();
        let nodes = server.command(&["CLUSTER", "NODES"]).text();
        let serves = info.lines().any(|line| line == "cluster_state:ok");
        Self { nodes: nodes.lines().map(Node::parse).collect(), serves }
    }

    /// Whether the node serves, and knows everybody that it has met.
    pub(super) fn is_ok(&self) -> bool {
        self.serves && !self.nodes.iter().any(|node| node.is("handshake"))
    }

    /// Which slots belong to whom, in the order of the slots.
    pub(super) fn owners(&self) -> Vec<(u16, u16, &str)> {
        let mut owners: Vec<_> = self
            .nodes
            .iter()
            .flat_map(|node| node.slots.iter().map(|slots| (*slots.start(), *slots.end(), node.id.as_str())))
            .collect();
        owners.sort_unstable();
        owners
    }
}

impl Node {
    /// Reads `ID ADDRESS FLAGS MASTER PING PONG EPOCH LINK SLOT…`; slots that are on the move come as `[…]` besides.
    fn parse(line: &str) -> Self {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [id, _, flags, master, _, _, epoch, _, slots @ ..] = &words[..] else {
            panic!("CLUSTER NODES has the line {line:?}");
        };
        let number =
            |text: &str| text.parse().unwrap_or_else(|e| panic!("{text} in CLUSTER NODES is no slot: {e}"));
        let range = |slots: &&str| {
            let (first, last) = slots.split_once('-').unwrap_or((slots, slots));
            number(first)..=number(last)
        };
        Self {
            id: (*id).to_owned(),
            flags: flags.split(',').map(str::to_owned).collect(),
            master: (*master != "-").then(|| (*master).to_owned()),
            epoch: epoch.parse().unwrap_or_else(|e| panic!("{epoch} in CLUSTER NODES is no epoch: {e}")),
            slots: slots.iter().filter(|slots| !slots.starts_with('[')).map(range).collect(),
        }
    }

    /// Whether it is a master that has not been given up.
    pub(super) fn is_master(&self) -> bool {
        self.is("master") && !self.is("fail")
    }

    fn is(&self, flag: &str) -> bool {
        self.flags.iter().any(|own| own == flag)
    }
}

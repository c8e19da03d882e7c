//! Whether anything has moved between two looks at a cluster.
//!
//! Every master says of itself which slots it serves, at which epoch, and which of them are on their way to or from
//! another node. An owner never changes without an epoch being raised, and keys move only while their slot is marked. So
//! as long as all masters say the same, and are the same processes, no key has changed its node.

use std::fmt::Write as _;
use std::sync::Arc;

use futures_util::future::join_all;
use redis::{Cmd, Value};
use roomkey_core::{Error, Result, SLOTS};

use super::Cluster;
use crate::error::{lost, unexpected_answer};
use crate::node::{Errand, Node};
use crate::server::text;

/// One look at all masters.
#[derive(Debug)]
pub(crate) struct Survey {
    /// In the order of the first slot of each.
    pub(crate) nodes: Vec<(Arc<Node>, State)>,
}

/// What one node says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// The process, the node, its epoch, and its slots with the marks of those that are on their way.
    text: String,
    slots: usize,
    moving: bool,
}

impl Cluster {
    /// Looks at all masters at the same time.
    ///
    /// # Errors
    ///
    /// [`Error::NotExecuted`] if one does not answer in time, or if they do not serve all slots between them, as while a
    /// node takes over that the map does not show yet.
    pub(crate) async fn survey(&self) -> Result<Survey> {
        let looks = self.masters().into_iter().map(|node| async move {
            let state = {
                let wire = self.wire(&node, Errand::LOOK).await?;
                let answer = wire.link().send(&State::question()).await.map_err(lost)?;
                let run = Arc::clone(&wire.answered().run);
                State::read(&run, &answer)?
            };
            Ok((node, state))
        });
        let nodes =
            join_all(looks).await.into_iter().collect::<Result<Vec<_>>>().inspect_err(|_| self.suspect())?;
        let served: usize = nodes.iter().map(|(_, state)| state.slots).sum();
        if served != usize::from(SLOTS) {
            self.suspect();
            return Err(Error::not_executed("the nodes of the cluster do not serve all slots just now"));
        }
        Ok(Survey { nodes })
    }
}

impl Survey {
    /// A number that stays the same exactly as long as nothing moves and no node restarts.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut texts: Vec<_> = self.nodes.iter().map(|(_, state)| state.text.as_str()).collect();
        texts.sort_unstable();
        fingerprint(texts)
    }

    /// Whether a slot is on its way from one node to another.
    pub(crate) fn is_moving(&self) -> bool {
        self.nodes.iter().any(|(_, state)| state.moving)
    }
}

impl State {
    /// What a node is asked for its state.
    pub(crate) fn question() -> Cmd {
        redis::cmd("CLUSTER").arg("NODES").clone()
    }

    /// Reads the answer to the [`question`](Self::question) of the node whose process has this run id.
    pub(crate) fn read(run: &str, answer: &Value) -> Result<Self> {
        if let Value::ServerError(error) = answer {
            return Err(match crate::error::refusal(error) {
                crate::error::Refusal::Error(error) => error,
                crate::error::Refusal::NoScript => unexpected_answer(),
            });
        }
        text(answer).and_then(|nodes| Self::parse(run, nodes)).ok_or_else(unexpected_answer)
    }

    /// As [`Survey::fingerprint`], of this node alone.
    pub(crate) fn fingerprint(&self) -> u64 {
        fingerprint([self.text.as_str()])
    }

    /// `<id> <address> myself,… <master> <ping> <pong> <epoch> <link> <slots and marks>…`
    fn parse(run: &str, nodes: &str) -> Option<Self> {
        let mut words = nodes.lines().find_map(|line| {
            let words: Vec<_> = line.split_ascii_whitespace().collect();
            words.get(2)?.split(',').any(|flag| flag == "myself").then_some(words)
        })?;
        let slots = words.split_off(words.len().min(8));
        let mut state =
            Self { text: format!("{run} {} {}", words.first()?, words.get(6)?), slots: 0, moving: false };
        for slot in slots {
            // A String takes whatever is written.
            let _ = write!(state.text, " {slot}");
            if slot.starts_with('[') {
                state.moving = true;
            } else {
                let (first, last) = slot.split_once('-').unwrap_or((slot, slot));
                let (first, last) = (first.parse::<u16>().ok()?, last.parse::<u16>().ok()?);
                state.slots += usize::from(last.checked_sub(first)?) + 1;
            }
        }
        Some(state)
    }
}

/// FNV-1a. Cursors go from process to process and from one version of this crate to the next, so the hash may never be
/// another; nobody gains anything by a collision.
fn fingerprint<'a>(texts: impl IntoIterator<Item = &'a str>) -> u64 {
    let bytes = texts.into_iter().flat_map(|text| text.bytes().chain([b'\n']));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    const OTHER: &str = "e7d1 127.0.0.1:30002@31002,host master - 0 1426238316232 2 connected 5461-10922\n";

    fn state(epoch: u32, slots: &str) -> State {
        let myself =
            format!("07c3 127.0.0.1:30001@31001,host myself,master - 0 0 {epoch} connected {slots}\n");
        State::parse("run", &format!("{OTHER}{myself}")).unwrap()
    }

    #[test]
    fn a_node_says_what_it_serves() {
        let still = state(1, "0-5460 5462");
        assert_eq!((still.slots, still.moving), (5462, false));
        assert_eq!(state(1, "").slots, 0);
        let moving = state(1, "0-5460 5462 [93->-e7d1] [77-<-e7d1]");
        assert_eq!((moving.slots, moving.moving), (5462, true));
        assert!(State::parse("run", OTHER).is_none() && State::parse("run", "myself").is_none());
        for nonsense in ["0-18446744073709551615", "7-6", "0-70000", "-", "x"] {
            let myself = format!("07c3 a:1@2 myself,master - 0 0 1 connected {nonsense}");
            assert!(State::parse("run", &myself).is_none(), "{nonsense}");
        }
    }

    #[test]
    fn whatever_moves_shows_in_the_fingerprint() {
        let still = state(1, "0-5460");
        assert_eq!(still.fingerprint(), state(1, "0-5460").fingerprint());
        for moved in [state(2, "0-5460"), state(1, "0-5459"), state(1, "0-5460 [93->-e7d1]")] {
            assert_ne!(still.fingerprint(), moved.fingerprint(), "{moved:?}");
        }
        let restarted = State::parse("run2", "07c3 a:1@2 myself,master - 0 0 1 connected 0-5460").unwrap();
        assert_ne!(still.fingerprint(), restarted.fingerprint());
    }

    /// Also written down in cursors of other processes and versions.
    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(fingerprint([]), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fingerprint(["a"]), 0x089b_dc07_b544_e7b2);
    }
}

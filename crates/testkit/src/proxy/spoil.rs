//! What can happen to one reply.

use super::frame;
use super::state::State;

/// What happens to one reply.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Spoil {
    /// The command has been carried out, and the connection ends in place of its reply.
    Lose,
    /// The connection ends in the middle of the reply.
    CutMidway,
    /// One bit of each payload is flipped.
    Corrupt,
    /// Two payloads of one reply change places; a reply with fewer changes places with the next reply on its connection.
    Swap,
    /// A message that nobody asked for comes before the reply.
    Stray(Vec<u8>),
    /// Something else comes in place of the reply.
    Replace(Vec<u8>),
    /// The first bytes come in place of the reply, then the others over and over, as long as they are taken.
    Endless(Vec<u8>, Vec<u8>),
}

/// What goes on to the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Out {
    Bytes(Vec<u8>),
    Cut,
    Endless(Vec<u8>),
}

/// Applies spoils to the replies of one connection.
#[derive(Default)]
pub(super) struct Spoiler {
    /// A reply that waits for the next one, to let it go first.
    stepped_back: Option<Vec<u8>>,
}

impl Spoiler {
    /// What goes on to the client for this reply to this command.
    pub(super) fn reply(&mut self, command: &str, mut reply: Vec<u8>, state: &mut State) -> Vec<Out> {
        let mut out = match state.spoil_of(command) {
            None => vec![Out::Bytes(reply)],
            Some(Spoil::Lose) => vec![Out::Cut],
            Some(Spoil::CutMidway) => {
                reply.truncate((reply.len() / 2).max(1));
                vec![Out::Bytes(reply), Out::Cut]
            }
            Some(Spoil::Corrupt) => {
                for payload in frame::payloads(&reply).into_iter().filter(|payload| !payload.is_empty()) {
                    // A payload in memory has less than 2^61 bytes, and the place is within it.
                    let bit = state.below(payload.len() as u64 * 8) as usize;
                    reply[payload.start + bit / 8] ^= 1 << (bit % 8);
                }
                vec![Out::Bytes(reply)]
            }
            Some(Spoil::Swap) => match swapped(&reply) {
                Some(swapped) => vec![Out::Bytes(swapped)],
                None => {
                    let before = self.stepped_back.replace(reply);
                    return before.map(Out::Bytes).into_iter().collect();
                }
            },
            Some(Spoil::Stray(stray)) => vec![Out::Bytes(stray), Out::Bytes(reply)],
            Some(Spoil::Replace(other)) => vec![Out::Bytes(other)],
            Some(Spoil::Endless(first, again)) => vec![Out::Bytes(first), Out::Endless(again)],
        };
        out.extend(self.stepped_back.take().map(Out::Bytes));
        out
    }
}

/// The message with the first two different payloads in each other's place.
fn swapped(reply: &[u8]) -> Option<Vec<u8>> {
    let payloads = frame::payloads(reply);
    let first = payloads.first()?.clone();
    let second = payloads.iter().find(|other| reply[(*other).clone()] != reply[first.clone()])?.clone();
    // Their lengths stand before them and have to come along, so that what is wrong is only whose they are.
    let head = |payload: &std::ops::Range<usize>| {
        reply[..payload.start].iter().rposition(|&byte| byte == b'$').unwrap_or(payload.start)
    };
    let (from, to) = (head(&first), head(&second));
    let mut swapped = reply[..from].to_vec();
    swapped.extend_from_slice(&reply[to..second.end]);
    swapped.extend_from_slice(&reply[first.end..to]);
    swapped.extend_from_slice(&reply[from..first.end]);
    swapped.extend_from_slice(&reply[second.end..]);
    Some(swapped)
}

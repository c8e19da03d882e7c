//! What a node answers when a key is not, or no longer, its own.

use redis::ServerError;
use roomkey_core::Partition;

use crate::config::Endpoint;

/// A refusal that names another node. The command did not run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Redirect {
    /// The slot belongs to another node.
    Moved { slot: Partition, to: Endpoint },
    /// The slot is on its way to another node, and this key is there already or will be born there.
    Ask { at: Endpoint },
}

impl Redirect {
    /// Reads `MOVED <slot> <host>:<port>` or `ASK …`, which `from` answered.
    pub(super) fn read(error: &ServerError, from: &Endpoint) -> Option<Self> {
        Self::parse(error.code(), error.details()?, from)
    }

    fn parse(code: &str, text: &str, from: &Endpoint) -> Option<Self> {
        if !matches!(code, "MOVED" | "ASK") {
            return None;
        }
        let (slot, address) = text.trim_end().split_once(' ')?;
        // An address of IPv6 stands there without brackets.
        let (host, port) = address.rsplit_once(':')?;
        let host = match (host, from) {
            // It lacks the name that it is to go by, and may be anywhere.
            ("?", _) => return None,
            ("", Endpoint::Tcp { host, .. }) => host.clone(),
            ("", Endpoint::Unix(_)) => return None,
            (host, _) => host.to_owned(),
        };
        let to = Endpoint::Tcp { host, port: port.parse().ok()? };
        let slot = Partition::from_slot(slot.parse().ok()?)?;
        Some(if code == "MOVED" { Self::Moved { slot, to } } else { Self::Ask { at: to } })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Endpoint {
        Endpoint::Tcp { host: host.to_owned(), port }
    }

    #[test]
    fn redirects_name_a_slot_and_a_node() {
        let from = tcp("here", 1);
        let slot = Partition::from_slot(12_182).unwrap();
        let read = |code, text| Redirect::parse(code, text, &from);
        let moved = |to| Some(Redirect::Moved { slot, to });
        assert_eq!(read("MOVED", "12182 127.0.0.1:7002"), moved(tcp("127.0.0.1", 7002)));
        assert_eq!(read("MOVED", "12182 ::1:7002"), moved(tcp("::1", 7002)));
        assert_eq!(read("MOVED", "12182 :7002"), moved(tcp("here", 7002)));
        assert_eq!(
            read("ASK", "12182 node.example:7002"),
            Some(Redirect::Ask { at: tcp("node.example", 7002) })
        );
    }

    #[test]
    fn anything_else_is_no_redirect() {
        let from = tcp("here", 1);
        let bad = [
            ("ERR", "1 a:1"),
            ("MOVED", ""),
            ("MOVED", "1"),
            ("MOVED", "16384 a:1"),
            ("MOVED", "1 ?:1"),
            ("ASK", "1 a:x"),
        ];
        for (code, text) in bad {
            assert_eq!(Redirect::parse(code, text, &from), None, "{code} {text}");
        }
    }
}

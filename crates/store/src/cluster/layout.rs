//! What a node says of who serves which slots.

use std::ops::RangeInclusive;

use redis::{Pipeline, Value};
use roomkey_core::SLOTS;

use crate::config::Endpoint;
use crate::server::{field, text};

/// The slots of a cluster with their owners, as one node knows them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// In ascending order.
    pub(super) ranges: Vec<(RangeInclusive<u16>, Endpoint)>,
    /// Raised by every change of an owner, so that of two nodes the one with the lower number knows less.
    pub(super) epoch: u64,
}

/// What is asked for a layout. `CLUSTER SHARDS`, which says more, is unknown before Redis 7.
pub(super) fn question() -> Pipeline {
    let mut question = Pipeline::new();
    question.add_command(redis::cmd("CLUSTER").arg("SLOTS").clone());
    question.add_command(redis::cmd("CLUSTER").arg("INFO").clone());
    question
}

impl Layout {
    /// Reads the answers to [`question`], which `asked` gave.
    ///
    /// # Errors
    ///
    /// The code of the refusal.
    pub(super) fn read(answers: &[Value], asked: &Endpoint) -> Result<Self, String> {
        let [slots, info] = answers else { return Err("ERR".to_owned()) };
        let ranges = match slots {
            Value::Array(ranges) => ranges,
            Value::ServerError(error) => return Err(error.code().to_owned()),
            _ => return Err("ERR".to_owned()),
        };
        let mut ranges: Vec<_> = ranges.iter().filter_map(|entry| range(entry, asked)).collect();
        if ranges.is_empty() {
            return Err("CLUSTERDOWN".to_owned());
        }
        ranges.sort_by_key(|(slots, _)| *slots.start());
        let epoch = text(info).and_then(|info| field(info, "cluster_current_epoch")?.parse().ok());
        Ok(Self { ranges, epoch: epoch.unwrap_or(0) })
    }
}

/// One entry: first slot, last slot, the master as address, port, id and, from Redis 7 on, further names; replicas.
fn range(entry: &Value, asked: &Endpoint) -> Option<(RangeInclusive<u16>, Endpoint)> {
    let Value::Array(entry) = entry else { return None };
    let [Value::Int(first), Value::Int(last), Value::Array(master), ..] = entry.as_slice() else {
        return None;
    };
    let (first, last) = (u16::try_from(*first).ok()?, u16::try_from(*last).ok()?);
    let [host, Value::Int(port), names @ ..] = master.as_slice() else { return None };
    let host = match (text(host), asked) {
        // It was to go by a name and has none. Its address stands beside.
        (Some("?"), _) => names.get(1).and_then(address)?.to_owned(),
        (Some(host), _) if !host.is_empty() => host.to_owned(),
        // It does not know what it is called from outside, or is not to say: then it is where we asked. Its redirects say
        // the same, so a name that stands beside would make two nodes of one.
        (_, Endpoint::Tcp { host, .. }) => host.clone(),
        (_, Endpoint::Unix(_)) => return None,
    };
    let endpoint = Endpoint::Tcp { host, port: u16::try_from(*port).ok()? };
    (first <= last && last < SLOTS).then_some((first..=last, endpoint))
}

/// The address among the further names of a node, which are a map or, in the older protocol, a flat list.
fn address(names: &Value) -> Option<&str> {
    let address = match names {
        Value::Array(names) => {
            names.chunks_exact(2).find(|pair| text(&pair[0]) == Some("ip")).and_then(|pair| text(&pair[1]))
        }
        Value::Map(names) => {
            names.iter().find(|(key, _)| text(key) == Some("ip")).and_then(|(_, address)| text(address))
        }
        _ => None,
    };
    address.filter(|address| !address.is_empty())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn tcp(host: &str, port: u16) -> Endpoint {
        Endpoint::Tcp { host: host.to_owned(), port }
    }

    fn entry(first: i64, last: i64, host: Value, port: i64, names: &[&str]) -> Value {
        let names = Value::Array(names.iter().map(|name| bulk(name)).collect());
        let master = Value::Array(vec![host, Value::Int(port), bulk("07c37df"), names]);
        let replica = Value::Array(vec![bulk("10.0.0.9"), Value::Int(9), bulk("f00"), Value::Array(vec![])]);
        Value::Array(vec![Value::Int(first), Value::Int(last), master, replica])
    }

    fn read(entries: Vec<Value>) -> Result<Layout, String> {
        let info = bulk("cluster_state:ok\r\ncluster_current_epoch:6\r\n");
        Layout::read(&[Value::Array(entries), info], &tcp("seed", 1))
    }

    #[test]
    fn masters_are_read_in_order_of_their_slots() {
        let layout = read(vec![
            entry(8192, 16383, bulk("10.0.0.2"), 7001, &[]),
            entry(0, 8191, bulk("10.0.0.1"), 7000, &["hostname", "one.example"]),
        ]);
        let expected = Layout {
            ranges: vec![(0..=8191, tcp("10.0.0.1", 7000)), (8192..=16383, tcp("10.0.0.2", 7001))],
            epoch: 6,
        };
        assert_eq!(layout.unwrap(), expected);
    }

    #[test]
    fn a_node_that_does_not_say_where_it_is_is_where_it_was_asked() {
        for unknown in [Value::Nil, bulk("")] {
            for names in [&["hostname", "one.example"][..], &[]] {
                let unnamed = read(vec![entry(0, 1, unknown.clone(), 7000, names)]);
                assert_eq!(unnamed.unwrap().ranges, [(0..=1, tcp("seed", 7000))]);
            }
        }
    }

    #[test]
    fn a_node_that_lacks_the_name_it_is_to_go_by_goes_by_its_address() {
        let unnamed = read(vec![entry(0, 1, bulk("?"), 7000, &["ip", "10.0.0.1"])]);
        assert_eq!(unnamed.unwrap().ranges, [(0..=1, tcp("10.0.0.1", 7000))]);
        let entries = vec![entry(0, 1, bulk("?"), 7000, &[]), entry(2, 3, bulk("10.0.0.2"), 7000, &[])];
        assert_eq!(read(entries).unwrap().ranges, [(2..=3, tcp("10.0.0.2", 7000))]);
    }

    #[test]
    fn what_is_no_cluster_says_so() {
        let refused =
            redis::parse_redis_value(b"-ERR This instance has cluster support disabled\r\n").unwrap();
        assert_eq!(Layout::read(&[refused, Value::Nil], &tcp("seed", 1)).unwrap_err(), "ERR");
        assert_eq!(read(vec![]).unwrap_err(), "CLUSTERDOWN");
        assert_eq!(read(vec![entry(0, 16384, bulk("a"), 1, &[])]).unwrap_err(), "CLUSTERDOWN");
        assert_eq!(Layout::read(&[Value::Okay, Value::Okay], &tcp("seed", 1)).unwrap_err(), "ERR");
    }
}

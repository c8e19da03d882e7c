//! What a store holds, read back through the contract.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use roomkey_core::{
    Batch, Bound, Check, Entry, Error, Key, Kind, Limit, LogId, MAX_LIMIT, Op, OpId, Order, Reply, Step,
    Store, Ttl, Txn,
};

/// Everything that a store holds under one physical key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyState {
    /// The bytes of the key.
    pub key: Bytes,
    /// How long it still lives.
    pub ttl: Ttl,
    /// What it holds.
    pub content: Content,
}

/// A structure with its elements.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// There is no such key.
    Missing,
    /// A value.
    Value(Bytes),
    /// A map, by field.
    Map(BTreeMap<Bytes, Bytes>),
    /// A list, from its front.
    List(Vec<Bytes>),
    /// A ranking, from the lowest score.
    Ranking(Vec<(Bytes, i64)>),
    /// A log, from the oldest entry.
    Log(Vec<Entry>),
}

/// Reads everything under these physical keys, whatever kind they hold; of rankings and logs the first 1 000
/// elements. What expires while it is read is missing.
///
/// # Panics
/// When the store fails, or when its replies do not fit together: two structures under one key, or none under
/// one that exists.
pub async fn read_state(store: &impl Store, keys: impl IntoIterator<Item = Bytes>) -> Vec<KeyState> {
    let mut state = Vec::new();
    for key in keys {
        state.push(read_key(store, key).await);
    }
    state
}

/// The physical keys that a transaction names.
pub fn keys_of(txn: &Txn) -> BTreeSet<Bytes> {
    let stored = |limit: Option<&Limit>| match limit {
        Some(Limit::Stored { key, .. }) => Some(key.clone()),
        _ => None,
    };
    let ops = ops_of(txn).into_iter().flat_map(|(_, op)| [Some(op.key().clone()), stored(op.limit())]);
    let checks = checks_of(txn).into_iter().flat_map(|check| match check {
        Check::Below { key, limit } => [Some(key.clone()), stored(Some(limit))],
        check => [check.key().cloned(), None],
    });
    ops.chain(checks).flatten().map(|key| key.bytes().clone()).collect()
}

/// All ops of a transaction with their ids, over all branches.
pub(crate) fn ops_of(txn: &Txn) -> Vec<(OpId, &Op)> {
    let mut ops = Vec::new();
    visit(txn.steps(), &mut |step| {
        if let Step::Op(id, op) = step {
            ops.push((*id, op));
        }
    });
    ops
}

/// All checks of a transaction, over all branches.
pub(crate) fn checks_of(txn: &Txn) -> Vec<&Check> {
    let mut checks = Vec::new();
    visit(txn.steps(), &mut |step| {
        if let Step::Fork(fork) = step {
            checks.extend(&fork.when);
        }
    });
    checks
}

fn visit<'a>(steps: &'a [Step], see: &mut impl FnMut(&'a Step)) {
    for step in steps {
        see(step);
        if let Step::Fork(fork) = step {
            visit(&fork.then, see);
            visit(&fork.otherwise, see);
        }
    }
}

async fn read_key(store: &impl Store, bytes: Bytes) -> KeyState {
    let key =
        |kind| Key::parse(kind, bytes.clone()).unwrap_or_else(|e| panic!("{bytes:?} cannot be read: {e}"));
    let batch = Batch::new([
        Op::ttl(&key(Kind::Value)),
        Op::get(&key(Kind::Value)),
        Op::map_all(&key(Kind::Map)),
        Op::range(&key(Kind::List), 0, -1),
        Op::rank_range(&key(Kind::Ranking), Bound::Open, Bound::Open, Order::Lowest, MAX_LIMIT),
        Op::log_range(&key(Kind::Log), LogId::MIN, LogId::MAX, Order::Lowest, MAX_LIMIT),
        Op::ttl(&key(Kind::Value)),
    ]);
    let batch = batch.unwrap_or_else(|e| panic!("the state cannot be asked for: {e}"));
    let mut replies =
        store.run(batch).await.unwrap_or_else(|e| panic!("the state cannot be read: {e}")).into_iter();

    let ttl = |reply| match reply {
        Some(Ok(Reply::Ttl(ttl))) => ttl,
        other => panic!("Ttl replied {other:?}"),
    };
    let (ttl, left) = (ttl(replies.next()), ttl(replies.next_back()));
    // A batch is not one moment: some reads saw it and some did not, as it ended in between.
    if matches!((ttl, left), (Ttl::After(_), Ttl::Missing)) {
        return KeyState { key: bytes, ttl: Ttl::Missing, content: Content::Missing };
    }
    let mut found = Vec::new();
    let mut refused = 0;
    for reply in replies {
        match reply {
            Ok(Reply::Bytes(None)) => {}
            Ok(Reply::Bytes(Some(bytes))) => found.push(Content::Value(bytes)),
            Ok(Reply::Fields(fields)) if fields.is_empty() => {}
            Ok(Reply::Fields(fields)) => found.push(Content::Map(fields.into_iter().collect())),
            Ok(Reply::Items(items)) if items.is_empty() => {}
            Ok(Reply::Items(items)) => found.push(Content::List(items)),
            Ok(Reply::Scored(members)) if members.is_empty() => {}
            Ok(Reply::Scored(members)) => found.push(Content::Ranking(members)),
            // Alone of all structures a log may be there with no element.
            Ok(Reply::Entries(entries)) if entries.is_empty() && (ttl == Ttl::Missing || refused == 0) => {}
            Ok(Reply::Entries(entries)) => found.push(Content::Log(entries)),
            Err(Error::WrongType) => refused += 1,
            other => panic!("{bytes:?} cannot be read: {other:?}"),
        }
    }
    let content = match (found.pop(), refused) {
        (None, 0) => Content::Missing,
        (Some(content), 4) if found.is_empty() => content,
        (last, refused) => panic!("{bytes:?} holds {found:?} and {last:?}, and {refused} reads were refused"),
    };
    assert_eq!(content == Content::Missing, ttl == Ttl::Missing, "{bytes:?}: {content:?} lives {ttl:?}");
    KeyState { key: bytes, ttl, content }
}

#[cfg(test)]
mod tests;

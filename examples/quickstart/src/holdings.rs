//! What the store really holds: every new key of a namespace, read past the vault.

use std::collections::HashSet;
use std::fmt::Write as _;

use bytes::Bytes;
use roomkey_core::{Batch, Error, ErrorKind, Key, Kind, Namespace, Op, Reply, Scan, Store, Ttl};

use crate::tour::Failed;

/// One key as the store has it.
#[derive(Debug)]
pub(crate) struct Holding {
    pub(crate) key: Key,
    pub(crate) shown: String,
    /// All bytes that the store holds under the key, to look for plaintext in.
    pub(crate) raw: Vec<u8>,
}

/// Reads the keys of an application's namespace, whatever crate wrote them.
#[derive(Debug)]
pub(crate) struct Holdings<S> {
    store: S,
    namespaces: Vec<Namespace>,
    seen: HashSet<Bytes>,
}

impl<S: Store> Holdings<S> {
    pub(crate) fn new(store: S, namespaces: Vec<Namespace>) -> Self {
        Self { store, namespaces, seen: HashSet::new() }
    }

    /// The keys that were not there at the last look.
    pub(crate) async fn new_ones(&mut self) -> Result<Vec<Holding>, Failed> {
        let mut found = Vec::new();
        for bytes in self.all().await? {
            if self.seen.insert(bytes.clone()) {
                found.extend(look(&self.store, bytes).await?);
            }
        }
        Ok(found)
    }

    /// Everything held under a key that was found before.
    pub(crate) async fn again(&self, key: &Key) -> Result<Option<Holding>, Failed> {
        look(&self.store, key.bytes().clone()).await
    }

    /// Removes all keys of the namespaces.
    pub(crate) async fn remove_all(&self) -> Result<(), Failed> {
        for bytes in self.all().await? {
            self.store.run(Batch::one(Op::delete(&Key::parse(Kind::Value, bytes)?))?).await?;
        }
        Ok(())
    }

    async fn all(&self) -> Result<Vec<Bytes>, Failed> {
        let mut keys = Vec::new();
        for namespace in &self.namespaces {
            let mut cursor = None;
            loop {
                let page = self.store.scan(Scan::new(namespace.clone()).after(cursor).count(1_000)?).await?;
                keys.extend(page.keys);
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
        }
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }
}

/// Reads a key as each structure until one fits.
async fn look<S: Store>(store: &S, bytes: Bytes) -> Result<Option<Holding>, Failed> {
    for kind in [Kind::Value, Kind::Map, Kind::List, Kind::Ranking] {
        let key = Key::parse(kind, bytes.clone())?;
        let read = match kind {
            Kind::Value => Op::get(&key),
            Kind::Map => Op::map_all(&key),
            Kind::List => Op::range(&key, 0, -1),
            Kind::Ranking | Kind::Log => Op::walk(&key, None, 100),
        };
        let mut replies = store.run(Batch::new([read, Op::ttl(&key)])?).await?.into_iter();
        let (content, ttl) = (replies.next(), replies.next());
        let content = match content {
            Some(Err(error)) if error.kind() == ErrorKind::WrongType => continue,
            Some(content) => content?,
            None => return Err(Error::not_executed("no reply").into()),
        };
        let expiry = match ttl {
            Some(Ok(Reply::Ttl(Ttl::After(left)))) => format!("for {} s", left.as_secs_f64().round()),
            Some(Ok(Reply::Ttl(Ttl::Never))) => "for ever".to_owned(),
            _ => return Ok(None),
        };
        let (shown, raw) = show(content);
        return Ok(Some(Holding { key, shown: format!("{shown}, {expiry}"), raw }));
    }
    Ok(None)
}

fn show(content: Reply) -> (String, Vec<u8>) {
    match content {
        Reply::Bytes(Some(value)) if value.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-') => {
            (format!("the plain number {}", String::from_utf8_lossy(&value)), value.to_vec())
        }
        Reply::Bytes(Some(value)) => (format!("{} bytes {}", value.len(), hex(&value)), value.to_vec()),
        Reply::Fields(fields) => {
            let raw = fields.iter().flat_map(|(field, value)| [&field[..], &value[..]].concat()).collect();
            let first = fields.first().map(|(field, value)| format!(": {} = {}", hex(field), hex(value)));
            (format!("a map of {}{}", fields.len(), first.unwrap_or_default()), raw)
        }
        Reply::Items(items) => {
            let first = items.first().map(|item| format!(": {}", hex(item)));
            (format!("a list of {}{}", items.len(), first.unwrap_or_default()), items.concat())
        }
        Reply::Page(_) => ("a ranking".to_owned(), Vec::new()),
        _ => ("nothing".to_owned(), Vec::new()),
    }
}

/// The first bytes.
fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes.iter().take(12) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    if bytes.len() > 12 {
        text.push('…');
    }
    text
}

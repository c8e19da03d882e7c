//! Where tokens are kept: layouts, and what of a token is seen there.

use bytes::Bytes;
use roomkey_core::{Key, Kind, Partition, Spread, Store};
use roomkey_crypto::{Context, Opened, Tag};
use roomkey_vault::{Space, Vault};

use crate::{Error, Result};

/// The most bytes that a token, or the name of a type, may have. A JWT with many claims has about 8 000.
pub const MAX_TOKEN_BYTES: usize = 16 * 1_024;

/// Over how many partitions tokens spread. It never changes.
const SPREAD: Spread = Spread::over(4_096);

/// What a record is sealed as.
const RECORD: u8 = Context::FIRST_FREE + 1;

// inside the seal of a record: form u8, 1 = a token that a caller brought, of which nothing else is known
const BROUGHT: u8 = 1;

/// The layouts of tokens. Each letter is a structure of its own; `s`, `g`, `f`, `n`, `k` and `a` are for issued ones.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// `t1`: one sealed record per token.
    records: Space,
    /// `x1`: per partition and type, a ranking of token tags by deadline.
    index: Space,
}

/// Where one token is kept. It holds nothing of the token's text.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) record: Key,
    tag: Tag,
}

/// Where the deadline of one token is kept.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) index: Key,
    pub(crate) member: Bytes,
}

impl Keys {
    pub(crate) fn new<S: Store>(vault: &Vault<S>) -> Self {
        Self { records: vault.space("t1", SPREAD), index: vault.space("x1", SPREAD) }
    }

    /// Where a token of a type is kept. Type and token are hashed together, so that a token of one type says nothing
    /// about the same text as another.
    pub(crate) fn place(&self, token_type: &str, token: &str) -> Result<Place> {
        check(token_type)?;
        check(token)?;
        let tag = self.records.hide("token", &[token_type.as_bytes(), token.as_bytes()]);
        Ok(Place { record: self.records.key(Kind::Value, tag), tag })
    }

    /// Where the deadline of a token of a type is kept: in the partition of its record.
    pub(crate) fn entry(&self, token_type: &str, place: &Place) -> Result<Entry> {
        let tag = self.index_tag(token_type)?;
        let index = self.index.key_in(place.record.partition(), Kind::Ranking, tag);
        Ok(Entry { index, member: Bytes::copy_from_slice(place.tag.as_bytes()) })
    }

    /// Where a token of a type would be kept; `None` for a text that could not have been stored.
    pub(crate) fn find(&self, token_type: &str, token: &str) -> Result<Option<Place>> {
        check(token_type)?;
        if check(token).is_err() { Ok(None) } else { self.place(token_type, token).map(Some) }
    }

    /// The indexes of a type in all partitions.
    pub(crate) fn indexes(&self, token_type: &str) -> Result<Vec<Key>> {
        let tag = self.index_tag(token_type)?;
        let key = |partition: Partition| self.index.key_in(partition, Kind::Ranking, tag);
        Ok(self.index.partitions().map(key).collect())
    }

    /// A new record for a place. No two are the same, so a caller recognises its own.
    pub(crate) fn seal(&self, place: &Place) -> Result<Bytes> {
        Ok(self.records.seal(&context(place), &[&[BROUGHT]])?)
    }

    /// Opens what was found in a place: it counts only if this key ring sealed it for this token.
    pub(crate) fn open(&self, place: &Place, sealed: &[u8]) -> Result<()> {
        let record: Opened = self.records.open(&context(place), sealed)?;
        match &*record {
            [BROUGHT] => Ok(()),
            _ => Err(Error::Record(roomkey_vault::Error::UnknownFormat)),
        }
    }

    fn index_tag(&self, token_type: &str) -> Result<Tag> {
        check(token_type)?;
        Ok(self.index.hide("token index", &[token_type.as_bytes()]))
    }
}

fn context(place: &Place) -> Context<'_> {
    Context::new(RECORD, place.record.bytes(), b"")
}

fn check(text: &str) -> Result<()> {
    match text.len() {
        0 => Err(Error::Empty),
        bytes if bytes > MAX_TOKEN_BYTES => Err(Error::TooLong { bytes }),
        _ => Ok(()),
    }
}

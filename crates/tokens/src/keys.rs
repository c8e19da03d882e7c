//! Where tokens are kept: layouts, and what of a token is seen there.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use roomkey_core::{Key, Kind, Partition, Spread, Store};
use roomkey_crypto::{Context, Opened, Tag};
use roomkey_vault::{Space, Vault};

use crate::generations::Print;
use crate::handle::{Handle, SubjectTag, TypeTag};
use crate::presented::Presented;
use crate::record::{Draft, Record};
use crate::{Error, Result};

/// The most bytes that a token, or the name of a type, may have. A JWT with many claims has about 8 000.
pub const MAX_TOKEN_BYTES: usize = 16 * 1_024;

/// Over how many partitions tokens spread. It never changes.
const SPREAD: Spread = Spread::over(4_096);

// What records are sealed as. None is ever used again for something else.
const BROUGHT_RECORD: u8 = Context::FIRST_FREE + 1;
pub(crate) const TOKEN_RECORD: u8 = Context::FIRST_FREE + 2;
pub(crate) const FAMILY_RECORD: u8 = Context::FIRST_FREE + 3;
pub(crate) const SUCCESSORS: u8 = Context::FIRST_FREE + 4;
pub(crate) const CODE_RECORD: u8 = Context::FIRST_FREE + 5;

// inside the seal of a record: form u8, 1 = a token that a caller brought, of which nothing else is known
const BROUGHT: u8 = 1;

/// The layouts of tokens. Each stands for one structure for ever.
///
/// The tags of all keys of a subject begin with the same 5 bytes, so they lie in one partition by themselves. Names are
/// short, since a token is small: with short names of application and namespace, they take a size class less of the
/// server's allocator. Should two of them meet, neither bearer is let in for the other: a record rests on the generation
/// of its own subject, and is found by its own handle.
#[derive(Clone, Debug)]
pub(crate) struct Keys(Arc<Spaces>);

#[derive(Debug)]
struct Spaces {
    /// The tags of types that have a policy, so that they are not hashed at each call.
    type_tags: HashMap<String, TypeTag>,
    /// The name of the generations of types.
    generations: Tag,
    /// `t1`: one sealed record per token that a caller brought.
    brought: Space,
    /// `x1`: per partition and type, a ranking of token tags by deadline.
    index: Space,
    /// `t2`: one sealed record per token that was issued.
    tokens: Space,
    /// `s1`: per subject, its generation, and its sessions by deadline.
    subjects: Space,
    /// `g1`: per partition, the generations of types.
    types: Space,
    /// `f1`: per family of refresh tokens, a map of what is current.
    families: Space,
    /// `n1`: per family, the sealed successors of the token that was exchanged last.
    successors: Space,
    /// `k1`: per subject and type, the proof of a code and its sealed record.
    codes: Space,
    /// `a1`: per subject and type, how many wrong codes were given.
    attempts: Space,
}

/// Where one token that a caller brought is kept. It holds nothing of the token's text.
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

impl Entry {
    /// What stands beside it for another session of the same subject.
    pub(crate) fn member_of(&self, session: &[u8]) -> Bytes {
        let subject = self.member.len().saturating_sub(Handle::LEN);
        [&self.member[..subject], session].concat().into()
    }
}

impl Keys {
    pub(crate) fn new<'t, S: Store>(vault: &Vault<S>, types: impl Iterator<Item = &'t String>) -> Self {
        let space = |layout| vault.space(layout, SPREAD);
        let tokens = space("t2");
        Self(Arc::new(Spaces {
            type_tags: types.map(|name| (name.clone(), type_tag(&tokens, name))).collect(),
            generations: tokens.hide("generations", &[]),
            brought: space("t1"),
            index: space("x1"),
            tokens,
            subjects: space("s1"),
            types: space("g1"),
            families: space("f1"),
            successors: space("n1"),
            codes: space("k1"),
            attempts: space("a1"),
        }))
    }

    // Tokens that a caller brought.

    /// Where a token of a type is kept. Type and token are hashed together, so that a token of one type says nothing
    /// about the same text as another.
    pub(crate) fn place(&self, token_type: &str, token: &str) -> Result<Place> {
        check_name(token_type)?;
        check_name(token)?;
        let tag = self.0.brought.hide("token", &[token_type.as_bytes(), token.as_bytes()]);
        Ok(Place { record: self.0.brought.key(Kind::Value, tag), tag })
    }

    /// Where the deadline of a token of a type is kept: in the partition of its record.
    pub(crate) fn entry(&self, token_type: &str, place: &Place) -> Result<Entry> {
        let tag = self.index_tag(token_type)?;
        let index = self.0.index.key_in(place.record.partition(), Kind::Ranking, tag);
        Ok(Entry { index, member: Bytes::copy_from_slice(place.tag.as_bytes()) })
    }

    /// Where a token of a type would be kept; `None` for a text that could not have been stored.
    pub(crate) fn find(&self, token_type: &str, token: &str) -> Result<Option<Place>> {
        check_name(token_type)?;
        if check_name(token).is_err() { Ok(None) } else { self.place(token_type, token).map(Some) }
    }

    /// The indexes of a type in all partitions.
    pub(crate) fn indexes(&self, token_type: &str) -> Result<impl ExactSizeIterator<Item = Key> + '_> {
        let tag = self.index_tag(token_type)?;
        let key = move |partition: Partition| self.0.index.key_in(partition, Kind::Ranking, tag);
        Ok(self.0.index.partitions().map(key))
    }

    /// A new record for a place. No two are the same, so a caller recognises its own.
    pub(crate) fn seal_brought(&self, place: &Place) -> Result<Bytes> {
        Ok(self.0.brought.seal(&context(place), &[&[BROUGHT]])?)
    }

    /// Opens what was found in a place: it counts only if this key ring sealed it for this token.
    pub(crate) fn open_brought(&self, place: &Place, sealed: &[u8]) -> Result<()> {
        let record: Opened = self.0.brought.open(&context(place), sealed)?;
        match &*record {
            [BROUGHT] => Ok(()),
            _ => Err(Error::Record(roomkey_vault::Error::UnknownFormat)),
        }
    }

    fn index_tag(&self, token_type: &str) -> Result<Tag> {
        check_name(token_type)?;
        Ok(self.0.index.hide("token index", &[token_type.as_bytes()]))
    }

    // What stands for what.

    /// Hides the parts of a name for tokens: one HMAC key serves them all, the domain tells them apart.
    pub(crate) fn hide(&self, domain: &str, parts: &[&[u8]]) -> Tag {
        self.0.tokens.hide(domain, parts)
    }

    pub(crate) fn subject_tag(&self, subject: &str) -> SubjectTag {
        SubjectTag(self.hide("subject", &[subject.as_bytes()]))
    }

    pub(crate) fn type_tag(&self, token_type: &str) -> Result<TypeTag> {
        if let Some(known) = self.0.type_tags.get(token_type) {
            return Ok(*known);
        }
        check_name(token_type)?;
        Ok(type_tag(&self.0.tokens, token_type))
    }

    // Where issued tokens are kept.

    /// The tag of what is kept for a session of a subject, or for one of its tokens. It takes both to find it: a handle
    /// is shown to whoever asks, and shall not reach the session of another subject.
    fn name(&self, subject: SubjectTag, handle: Handle) -> Tag {
        let mut tag = *self.hide("session", &[subject.as_bytes(), handle.as_bytes()]).as_bytes();
        tag[..5].copy_from_slice(&subject.as_bytes()[..5]);
        tag.into()
    }

    pub(crate) fn subject(&self, subject: SubjectTag) -> Key {
        self.0.subjects.short_key(Kind::Ranking, subject.0)
    }

    pub(crate) fn record(&self, subject: SubjectTag, token: Handle) -> Key {
        self.0.tokens.short_key(Kind::Value, self.name(subject, token))
    }

    pub(crate) fn family(&self, subject: SubjectTag, family: Handle) -> Key {
        self.0.families.short_key(Kind::Map, self.name(subject, family))
    }

    pub(crate) fn successors(&self, subject: SubjectTag, family: Handle) -> Key {
        self.0.successors.short_key(Kind::Value, self.name(subject, family))
    }

    /// Everything that holds a family, the truth first.
    pub(crate) fn of_family(&self, subject: SubjectTag, family: Handle) -> [Key; 2] {
        [self.family(subject, family), self.successors(subject, family)]
    }

    /// The code of a type that a subject was sent: there is one at a time.
    pub(crate) fn code(&self, subject: SubjectTag, code_type: &str) -> Result<Key> {
        Ok(self.0.codes.short_key(Kind::Value, self.name(subject, self.code_handle(subject, code_type)?)))
    }

    pub(crate) fn attempts(&self, subject: SubjectTag, code_type: &str) -> Result<Key> {
        Ok(self.0.attempts.short_key(Kind::Value, self.name(subject, self.code_handle(subject, code_type)?)))
    }

    pub(crate) fn code_handle(&self, subject: SubjectTag, code_type: &str) -> Result<Handle> {
        let token_type = self.type_tag(code_type)?;
        let tag = self.hide("code", &[subject.as_bytes(), code_type.as_bytes()]);
        Ok(Handle::new(token_type, *tag.as_bytes().first_chunk().expect("a tag has 16 bytes")))
    }

    /// What proves a code, in the clear before its record.
    pub(crate) fn code_proof(&self, subject: SubjectTag, code_type: &str, code: &str) -> Tag {
        self.hide("code proof", &[subject.as_bytes(), code_type.as_bytes(), code.as_bytes()])
    }

    /// The generations of types, in the partition of a subject.
    pub(crate) fn types(&self, subject: SubjectTag) -> Key {
        self.types_in(self.0.types.partition(subject.0))
    }

    /// The generations of types, in every partition.
    pub(crate) fn all_types(&self) -> impl ExactSizeIterator<Item = Key> + '_ {
        self.0.types.partitions().map(|partition| self.types_in(partition))
    }

    fn types_in(&self, partition: Partition) -> Key {
        self.0.types.key_in(partition, Kind::Map, self.0.generations)
    }

    /// Where the deadline of an issued token is kept for `cleanup_expired`.
    pub(crate) fn issued_entry(&self, token_type: &str, subject: SubjectTag, token: Handle) -> Result<Entry> {
        let tag = member(subject, token);
        let index =
            self.0.index.key_in(self.0.index.partition(tag), Kind::Ranking, self.index_tag(token_type)?);
        Ok(Entry { index, member: Bytes::copy_from_slice(tag.as_bytes()) })
    }

    // What is sealed there.

    /// The print of generations: of the subject, of the type, and for an access token of a family, of the type of
    /// its refresh token.
    pub(crate) fn print<'g>(&self, generations: impl IntoIterator<Item = &'g [u8]>) -> Print {
        let parts: Vec<&[u8]> = generations.into_iter().collect();
        Print::from(*self.hide("generations", &parts).as_bytes().first_chunk().expect("a tag has 16 bytes"))
    }

    /// Seals a record of a kind for the key that holds it.
    pub(crate) fn seal(&self, kind: u8, key: &Key, print: Print, draft: &Draft<'_>) -> Result<Bytes> {
        let head = draft.head(print);
        Ok(self.0.tokens.seal(&Context::new(kind, key.bytes(), b""), &[&head, draft.claims])?)
    }

    /// Opens a record of a kind.
    pub(crate) fn open(&self, kind: u8, key: &Key, sealed: &[u8]) -> Result<Record> {
        Record::read(self.0.tokens.open(&Context::new(kind, key.bytes(), b""), sealed)?)
    }

    /// Whether a sealed record is under the active key.
    pub(crate) fn is_current(&self, sealed: &[u8]) -> bool {
        self.0.tokens.is_current(sealed)
    }

    /// The seal of what only the bearer of a refresh token may open: its successors.
    pub(crate) fn sealed_for(&self, presented: &Presented) -> Space {
        self.0.successors.bound_to(presented.secret.as_slice())
    }
}

fn type_tag(space: &Space, token_type: &str) -> TypeTag {
    let tag = space.hide("token type", &[token_type.as_bytes()]);
    TypeTag(*tag.as_bytes().first_chunk().expect("a tag has 16 bytes"))
}

/// What stands for a session of a subject in an index of deadlines: it begins as the subject's own tag does, and so lies in
/// the same partition.
fn member(subject: SubjectTag, handle: Handle) -> Tag {
    let mut tag = [0; Tag::LEN];
    tag[..5].copy_from_slice(&subject.as_bytes()[..5]);
    tag[5..].copy_from_slice(handle.as_bytes());
    tag.into()
}

pub(crate) fn xor<const N: usize>(mut bytes: [u8; N], mask: &[u8; Tag::LEN]) -> [u8; N] {
    const { assert!(N <= Tag::LEN) };
    for (byte, mask) in bytes.iter_mut().zip(mask) {
        *byte ^= mask;
    }
    bytes
}

fn context(place: &Place) -> Context<'_> {
    Context::new(BROUGHT_RECORD, place.record.bytes(), b"")
}

/// Checks the name of a type, or a token that is to be stored.
pub(crate) fn check_name(text: &str) -> Result<()> {
    match text.len() {
        0 => Err(Error::Empty),
        bytes if bytes > MAX_TOKEN_BYTES => Err(Error::TooLong { bytes }),
        _ => Ok(()),
    }
}

//! What is kept of a family: the refresh tokens that follow each other, and what comes with them.

use bytes::Bytes;
use roomkey_core::{Key, StoreTime};
use roomkey_crypto::{Context, Opened};
use zeroize::Zeroizing;

use crate::handle::{Handle, SubjectTag};
use crate::keys::{Keys, SUCCESSORS};
use crate::presented::Presented;
use crate::record::{Reader, put_text, put_varint};
use crate::session::{Grant, Issued};
use crate::text::TokenText;
use crate::{Error, Result};

// The fields of a family.
/// The id of the refresh token that may be exchanged.
pub(crate) const CURRENT: &str = "c";
/// The id of the one that was exchanged for it.
pub(crate) const PREVIOUS: &str = "p";
/// The sealed record.
pub(crate) const SEALED: &str = "m";

/// Where a family is kept, and what it rests on.
pub(crate) struct FamilyPlace {
    pub(crate) family: Key,
    pub(crate) successors: Key,
    pub(crate) subject: Key,
    pub(crate) types: Key,
}

impl FamilyPlace {
    pub(crate) fn new(keys: &Keys, subject: SubjectTag, family: Handle) -> Self {
        Self {
            family: keys.family(subject, family),
            successors: keys.successors(subject, family),
            subject: keys.subject(subject),
            types: keys.types(subject),
        }
    }
}

/// What a refresh token was exchanged for.
pub(crate) struct Successors {
    pub(crate) refresh: Successor,
    pub(crate) access: Option<Successor>,
}

/// A token, and when it ends if it is not used.
pub(crate) struct Successor {
    pub(crate) token: TokenText,
    pub(crate) ends: StoreTime,
}

// successors = refresh | [access]
// each         end varint, ms since 1970 | text with its length as a varint
impl Successors {
    /// Seals them so that they open with the secret of the token that was exchanged, and with nothing else that the
    /// store and this process hold.
    pub(crate) fn seal(&self, keys: &Keys, presented: &Presented, key: &Key) -> Result<Bytes> {
        // Room for two of the longest texts, so that no copy of them is left behind by growing.
        let mut plain = Zeroizing::new(Vec::with_capacity(256));
        for Successor { token, ends } in std::iter::once(&self.refresh).chain(&self.access) {
            put_varint(&mut plain, ends.as_millis());
            put_text(&mut plain, token.reveal());
        }
        Ok(keys.sealed_for(presented).seal(&context(key), &[&plain])?)
    }

    pub(crate) fn open(keys: &Keys, presented: &Presented, key: &Key, sealed: &[u8]) -> Result<Self> {
        let plain = keys.sealed_for(presented).open(&context(key), sealed)?;
        Self::read(&plain).ok_or(Error::Record(roomkey_vault::Error::UnknownFormat))
    }

    fn read(plain: &Opened) -> Option<Self> {
        let mut rest = Reader { bytes: plain, at: 0 };
        let refresh = Successor::read(&mut rest)?;
        let access = if rest.at == plain.len() { None } else { Some(Successor::read(&mut rest)?) };
        (rest.at == plain.len()).then_some(Self { refresh, access })
    }

    /// The tokens as their bearer gets them.
    pub(crate) fn grant(self, family: Handle, now: StoreTime) -> Grant {
        let issued = |Successor { token, ends }: Successor| Issued {
            token,
            handle: family,
            expires_in: ends.since(now),
        };
        Grant { refresh: issued(self.refresh), access: self.access.map(issued) }
    }
}

impl Successor {
    fn read(rest: &mut Reader<'_>) -> Option<Self> {
        let ends = StoreTime::from_millis(rest.varint()?);
        let text = rest.text()?;
        let text = std::str::from_utf8(&rest.bytes[text]).ok()?;
        Some(Self { token: TokenText::new(Zeroizing::new(text.to_owned())), ends })
    }
}

fn context(key: &Key) -> Context<'_> {
    Context::new(SUCCESSORS, key.bytes(), b"")
}

//! Hashes: fields with values under one name.

use std::collections::HashMap;

use bytes::Bytes;
use roomkey_core::{Key, Kind, Op, Reply, Store};
use roomkey_crypto::{Context, Tag};

use super::{Vault, broken};
use crate::{Decode, Encode, Error, Expiry, MAX_NAME_BYTES, Name, Result};

/// The store sees a keyed hash of each field's name, another one under every key. The name itself is inside the seal.
/// Names of fields are 1 to 4 096 bytes; a hash is as large as what [`hgetall`](Vault::hgetall) can reasonably bring.
impl<S: Store> Vault<S> {
    /// Writes a field. Returns whether it is new. A hash that this creates never expires; one that is there keeps its
    /// expiry. See [`hset_for`](Self::hset_for).
    ///
    /// # Errors
    /// See [`Vault`].
    pub async fn hset<'n, T>(&self, name: impl Into<Name<'n>>, field: &str, value: &T) -> Result<bool>
    where
        T: Encode + ?Sized,
    {
        self.hset_for(name, field, value, Expiry::Keep).await
    }

    /// Writes a field and sets when the whole hash expires, in one step. Single fields do not expire.
    ///
    /// # Errors
    /// [`Error::Expiry`], and see [`Vault`].
    pub async fn hset_for<'n, T>(
        &self,
        name: impl Into<Name<'n>>,
        field: &str,
        value: &T,
        expiry: impl Into<Expiry>,
    ) -> Result<bool>
    where
        T: Encode + ?Sized,
    {
        let life = expiry.into().life()?;
        let key = self.key(Kind::Map, name)?;
        let tag = self.field(&key, field)?;
        let sealed = self.seal_field(&key, tag, field, &value.encode(&self.inner.policy)?)?;
        match self.run(Op::map_put(&key, to_bytes(tag), sealed, life)).await? {
            Reply::Number(created) => Ok(created > 0),
            _ => Err(broken("another reply than a number of fields")),
        }
    }

    /// Reads a field; `None` if there is no such field or no such hash.
    ///
    /// # Errors
    /// See [`Vault`].
    pub async fn hget<'n, T: Decode>(&self, name: impl Into<Name<'n>>, field: &str) -> Result<Option<T>> {
        let key = self.key(Kind::Map, name)?;
        let tag = self.field(&key, field)?;
        let Reply::Optionals(fields) = self.run(Op::map_get(&key, to_bytes(tag))).await? else {
            return Err(broken("another reply than the bytes of fields"));
        };
        let sealed = fields.into_iter().next().ok_or_else(|| broken("no reply to a field"))?;
        sealed
            .map(|sealed| self.open_field(&key, tag.as_bytes(), &sealed).map(|(_, value)| value))
            .transpose()
    }

    /// Removes a field; with its last field the hash ceases to exist. Returns whether the field was there.
    ///
    /// # Errors
    /// See [`Vault`].
    pub async fn hdel<'n>(&self, name: impl Into<Name<'n>>, field: &str) -> Result<bool> {
        let key = self.key(Kind::Map, name)?;
        let tag = self.field(&key, field)?;
        match self.run(Op::map_remove(&key, to_bytes(tag))).await? {
            Reply::Number(removed) => Ok(removed > 0),
            _ => Err(broken("another reply than a number of fields")),
        }
    }

    /// Reads all fields with their values; empty if there is no such hash.
    ///
    /// # Errors
    /// See [`Vault`]; one field that does not open fails the whole.
    pub async fn hgetall<'n, T: Decode>(&self, name: impl Into<Name<'n>>) -> Result<HashMap<String, T>> {
        let key = self.key(Kind::Map, name)?;
        let Reply::Fields(fields) = self.run(Op::map_all(&key)).await? else {
            return Err(broken("another reply than the fields of a map"));
        };
        fields.iter().map(|(tag, sealed)| self.open_field(&key, tag, sealed)).collect()
    }

    /// The hidden name of a field. It differs from key to key, so that equal fields of two hashes are not seen.
    fn field(&self, key: &Key, field: &str) -> Result<Tag> {
        match field.len() {
            0 => Err(Error::EmptyName),
            bytes if bytes > MAX_NAME_BYTES => Err(Error::NameTooLong { bytes }),
            _ => Ok(self.inner.space.hide("field", &[key.bytes(), field.as_bytes()])),
        }
    }

    // inside the seal: length of the field's name u16, big-endian | name | payload as in `codec`
    fn seal_field(&self, key: &Key, tag: Tag, field: &str, payload: &[u8]) -> Result<Bytes> {
        let len = u16::try_from(field.len()).map_err(|_| Error::NameTooLong { bytes: field.len() })?;
        let context = Context::field(key.bytes(), tag.as_bytes());
        self.seal(&context, &[&len.to_be_bytes(), field.as_bytes(), payload])
    }

    fn open_field<T: Decode>(&self, key: &Key, tag: &[u8], sealed: &[u8]) -> Result<(String, T)> {
        let opened = self.inner.space.open(&Context::field(key.bytes(), tag), sealed)?;
        let (len, rest) = opened.split_first_chunk().ok_or(Error::UnknownFormat)?;
        let (field, payload) =
            rest.split_at_checked(u16::from_be_bytes(*len).into()).ok_or(Error::UnknownFormat)?;
        let field = str::from_utf8(field).map_err(|_| Error::UnknownFormat)?;
        Ok((field.to_owned(), T::decode(payload)?))
    }
}

fn to_bytes(tag: Tag) -> Bytes {
    Bytes::copy_from_slice(tag.as_bytes())
}

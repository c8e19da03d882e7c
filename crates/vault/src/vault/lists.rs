//! Lists: values in order under one name.

use roomkey_core::{End, Key, Kind, Op, Reply, Store};
use roomkey_crypto::Context;

use super::{Vault, broken};
use crate::{Decode, Encode, Expiry, Name, Result};

/// An element is bound to its list, but not to its place there: whoever can write to the store can reorder, repeat
/// and drop the elements of one list. Neither pushing nor popping is repeated after a lost reply.
impl<S: Store> Vault<S> {
    /// Adds a value at the front. Returns the new length. A list that this creates never expires; one that is there
    /// keeps its expiry. See [`lpush_for`](Self::lpush_for).
    ///
    /// # Errors
    /// See [`Vault`].
    pub async fn lpush<'n, T: Encode + ?Sized>(&self, name: impl Into<Name<'n>>, value: &T) -> Result<u64> {
        self.push(End::Front, name, value, Expiry::Keep).await
    }

    /// Adds a value at the back. Returns the new length. A list that this creates never expires; one that is there
    /// keeps its expiry. See [`rpush_for`](Self::rpush_for).
    ///
    /// # Errors
    /// See [`Vault`].
    pub async fn rpush<'n, T: Encode + ?Sized>(&self, name: impl Into<Name<'n>>, value: &T) -> Result<u64> {
        self.push(End::Back, name, value, Expiry::Keep).await
    }

    /// Adds a value at the front and sets when the whole list expires, in one step.
    ///
    /// # Errors
    /// [`Error::Expiry`](crate::Error::Expiry), and see [`Vault`].
    pub async fn lpush_for<'n, T: Encode + ?Sized>(
        &self,
        name: impl Into<Name<'n>>,
        value: &T,
        expiry: impl Into<Expiry>,
    ) -> Result<u64> {
        self.push(End::Front, name, value, expiry.into()).await
    }

    /// Adds a value at the back and sets when the whole list expires, in one step.
    ///
    /// # Errors
    /// [`Error::Expiry`](crate::Error::Expiry), and see [`Vault`].
    pub async fn rpush_for<'n, T: Encode + ?Sized>(
        &self,
        name: impl Into<Name<'n>>,
        value: &T,
        expiry: impl Into<Expiry>,
    ) -> Result<u64> {
        self.push(End::Back, name, value, expiry.into()).await
    }

    /// Takes the value at the front; `None` if there is no such list. At most one caller gets it.
    ///
    /// # Errors
    /// See [`Vault`]. The value is gone even where it does not open or its reply is lost.
    pub async fn lpop<'n, T: Decode>(&self, name: impl Into<Name<'n>>) -> Result<Option<T>> {
        self.pop(End::Front, name).await
    }

    /// Takes the value at the back; `None` if there is no such list. At most one caller gets it.
    ///
    /// # Errors
    /// See [`Vault`]. The value is gone even where it does not open or its reply is lost.
    pub async fn rpop<'n, T: Decode>(&self, name: impl Into<Name<'n>>) -> Result<Option<T>> {
        self.pop(End::Back, name).await
    }

    /// Reads the values from position `from` to position `to`, both included; -1 is the last, so `0, -1` reads all.
    ///
    /// # Errors
    /// See [`Vault`]; one value that does not open fails the whole.
    pub async fn lrange<'n, T: Decode>(
        &self,
        name: impl Into<Name<'n>>,
        from: i64,
        to: i64,
    ) -> Result<Vec<T>> {
        let key = self.key(Kind::List, name)?;
        match self.run(Op::range(&key, from, to)).await? {
            Reply::Items(items) => items.iter().map(|sealed| self.open_element(&key, sealed)).collect(),
            _ => Err(broken("another reply than elements of a list")),
        }
    }

    async fn push<'n, T: Encode + ?Sized>(
        &self,
        end: End,
        name: impl Into<Name<'n>>,
        value: &T,
        expiry: Expiry,
    ) -> Result<u64> {
        let life = expiry.life()?;
        let key = self.key(Kind::List, name)?;
        let sealed = self.seal(&Context::element(key.bytes()), &[&value.encode(&self.inner.policy)?])?;
        let reply = self.run(Op::push(&key, end, sealed, life)).await?;
        let len = reply.number().and_then(|len| u64::try_from(len).ok());
        len.ok_or_else(|| broken("another reply than the length of a list"))
    }

    async fn pop<'n, T: Decode>(&self, end: End, name: impl Into<Name<'n>>) -> Result<Option<T>> {
        let key = self.key(Kind::List, name)?;
        match self.run(Op::pop(&key, end, 1)).await? {
            Reply::Items(items) => items.first().map(|sealed| self.open_element(&key, sealed)).transpose(),
            _ => Err(broken("another reply than elements of a list")),
        }
    }

    fn open_element<T: Decode>(&self, key: &Key, sealed: &[u8]) -> Result<T> {
        T::decode(&self.inner.space.open(&Context::element(key.bytes()), sealed)?)
    }
}

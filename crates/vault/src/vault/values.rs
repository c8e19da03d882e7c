//! Single values, and what works on any key.

use bytes::Bytes;
use roomkey_core::{Batch, Invalid, Key, Kind, MAX_BATCH, MAX_PROGRAM_BYTES, Op, Reply, Store, Ttl};
use roomkey_crypto::Context;

use super::{Vault, broken};
use crate::{Decode, Encode, Error, Expiry, Name, Result};

impl<S: Store> Vault<S> {
    /// Reads a value; `None` if there is none. See [`Vault`] for errors.
    ///
    /// # Errors
    /// See [`Vault`].
    pub async fn get<'n, T: Decode>(&self, name: impl Into<Name<'n>>) -> Result<Option<T>> {
        let key = self.key(Kind::Value, name)?;
        match self.run(Op::get(&key)).await? {
            Reply::Bytes(None) => Ok(None),
            Reply::Bytes(Some(sealed)) => self.open_value(&key, sealed).map(Some),
            _ => Err(broken("another reply than the bytes of a value")),
        }
    }

    /// Writes a value, replacing whatever the name held, a list or hash too. A [`Duration`](std::time::Duration)
    /// is an expiry.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use roomkey_vault::{Expiry, Name, Result, Vault};
    /// # async fn example<S: roomkey_core::Store>(vault: Vault<S>) -> Result<()> {
    /// vault.set("motd", "Be kind.", Expiry::Never).await?;
    /// vault.set(Name::new("user:session").arg(42), &vec![1u64, 2, 3], Duration::from_secs(3600)).await?;
    /// assert_eq!(vault.get("motd").await?, Some("Be kind.".to_owned()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Expiry`], and see [`Vault`].
    pub async fn set<'n, T>(
        &self,
        name: impl Into<Name<'n>>,
        value: &T,
        expiry: impl Into<Expiry>,
    ) -> Result<()>
    where
        T: Encode + ?Sized,
    {
        // Before the await, as the caller's name and value need not be able to move to another thread.
        let op = {
            let life = expiry.into().life()?;
            let (key, sealed) = self.seal_value(name, value)?;
            Op::put(&key, sealed, life)
        };
        self.run(op).await.map(drop)
    }

    /// Reads values in one round trip per server: one answer per name, in their order. No names, no answers; an
    /// empty array literal needs the type that its names would have.
    ///
    /// ```
    /// # async fn example<S: roomkey_core::Store>(vault: roomkey_vault::Vault<S>) -> roomkey_vault::Result<()> {
    /// vault.set_many([("a", &1u8), ("b", &2)], std::time::Duration::from_secs(60)).await?;
    /// assert_eq!(vault.get_many(&["a", "b", "c"]).await?, [Some(1u8), Some(2), None]);
    /// assert_eq!(vault.get_many::<u8, &&str>(&[]).await?, []);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// That of the first name whose value could not be read, [`Error::TooMany`] for more than
    /// 65 536 names, and see [`Vault`].
    pub async fn get_many<'n, T, N>(
        &self,
        names: impl IntoIterator<Item = N> + Send,
    ) -> Result<Vec<Option<T>>>
    where
        T: Decode,
        N: Into<Name<'n>>,
    {
        let keys = self.keys(names)?;
        let replies = self.store().run(Batch::new(keys.iter().map(Op::get))?).await?;
        let open = |(key, reply): (&Key, roomkey_core::Result<Reply>)| match reply? {
            Reply::Bytes(sealed) => sealed.map(|sealed| self.open_value(key, sealed)).transpose(),
            _ => Err(broken("another reply than the bytes of a value")),
        };
        keys.iter().zip(replies).map(open).collect()
    }

    /// Writes values with one expiry for all in one round trip per server.
    ///
    /// Each value is written whole or not at all, but not all together: on an error some may have been written and
    /// others not. Writing them again does no harm.
    ///
    /// # Errors
    /// That of the first value that could not be written; what concerns the values themselves is told before any is
    /// sent. [`Error::TooMany`] for more than 65 536 values or 64 MiB. And see [`Vault`].
    pub async fn set_many<'n, 'v, T, N>(
        &self,
        values: impl IntoIterator<Item = (N, &'v T)> + Send,
        expiry: impl Into<Expiry>,
    ) -> Result<()>
    where
        T: Encode + ?Sized + 'v,
        N: Into<Name<'n>>,
    {
        let batch = self.put_all(values, expiry.into())?;
        for reply in self.store().run(batch).await? {
            reply?;
        }
        Ok(())
    }

    /// Removes whatever the name holds. Returns whether there was something.
    ///
    /// # Errors
    /// See [`Vault`].
    pub async fn delete<'n>(&self, name: impl Into<Name<'n>>) -> Result<bool> {
        match self.run(Op::delete(&self.key(Kind::Value, name)?)).await? {
            Reply::Flag(existed) => Ok(existed),
            _ => Err(broken("another reply than whether a key existed")),
        }
    }

    /// Whether the name holds anything.
    ///
    /// # Errors
    /// See [`Vault`].
    pub async fn exists<'n>(&self, name: impl Into<Name<'n>>) -> Result<bool> {
        Ok(self.ttl(name).await? != Ttl::Missing)
    }

    /// Changes when the name expires, whatever it holds. Returns whether it holds anything.
    ///
    /// # Errors
    /// [`Error::Expiry`], and see [`Vault`].
    pub async fn expire<'n>(&self, name: impl Into<Name<'n>>, expiry: impl Into<Expiry>) -> Result<bool> {
        let key = self.key(Kind::Value, name)?;
        match self.run(Op::expire(&key, expiry.into().life()?)).await? {
            Reply::Written => Ok(true),
            Reply::Skipped => Ok(false),
            _ => Err(broken("another reply than whether an expiry was set")),
        }
    }

    /// How long the name still holds something.
    ///
    /// # Errors
    /// See [`Vault`].
    pub async fn ttl<'n>(&self, name: impl Into<Name<'n>>) -> Result<Ttl> {
        match self.run(Op::ttl(&self.key(Kind::Value, name)?)).await? {
            Reply::Ttl(ttl) => Ok(ttl),
            _ => Err(broken("another reply than a time to live")),
        }
    }

    fn keys<'n>(&self, names: impl IntoIterator<Item = impl Into<Name<'n>>>) -> Result<Vec<Key>> {
        let mut keys = Vec::new();
        for name in names {
            // Here and not only in the batch, so that what is refused takes no memory and no time.
            if keys.len() == MAX_BATCH {
                return Err(Error::TooMany(Invalid::TooManyOps));
            }
            keys.push(self.key(Kind::Value, name)?);
        }
        Ok(keys)
    }

    fn put_all<'n, 'v, T: Encode + ?Sized + 'v>(
        &self,
        values: impl IntoIterator<Item = (impl Into<Name<'n>>, &'v T)>,
        expiry: Expiry,
    ) -> Result<Batch> {
        let life = expiry.life()?;
        let (mut ops, mut bytes) = (Vec::new(), 0);
        for (name, value) in values {
            if ops.len() == MAX_BATCH {
                return Err(Error::TooMany(Invalid::TooManyOps));
            }
            let (key, sealed) = self.seal_value(name, value)?;
            bytes += sealed.len();
            if bytes > MAX_PROGRAM_BYTES {
                return Err(Error::TooMany(Invalid::ProgramTooLarge));
            }
            ops.push(Op::put(&key, sealed, life));
        }
        Ok(Batch::new(ops)?)
    }

    pub(super) fn seal_value<'n, T: Encode + ?Sized>(
        &self,
        name: impl Into<Name<'n>>,
        value: &T,
    ) -> Result<(Key, Bytes)> {
        let key = self.key(Kind::Value, name)?;
        let sealed = self.seal(&Context::value(key.bytes()), &[&value.encode(&self.inner.policy)?])?;
        Ok((key, sealed))
    }

    fn open_value<T: Decode>(&self, key: &Key, sealed: Bytes) -> Result<T> {
        // Bytes that nobody else holds, as a server's answer, become a vector without a copy.
        T::decode(&self.inner.space.open(&Context::value(key.bytes()), Vec::from(sealed))?)
    }

    pub(super) fn seal(&self, context: &Context<'_>, parts: &[&[u8]]) -> Result<Bytes> {
        self.inner.space.seal(context, parts)
    }
}

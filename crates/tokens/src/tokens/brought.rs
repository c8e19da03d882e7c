//! Tokens that a caller brings, and cleaning up.

use std::time::Duration;

use roomkey_core::{Batch, Key, Op, Reply, Store};
use roomkey_vault::Expiry;

use super::Tokens;
use crate::error::broken;
use crate::programs::{RevokeProgram, StoreProgram};
use crate::{Error, Result};

/// How many partitions one batch of a cleanup covers.
const CLEANUP_PARTITIONS: usize = 512;

/// How many entries a cleanup takes from one partition at a time.
const CLEANUP_ENTRIES: u32 = 500;

impl<S: Store> Tokens<S> {
    /// Stores a token, so that it is valid until it expires or is revoked. It never overwrites: whoever stores a
    /// token first decides how long it lives.
    ///
    /// Where the reply is lost, the store repeats the call, which then recognises what it stored itself. If the error
    /// is [`Ambiguous`](roomkey_core::Error::Ambiguous) all the same, the token may be valid or become so: revoke it,
    /// or store another one.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] for a token that is there; [`Error::Expiry`], [`Error::Empty`] and [`Error::TooLong`]
    /// for arguments that cannot be; [`Error::Store`], [`Error::Seal`].
    pub async fn store(&self, token_type: &str, token: &str, expiry: Duration) -> Result<()> {
        Expiry::After(expiry).life()?;
        if self.keys.read(token_type, token)?.is_some() {
            return Err(Error::AlreadyExists);
        }
        let place = self.keys.place(token_type, token)?;
        let entry = self.options().track.then(|| self.keys.entry(token_type, &place)).transpose()?;
        let program = StoreProgram::new(&place, entry.as_ref(), self.keys.seal_brought(&place)?, expiry)?;
        let outcome = self.vault.store().transact(&program.txn).await?;
        if program.stored(&outcome) { Ok(()) } else { Err(Error::AlreadyExists) }
    }

    /// Whether a token was stored, has not expired and was not revoked.
    ///
    /// A text that could not have been stored, being empty or too long, is not valid; so what a stranger sends may be
    /// passed on as it is.
    ///
    /// # Errors
    /// [`Error::Store`] if the store cannot answer: treat the token as not valid *now*, but do not tell its bearer
    /// that it was revoked. [`Error::Record`] if the record is not what this key ring sealed for this token.
    /// [`Error::Empty`] and [`Error::TooLong`] for the name of the type.
    pub async fn is_valid(&self, token_type: &str, token: &str) -> Result<bool> {
        if let Some(issued) = self.keys.read(token_type, token)? {
            let refreshes = self.policy(token_type).rotation.is_some();
            return Ok(self.check(&issued, false, refreshes).await?.is_ok());
        }
        let Some(place) = self.keys.find(token_type, token)? else {
            return Ok(false);
        };
        match self.vault.run(Op::get(&place.record)).await? {
            Reply::Bytes(None) => Ok(false),
            Reply::Bytes(Some(sealed)) => self.keys.open_brought(&place, &sealed).map(|()| true),
            _ => Err(broken("another reply than the bytes of a value")),
        }
    }

    /// Ends a token at once. Returns whether there was one; ending one twice is no error, and neither is a text that
    /// could not have been stored. It also removes a record that does not open, and works on a store that is full.
    ///
    /// After a lost reply the store repeats the call; then `false` may mean that the first attempt ended it.
    ///
    /// # Errors
    /// [`Error::Store`]: the token may still be valid, try again. [`Error::Empty`] and [`Error::TooLong`] for the
    /// name of the type.
    pub async fn revoke(&self, token_type: &str, token: &str) -> Result<bool> {
        if let Some(issued) = self.keys.read(token_type, token)? {
            return self.revoke_issued(token_type, &issued).await;
        }
        let Some(place) = self.keys.find(token_type, token)? else {
            return Ok(false);
        };
        let existed = if self.options().track {
            let program = RevokeProgram::new(&place, &self.keys.entry(token_type, &place)?)?;
            program.existed(&self.vault.store().transact(&program.txn).await?)
        } else {
            self.vault.run(Op::delete(&place.record)).await?.flag()
        };
        existed.ok_or_else(|| broken("another reply than whether a key existed"))
    }

    /// Removes what expired tokens of a type leave behind in the index, and returns how many entries that were;
    /// always 0 where [`track`](crate::TokensOptions::track) is off, as nothing is left behind then.
    ///
    /// Nobody needs to call it: each stored token removes up to two expired entries of its partition, and an index ends
    /// by itself a day after its last token. It never touches a live token, and any number of processes may run it at once: each
    /// entry is counted by one. It covers 4 096 partitions in 8 round trips, and more only where 500 entries and more
    /// wait in one partition.
    ///
    /// # Errors
    /// [`Error::Store`]; what was removed before stays removed. [`Error::Empty`] and [`Error::TooLong`].
    pub async fn cleanup_expired(&self, token_type: &str) -> Result<u64> {
        let indexes = self.keys.indexes(token_type)?;
        if !self.options().track {
            return Ok(0);
        }
        let mut removed = 0;
        for indexes in indexes.chunks(CLEANUP_PARTITIONS) {
            let mut due = indexes.to_vec();
            while !due.is_empty() {
                due = self.take_expired(due, &mut removed).await?;
            }
        }
        Ok(removed)
    }

    /// Takes a bounded number of expired entries from each index; returns the indexes that may hold more.
    async fn take_expired(&self, indexes: Vec<Key>, removed: &mut u64) -> Result<Vec<Key>> {
        let batch = Batch::new(indexes.iter().map(|index| Op::rank_take(index, CLEANUP_ENTRIES)))?;
        let mut more = Vec::new();
        for (index, reply) in indexes.into_iter().zip(self.vault.store().run(batch).await?) {
            let Reply::Items(taken) = reply? else {
                return Err(broken("another reply than the members of a ranking"));
            };
            *removed += taken.len() as u64;
            if taken.len() >= CLEANUP_ENTRIES as usize {
                more.push(index);
            }
        }
        Ok(more)
    }
}

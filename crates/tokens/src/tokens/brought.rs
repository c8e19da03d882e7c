//! Tokens that a caller brings.

use std::time::Duration;

use roomkey_core::{Op, Reply, Store};
use roomkey_vault::Expiry;

use super::Tokens;
use crate::error::broken;
use crate::programs::{RevokeProgram, StoreProgram};
use crate::{Error, Result};

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
            return Ok(self.check(&issued, false).await?.is_ok());
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
}

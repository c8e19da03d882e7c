//! Tokens that are good for one use.

use roomkey_core::Store;
use roomkey_vault::Decode;

use super::Tokens;
use super::verify::{Active, Reading};
use crate::Result;
use crate::audit::{Reason, What};
use crate::error::broken;
use crate::presented::{Presented, Role};
use crate::programs::ConsumeProgram;
use crate::session::Session;

impl<S: Store> Tokens<S> {
    /// Uses a token up: what it stands for, and it is gone. Of any number of calls at once, at most one gets the
    /// session; none does after a revocation has returned. For links that reset a password or confirm an address; see
    /// [`Policy::reset_link`](crate::Policy::reset_link).
    ///
    /// `None` is what it is for [`verify`](Self::verify): the bearer is not told why, the
    /// [audit sink](crate::AuditSink) is. Tokens that [`store`](Self::store) keeps stand for nothing and are not used
    /// up by it.
    ///
    /// One round trip to one node. It works on a full store.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store): if its class is [`Ambiguous`](roomkey_core::Class::Ambiguous) the token
    /// may be used up though nobody got the session. It is never tried a second time by itself, for that could not
    /// tell its own first attempt from another's; issue a new token. [`Error::Record`](crate::Error::Record) if the
    /// record is not what this key ring sealed, or the claims are no `C`: the token is gone then, too.
    /// [`Error::WrongType`](crate::Error::WrongType) for a type of refresh tokens.
    pub async fn consume<C: Decode>(&self, token_type: &str, token: &str) -> Result<Option<Session<C>>> {
        self.plain_policy(token_type, "its tokens are refreshed, not used up")?;
        let Some(presented) = self.presented(token_type, token)? else { return Ok(None) };
        let taken = match presented.role {
            // It was issued while the type was one of refresh tokens.
            Role::Refresh(_) => Ok(Err(Reason::Missing)),
            Role::Alone | Role::Access(_) => self.take(token_type, &presented).await,
        };
        let active = match self.faults(token_type, taken)? {
            Ok(active) => active,
            Err(reason) => {
                self.audit_presented(What::Refused(reason), token_type, &presented);
                return Ok(None);
            }
        };
        let session = self.faults(token_type, active.record.session(presented.handle()))?;
        self.audit_presented(What::Consumed, token_type, &presented);
        Ok(Some(session))
    }

    async fn take(&self, token_type: &str, presented: &Presented) -> Result<Result<Active, Reason>> {
        let (subject, own) = (presented.subject, presented.own_handle());
        let entry = self.tracked(token_type, subject, own)?;
        let reading = Reading::new(self, presented, false);
        let program = ConsumeProgram::new(
            reading.taking_ops(),
            &self.keys.subject(subject),
            own.bytes(),
            entry.as_ref(),
        )?;
        let outcome = self.vault.store().transact(&program.txn).await?;
        let (now, replies) =
            program.replies(outcome).ok_or_else(|| broken("no reply to the taking of a token"))?;
        reading.compare(self, presented, replies, Some(now))
    }
}

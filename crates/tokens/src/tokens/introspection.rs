//! Telling resource servers of tokens.

use roomkey_core::{Store, StoreTime};
use roomkey_vault::Decode;

use super::Tokens;
use crate::audit::What;
use crate::introspection::{ActiveToken, Introspection};
use crate::{Result, Session};

impl<S: Store> Tokens<S> {
    /// What a token stands for, in the words of RFC 7662, for an endpoint that resource servers ask. Let only those
    /// ask who prove who they are. [`type_of`](Self::type_of) tells the type of a token that comes without a hint, or
    /// with a wrong one.
    ///
    /// A token that is not active gives [`Introspection::Inactive`], whatever the reason; the
    /// [audit sink](crate::AuditSink) has it. Asking is not using: the expiry of a session does not slide. Of refresh
    /// tokens only the current one of a family is active, not one that is in its grace. Tokens that
    /// [`store`](Self::store) keeps stand for nothing and are inactive here.
    ///
    /// One round trip to one node; none for a text that was not issued here.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store) if the store cannot answer; answer 503, not inactive.
    /// [`Error::Record`](crate::Error::Record) if the record is not what this key ring sealed, or the claims are no
    /// `C`. [`Error::Empty`](crate::Error::Empty) and [`Error::TooLong`](crate::Error::TooLong) for the name of the
    /// type.
    pub async fn introspect<C: Decode>(&self, token_type: &str, token: &str) -> Result<Introspection<C>> {
        let Some(presented) = self.presented(token_type, token)? else { return Ok(Introspection::Inactive) };
        let read = self.check_at_once(&presented).await;
        let (now, active) = match self.faults(token_type, read)? {
            (now, Ok(active)) => (now, active),
            (_, Err(reason)) => {
                self.audit_presented(What::Refused(reason), token_type, &presented);
                return Ok(Introspection::Inactive);
            }
        };
        let session = self.faults(token_type, active.record.session(presented.handle()))?;
        self.audit_presented(What::Verified, token_type, &presented);
        let ends = active.left.map_or(active.record.ends, |left| now.after(left).min(active.record.ends));
        let Session { subject, claims, scopes, .. } = session;
        Ok(Introspection::Active(ActiveToken {
            scope: (!scopes.is_empty()).then(|| scopes.join(" ")),
            token_type: (!presented.is_refresh()).then_some("Bearer"),
            exp: seconds(ends),
            iat: seconds(active.record.issued),
            sub: subject,
            jti: presented.own_handle().to_string(),
            claims,
        }))
    }
}

const fn seconds(time: StoreTime) -> u64 {
    time.as_millis() / 1_000
}

//! Ending tokens that were issued, alone or many at once.

use roomkey_core::{Batch, Key, Op, Store};

use super::Tokens;
use crate::audit::{Scope, What};
use crate::error::broken;
use crate::handle::SubjectTag;
use crate::presented::{Presented, Role};
use crate::programs::EndProgram;
use crate::record::check_subject;
use crate::{Handle, Result};

/// How many partitions one batch of a revocation covers.
const PARTITIONS: usize = 512;

impl<S: Store> Tokens<S> {
    /// Ends everything that was issued to a subject, of all types and at once: tokens, families of refresh tokens,
    /// codes. One small write, however many there are, that works on a full store. Tokens that
    /// [`store`](Self::store) keeps belong to no subject.
    ///
    /// Of what is issued at the same time, all that was issued before this returns is ended.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store): it may not be done, try again. [`Error::Empty`](crate::Error::Empty) and
    /// [`Error::TooLong`](crate::Error::TooLong).
    pub async fn revoke_subject(&self, subject: &str) -> Result<()> {
        check_subject(subject)?;
        let subject = self.keys.subject_tag(subject);
        let done = self.vault.run(Op::delete(&self.keys.subject(subject))).await;
        self.faults("", done.map_err(Into::into))?;
        self.audit(What::Revoked(Scope::Subject), "", Some(subject), None);
        Ok(())
    }

    /// Ends all tokens of a type that were issued, of all subjects.
    ///
    /// It removes one small field in each of 4 096 partitions, in 8 round trips a node, and takes effect partition by
    /// partition. For a type of refresh tokens it ends their access tokens, too. Tokens that [`store`](Self::store)
    /// keeps are not touched.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store): it may be done in some partitions and not in others, so try again;
    /// doing it twice does no harm. [`Error::Empty`](crate::Error::Empty) and
    /// [`Error::TooLong`](crate::Error::TooLong).
    pub async fn revoke_type(&self, token_type: &str) -> Result<()> {
        let done = self.remove_generations(token_type).await;
        self.faults(token_type, done)?;
        self.audit(What::Revoked(Scope::Type), token_type, None, None);
        Ok(())
    }

    async fn remove_generations(&self, token_type: &str) -> Result<()> {
        let tag = self.keys.type_tag(token_type)?.bytes();
        let all: Vec<_> = self.keys.all_types().collect();
        for types in all.chunks(PARTITIONS) {
            let batch = Batch::new(types.iter().map(|types| Op::map_remove(types, tag.clone())))?;
            for reply in self.vault.store().run(batch).await? {
                reply?;
            }
        }
        Ok(())
    }

    /// Ends one session of a subject, as a list of sessions shows them; of a type of refresh tokens, the whole family.
    /// Returns whether there was one.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store): it may still be valid, try again. [`Error::Empty`](crate::Error::Empty)
    /// and [`Error::TooLong`](crate::Error::TooLong).
    pub async fn revoke_session(&self, token_type: &str, subject: &str, session: &Handle) -> Result<bool> {
        check_subject(subject)?;
        let subject = self.keys.subject_tag(subject);
        if self.keys.type_tag(token_type)? != session.token_type() {
            return Ok(false);
        }
        // A handle does not say which of the two holds it, and the policy of the type may have changed since.
        let [family, successors] = self.keys.of_family(subject, *session);
        let keys = [self.keys.record(subject, *session), family, successors];
        let scope = if self.policy(token_type).rotation.is_some() { Scope::Family } else { Scope::One };
        self.end(token_type, subject, scope, *session, &keys, *session).await
    }

    /// Ends the family that a token belongs to: of an access token, too, where [`revoke`](Self::revoke) ends that token
    /// alone. A token of no family is ended by itself. Any token of the family will do that was issued here, however
    /// long ago it was exchanged or ended. Returns whether there was something to end; for a text that was not issued
    /// here, that is `false`.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store): it may still be valid, try again. [`Error::Empty`](crate::Error::Empty)
    /// and [`Error::TooLong`](crate::Error::TooLong) for the name of the type.
    pub async fn revoke_family(&self, token_type: &str, token: &str) -> Result<bool> {
        let Some(presented) = self.keys.read(token_type, token)? else { return Ok(false) };
        match presented.role {
            Role::Alone | Role::Refresh(_) => self.revoke_issued(token_type, &presented).await,
            Role::Access(family) => {
                let refresh_type = self.refresh_type(family)?.unwrap_or(token_type);
                self.end_family(refresh_type, presented.subject, family).await
            }
        }
    }

    /// The type of a family's refresh tokens, if it has a policy.
    fn refresh_type(&self, family: Handle) -> Result<Option<&str>> {
        for (token_type, policy) in &self.options().policies {
            if policy.rotation.is_some() && self.keys.type_tag(token_type)? == family.token_type() {
                return Ok(Some(token_type));
            }
        }
        Ok(None)
    }

    /// Ends a token that was issued here: an access token or session alone, a refresh token with its family.
    pub(super) async fn revoke_issued(&self, token_type: &str, presented: &Presented) -> Result<bool> {
        let &Presented { subject, role, .. } = presented;
        if let Role::Refresh(family) = role {
            return self.end_family(token_type, subject, family).await;
        }
        let own = presented.own_handle();
        let keys = [self.keys.record(subject, own)];
        self.end(token_type, subject, Scope::One, presented.handle(), &keys, own).await
    }

    async fn end_family(&self, refresh_type: &str, subject: SubjectTag, family: Handle) -> Result<bool> {
        let keys = self.keys.of_family(subject, family);
        self.end(refresh_type, subject, Scope::Family, family, &keys, family).await
    }

    /// Ends a session and tells the audit sink, if there was one.
    async fn end(
        &self,
        token_type: &str,
        subject: SubjectTag,
        scope: Scope,
        session: Handle,
        keys: &[Key],
        indexed: Handle,
    ) -> Result<bool> {
        let removed = self.remove(token_type, subject, keys, indexed).await;
        let existed = self.faults(token_type, removed)?;
        if existed {
            self.audit(What::Revoked(scope), token_type, Some(subject), Some(session));
        }
        Ok(existed)
    }

    /// Removes the keys of a session, and what the indexes know of it under `indexed`.
    pub(super) async fn remove(
        &self,
        token_type: &str,
        subject: SubjectTag,
        keys: &[Key],
        indexed: Handle,
    ) -> Result<bool> {
        let entry = self.tracked(token_type, subject, indexed)?;
        let program = EndProgram::new(keys, &self.keys.subject(subject), indexed.bytes(), entry.as_ref())?;
        let outcome = self.vault.store().transact(&program.txn).await?;
        program.existed(&outcome).ok_or_else(|| broken("another reply than whether a key existed"))
    }
}

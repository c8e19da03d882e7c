//! Ending everything of a subject but the session at hand.

use bytes::Bytes;
use roomkey_core::{Op, Reply, Store, StoreTime};

use super::Tokens;
use super::issue::fresh;
use super::verify::{Active, Reading};
use crate::audit::{Reason, Scope, What};
use crate::error::broken;
use crate::family::SEALED;
use crate::keys::{FAMILY_RECORD, TOKEN_RECORD};
use crate::presented::{Presented, Role};
use crate::programs::{Others, OthersProgram, RecordOf, Remains};
use crate::{Error, Result};

/// How often ending the others is tried while they change.
const TRIES: usize = 64;

impl<S: Store> Tokens<S> {
    /// Ends everything of a subject but the session of this token, at once: for a password that was changed, or a
    /// button that says "log out everywhere else" (OWASP ASVS 5.0, 7.4.3). Returns `false`, and ends nothing, if the
    /// token is not active itself.
    ///
    /// One small write, however many sessions there are, that works on a full store. What was issued before it returns
    /// is ended; lifetimes do not change. Of a family the token that is given goes on, and the refresh token: other
    /// access tokens of the family end, too, and the next refresh brings a new one.
    ///
    /// It takes two round trips to one node; more if the session is used or the subject changes at the same time.
    ///
    /// # Errors
    /// [`Error::Store`]: it may not be done, try again. [`Error::Record`] as for [`verify`](Self::verify);
    /// [`Error::Seal`], [`Error::Empty`] and [`Error::TooLong`] for the name of the type.
    pub async fn revoke_others(&self, token_type: &str, current: &str) -> Result<bool> {
        let Some(presented) = self.presented(token_type, current)? else { return Ok(false) };
        let ended = self.end_others(&presented).await;
        let (what, ended) = match self.faults(token_type, ended)? {
            Ok(()) => (What::Revoked(Scope::Others), true),
            Err(reason) => (What::Refused(reason), false),
        };
        self.audit_presented(what, token_type, &presented);
        Ok(ended)
    }

    async fn end_others(&self, presented: &Presented) -> Result<Result<(), Reason>> {
        let subject = self.keys.subject(presented.subject);
        for _ in 0..TRIES {
            let next = fresh()?;
            let (now, checked) = self.check_with_family(presented).await?;
            let (active, family) = match checked {
                Ok(active) => active,
                Err(reason) => return Ok(Err(reason)),
            };
            let mut remains = Vec::with_capacity(2);
            let mut ends = active.record.ends;
            if let Some(sealed) = family {
                // The family rests on its subject and on the type of its refresh tokens.
                let [seen, .., of_type] = &active.generations[..] else { continue };
                let key = self.keys.family(presented.subject, presented.handle());
                let rests_on = [seen.clone(), of_type.clone()];
                let record = match self.opened(FAMILY_RECORD, &key, &sealed, &rests_on, Some(now))? {
                    Ok(record) => record,
                    Err(reason) => return Ok(Err(reason)),
                };
                ends = record.ends;
                let print = self.keys.print([next.as_ref(), of_type.as_ref()]);
                let resealed = self.keys.seal(FAMILY_RECORD, &key, print, &record.draft())?;
                remains.push(Remains { key, of: RecordOf::Family { current: None }, seen: sealed, resealed });
            }
            remains.push(self.remaining(presented, &active, &next)?);
            let seen = active.generations[0].clone();
            let handle = presented.handle().bytes();
            let program =
                OthersProgram::new(Others { subject: &subject, seen, next, handle, ends, remains })?;
            if program.ended(&self.vault.store().transact(&program.txn).await?) {
                return Ok(Ok(()));
            }
        }
        Err(Error::Store(roomkey_core::Error::Contended))
    }

    /// The record of a token, or that of the family of a refresh token, under the next generation.
    fn remaining(&self, presented: &Presented, active: &Active, next: &Bytes) -> Result<Remains> {
        let Active { record, sealed, key, generations, .. } = active;
        let (kind, of) = if presented.is_refresh() {
            (FAMILY_RECORD, RecordOf::Family { current: Some(presented.id_bytes()) })
        } else {
            (TOKEN_RECORD, RecordOf::Token)
        };
        let print =
            self.keys.print(std::iter::once(next.as_ref()).chain(generations[1..].iter().map(AsRef::as_ref)));
        let resealed = self.keys.seal(kind, key, print, &record.draft())?;
        Ok(Remains { key: key.clone(), of, seen: sealed.clone(), resealed })
    }

    /// Checks a token; of an access token of a family, reads the sealed record of the family as well, at the same
    /// moment.
    pub(super) async fn check_with_family(
        &self,
        presented: &Presented,
    ) -> Result<(StoreTime, Result<(Active, Option<Bytes>), Reason>)> {
        let reading = Reading::new(self, presented, false);
        let mut ops = reading.ops();
        let family = match presented.role {
            Role::Access(family) => Some(self.keys.family(presented.subject, family)),
            Role::Alone | Role::Refresh(_) => None,
        };
        ops.extend(family.as_ref().map(|family| Op::map_get(family, SEALED)));
        let (now, mut replies) = self.at_once(ops).await?;
        let sealed = match family.and_then(|_| replies.pop()) {
            None => None,
            Some(Reply::Optionals(mut fields)) => match fields.pop().flatten() {
                None => return Ok((now, Err(Reason::FamilyEnded))),
                sealed => sealed,
            },
            Some(_) => return Err(broken("another reply than the record of a family")),
        };
        let verdict = reading.compare(self, presented, replies, Some(now))?;
        Ok((now, verdict.map(|active| (active, sealed))))
    }
}

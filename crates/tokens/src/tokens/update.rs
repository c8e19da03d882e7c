//! Changing what a session stands for.

use bytes::Bytes;
use roomkey_core::{Key, Store};
use roomkey_vault::{Encode, Payload};

use super::Tokens;
use super::verify::Active;
use crate::audit::{Reason, What};
use crate::keys::{FAMILY_RECORD, TOKEN_RECORD};
use crate::presented::Presented;
use crate::programs::{RecordOf, Remains, UpdateProgram};
use crate::record::{Draft, Record};
use crate::{Error, Result};

/// How often an update is tried while others change the same session.
const TRIES: usize = 16;

impl<S: Store> Tokens<S> {
    /// Replaces the claims of an active token: from the next [`verify`](Self::verify) on they are the new ones. Nothing
    /// else changes: neither its text nor when it ends. Returns whether the token was active.
    ///
    /// It never brings a token back: of an update and a revocation at the same time, the revocation holds. Of two
    /// updates the last holds; an update does not merge.
    ///
    /// Of a token that belongs to a family, be it the access or the refresh token, the claims of the family change, so
    /// what later refreshes bring has the new ones. Other access tokens of the family keep theirs until they end.
    ///
    /// It takes two round trips to one node, more if others change the same session at the same time; none for a text
    /// that was not issued here.
    ///
    /// # Errors
    /// [`Error::Claims`] for claims that cannot be sealed; [`Error::Store`], after which the claims may have changed;
    /// [`Error::Record`] if the record is not what this key ring sealed; [`Error::Seal`]; [`Error::Empty`] and
    /// [`Error::TooLong`] for the name of the type.
    pub async fn update<C: Encode>(&self, token_type: &str, token: &str, claims: C) -> Result<bool> {
        let Some(presented) = self.presented(token_type, token)? else { return Ok(false) };
        let claims = self.vault.encode(&claims).map_err(Error::Claims)?;
        let updated = self.replace_claims(&presented, &claims).await;
        let refused = self.faults(token_type, updated)?.err();
        let what = refused.map_or(What::Updated, What::Refused);
        self.audit_presented(what, token_type, &presented);
        Ok(refused.is_none())
    }

    async fn replace_claims(&self, presented: &Presented, claims: &Payload) -> Result<Result<(), Reason>> {
        for _ in 0..TRIES {
            let (now, checked) = self.check_with_family(presented).await?;
            let (active, of_family) = match checked {
                Ok(read) => read,
                Err(reason) => return Ok(Err(reason)),
            };
            let Active { record, sealed, key, generations, .. } = active;
            let (kind, of) = if presented.is_refresh() {
                (FAMILY_RECORD, RecordOf::Family { current: Some(presented.id_bytes()) })
            } else {
                (TOKEN_RECORD, RecordOf::Token)
            };
            let mut records = vec![self.with_claims(kind, key, of, sealed, &record, claims)?];
            if let Some(sealed) = of_family {
                let key = self.keys.family(presented.subject, presented.handle());
                // It does not rest on the type of the access token.
                let of_family = [generations[0].clone(), generations[2].clone()];
                match self.opened(FAMILY_RECORD, &key, &sealed, &of_family, Some(now))? {
                    Ok(record) => {
                        let of = RecordOf::Family { current: None };
                        records.push(self.with_claims(FAMILY_RECORD, key, of, sealed, &record, claims)?);
                    }
                    Err(reason) => return Ok(Err(reason)),
                }
            }
            let program = UpdateProgram::new(records)?;
            if program.updated(&self.vault.store().transact(&program.txn).await?) {
                return Ok(Ok(()));
            }
        }
        Err(Error::Store(roomkey_core::Error::Contended))
    }

    /// A record with other claims, under the generations that it has.
    fn with_claims(
        &self,
        kind: u8,
        key: Key,
        of: RecordOf,
        seen: Bytes,
        record: &Record,
        claims: &Payload,
    ) -> Result<Remains> {
        let draft = Draft { claims, ..record.draft() };
        let resealed = self.keys.seal(kind, &key, record.print, &draft)?;
        Ok(Remains { key, of, seen, resealed })
    }
}

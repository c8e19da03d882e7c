//! Beginning families of refresh tokens, and making what belongs to them.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Store, StoreTime, Until};
use roomkey_vault::Encode;

use super::Tokens;
use super::issue::{Beginning, lifetime};
use crate::family::{CURRENT, FamilyPlace, SEALED};
use crate::generations::Print;
use crate::handle::{Handle, SubjectTag, TypeTag};
use crate::keys::{FAMILY_RECORD, TOKEN_RECORD};
use crate::policy::{Grace, Policy};
use crate::presented::{Presented, Role};
use crate::programs::{Write, Written};
use crate::record::{Claims, Draft};
use crate::session::{Grant, Issue, Issued};
use crate::text::TokenText;
use crate::{Error, Result, random};

impl<S: Store> Tokens<S> {
    /// Begins a family: a refresh token, and an access token where the policy of the type names a type for those.
    ///
    /// All tokens of a family are one session: they share a handle, count once to a limit, and end together. Claims,
    /// device and scopes are those of the whole family. An access token lives by the policy of its own type, and
    /// never longer than its family, which ends if it is not [refreshed](Self::refresh) in time.
    ///
    /// It takes as many round trips as [`issue`](Self::issue).
    ///
    /// # Errors
    /// [`Error::WrongType`] for a type whose policy has no [`rotation`](Policy::rotation), else as
    /// [`issue`](Self::issue).
    pub async fn grant<C: Encode>(&self, refresh_type: &str, issue: Issue<C>) -> Result<Grant> {
        let family_type = self.family_type(refresh_type)?;
        let lifetime = lifetime(family_type.policy, issue.lifetime)?;
        let claims = Claims::new(&self.vault, issue)?;
        let granted = self.begin_family(&family_type, &claims, lifetime).await;
        self.faults(refresh_type, granted)
    }

    async fn begin_family(
        &self,
        family_type: &FamilyType<'_>,
        claims: &Claims,
        lifetime: Duration,
    ) -> Result<Grant> {
        let &FamilyType { name: token_type, policy, tag, ref access, .. } = family_type;
        let subject = self.keys.subject_tag(&claims.subject);
        let handle = Handle::new(tag, random::bytes()?);
        let place = FamilyPlace::new(&self.keys, subject, handle);
        let (token, first) = self.member(token_type, policy, subject, Role::Refresh(handle))?;
        let access = access.as_ref().map(|access| self.access_token(access, subject, handle)).transpose()?;
        let first_life = policy.first_life().min(lifetime);
        let types = family_type.types();
        let beginning = Beginning { token_type, policy, subject, handle, types: &types };
        self.begin(&beginning, |under| {
            let draft = claims.draft(under.now, lifetime);
            let until = Until::InCapped(first_life, draft.ends);
            let print = under.print(&self.keys, &[0]);
            let fields = vec![
                (Bytes::from_static(CURRENT.as_bytes()), first.id_bytes()),
                (
                    Bytes::from_static(SEALED.as_bytes()),
                    self.keys.seal(FAMILY_RECORD, &place.family, print, &draft)?,
                ),
            ];
            let mut writes = vec![Write { key: place.family.clone(), what: Written::Family(fields), until }];
            if let Some(access) = &access {
                let print = under.print(&self.keys, &[1, 0]);
                writes.push(self.access_write(access, draft, under.now, print)?.0);
            }
            Ok(writes)
        })
        .await?;
        let refresh = Issued { token, handle, expires_in: first_life };
        let access = access.map(|AccessToken { of, token, .. }| Issued {
            token,
            handle,
            expires_in: of.first_life.min(lifetime),
        });
        Ok(Grant { refresh, access })
    }

    /// What the policies say of a type of refresh tokens.
    pub(super) fn family_type<'a>(&'a self, refresh_type: &'a str) -> Result<FamilyType<'a>> {
        let tag = self.keys.type_tag(refresh_type)?;
        let policy = self.policy(refresh_type);
        let Some(rotation) = &policy.rotation else {
            let what =
                "its policy says nothing of refreshing: use `issue` and `verify`, or set `Policy::rotation`";
            return Err(Error::WrongType { token_type: refresh_type.to_owned(), what });
        };
        let access = rotation.access_type.as_deref().map(|name| {
            let access = self.policy(name);
            // It ends with its family, so it is told to live no longer.
            let first_life = access.first_life().min(policy.first_life());
            Ok::<_, Error>(AccessType { name, policy: access, tag: self.keys.type_tag(name)?, first_life })
        });
        let access = access.transpose()?;
        Ok(FamilyType { name: refresh_type, policy, grace: rotation.grace, tag, access })
    }

    /// A new token of a family.
    pub(super) fn member(
        &self,
        token_type: &str,
        policy: &Policy,
        subject: SubjectTag,
        role: Role,
    ) -> Result<(TokenText, Presented)> {
        self.keys.write(token_type, &policy.prefix, subject, role, random::secret()?)
    }

    /// A new access token of a family.
    pub(super) fn access_token<'a>(
        &self,
        of: &'a AccessType<'a>,
        subject: SubjectTag,
        family: Handle,
    ) -> Result<AccessToken<'a>> {
        let (token, presented) = self.member(of.name, of.policy, subject, Role::Access(family))?;
        Ok(AccessToken { of, token, presented })
    }

    /// What is written for an access token, and when it ends if it is not used. `session` is what its family stands
    /// for.
    pub(super) fn access_write(
        &self,
        access: &AccessToken<'_>,
        session: Draft<'_>,
        now: StoreTime,
        print: Print,
    ) -> Result<(Write, StoreTime)> {
        let AccessToken { of, presented, .. } = access;
        let ends = session.ends.min(now.after(of.policy.lifetime));
        let key = self.keys.record(presented.subject, presented.own_handle());
        let sealed = self.keys.seal(TOKEN_RECORD, &key, print, &Draft { ends, ..session })?;
        let until = Until::InCapped(of.first_life, ends);
        Ok((Write { key, what: Written::Record(sealed), until }, until.resolve(now)))
    }
}

/// A type of refresh tokens.
pub(super) struct FamilyType<'a> {
    pub(super) name: &'a str,
    pub(super) policy: &'a Policy,
    pub(super) grace: Grace,
    pub(super) tag: TypeTag,
    pub(super) access: Option<AccessType<'a>>,
}

impl FamilyType<'_> {
    /// The types on whose generations the tokens of a family rest.
    pub(super) fn types(&self) -> Vec<TypeTag> {
        std::iter::once(self.tag).chain(self.access.as_ref().map(|access| access.tag)).collect()
    }
}

/// The type of the access tokens of a family.
pub(super) struct AccessType<'a> {
    pub(super) name: &'a str,
    pub(super) policy: &'a Policy,
    pub(super) tag: TypeTag,
    /// How long one lives if it is not used.
    pub(super) first_life: Duration,
}

/// An access token that was made.
pub(super) struct AccessToken<'a> {
    pub(super) of: &'a AccessType<'a>,
    pub(super) token: TokenText,
    pub(super) presented: Presented,
}

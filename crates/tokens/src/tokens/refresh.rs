//! Exchanging refresh tokens, and noticing copies.

use bytes::Bytes;
use roomkey_core::{Store, Until};
use roomkey_vault::Decode;

use super::Tokens;
use super::grant::FamilyType;
use super::issue::type_generation;
use crate::audit::{Reason, What};
use crate::error::broken;
use crate::family::{FamilyPlace, Successor, Successors};
use crate::handle::Handle;
use crate::keys::FAMILY_RECORD;
use crate::policy::Grace;
use crate::presented::{Presented, Role};
use crate::programs::{Generation, Kept, KeptProgram, Rotate, RotateProgram};
use crate::record::Record;
use crate::session::Refresh;
use crate::{Error, Result};

/// How often an exchange is tried while what it rests on changes and the token stays good, as when the generation of
/// its access tokens does.
const TRIES: usize = 16;

impl<S: Store> Tokens<S> {
    /// Exchanges a refresh token for the next, and for an access token where the policy names a type for those.
    ///
    /// A token is exchanged once. Presented again within its [grace](crate::Rotation::grace) it gives the very same
    /// tokens, so that a response that was lost, or two requests at once, end no session: [`Refresh::Replayed`]. Only
    /// the token that was exchanged last has grace. Presented later, or once its successor was exchanged, it proves
    /// that someone has a copy of it: the whole family ends, [`Refresh::Reuse`]. A text that was not issued here ends
    /// nothing.
    ///
    /// What a token was exchanged for is kept sealed under a key that takes the token itself: whoever has the store and
    /// the key ring, but not the token, cannot open it.
    ///
    /// Access tokens that came with earlier refresh tokens stay active to their own end, or to that of the family.
    /// Idle time begins anew with each refresh, the lifetime does not.
    ///
    /// It takes two round trips to one node; none at all for a text that was not issued here. Where the reply to the
    /// second is lost, the store repeats it and finds its own successors.
    ///
    /// ```
    /// # use roomkey_memory::MemoryStore;
    /// # use roomkey_tokens::{Issue, Policy, Refresh, Tokens, TokensOptions};
    /// # use roomkey_vault::{Keyring, Vault};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let vault = Vault::open(MemoryStore::new(), Keyring::generate()?).await?;
    /// let options = TokensOptions::new().policy("refresh", Policy::refresh().access_type("access"));
    /// let tokens = Tokens::with_options(vault, options)?;
    /// let login = tokens.grant("refresh", Issue::new("alice", 42_u64)).await?;
    /// match tokens.refresh::<u64>("refresh", login.refresh.token.reveal()).await? {
    ///     Refresh::Rotated { grant, session } | Refresh::Replayed { grant, session } => {
    ///         assert_eq!((session.subject.as_str(), session.claims), ("alice", 42));
    ///         assert_eq!(grant.refresh.handle, login.refresh.handle);
    ///     }
    ///     // Both tell the client the same: to sign in again.
    ///     _ => unreachable!("the token has just been made"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Store`]: the token may have been exchanged; the same call again, within the grace, gives the
    /// successors. [`Error::Record`] if what is kept of the family is not what this key ring sealed, or the claims are
    /// no `C`; the token is not exchanged then. [`Error::WrongType`] for a type whose policy has no
    /// [`rotation`](crate::Policy::rotation); [`Error::Seal`], [`Error::Empty`] and [`Error::TooLong`] for the name of
    /// the type.
    pub async fn refresh<C: Decode>(&self, refresh_type: &str, token: &str) -> Result<Refresh<C>> {
        let family_type = self.family_type(refresh_type)?;
        let Some(presented) = self.presented(refresh_type, token)? else { return Ok(Refresh::Inactive) };
        let exchanged = match presented.role {
            Role::Refresh(handle) => {
                let place = FamilyPlace::new(&self.keys, presented.subject, handle);
                let exchange =
                    Exchange { family_type: &family_type, presented: &presented, handle, place: &place };
                self.exchange(&exchange).await
            }
            // It was issued before the type became one of refresh tokens.
            Role::Alone | Role::Access(_) => Ok((What::Refused(Reason::Missing), Refresh::Inactive)),
        };
        let (what, refresh) = self.faults(refresh_type, exchanged)?;
        self.audit_presented(what, refresh_type, &presented);
        Ok(refresh)
    }

    async fn exchange<C: Decode>(&self, exchange: &Exchange<'_>) -> Result<(What, Refresh<C>)> {
        let &Exchange { family_type, presented, handle, place } = exchange;
        let unheard = || broken("no reply to a read of a family");
        let read = KeptProgram::new(place, &family_type.types())?;
        let mut kept = read.kept(self.vault.store().transact(&read.txn).await?).ok_or_else(unheard)?;
        // What this call drew to exchange it for: the id of the next token, and the tokens.
        let mut drawn: Option<(Bytes, Successors)> = None;
        for _ in 0..TRIES {
            let now = kept.now;
            self.shared.clock.told(now);
            let current = match self.judge(exchange, &kept)? {
                Verdict::Current(current) => current,
                Verdict::Exchanged { by, record, successors } => {
                    // Nobody else can have drawn that id: a first attempt of this call had its reply lost. Its grace may
                    // have passed since.
                    let own = drawn.filter(|(next, _)| *next == by).map(|(_, successors)| successors);
                    let (rotated, Some(successors)) = (own.is_some(), own.or(successors)) else {
                        // Whatever changes meanwhile, it stays true that this token was exchanged before.
                        let keys = self.keys.of_family(presented.subject, handle);
                        self.remove(family_type.name, presented.subject, &keys, handle).await?;
                        return Ok((What::ReuseDetected, Refresh::Reuse));
                    };
                    let session = record.session(handle)?;
                    let grant = successors.grant(handle, now);
                    return Ok(if rotated {
                        (What::Refreshed, Refresh::Rotated { grant, session })
                    } else {
                        (What::Replayed, Refresh::Replayed { grant, session })
                    });
                }
                Verdict::Inactive(reason) => return Ok((What::Refused(reason), Refresh::Inactive)),
            };
            // Before anything is written: claims of another type are the caller's mistake.
            let session = current.record.session(handle)?;
            let (rotate, successors) = self.rotation(exchange, &current, &kept)?;
            let next = rotate.next.clone();
            let program = RotateProgram::new(rotate)?;
            let outcome = self.vault.store().transact(&program.txn).await?;
            if program.rotated(&outcome) {
                let grant = successors.grant(handle, now);
                return Ok((What::Refreshed, Refresh::Rotated { grant, session }));
            }
            drawn = Some((next, successors));
            kept = program.kept(outcome).ok_or_else(unheard)?;
        }
        Err(Error::Store(roomkey_core::Error::Contended))
    }

    /// What a refresh token is worth, from what was kept at one moment. Whether it is revoked comes first: what is
    /// revoked gives nothing, neither within its grace nor as a proof of a copy.
    fn judge(&self, exchange: &Exchange<'_>, kept: &Kept) -> Result<Verdict> {
        let &Exchange { presented, place, .. } = exchange;
        let (Some(current), Some(sealed)) = (&kept.current, &kept.sealed) else {
            return Ok(Verdict::Inactive(Reason::FamilyEnded));
        };
        // Access tokens rest on a type more, which says nothing of the family.
        let of_type = kept.types.get(..1).unwrap_or_default();
        let Some(Ok(generations)) =
            kept.subject.clone().with_types(of_type.iter().cloned()).map(<[Bytes; 2]>::try_from)
        else {
            return Ok(Verdict::Inactive(Reason::Revoked));
        };
        let opened = self.opened(FAMILY_RECORD, &place.family, sealed, &generations, Some(kept.now));
        let record = match opened? {
            Ok(record) => record,
            Err(reason) => return Ok(Verdict::Inactive(reason)),
        };
        let is_presented = |id: &Bytes| id[..] == presented.id.as_bytes()[..];
        if is_presented(current) {
            return Ok(Verdict::Current(Current { record, generations }));
        }
        let successors = match (&kept.previous, &kept.successors) {
            (Some(previous), Some(sealed)) if is_presented(previous) => {
                match known(Successors::open(&self.keys, presented, &place.successors, sealed))? {
                    None => return Ok(Verdict::Inactive(Reason::UnknownKey)),
                    successors => successors,
                }
            }
            _ => None,
        };
        Ok(Verdict::Exchanged { by: current.clone(), record, successors })
    }

    /// What exchanges the current token of a family, and what for.
    fn rotation<'a>(
        &self,
        exchange: &Exchange<'a>,
        current: &Current,
        kept: &Kept,
    ) -> Result<(Rotate<'a>, Successors)> {
        let &Exchange { family_type, presented, handle, place } = exchange;
        let &FamilyType { name, policy, grace, tag, ref access } = family_type;
        let Current { record, generations: [generation, of_type] } = current;
        let (subject, now) = (presented.subject, kept.now);
        let until = Until::InCapped(policy.first_life(), record.ends);
        let (token, next) = self.member(name, policy, subject, Role::Refresh(handle))?;
        let refresh = Successor { token, ends: until.resolve(now) };
        let mut type_generations = vec![(tag.bytes(), Generation::Seen(of_type.clone()))];
        let mut successors = Successors { refresh, access: None };
        let mut access_write = None;
        if let Some(access) = access {
            let of_access = type_generation(kept.types.get(1).cloned().flatten())?;
            let print = self.keys.print([generation.as_ref(), of_access.bytes().as_ref(), of_type.as_ref()]);
            type_generations.push((access.tag.bytes(), of_access));
            let made = self.access_token(access, subject, handle)?;
            let (write, ends) = self.access_write(&made, record.draft(), now, print)?;
            successors.access = Some(Successor { token: made.token, ends });
            access_write = Some(write);
        }
        let is_current = kept.sealed.as_ref().is_some_and(|sealed| self.keys.is_current(sealed));
        let reseal = || self.keys.seal(FAMILY_RECORD, &place.family, record.print, &record.draft());
        let (Grace::Window(grace) | Grace::UntilConfirmed(grace)) = grace;
        let rotate = Rotate {
            place,
            types: family_type.types(),
            handle: handle.bytes(),
            presented: presented.id_bytes(),
            next: next.id_bytes(),
            generation: generation.clone(),
            type_generations,
            successors: successors.seal(&self.keys, presented, &place.successors)?,
            // Without their family they are worth nothing.
            grace: Until::InCapped(grace.min(policy.first_life()), record.ends),
            sealed: kept.sealed.clone().unwrap_or_default(),
            resealed: if is_current { None } else { Some(reseal()?) },
            until,
            access: access_write,
            entry: self.tracked(name, subject, handle)?,
        };
        Ok((rotate, successors))
    }
}

/// A refresh token that was presented, and where its family is kept.
struct Exchange<'a> {
    family_type: &'a FamilyType<'a>,
    presented: &'a Presented,
    handle: Handle,
    place: &'a FamilyPlace,
}

/// What a refresh token is worth.
enum Verdict {
    /// It may be exchanged.
    Current(Current),
    /// It was exchanged before. `successors` are what for, if it was exchanged last and is within its grace.
    Exchanged {
        /// The id of the token that is current instead.
        by: Bytes,
        record: Record,
        successors: Option<Successors>,
    },
    Inactive(Reason),
}

/// The record of a family whose current token was presented, and the generations that it rests on.
struct Current {
    record: Record,
    /// Of its subject and of its type.
    generations: [Bytes; 2],
}

/// What was opened; `None` if the ring lacks the key.
fn known<T>(opened: Result<T>) -> Result<Option<T>> {
    match opened {
        Err(Error::Record(roomkey_vault::Error::UnknownKey(_))) => Ok(None),
        opened => opened.map(Some),
    }
}

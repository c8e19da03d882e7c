//! Issuing tokens.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Bound, Key, Store, StoreTime, Until};
use roomkey_vault::Encode;

use super::Tokens;
use crate::audit::What;
use crate::error::broken;
use crate::generations::{self, Print};
use crate::handle::{Handle, SubjectTag, TypeTag};
use crate::keys::{Entry, Keys, TOKEN_RECORD};
use crate::policy::{Policy, WhenFull};
use crate::presented::Role;
use crate::programs::{Begin, BeginProgram, Generation, Held, HeldProgram, Write, Written};
use crate::random;
use crate::record::Claims;
use crate::session::{Issue, Issued};
use crate::tickets::{Ticket, Tickets};
use crate::{Error, Result};

/// How often beginning a session is tried while others change the same subject. Of all that try at once one succeeds each
/// time, and nothing says which: the last may have to let all others pass, those too that begin meanwhile.
pub(super) const TRIES: usize = 1_024;

/// How many sessions one transaction ends beside beginning another; it names their keys, of which it may name 64. More
/// are over the limit only after that was lowered, and are ended before.
const ENDED_AT_ONCE: usize = 20;

/// A ticket, and the sessions that leave the index with what holds them.
type Seat = (Option<Ticket>, Vec<(Bytes, Vec<Key>)>);

impl<S: Store> Tokens<S> {
    /// Issues a token: makes a random one, and keeps a sealed record of what it stands for.
    ///
    /// The text is `<prefix>_` and 79 letters and digits: 192 random bits, a proof that it was issued here, and a
    /// checksum. What it was issued with comes back at each [`verify`](Self::verify).
    ///
    /// It takes two round trips: one to read the subject's generation and sessions, one to add to them if they are
    /// still the same; more if others change the same subject at the same time.
    ///
    /// # Errors
    /// [`Error::LimitReached`] if the subject has too many sessions and the policy rejects more;
    /// [`Error::Claims`], [`Error::Empty`], [`Error::TooLong`], [`Error::BadScope`] and [`Error::Expiry`] for
    /// arguments that cannot be; [`Error::WrongType`] for a type of refresh tokens, which are begun with [`grant`](Self::grant);
    /// [`Error::Store`], after which the token may be kept for its lifetime though nobody has its text; and
    /// [`Error::Seal`].
    pub async fn issue<C: Encode>(&self, token_type: &str, issue: Issue<C>) -> Result<Issued> {
        let policy = self.plain_policy(token_type, "its tokens are refreshed: begin them with `grant`")?;
        let lifetime = lifetime(policy, issue.lifetime)?;
        let claims = Claims::new(&self.vault, issue)?;
        let result = self.issue_plain(token_type, policy, &claims, lifetime).await;
        self.faults(token_type, result)
    }

    async fn issue_plain(
        &self,
        token_type: &str,
        policy: &Policy,
        claims: &Claims,
        lifetime: Duration,
    ) -> Result<Issued> {
        let subject = self.keys.subject_tag(&claims.subject);
        let (token, presented) =
            self.keys.write(token_type, &policy.prefix, subject, Role::Alone, random::secret()?)?;
        let handle = presented.own_handle();
        let record = self.keys.record(subject, handle);
        let first_life = policy.first_life().min(lifetime);
        let beginning = Beginning { token_type, policy, subject, handle, types: &[presented.token_type] };
        self.begin(&beginning, |under| {
            let draft = claims.draft(under.now, lifetime);
            let until = Until::InCapped(first_life, draft.ends);
            let sealed = self.keys.seal(TOKEN_RECORD, &record, under.print(&self.keys, &[0]), &draft)?;
            Ok(vec![Write { key: record.clone(), what: Written::Record(sealed), until }])
        })
        .await?;
        Ok(Issued { token, handle, expires_in: first_life })
    }

    /// Begins a session with what `writes` seals for the generations that it is told; again if they change meanwhile.
    pub(super) async fn begin(
        &self,
        beginning: &Beginning<'_>,
        writes: impl Fn(&Under) -> Result<Vec<Write>>,
    ) -> Result<()> {
        let &Beginning { token_type, policy, subject, handle, types } = beginning;
        let mut held = self.held(subject, types, policy).await?;
        for _ in 0..TRIES {
            let under = Under::new(&held, types)?;
            let writes = writes(&under)?;
            let Some((ticket, evicted)) = self.seat(beginning, &held, &under).await? else {
                held = self.held(subject, types, policy).await?;
                continue;
            };
            let begin = Begin {
                subject: &self.keys.subject(subject),
                types: &self.keys.types(subject),
                writes,
                handle: Some(handle.bytes()),
                generation: under.generation,
                type_generations: under.types,
                ticket,
                evicted,
                entry: self.tracked(token_type, subject, handle)?,
            };
            let ended = |(handle, keys): &(Bytes, Vec<Key>)| (!keys.is_empty()).then(|| handle.clone());
            let evicted: Vec<Bytes> = begin.evicted.iter().filter_map(ended).collect();
            let program = BeginProgram::new(begin)?;
            let outcome = self.vault.store().transact(&program.txn).await?;
            if !program.begun(&outcome) {
                held = self.whole(program.held(outcome), subject, types).await?;
                continue;
            }
            for handle in evicted {
                let handle = <[u8; Handle::LEN]>::try_from(handle.as_ref()).ok().map(Handle::from);
                self.audit(What::Evicted, token_type, Some(subject), handle);
            }
            self.audit(What::Issued, token_type, Some(subject), Some(handle));
            return Ok(());
        }
        Err(Error::Store(roomkey_core::Error::Contended))
    }

    /// Where the deadline of a session is noted for a cleanup, if deadlines are.
    pub(super) fn tracked(
        &self,
        token_type: &str,
        subject: SubjectTag,
        session: Handle,
    ) -> Result<Option<Entry>> {
        self.options().track.then(|| self.keys.issued_entry(token_type, subject, session)).transpose()
    }

    /// What a subject holds, and what a limit is counted by if there is one.
    pub(super) async fn held(&self, subject: SubjectTag, types: &[TypeTag], policy: &Policy) -> Result<Held> {
        let first = self.read_held(subject, types, policy.limit.map(|_| Bound::Now)).await?;
        self.whole(first, subject, types).await
    }

    /// Reads the sessions that follow a first page. What changes meanwhile does no harm: the tickets of the first page
    /// decide.
    pub(super) async fn whole(
        &self,
        first: Option<Held>,
        subject: SubjectTag,
        types: &[TypeTag],
    ) -> Result<Held> {
        let unheard = || broken("no reply to a read of a subject");
        let mut held = first.ok_or_else(unheard)?;
        self.shared.clock.told(held.now);
        let (mut from, mut next) = (Some(Bound::Now), held.counted.next_page());
        while next.is_some() && next != from {
            from = next;
            let page = self.read_held(subject, types, from).await?.ok_or_else(unheard)?.counted;
            next = page.next_page();
            held.counted.sessions.extend(page.sessions);
        }
        // The end of a page is the beginning of the next, and a session that slides meanwhile is on both.
        let mut seen = HashSet::new();
        held.counted.sessions.retain(|(session, _)| seen.insert(session.clone()));
        Ok(held)
    }

    async fn read_held(
        &self,
        subject: SubjectTag,
        types: &[TypeTag],
        sessions_from: Option<Bound>,
    ) -> Result<Option<Held>> {
        let (key, types_key) = (self.keys.subject(subject), self.keys.types(subject));
        let program = HeldProgram::new(&key, &types_key, types, sessions_from)?;
        Ok(program.held(self.vault.store().transact(&program.txn).await?))
    }

    /// For a type with a limit: the ticket of one more session, and the sessions that leave the index for it, with
    /// what holds those that end now. `None` if sessions were ended and all has to be read again.
    async fn seat(&self, beginning: &Beginning<'_>, held: &Held, under: &Under) -> Result<Option<Seat>> {
        let &Beginning { token_type, policy, subject, handle, .. } = beginning;
        let Some(limit) = policy.limit else { return Ok(Some((None, Vec::new()))) };
        let tag = handle.token_type();
        let session = |(member, _): &(Bytes, i64)| {
            let handle = Handle::from(<[u8; Handle::LEN]>::try_from(member.as_ref()).ok()?);
            (handle.token_type() == tag).then_some(handle)
        };
        let live: Vec<Handle> = held.counted.sessions.iter().filter_map(session).collect();
        let Tickets { ticket, type_revoked } = held.counted.tickets.of_type(tag, under.own_type());
        let ticket = Some(ticket);
        if type_revoked {
            return Ok(Some((ticket, live.iter().map(|handle| (handle.bytes(), Vec::new())).collect())));
        }
        let over = (live.len() + 1).saturating_sub(limit.max as usize);
        if over > 0 && limit.when_full == WhenFull::Reject {
            self.audit(What::LimitReached, token_type, Some(subject), None);
            return Err(Error::LimitReached);
        }
        let (many, ended) = live[..over].split_at(over.saturating_sub(ENDED_AT_ONCE));
        for handle in many {
            let keys = self.session_keys(policy, subject, *handle);
            self.remove(token_type, subject, &keys, *handle).await?;
            self.audit(What::Evicted, token_type, Some(subject), Some(*handle));
        }
        let keys = |handle: &Handle| (handle.bytes(), self.session_keys(policy, subject, *handle));
        Ok(many.is_empty().then(|| (ticket, ended.iter().map(keys).collect())))
    }

    /// What holds a session, the truth first.
    pub(super) fn session_keys(&self, policy: &Policy, subject: SubjectTag, handle: Handle) -> Vec<Key> {
        if policy.rotation.is_some() {
            self.keys.of_family(subject, handle).into()
        } else {
            vec![self.keys.record(subject, handle)]
        }
    }
}

/// The lifetime that was asked for, within that of the policy.
pub(super) fn lifetime(policy: &Policy, asked: Option<Duration>) -> Result<Duration> {
    match asked {
        Some(asked) if asked.is_zero() || asked > roomkey_core::MAX_DURATION => Err(Error::Expiry(asked)),
        Some(asked) => Ok(asked.min(policy.lifetime)),
        None => Ok(policy.lifetime),
    }
}

/// A session that begins.
pub(super) struct Beginning<'a> {
    pub(super) token_type: &'a str,
    pub(super) policy: &'a Policy,
    pub(super) subject: SubjectTag,
    pub(super) handle: Handle,
    /// The types on whose generations its records rest.
    pub(super) types: &'a [TypeTag],
}

/// What the records of a session are sealed under: the time, and generations, some of which may be new.
pub(super) struct Under {
    pub(super) now: StoreTime,
    pub(super) generation: Generation,
    /// By tag, in the order asked for.
    pub(super) types: Vec<(Bytes, Generation)>,
}

impl Under {
    pub(super) fn new(held: &Held, types: &[TypeTag]) -> Result<Self> {
        let generation = match (&held.subject.generation, held.exists) {
            (Some(seen), _) => Generation::Seen(seen.clone()),
            (None, false) => Generation::New(fresh()?),
            (None, true) => Generation::Instead(fresh()?),
        };
        let mut of_types: Vec<(Bytes, Generation)> = Vec::with_capacity(types.len());
        for (tag, found) in types.iter().zip(&held.types) {
            // Two types may share a tag, and then have one generation.
            let known = of_types.iter().find(|(known, _)| known[..] == tag.0).map(|(_, known)| known.clone());
            let generation = match known {
                Some(known) => known,
                None => type_generation(found.clone())?,
            };
            of_types.push((tag.bytes(), generation));
        }
        Ok(Self { now: held.now, generation, types: of_types })
    }

    /// The generation of the type that the session is of.
    fn own_type(&self) -> &[u8] {
        self.types.first().map_or(&[], |(_, generation)| generation.bytes())
    }

    /// The print of a record that rests on the generations of these types, which are places in the list asked for.
    pub(super) fn print(&self, keys: &Keys, types: &[usize]) -> Print {
        let of_types = types.iter().map(|&at| self.types[at].1.bytes().as_ref());
        keys.print(std::iter::once(self.generation.bytes().as_ref()).chain(of_types))
    }
}

/// The generation of a type as it was found, or a new one.
pub(super) fn type_generation(found: Option<Bytes>) -> Result<Generation> {
    match found {
        Some(seen) => Ok(Generation::Seen(seen)),
        None => Ok(Generation::New(fresh()?)),
    }
}

/// A new generation.
pub(super) fn fresh() -> Result<Bytes> {
    Ok(Bytes::copy_from_slice(&random::bytes::<{ generations::LEN }>()?))
}

//! Verifying tokens, and what is read for it.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Batch, Key, Op, Reply, Store, StoreTime, Ttl};
use roomkey_vault::Decode;

use super::Tokens;
use crate::audit::{Reason, What};
use crate::error::broken;
use crate::family::{CURRENT, SEALED};
use crate::generations::{self, Subject, of_types};
use crate::handle::TypeTag;
use crate::keys::{FAMILY_RECORD, TOKEN_RECORD};
use crate::presented::{Presented, Role};
use crate::programs::{MomentProgram, TouchProgram};
use crate::record::Record;
use crate::session::Session;
use crate::{Error, Result};

/// How much earlier than its end a session may be thought to have reached it, unless its policy says that its sliding is
/// written more often.
const NEARLY: Duration = Duration::from_secs(1);

/// How often a token is read while its subject ends all sessions but one.
const TRIES: usize = 16;

/// A token that was found to be active.
pub(super) struct Active {
    pub(super) record: Record,
    /// The record as the store holds it, and where.
    pub(super) sealed: Bytes,
    pub(super) key: Key,
    /// The generations that it rests on, in the order of its print: first that of its subject.
    pub(super) generations: Vec<Bytes>,
    /// How long it lives if it is not used; `None` if that was not asked for.
    pub(super) left: Option<Duration>,
}

impl<S: Store> Tokens<S> {
    /// What a token stands for; `None` if it is not active, for whatever reason: not issued here, mistyped, of another
    /// type, expired, revoked. Its bearer shall not be told which, so the caller is not either; the
    /// [audit sink](crate::AuditSink) is.
    ///
    /// One round trip to one node, four or five plain reads; none at all for a text that was not issued here, and a
    /// second one where a token was revoked with others while its subject goes on. For a type with an idle time a second
    /// follows, at most every [`touch_every`](crate::Policy::touch_every), which lets the expiry slide; it never brings a
    /// token back, and if it fails the answer stands.
    ///
    /// # Errors
    /// [`Error::Store`] if the store cannot answer: treat the token as not valid *now*, but do not tell its bearer
    /// that it was revoked. [`Error::Record`] if the record is not what this key ring sealed, or the claims are no `C`.
    pub async fn verify<C: Decode>(&self, token_type: &str, token: &str) -> Result<Option<Session<C>>> {
        let Some(presented) = self.presented(token_type, token)? else { return Ok(None) };
        let sliding = self.sliding(token_type, &presented);
        let checked = self.check(&presented, sliding.is_some()).await;
        let active = match self.faults(token_type, checked)? {
            Ok(active) => active,
            Err(reason) => {
                self.audit_presented(What::Refused(reason), token_type, &presented);
                return Ok(None);
            }
        };
        let session = self.faults(token_type, active.record.session(presented.handle()))?;
        if let Some((idle, every)) = sliding {
            self.touch(&presented, &active, idle, every).await;
        }
        self.audit_presented(What::Verified, token_type, &presented);
        Ok(Some(session))
    }

    /// What a text says, if it is a token of this type that was issued here; else the audit sink is told.
    pub(super) fn presented(&self, token_type: &str, token: &str) -> Result<Option<Presented>> {
        let presented = self.keys.read(token_type, token)?;
        if presented.is_none() {
            self.audit(What::Refused(Reason::Foreign), token_type, None, None);
        }
        Ok(presented)
    }

    /// The idle time of a type, and how often its sliding is written. Refresh tokens slide when they are refreshed.
    fn sliding(&self, token_type: &str, presented: &Presented) -> Option<(Duration, Duration)> {
        let policy = self.policy(token_type);
        policy.idle.filter(|_| !presented.is_refresh()).map(|idle| (idle, policy.touch_every))
    }

    /// Reads everything that a token rests on, and compares. `ttl` asks for how long it lives if it is not used.
    ///
    /// The token itself is read first and the generations after it. Generations never come back, so if they match,
    /// the token was active when it was read. If they do not, a session that ended the others may have moved to its new
    /// generation between the two reads; so it is read again, until that generation was there before and after it.
    pub(super) async fn check(&self, presented: &Presented, ttl: bool) -> Result<Result<Active, Reason>> {
        let mut before = None;
        for _ in 0..TRIES {
            let reading = Reading::new(self, presented, ttl);
            let replies = self.vault.store().run(Batch::new(reading.ops())?).await?;
            // Into memory of its own: in the place of the larger results it would be given back in part.
            let mut values = Vec::with_capacity(replies.len());
            for reply in replies {
                values.push(reply?);
            }
            let after = reading.generation(&values);
            match reading.compare(self, presented, values, None)? {
                Err(Reason::Revoked) if after.is_some() && after != before => before = after,
                verdict => return Ok(verdict),
            }
        }
        Err(Error::Store(roomkey_core::Error::Contended))
    }

    /// The same at one moment, which it tells, with how long the token lives.
    pub(super) async fn check_at_once(
        &self,
        presented: &Presented,
    ) -> Result<(StoreTime, Result<Active, Reason>)> {
        let reading = Reading::new(self, presented, true);
        let (now, replies) = self.at_once(reading.ops()).await?;
        Ok((now, reading.compare(self, presented, replies, Some(now))?))
    }

    /// What reads reply at one moment, and which moment that is.
    pub(super) async fn at_once(&self, reads: Vec<Op>) -> Result<(StoreTime, Vec<Reply>)> {
        let program = MomentProgram::new(reads)?;
        let outcome = self.vault.store().transact(&program.txn).await?;
        let (now, replies) =
            program.replies(outcome).ok_or_else(|| broken("no reply to a read of a token"))?;
        self.shared.clock.told(now);
        Ok((now, replies))
    }

    /// Opens a record, which counts only if it was issued under these generations, and until its end, if it is known
    /// what time it is: its key has gone by then, unless somebody changed its expiry.
    pub(super) fn opened(
        &self,
        kind: u8,
        key: &Key,
        sealed: &[u8],
        generations: &[Bytes],
        now: Option<StoreTime>,
    ) -> Result<Result<Record, Reason>> {
        match self.keys.open(kind, key, sealed) {
            Err(Error::Record(roomkey_vault::Error::UnknownKey(_))) => Ok(Err(Reason::UnknownKey)),
            Ok(record) if record.print != self.keys.print(generations.iter().map(AsRef::as_ref)) => {
                Ok(Err(Reason::Revoked))
            }
            Ok(record) if now.is_some_and(|now| record.ends < now) => Ok(Err(Reason::Missing)),
            record => record.map(Ok),
        }
    }

    /// Lets the expiry of a token slide, if that is due. It is a convenience: what goes wrong is left for the next
    /// verification, and the answer to this one stands.
    async fn touch(&self, presented: &Presented, active: &Active, idle: Duration, every: Duration) {
        let Active { record, sealed, key, generations, left } = active;
        let Some(left) = *left else { return };
        let clock = &self.shared.clock;
        let ends_first = |now: StoreTime| now.after(left).after(NEARLY.min(every)) >= record.ends;
        if left.saturating_add(every) > idle || clock.now().is_some_and(ends_first) {
            return;
        }
        let resealed = self.resealed(key, record, sealed).map(|resealed| (sealed.clone(), resealed));
        let subject = self.keys.subject(presented.subject);
        // What stands among the sessions of the subject is a family, which a refresh lets slide.
        let session = (presented.role == Role::Alone).then(|| presented.handle().bytes());
        let program =
            TouchProgram::new(key, &subject, generations[0].clone(), session, idle, record.ends, resealed);
        let Ok(program) = program else { return };
        if let Ok(outcome) = self.vault.store().transact(&program.txn).await
            && let Some(now) = outcome.now()
        {
            clock.told(now);
        }
    }

    /// The record under the active key, if it is under another one.
    fn resealed(&self, key: &Key, record: &Record, sealed: &[u8]) -> Option<Bytes> {
        if self.keys.is_current(sealed) {
            return None;
        }
        self.keys.seal(TOKEN_RECORD, key, record.print, &record.draft()).ok()
    }
}

/// What is read to verify a token, in an order that makes it one moment.
pub(super) struct Reading {
    key: Key,
    subject: Key,
    types: Key,
    /// The types whose generations count: its own, and for an access token of a family that of its refresh token.
    wanted: (TypeTag, Option<TypeTag>),
    /// The family of an access token, which must be there.
    family: Option<Key>,
    ttl: bool,
    /// The token is a refresh token, so its record is that of its family.
    refreshes: bool,
}

impl Reading {
    pub(super) fn new<S: Store>(tokens: &Tokens<S>, presented: &Presented, ttl: bool) -> Self {
        let &Presented { subject, token_type, role, .. } = presented;
        let keys = &tokens.keys;
        let own = || keys.record(subject, presented.own_handle());
        let mut of_family = None;
        let (key, family) = match role {
            Role::Alone => (own(), None),
            Role::Access(family) => {
                // It ends with the type of its refresh token, too.
                of_family = Some(family.token_type());
                (own(), Some(keys.family(subject, family)))
            }
            Role::Refresh(family) => (keys.family(subject, family), None),
        };
        let (subject, types) = (keys.subject(subject), keys.types(subject));
        let wanted = (token_type, of_family);
        Self { key, subject, types, wanted, family, ttl, refreshes: presented.is_refresh() }
    }

    /// ```text
    /// Get t | MapGet f [c, m]; [Ttl t]; RankRange s 0..0; MapGet g types; [MapGet f c]
    /// ```
    pub(super) fn ops(&self) -> Vec<Op> {
        let Self { key, subject, types, wanted, family, ttl, refreshes } = self;
        let fields = |names: &[&'static str]| -> Vec<Bytes> {
            names.iter().map(|name| Bytes::from_static(name.as_bytes())).collect()
        };
        let mut ops = Vec::with_capacity(5);
        ops.push(if *refreshes { Op::map_get(key, fields(&[CURRENT, SEALED])) } else { Op::get(key) });
        if *ttl {
            ops.push(Op::ttl(key));
        }
        ops.push(Subject::read_op(subject));
        let (own, of_family) = *wanted;
        let wanted: Vec<Bytes> = std::iter::once(own).chain(of_family).map(TypeTag::bytes).collect();
        ops.push(Op::map_get(types, wanted));
        ops.extend(family.as_ref().map(|family| Op::map_get(family, fields(&[CURRENT]))));
        ops
    }

    /// The same, taking the token away as it is read.
    pub(super) fn taking_ops(&self) -> Vec<Op> {
        let mut ops = self.ops();
        ops[0] = Op::take(&self.key);
        ops
    }

    /// The generation of the subject among what the ops replied, if there is one.
    fn generation(&self, replies: &[Reply]) -> Option<[u8; generations::LEN]> {
        Subject::generation_in(replies.get(1 + usize::from(self.ttl))?)
    }

    /// Compares what the ops replied.
    pub(super) fn compare<S: Store>(
        self,
        tokens: &Tokens<S>,
        presented: &Presented,
        replies: Vec<Reply>,
        now: Option<StoreTime>,
    ) -> Result<Result<Active, Reason>> {
        let unheard = || broken("another reply than the parts of a token");
        let mut replies = replies.into_iter();
        let sealed = match replies.next() {
            Some(Reply::Bytes(sealed)) => sealed,
            Some(Reply::Optionals(fields)) => match <[Option<Bytes>; 2]>::try_from(fields) {
                Ok([Some(current), Some(sealed)]) if current == presented.id.as_bytes().as_slice() => {
                    Some(sealed)
                }
                Ok([Some(_), Some(_)]) => return Ok(Err(Reason::Superseded)),
                _ => None,
            },
            _ => return Err(unheard()),
        };
        let Some(sealed) = sealed else {
            let missing = if self.refreshes { Reason::FamilyEnded } else { Reason::Missing };
            return Ok(Err(missing));
        };
        let left = match self.ttl.then(|| replies.next()) {
            None => None,
            Some(Some(Reply::Ttl(Ttl::After(left)))) => Some(left),
            // It ended between the two reads.
            Some(Some(Reply::Ttl(Ttl::Missing))) => return Ok(Err(Reason::Missing)),
            Some(Some(Reply::Ttl(Ttl::Never))) => None,
            Some(_) => return Err(unheard()),
        };
        let subject = Subject::read(replies.next()).ok_or_else(unheard)?;
        let types = of_types(replies.next()).ok_or_else(unheard)?;
        if self.family.is_some() {
            match replies.next() {
                Some(Reply::Optionals(current)) if current.iter().all(Option::is_some) => {}
                Some(Reply::Optionals(_)) => return Ok(Err(Reason::FamilyEnded)),
                _ => return Err(unheard()),
            }
        }
        let Some(generations) = subject.with_types(types) else { return Ok(Err(Reason::Revoked)) };
        let kind = if self.refreshes { FAMILY_RECORD } else { TOKEN_RECORD };
        let record = match tokens.opened(kind, &self.key, &sealed, &generations, now)? {
            Ok(record) => record,
            Err(reason) => return Ok(Err(reason)),
        };
        Ok(Ok(Active { record, sealed, key: self.key, generations, left }))
    }
}

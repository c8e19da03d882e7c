//! Listing the sessions of a subject.

use bytes::Bytes;
use roomkey_core::{Batch, Key, Op, Reply, Store, StoreTime};
use roomkey_vault::Decode;

use super::Tokens;
use crate::audit::{Reason, What};
use crate::error::broken;
use crate::family::SEALED;
use crate::generations::{Subject, of_types};
use crate::handle::{SubjectTag, TypeTag};
use crate::keys::{FAMILY_RECORD, TOKEN_RECORD};
use crate::programs::WalkProgram;
use crate::record::check_subject;
use crate::session::{Session, SessionPage};
use crate::{Error, Handle, Result, SessionCursor};

/// How often a page is read while its subject ends all sessions but one.
const TRIES: usize = 16;

impl<S: Store> Tokens<S> {
    /// The sessions of a subject, about a hundred at a time, for a page on which users see where they are logged in
    /// and end what they do not know: [`revoke_session`](Self::revoke_session) takes the handle. Of a type of refresh
    /// tokens, each family is one session.
    ///
    /// What is listed was active when it was read. A session that is there throughout is on one of the pages, seldom
    /// on two; a page may be empty though others follow. What [`verify`](Self::verify) would not accept is left out,
    /// and so is a session whose record or claims cannot be read, of which the [audit sink](crate::AuditSink) is told:
    /// one damaged record does not hide the others.
    ///
    /// Two round trips to one node. The index that it reads is a hint: if the store lost a part of it, a session may
    /// be missing here that is still accepted, and [`revoke_subject`](Self::revoke_subject) ends that one, too.
    ///
    /// # Errors
    /// [`Error::Store`]; its source is [`CursorLost`](roomkey_core::Error::CursorLost) for a cursor that the store
    /// does not know (any more): begin again. [`Error::Empty`] and [`Error::TooLong`].
    pub async fn sessions<C: Decode>(
        &self,
        token_type: &str,
        subject: &str,
        after: Option<SessionCursor>,
    ) -> Result<SessionPage<C>> {
        check_subject(subject)?;
        let tag = self.keys.type_tag(token_type)?;
        let subject = self.keys.subject_tag(subject);
        let page = self.page(token_type, tag, subject, after).await;
        self.faults(token_type, page)
    }

    async fn page<C: Decode>(
        &self,
        token_type: &str,
        tag: TypeTag,
        subject: SubjectTag,
        after: Option<SessionCursor>,
    ) -> Result<SessionPage<C>> {
        let program = WalkProgram::new(&self.keys.subject(subject), after.map(SessionCursor::into_cursor))?;
        let outcome = self.vault.store().transact(&program.txn).await?;
        let walked = program.walked(outcome).ok_or_else(|| broken("no reply to a walk"))?;
        self.shared.clock.told(walked.now);
        let now = i64::try_from(walked.now.as_millis()).unwrap_or(i64::MAX);
        let live = |(member, deadline): &(Bytes, i64)| {
            let handle = Handle::from(<[u8; Handle::LEN]>::try_from(member.as_ref()).ok()?);
            (*deadline > now && handle.token_type() == tag).then_some(handle)
        };
        let mut handles: Vec<Handle> = walked.members.iter().filter_map(live).collect();
        handles.sort_unstable();
        handles.dedup();
        let sessions = if handles.is_empty() {
            Vec::new()
        } else {
            self.listed(token_type, tag, subject, &handles, walked.now).await?
        };
        Ok(SessionPage { sessions, next: walked.next.map(SessionCursor::new) })
    }

    /// Reads the sessions of which the index tells; those that are active.
    async fn listed<C: Decode>(
        &self,
        token_type: &str,
        tag: TypeTag,
        subject: SubjectTag,
        handles: &[Handle],
        now: StoreTime,
    ) -> Result<Vec<Session<C>>> {
        let refreshes = self.policy(token_type).rotation.is_some();
        let place = |handle: &Handle| -> (Key, Op) {
            if refreshes {
                let key = self.keys.family(subject, *handle);
                let op = Op::map_get(&key, Bytes::from_static(SEALED.as_bytes()));
                (key, op)
            } else {
                let key = self.keys.record(subject, *handle);
                let op = Op::get(&key);
                (key, op)
            }
        };
        let (keys, ops): (Vec<_>, Vec<_>) = handles.iter().map(place).unzip();
        let (replies, generations) = self.with_generations(tag, subject, ops).await?;
        let Some(generations) = generations else { return Ok(Vec::new()) };

        let kind = if refreshes { FAMILY_RECORD } else { TOKEN_RECORD };
        let mut sessions = Vec::with_capacity(handles.len());
        for ((key, handle), reply) in keys.iter().zip(handles).zip(replies) {
            match self.session_at(kind, key, *handle, reply, (&generations, now)) {
                Ok(Ok(session)) => sessions.push(session),
                Ok(Err(Reason::UnknownKey)) => {
                    let what = What::Refused(Reason::UnknownKey);
                    self.audit(what, token_type, Some(subject), Some(*handle));
                }
                Ok(Err(_)) => {}
                Err(Error::Record(_)) => {
                    self.audit(What::Fault, token_type, Some(subject), Some(*handle));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(sessions)
    }

    /// What reads of records reply, and the generations that records of a type count under.
    ///
    /// The generations come last, as in a verification: if they match, each record counted when it was read. That of the
    /// subject comes first, too: between the two, a session that ended the others may have moved to a new one.
    async fn with_generations(
        &self,
        tag: TypeTag,
        subject: SubjectTag,
        mut ops: Vec<Op>,
    ) -> Result<(Vec<roomkey_core::Result<Reply>>, Option<Vec<Bytes>>)> {
        let generation = Subject::read_op(&self.keys.subject(subject));
        ops.extend([Op::map_get(&self.keys.types(subject), tag.bytes()), generation.clone()]);
        ops.insert(0, generation);
        let unheard = || broken("another reply than the generations of a subject");
        for _ in 0..TRIES {
            let mut replies = self.vault.store().run(Batch::new(ops.clone())?).await?;
            let after = Subject::read(replies.pop().transpose()?).ok_or_else(unheard)?;
            let types = of_types(replies.pop().transpose()?).ok_or_else(unheard)?;
            let before = replies.drain(..1).next().transpose()?;
            let before = Subject::read(before).ok_or_else(unheard)?;
            if before.generation == after.generation {
                return Ok((replies, after.with_types(types)));
            }
        }
        Err(Error::Store(roomkey_core::Error::Contended))
    }

    /// The session that the store holds at a key.
    fn session_at<C: Decode>(
        &self,
        kind: u8,
        key: &Key,
        handle: Handle,
        reply: roomkey_core::Result<Reply>,
        (generations, now): (&[Bytes], StoreTime),
    ) -> Result<Result<Session<C>, Reason>> {
        let sealed = match reply? {
            Reply::Bytes(sealed) => sealed,
            Reply::Optionals(fields) => fields.into_iter().next().flatten(),
            _ => return Err(broken("another reply than a record")),
        };
        let Some(sealed) = sealed else { return Ok(Err(Reason::Missing)) };
        match self.opened(kind, key, &sealed, generations, Some(now))? {
            Ok(record) => record.session(handle).map(Ok),
            Err(reason) => Ok(Err(reason)),
        }
    }
}

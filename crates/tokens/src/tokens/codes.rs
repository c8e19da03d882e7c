//! One-time codes.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Store, StoreTime, Until};
use roomkey_crypto::Tag;
use roomkey_vault::{Decode, Encode};

use super::Tokens;
use super::issue::{TRIES, Under, lifetime};
use crate::audit::What;
use crate::code::{Code, CodeText, CodeVerdict};
use crate::error::broken;
use crate::handle::SubjectTag;
use crate::keys::CODE_RECORD;
use crate::programs::{Begin, BeginProgram, Trial, Tried, TryProgram, Write, Written};
use crate::record::{Claims, check_subject};
use crate::session::{Issue, Session};
use crate::{CodePolicy, Error, Policy, Result};

impl<S: Store> Tokens<S> {
    /// Makes a code for a subject, to be sent by another way than the one on which it is asked for: by mail, by text
    /// message. It replaces the code of the same type that the subject may have, and says nothing of how many tries
    /// are left: those are counted over all codes of a [window](CodePolicy::window).
    ///
    /// It ends with the subject ([`revoke_subject`](Self::revoke_subject)) and its type
    /// ([`revoke_type`](Self::revoke_type)), as a token does. It is no session: no list shows it, no limit counts it.
    /// What the code was issued with, its scopes and claims, comes back when it is accepted.
    ///
    /// It takes two round trips, more if others change the same subject at the same time. Limit how often a stranger
    /// can have a code sent: each is a message to somebody.
    ///
    /// # Errors
    /// [`Error::Claims`], [`Error::Empty`], [`Error::TooLong`], [`Error::BadScope`] and [`Error::Expiry`] for
    /// arguments that cannot be; [`Error::Store`], after which the former code may have ended; and [`Error::Seal`].
    pub async fn issue_code<C: Encode>(&self, code_type: &str, issue: Issue<C>) -> Result<Code> {
        let policy = self.code_policy(code_type);
        let lives = Policy::fixed(policy.lifetime);
        let lifetime = lifetime(&lives, issue.lifetime)?;
        let claims = Claims::new(&self.vault, issue)?;
        let text = CodeText::random(policy.digits)?;
        let kept = self.keep_code(code_type, &lives, &claims, lifetime, &text).await;
        self.faults(code_type, kept)?;
        Ok(Code { text, expires_in: lifetime })
    }

    async fn keep_code(
        &self,
        code_type: &str,
        lives: &Policy,
        claims: &Claims,
        lifetime: Duration,
        text: &CodeText,
    ) -> Result<()> {
        let tag = self.keys.type_tag(code_type)?;
        let subject = self.keys.subject_tag(&claims.subject);
        let key = self.keys.code(subject, code_type)?;
        let proof = self.keys.code_proof(subject, code_type, text.reveal());
        let mut held = self.held(subject, &[tag], lives).await?;
        for _ in 0..TRIES {
            let under = Under::new(&held, &[tag])?;
            let print = under.print(&self.keys, &[0]);
            let draft = claims.draft(held.now, lifetime);
            let until = Until::InCapped(lifetime, draft.ends);
            let sealed = self.keys.seal(CODE_RECORD, &key, print, &draft)?;
            let kept = Bytes::from([proof.as_bytes(), sealed.as_ref()].concat());
            let program = BeginProgram::new(Begin {
                subject: &self.keys.subject(subject),
                types: &self.keys.types(subject),
                writes: vec![Write { key: key.clone(), what: Written::Record(kept), until }],
                handle: None,
                generation: under.generation,
                type_generations: under.types,
                ticket: None,
                evicted: Vec::new(),
                entry: None,
            })?;
            let outcome = self.vault.store().transact(&program.txn).await?;
            if program.begun(&outcome) {
                let handle = self.keys.code_handle(subject, code_type)?;
                self.audit(What::CodeIssued, code_type, Some(subject), Some(handle));
                return Ok(());
            }
            held = self.whole(program.held(outcome), subject, &[tag]).await?;
        }
        Err(Error::Store(roomkey_core::Error::Contended))
    }

    /// Compares what a person typed with the code that the subject was sent. The right one is used up by it. Of any
    /// number of calls at once, no more are compared than the policy allows [attempts](CodePolicy::attempts).
    ///
    /// Spaces and hyphens do not count. Wrong tries are counted per subject and type, in the store: whatever process
    /// is asked, and however many codes are sent meanwhile. The last one that is allowed ends the code. The right one
    /// takes the count back to none.
    ///
    /// Who can guess can also use up a subject's tries, so let codes be the second step behind something that the
    /// subject knows or has, where that matters.
    ///
    /// One round trip to one node.
    ///
    /// # Errors
    /// [`Error::Store`]: nobody may be let in. If its class is [`Ambiguous`](roomkey_core::Class::Ambiguous), the try
    /// may be counted, and the code used up if it was the right one; it is never tried a second time by itself. On a
    /// store that is full nothing is compared, as it could not be counted. [`Error::Record`] if what was kept is not
    /// what this key ring sealed, or the claims are no `C`: the code is gone then. [`Error::Empty`] and
    /// [`Error::TooLong`] for the subject or the type.
    pub async fn verify_code<C: Decode>(
        &self,
        code_type: &str,
        subject: &str,
        code: &str,
    ) -> Result<CodeVerdict<C>> {
        check_subject(subject)?;
        let policy = self.code_policy(code_type);
        let subject = self.keys.subject_tag(subject);
        let handle = self.keys.code_handle(subject, code_type)?;
        let verdict = match CodeText::typed(code, policy.digits) {
            None => Ok((What::CodeRefused, CodeVerdict::Malformed)),
            Some(typed) => self.try_code(code_type, &policy, subject, &typed).await,
        };
        let (what, verdict) = self.faults(code_type, verdict)?;
        self.audit(what, code_type, Some(subject), Some(handle));
        Ok(verdict)
    }

    async fn try_code<C: Decode>(
        &self,
        code_type: &str,
        policy: &CodePolicy,
        subject: SubjectTag,
        typed: &CodeText,
    ) -> Result<(What, CodeVerdict<C>)> {
        let proof = self.keys.code_proof(subject, code_type, typed.reveal());
        let program = TryProgram::new(Trial {
            code: &self.keys.code(subject, code_type)?,
            attempts: &self.keys.attempts(subject, code_type)?,
            subject: &self.keys.subject(subject),
            types: &self.keys.types(subject),
            code_type: self.keys.type_tag(code_type)?,
            proof: Bytes::copy_from_slice(proof.as_bytes()),
            most: policy.attempts,
            window: policy.window,
        })?;
        let outcome = self.vault.store().transact(&program.txn).await?;
        let tried = program.tried(outcome).ok_or_else(|| broken("no reply to the try of a code"))?;
        match tried {
            Tried::Wrong { left } => Ok((What::CodeRefused, CodeVerdict::Wrong { left })),
            Tried::NoCode => Ok((What::CodeRefused, CodeVerdict::Refused)),
            Tried::Limited => Ok((What::GuessLimited, CodeVerdict::Refused)),
            Tried::Right { now, kept, subject: holds, types } => {
                let generations = holds.with_types(types);
                let session = match generations {
                    Some(generations) => self.open_code(code_type, subject, kept, &generations, now)?,
                    None => None,
                };
                Ok(match session {
                    Some(session) => (What::CodeAccepted, CodeVerdict::Accepted(session)),
                    // It was revoked, or has ended.
                    None => (What::CodeRefused, CodeVerdict::Refused),
                })
            }
        }
    }

    /// What a code stood for, if that still counts.
    fn open_code<C: Decode>(
        &self,
        code_type: &str,
        subject: SubjectTag,
        mut kept: Bytes,
        generations: &[Bytes],
        now: StoreTime,
    ) -> Result<Option<Session<C>>> {
        let key = self.keys.code(subject, code_type)?;
        // What comes first is the proof, which was compared.
        let sealed = kept.split_off(Tag::LEN.min(kept.len()));
        match self.opened(CODE_RECORD, &key, &sealed, generations, Some(now))? {
            Ok(record) => record.session(self.keys.code_handle(subject, code_type)?).map(Some),
            Err(_) => Ok(None),
        }
    }

    fn code_policy(&self, code_type: &str) -> CodePolicy {
        self.options().codes.get(code_type).copied().unwrap_or_default()
    }
}

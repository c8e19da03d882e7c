//! Looking at everything without changing it.

use std::time::{Duration, SystemTime};

use roomkey_core::Store;
use roomkey_tokens::{Introspection, Session, Tokens};

use super::logins::{device, scopes};
use super::{Run, Said, failed, same};
use crate::kinds::{KINDS, Kind, SUBJECTS};
use crate::model::{Active, Login, TokenId};
use crate::ops::BROUGHT;

impl<S: Store> Run<S> {
    pub(super) async fn look_around(&mut self, tokens: &Tokens<S>) -> Said {
        for token in 0..self.texts.len() {
            let kind = self.model.tokens[token].kind;
            let about = |said| format!("token {token}, of type {kind:?}: {said}");
            let of_type = tokens.type_of(self.texts[token].reveal());
            same(&of_type, &kind.listed.then_some(kind.name)).map_err(about)?;
            self.is_valid(tokens, token).await.map_err(about)?;
            self.introspect(tokens, token).await.map_err(about)?;
        }
        for kind in KINDS {
            for (subject, name) in SUBJECTS.iter().enumerate() {
                let had = |login: &Login| login.kind == kind && login.subject == subject;
                if self.model.logins.iter().any(had) {
                    let about = |said| format!("sessions of {name} as {kind:?}: {said}");
                    self.sessions(tokens, kind, subject).await.map_err(about)?;
                }
            }
            for (text, name) in BROUGHT.iter().enumerate() {
                if self.model.brought.was_stored(kind, text) {
                    let about = |said| format!("{name:?} as {kind:?}: {said}");
                    self.is_brought_valid(tokens, kind, text).await.map_err(about)?;
                }
            }
        }
        Ok(())
    }

    /// A list shows the live logins, all of them and nothing else, and no more than the limit.
    pub(super) async fn sessions(&mut self, tokens: &Tokens<S>, kind: &'static Kind, subject: usize) -> Said {
        let (mut listed, mut next) = (Vec::new(), None);
        loop {
            let page = tokens.sessions::<u64>(kind.name, SUBJECTS[subject], next).await.map_err(failed)?;
            listed.extend(page.sessions);
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        // A page may show again what one before it showed.
        listed.sort_by_key(|session| session.handle);
        listed.dedup_by_key(|session| session.handle);
        let live = self.model.live(kind, subject);
        if kind.limit.is_some_and(|(max, _)| listed.len() > max) {
            return Err(format!("{} are over the limit", listed.len()));
        }
        let mut logins = Vec::with_capacity(listed.len());
        for session in &listed {
            let login = self.login_of(&session.handle).ok_or("something is listed that is no login")?;
            let (claims, life) = (self.model.logins[login].claims, self.model.logins[login].life);
            let active = Active { login, claims, ends: life.ends, until: life.until };
            self.stands_for(Some(session), Some(active))?;
            logins.push(login);
        }
        logins.sort_unstable();
        same(&logins, &live)
    }

    pub(super) async fn introspect(&mut self, tokens: &Tokens<S>, token: TokenId) -> Said {
        let (kind, text) = (self.model.tokens[token].kind, self.texts[token].reveal());
        let told = tokens.introspect::<u64>(kind.name, text).await.map_err(failed)?;
        let (told, active) = match (told, self.model.active(token)) {
            (Introspection::Inactive, None) => return Ok(()),
            (Introspection::Active(told), Some(active)) => (told, active),
            (told, active) => return Err(format!("{told:?}, and not {active:?}")),
        };
        let login = &self.model.logins[active.login];
        same(&told.sub.as_str(), &SUBJECTS[login.subject])?;
        same(&told.claims, &active.claims)?;
        same(&told.scope, &Some(scopes(active.login).join(" ")))?;
        same(&told.token_type, &kind.family.is_none().then_some("Bearer"))?;
        if login.kind.family.is_none() {
            same(&told.jti, &self.handles[active.login].to_string())?;
        }
        let second = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        self.clock.began(second(told.iat), login.begun)?;
        self.clock.ends(second(told.exp), active.until, Duration::from_secs(1))
    }

    /// Compares what a token stands for.
    pub(super) fn stands_for(&mut self, session: Option<&Session<u64>>, active: Option<Active>) -> Said {
        let (session, active) = match (session, active) {
            (None, None) => return Ok(()),
            (Some(session), Some(active)) => (session, active),
            (session, active) => return Err(format!("{session:?}, and not {active:?}")),
        };
        let login = &self.model.logins[active.login];
        same(&session.subject.as_str(), &SUBJECTS[login.subject])?;
        same(&session.claims, &active.claims)?;
        same(&session.handle, &self.handles[active.login])?;
        same(&session.device, &Some(device(active.login)))?;
        same(&session.scopes, &scopes(active.login).to_vec())?;
        self.clock.ends(session.ends_at, active.ends, Duration::ZERO)?;
        self.clock.began(session.issued_at, login.begun)
    }
}

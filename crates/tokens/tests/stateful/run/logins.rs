//! Logins: how they begin, are used and exchanged.

use roomkey_core::Store;
use roomkey_tokens::{Error, Grant, Issue, Issued, Refresh, Tokens, What};

use super::{Run, Said, failed, same};
use crate::kinds::{Kind, SUBJECTS, Tick};
use crate::model::{Exchange, Granted, LoginId, TokenId};

impl<S: Store> Run<S> {
    pub(super) async fn begin(
        &mut self,
        tokens: &Tokens<S>,
        kind: &'static Kind,
        subject: usize,
        life: Option<Tick>,
    ) -> Said {
        let (claims, login) = (self.new_claims(), self.handles.len());
        let mut issue = Issue::new(SUBJECTS[subject], claims).device(device(login)).scopes(scopes(login));
        let asked = if kind.listed { life } else { Some(life.unwrap_or(kind.life).min(kind.life)) };
        issue.lifetime = asked.map(|ticks| self.clock.span(ticks));
        let begun = if kind.family.is_some() {
            tokens.grant(kind.name, issue).await.map(pair)
        } else {
            tokens.issue(kind.name, issue).await.map(|issued| (issued, None))
        };
        match (begun, self.model.begin(kind, subject, life, claims)) {
            (Err(Error::LimitReached), None) => {
                self.note("limit reached");
                Ok(())
            }
            (Ok(issued), Some(granted)) => {
                self.note("begun");
                self.trace(kind);
                if self.handles.contains(&issued.0.handle) {
                    return Err("two logins have one handle".into());
                }
                self.handles.push(issued.0.handle);
                let ended = self.evicted()?;
                self.model.ended_for(granted.login, &ended)?;
                self.granted(&granted, issued)
            }
            (begun, granted) => Err(format!("{begun:?}, and not {granted:?}")),
        }
    }

    /// The logins of which the audit sink was told that they ended for another.
    fn evicted(&mut self) -> Result<Vec<LoginId>, String> {
        let events = self.events.lock().unwrap().clone();
        let mut evicted = Vec::new();
        for handle in events.into_iter().filter(|(what, _)| *what == What::Evicted).map(|(_, handle)| handle)
        {
            let login = self.handles.iter().position(|known| Some(*known) == handle);
            evicted.push(login.ok_or("something ended that is no login")?);
            self.note("evicted");
        }
        Ok(evicted)
    }

    /// Only one way to begin goes with a type.
    pub(super) async fn begin_wrongly(
        &mut self,
        tokens: &Tokens<S>,
        kind: &'static Kind,
        subject: usize,
    ) -> Said {
        let issue = Issue::new(SUBJECTS[subject], 0_u64);
        let begun = if kind.family.is_some() {
            tokens.issue(kind.name, issue).await.map(|issued| (issued, None))
        } else {
            tokens.grant(kind.name, issue).await.map(pair)
        };
        match begun {
            Err(Error::WrongType { .. }) => Ok(()),
            begun => Err(format!("{begun:?}")),
        }
    }

    pub(super) async fn refresh(&mut self, tokens: &Tokens<S>, token: TokenId) -> Said {
        let text = self.texts[token].clone();
        let refreshed = tokens.refresh::<u64>(self.name(token), text.reveal()).await;
        if self.model.tokens[token].kind.family.is_none() {
            return match refreshed {
                Err(Error::WrongType { .. }) => Ok(()),
                refreshed => Err(format!("{refreshed:?}, though it is no refresh token")),
            };
        }
        match (refreshed.map_err(failed)?, self.model.refresh(token)) {
            (Refresh::Rotated { grant, session }, Exchange::Rotated(granted)) => {
                self.note("rotated");
                self.granted(&granted, pair(grant))?;
                let stands_for = self.model.active(granted.token);
                self.stands_for(Some(&session), stands_for)
            }
            (Refresh::Replayed { grant, session }, Exchange::Replayed(granted)) => {
                self.note("replayed");
                self.granted(&granted, pair(grant))?;
                let stands_for = self.model.active(granted.token);
                self.stands_for(Some(&session), stands_for)
            }
            (Refresh::Reuse, Exchange::Reuse) => {
                self.note("reuse");
                Ok(())
            }
            (Refresh::Inactive, Exchange::Inactive) => Ok(()),
            (refreshed, exchange) => Err(format!("{refreshed:?}, and not {exchange:?}")),
        }
    }

    /// Notes tokens that are new, and compares those that are not.
    fn granted(&mut self, granted: &Granted, (token, access): (Issued, Option<Issued>)) -> Said {
        self.one_granted(granted, Some((granted.token, granted.until)), Some(token))?;
        self.one_granted(granted, granted.access, access)
    }

    fn one_granted(
        &mut self,
        granted: &Granted,
        expected: Option<(TokenId, Tick)>,
        issued: Option<Issued>,
    ) -> Said {
        let ((token, until), issued) = match (expected, issued) {
            (None, None) => return Ok(()),
            (Some(expected), Some(issued)) => (expected, issued),
            (expected, issued) => return Err(format!("{issued:?}, and not {expected:?}")),
        };
        same(&issued.handle, &self.handles[granted.login])?;
        self.clock.lasts(issued.expires_in, until.saturating_sub(self.model.now))?;
        match self.texts.get(token) {
            Some(known) if *known == issued.token => Ok(()),
            Some(_) => Err("its successors are others than before".into()),
            None if self.texts.contains(&issued.token) => Err("a token was issued twice".into()),
            None => {
                self.texts.push(issued.token);
                Ok(())
            }
        }
    }

    pub(super) async fn verify(&mut self, tokens: &Tokens<S>, token: TokenId) -> Said {
        let text = self.texts[token].reveal();
        let session = tokens.verify::<u64>(self.name(token), text).await.map_err(failed)?;
        self.note(if session.is_some() { "verified" } else { "not verified" });
        let active = self.model.verify(token);
        self.stands_for(session.as_ref(), active)
    }

    pub(super) async fn verify_all(&mut self, tokens: &Tokens<S>) -> Said {
        for token in 0..self.texts.len() {
            self.clock.blink().await;
            self.verify(tokens, token).await.map_err(|said| format!("token {token}: {said}"))?;
        }
        Ok(())
    }

    pub(super) async fn is_valid(&mut self, tokens: &Tokens<S>, token: TokenId) -> Said {
        let text = self.texts[token].reveal();
        let valid = tokens.is_valid(self.name(token), text).await.map_err(failed)?;
        let active = self.model.active(token).is_some();
        self.flag(valid, active, "valid")
    }

    pub(super) async fn consume(&mut self, tokens: &Tokens<S>, token: TokenId) -> Said {
        let consumed = tokens.consume::<u64>(self.name(token), self.texts[token].reveal()).await;
        if self.model.tokens[token].kind.family.is_some() {
            return match consumed {
                Err(Error::WrongType { .. }) => Ok(()),
                consumed => Err(format!("{consumed:?}, though it is a refresh token")),
            };
        }
        let session = consumed.map_err(failed)?;
        if session.is_some() {
            self.note("consumed");
        }
        let active = self.model.consume(token);
        self.stands_for(session.as_ref(), active)
    }

    pub(super) async fn update(&mut self, tokens: &Tokens<S>, token: TokenId) -> Said {
        let claims = self.new_claims();
        let text = self.texts[token].reveal();
        let updated = tokens.update(self.name(token), text, claims).await.map_err(failed)?;
        let expected = self.model.update(token, claims);
        self.flag(updated, expected, "updated")
    }
}

fn pair(grant: Grant) -> (Issued, Option<Issued>) {
    (grant.refresh, grant.access)
}

/// What each login is issued with besides its claims.
pub(super) fn device(login: LoginId) -> String {
    format!("device {login}")
}

pub(super) fn scopes(login: LoginId) -> [String; 2] {
    ["read".into(), format!("login:{login}")]
}

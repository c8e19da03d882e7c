//! What must hold: who is logged in, with which token, and until when. It knows nothing of how that is kept.

mod brought;
mod codes;

pub(crate) use codes::Tried;

use roomkey_tokens::WhenFull;

use crate::kinds::{Family, Kind, Tick};
use brought::Brought;
use codes::Codes;

/// A login, counted from the first.
pub(crate) type LoginId = usize;

/// A token, counted from the first.
pub(crate) type TokenId = usize;

/// Everything that was issued, and what became of it.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) now: Tick,
    pub(crate) logins: Vec<Login>,
    pub(crate) tokens: Vec<Token>,
    pub(crate) codes: Codes,
    pub(crate) brought: Brought,
}

/// What a list of sessions shows as one: a plain token, or a family.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) kind: &'static Kind,
    pub(crate) subject: usize,
    pub(crate) claims: u64,
    pub(crate) begun: Tick,
    pub(crate) life: Life,
    /// The token, or the refresh tokens as they followed each other.
    chain: Vec<TokenId>,
    /// The access token that came last, and when it ends if it is not used.
    access: Option<(TokenId, Tick)>,
    /// From when on the refresh token before the last is not exchanged again.
    grace: Tick,
}

/// A token: that of a login, or an access token.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) kind: &'static Kind,
    pub(crate) login: LoginId,
    /// An access token ends by itself, too, and has the claims that its family had when it was issued.
    own: Option<(Life, u64)>,
}

/// How long something lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    /// When it ends at the latest.
    pub(crate) ends: Tick,
    /// When it ends if it is not used.
    pub(crate) until: Tick,
    /// When that was written last.
    written: Tick,
    over: Option<Over>,
}

/// How something ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    /// By itself: revoked, used up, ended for another.
    Alone,
    /// With all of its subject or type. Whether something is left of it that can be revoked once more, is not said.
    WithAll,
}

/// What an active token stands for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Active {
    pub(crate) login: LoginId,
    pub(crate) claims: u64,
    pub(crate) ends: Tick,
    pub(crate) until: Tick,
}

/// A login that has begun, or goes on.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) login: LoginId,
    pub(crate) token: TokenId,
    /// When they end if they are not used.
    pub(crate) until: Tick,
    pub(crate) access: Option<(TokenId, Tick)>,
}

/// What becomes of a refresh token that is presented.
#[derive(Debug)]
pub(crate) enum Exchange {
    Rotated(Granted),
    Replayed(Granted),
    Reuse,
    Inactive,
}

impl Life {
    fn new(now: Tick, life: Tick, first: Tick) -> Self {
        let ends = now + life;
        Self { ends, until: ends.min(now + first), written: now, over: None }
    }

    fn lives(&self, now: Tick) -> bool {
        self.over.is_none() && now < self.until
    }

    fn goes_on(&mut self, now: Tick, idle: Tick) {
        self.until = self.ends.min(now + idle);
        self.written = now;
    }

    /// Ends it by itself. Returns whether there was something to end, if that is said.
    fn end(&mut self, now: Tick) -> Option<bool> {
        let there = match self.over {
            Some(Over::Alone) => Some(false),
            _ if now >= self.until => Some(false),
            Some(Over::WithAll) => None,
            None => Some(true),
        };
        self.over = Some(Over::Alone);
        there
    }

    fn end_with_all(&mut self) {
        self.over.get_or_insert(Over::WithAll);
    }
}

impl Model {
    /// Begins a login; `None` if its subject has too many. For how many others, besides, which must end then, see
    /// [`ended_for`](Self::ended_for).
    pub(crate) fn begin(
        &mut self,
        kind: &'static Kind,
        subject: usize,
        life: Option<Tick>,
        claims: u64,
    ) -> Option<Granted> {
        let live = self.live(kind, subject).len();
        if kind.limit.is_some_and(|(max, when_full)| when_full == WhenFull::Reject && live >= max) {
            return None;
        }
        let (now, login) = (self.now, self.logins.len());
        let life = Life::new(now, life.map_or(kind.life, |life| life.min(kind.life)), kind.first_life());
        let chain = vec![];
        self.logins.push(Login { kind, subject, claims, begun: now, life, chain, access: None, grace: 0 });
        Some(self.grant(login))
    }

    /// Checks that these logins, and they only, had to end so that another could begin, and ends them. They are those
    /// that would have ended first.
    pub(crate) fn ended_for(&mut self, begun: LoginId, ended: &[LoginId]) -> Result<(), String> {
        let Login { kind, subject, .. } = self.logins[begun];
        let others: Vec<LoginId> =
            self.live(kind, subject).into_iter().filter(|&login| login != begun).collect();
        let over = kind.limit.map_or(0, |(max, _)| (others.len() + 1).saturating_sub(max));
        let until = |login: &LoginId| self.logins[*login].life.until;
        let latest = ended.iter().map(until).max();
        let earliest = others.iter().filter(|login| !ended.contains(login)).map(until).min();
        let in_order = latest.is_none_or(|latest| earliest.is_none_or(|earliest| latest <= earliest));
        if ended.len() != over || !ended.iter().all(|login| others.contains(login)) || !in_order {
            return Err(format!(
                "{over} of the logins {others:?} had to end, which were the oldest, and {ended:?} did"
            ));
        }
        for &login in ended {
            self.logins[login].life.over = Some(Over::Alone);
        }
        Ok(())
    }

    /// The next token of a login, and what comes with it.
    fn grant(&mut self, id: LoginId) -> Granted {
        let (now, token) = (self.now, self.tokens.len());
        let login = &mut self.logins[id];
        self.tokens.push(Token { kind: login.kind, login: id, own: None });
        login.chain.push(token);
        if let Some(Family { access: Some(access), .. }) = &login.kind.family {
            // It never outlives its family.
            let life = access.life.min(login.life.ends - now);
            let life = Life::new(now, life, access.first_life().min(login.kind.first_life()));
            login.access = Some((self.tokens.len(), life.until));
            self.tokens.push(Token { kind: access, login: id, own: Some((life, login.claims)) });
        }
        self.granted(id)
    }

    fn granted(&self, id: LoginId) -> Granted {
        let login = &self.logins[id];
        Granted { login: id, token: login.current(), until: login.life.until, access: login.access }
    }

    /// What a token stands for, if it is active.
    pub(crate) fn active(&self, token: TokenId) -> Option<Active> {
        let Token { login: id, own, .. } = &self.tokens[token];
        let login = &self.logins[*id];
        let (life, claims) = match own {
            Some((life, claims)) => (life, *claims),
            None if login.current() == token => (&login.life, login.claims),
            None => return None,
        };
        let lives = login.life.lives(self.now) && life.lives(self.now);
        lives.then_some(Active { login: *id, claims, ends: life.ends, until: life.until })
    }

    /// The same for who uses it, so that it goes on.
    pub(crate) fn verify(&mut self, token: TokenId) -> Option<Active> {
        let active = self.active(token)?;
        let (now, kind) = (self.now, self.tokens[token].kind);
        if let (Some(idle), None) = (kind.idle, &kind.family) {
            let life = self.life(token);
            if now >= life.written + kind.every {
                life.goes_on(now, idle);
            }
        }
        Some(active)
    }

    /// What a token itself lives by.
    fn life(&mut self, token: TokenId) -> &mut Life {
        let Token { login, own, .. } = &mut self.tokens[token];
        match own {
            Some((life, _)) => life,
            None => &mut self.logins[*login].life,
        }
    }

    /// Presents a refresh token.
    pub(crate) fn refresh(&mut self, token: TokenId) -> Exchange {
        let (now, id) = (self.now, self.tokens[token].login);
        let login = &mut self.logins[id];
        let Some(family) = &login.kind.family else { return Exchange::Inactive };
        if !login.life.lives(now) {
            return Exchange::Inactive;
        }
        if login.current() == token {
            let first = login.kind.first_life();
            login.grace = login.life.ends.min(now + family.grace.min(first));
            login.life.goes_on(now, first);
            return Exchange::Rotated(self.grant(id));
        }
        let previous = login.chain.iter().rev().nth(1);
        if previous == Some(&token) && now < login.grace {
            return Exchange::Replayed(self.granted(id));
        }
        login.life.over = Some(Over::Alone);
        Exchange::Reuse
    }

    /// Uses a token up.
    pub(crate) fn consume(&mut self, token: TokenId) -> Option<Active> {
        let active = self.active(token);
        self.life(token).over = Some(Over::Alone);
        active
    }

    /// Changes what a token stands for. Returns whether it is active.
    pub(crate) fn update(&mut self, token: TokenId, claims: u64) -> bool {
        let Some(Active { login, .. }) = self.active(token) else { return false };
        self.logins[login].claims = claims;
        if let Some((_, own)) = &mut self.tokens[token].own {
            *own = claims;
        }
        true
    }

    /// Ends a token; a refresh token with its family. Returns whether there was one, if that is said.
    pub(crate) fn revoke(&mut self, token: TokenId) -> Option<bool> {
        let (now, login) = (self.now, self.tokens[token].login);
        let family_lives = self.logins[login].life.lives(now);
        let is_access = self.tokens[token].own.is_some();
        match self.life(token).end(now) {
            Some(true) if is_access && !family_lives => None,
            there => there,
        }
    }

    /// Ends a login. Returns whether there was one, if that is said.
    pub(crate) fn revoke_login(&mut self, login: LoginId) -> Option<bool> {
        self.logins[login].life.end(self.now)
    }

    /// Ends everything of a subject but the login of a token. Returns whether that is active.
    pub(crate) fn revoke_others(&mut self, token: TokenId) -> bool {
        let Some(Active { login: stays, .. }) = self.active(token) else { return false };
        let subject = self.logins[stays].subject;
        let other = |id, login: &Login| login.subject == subject && id != stays;
        self.end_logins(other);
        for (id, Token { login, own, .. }) in self.tokens.iter_mut().enumerate() {
            if let (true, Some((life, _))) = (*login == stays && id != token, own) {
                life.end_with_all();
            }
        }
        self.codes.end_of_subject(subject);
        true
    }

    /// Ends everything of a subject.
    pub(crate) fn revoke_subject(&mut self, subject: usize) {
        self.end_logins(|_, login| login.subject == subject);
        self.codes.end_of_subject(subject);
    }

    /// Ends everything of a type.
    pub(crate) fn revoke_type(&mut self, kind: &'static Kind) {
        self.end_logins(|_, login| login.kind == kind);
        for token in self.tokens.iter_mut().filter(|token| token.kind == kind) {
            if let Some((life, _)) = &mut token.own {
                life.end_with_all();
            }
        }
    }

    fn end_logins(&mut self, which: impl Fn(LoginId, &Login) -> bool) {
        for (id, login) in self.logins.iter_mut().enumerate() {
            if which(id, login) {
                login.life.end_with_all();
            }
        }
    }

    /// The logins of a type that a subject has: what a list shows, and what a limit counts.
    pub(crate) fn live(&self, kind: &'static Kind, subject: usize) -> Vec<LoginId> {
        let lives =
            |login: &Login| login.kind == kind && login.subject == subject && login.life.lives(self.now);
        (0..self.logins.len()).filter(|&id| lives(&self.logins[id])).collect()
    }
}

impl Login {
    fn current(&self) -> TokenId {
        *self.chain.last().expect("a login begins with a token")
    }
}

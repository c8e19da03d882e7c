//! How tokens of a type live and end.

use std::time::Duration;

use crate::text::is_prefix;
use crate::{DEFAULT_EXPIRY, Error, Result};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// The longest window in which a refresh token that was exchanged may be presented again.
pub const MAX_GRACE: Duration = Duration::from_secs(60);

/// How the tokens of one type live and end: a plain struct, to be given to
/// [`TokensOptions::policy`](crate::TokensOptions::policy).
///
/// A policy says what happens from now on: what a token was issued with, its lifetime above all, stays with it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// What stands before the `_` of a token, `rk` unless set: 1 to 16 of `a-z`, `0-9` and `_`. Secret scanners
    /// recognise tokens by it.
    pub prefix: String,
    /// How long a token lives at most, however often it is used.
    pub lifetime: Duration,
    /// How long it lives without being used; `None` for a fixed lifetime. With it the expiry slides at each
    /// verification, and never over the end of the lifetime.
    pub idle: Option<Duration>,
    /// How often at most the sliding of one token is written: a verification writes only if the last write is so
    /// long ago. A token may so end this much earlier than `idle` after its last use.
    pub touch_every: Duration,
    /// How many live sessions of this type a subject may have; `None` for any number.
    pub limit: Option<Limit>,
    /// Set for refresh tokens: how one is exchanged for the next.
    pub rotation: Option<Rotation>,
}

/// How many sessions a subject may have, and what happens to one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limit {
    /// The most, from 1 to 100.
    pub max: u32,
    /// What happens to one more.
    pub when_full: WhenFull,
}

/// What happens to a session over the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// It is not issued: [`Error::LimitReached`].
    Reject,
    /// It is issued, and those that would have ended first end now.
    EndOldest,
}

/// How a refresh token is exchanged for the next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rotation {
    /// For how long the one that was exchanged may be presented again, and gives the same successor.
    pub grace: Grace,
    /// The type of the access tokens that come with each refresh token; `None` if access tokens are made elsewhere.
    pub access_type: Option<String>,
}

/// For how long a refresh token that was exchanged may be presented again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grace {
    /// So long, at most [`MAX_GRACE`]: long enough for a response that was lost, or two tabs at once.
    Window(Duration),
    /// Until its successor is used for the first time, and at most so long. FAPI 2.0 asks for it. A thief and the
    /// victim can then go on side by side without being noticed, so it is for clients that prove who they are.
    UntilConfirmed(Duration),
}

impl Policy {
    /// A fixed lifetime and nothing else.
    #[must_use]
    pub fn fixed(lifetime: Duration) -> Self {
        Self { prefix: "rk".into(), lifetime, idle: None, touch_every: MINUTE, limit: None, rotation: None }
    }

    /// Sessions at authenticator assurance level 2 of NIST SP 800-63B-4: at most 24 hours, at most 1 hour idle.
    #[must_use]
    pub fn aal2() -> Self {
        Self::fixed(24 * HOUR).idle(HOUR)
    }

    /// Sessions at authenticator assurance level 3 of NIST SP 800-63B-4: at most 12 hours, at most 15 minutes idle.
    #[must_use]
    pub fn aal3() -> Self {
        Self::fixed(12 * HOUR).idle(15 * MINUTE)
    }

    /// Links that reset a password or confirm an address, for [`consume`](crate::Tokens::consume): one hour, and a new
    /// one ends the one before.
    #[must_use]
    pub fn reset_link() -> Self {
        Self::fixed(HOUR).limit(1, WhenFull::EndOldest)
    }

    /// Access tokens: 10 minutes, fixed.
    #[must_use]
    pub fn access() -> Self {
        Self::fixed(10 * MINUTE)
    }

    /// Refresh tokens: at most 30 days, at most 14 days without a refresh, 10 seconds of grace.
    #[must_use]
    pub fn refresh() -> Self {
        let rotation = Rotation { grace: Grace::Window(Duration::from_secs(10)), access_type: None };
        Self { rotation: Some(rotation), ..Self::fixed(30 * DAY).idle(14 * DAY) }
    }

    /// Sets [`prefix`](Self::prefix).
    #[must_use]
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// Sets [`lifetime`](Self::lifetime).
    #[must_use]
    pub fn lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// Sets [`idle`](Self::idle).
    #[must_use]
    pub fn idle(self, idle: impl Into<Option<Duration>>) -> Self {
        Self { idle: idle.into(), ..self }
    }

    /// Sets [`touch_every`](Self::touch_every).
    #[must_use]
    pub fn touch_every(self, touch_every: Duration) -> Self {
        Self { touch_every, ..self }
    }

    /// Sets [`limit`](Self::limit).
    #[must_use]
    pub fn limit(self, max: u32, when_full: WhenFull) -> Self {
        Self { limit: Some(Limit { max, when_full }), ..self }
    }

    /// Makes the type one of refresh tokens with this grace; see [`rotation`](Self::rotation).
    #[must_use]
    pub fn grace(self, grace: Grace) -> Self {
        let access_type = self.rotation.and_then(|rotation| rotation.access_type);
        Self { rotation: Some(Rotation { grace, access_type }), ..self }
    }

    /// Makes the type one of refresh tokens that bring access tokens of a type; sets
    /// [`Rotation::access_type`].
    #[must_use]
    pub fn access_type(self, access_type: impl Into<String>) -> Self {
        let grace = self.rotation.map_or(Grace::Window(Duration::from_secs(10)), |rotation| rotation.grace);
        Self { rotation: Some(Rotation { grace, access_type: Some(access_type.into()) }), ..self }
    }

    /// How long a token lives if it is not used.
    pub(crate) fn first_life(&self) -> Duration {
        self.idle.map_or(self.lifetime, |idle| idle.min(self.lifetime))
    }

    pub(crate) fn check(&self, token_type: &str) -> Result<()> {
        let wrong = |what| Err(Error::Policy { token_type: token_type.to_owned(), what });
        let lives = |duration: Duration| !duration.is_zero() && duration <= roomkey_core::MAX_DURATION;
        if !is_prefix(&self.prefix) {
            return wrong("a prefix is 1 to 16 of a-z, 0-9 and _");
        }
        if !lives(self.lifetime) || !self.idle.is_none_or(lives) {
            return wrong("a lifetime or idle time is zero or over 100 years");
        }
        if self.idle.is_some_and(|idle| self.touch_every >= idle) {
            return wrong("touch_every must be shorter than the idle time, or tokens in use would end");
        }
        if self.limit.is_some_and(|limit| !(1..=100).contains(&limit.max)) {
            return wrong("a limit is 1 to 100 sessions");
        }
        match self.rotation.as_ref().map(|rotation| rotation.grace) {
            Some(Grace::Window(window)) if window.is_zero() || window > MAX_GRACE => {
                wrong("a grace window is over 0 and at most 60 s; see Grace::UntilConfirmed")
            }
            Some(Grace::UntilConfirmed(most)) if !lives(most) => {
                wrong("the bound of UntilConfirmed is zero or over 100 years")
            }
            _ => Ok(()),
        }
    }
}

/// [`DEFAULT_EXPIRY`], fixed.
impl Default for Policy {
    fn default() -> Self {
        Self::fixed(DEFAULT_EXPIRY)
    }
}

/// How one-time codes of one type work: short texts that a person copies, so an attacker could guess them if the
/// tries were not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CodePolicy {
    /// How many decimal digits, 6 to 12.
    pub digits: u8,
    /// How long a code lives.
    pub lifetime: Duration,
    /// How many wrong tries a subject has in a window, 1 to 100, whatever codes it asked for meanwhile.
    pub attempts: u32,
    /// How long a wrong try is remembered, counted from the last one.
    pub window: Duration,
}

impl CodePolicy {
    /// 6 digits for 10 minutes and 5 wrong tries in 15 minutes: within OWASP ASVS 5.0, 6.5.4, 6.5.5 and 6.6.3.
    #[must_use]
    pub const fn one_time() -> Self {
        Self { digits: 6, lifetime: Duration::from_secs(600), attempts: 5, window: Duration::from_secs(900) }
    }

    /// Sets [`digits`](Self::digits).
    #[must_use]
    pub const fn digits(self, digits: u8) -> Self {
        Self { digits, ..self }
    }

    /// Sets [`lifetime`](Self::lifetime).
    #[must_use]
    pub const fn lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// Sets [`attempts`](Self::attempts) and [`window`](Self::window).
    #[must_use]
    pub const fn attempts(self, attempts: u32, window: Duration) -> Self {
        Self { attempts, window, ..self }
    }

    pub(crate) fn check(&self, token_type: &str) -> Result<()> {
        let wrong = |what| Err(Error::Policy { token_type: token_type.to_owned(), what });
        let lives = |duration: Duration| !duration.is_zero() && duration <= roomkey_core::MAX_DURATION;
        if !(6..=12).contains(&self.digits) {
            return wrong("a code has 6 to 12 digits");
        }
        if !(1..=100).contains(&self.attempts) {
            return wrong("a code allows 1 to 100 attempts");
        }
        if !lives(self.lifetime) || !lives(self.window) {
            return wrong("a lifetime or window is zero or over 100 years");
        }
        Ok(())
    }
}

impl Default for CodePolicy {
    fn default() -> Self {
        Self::one_time()
    }
}

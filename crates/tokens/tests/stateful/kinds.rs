//! The types of tokens and codes that the sequences use: one for each way in which they live and end, in numbers that
//! the model takes as they are, and `Tokens` as policies.

use std::fmt;
use std::time::Duration;

use roomkey_tokens::{CodePolicy, Grace, Policy, TokensOptions, WhenFull};

/// Time in the sequences passes in ticks. What lives for `n` of them is there at the tick in which it begins and the
/// `n - 1` that follow.
pub(crate) type Tick = u32;

/// How long so many ticks are for a store, where a tick is so long. It is half a tick less: what begins anywhere in the
/// first half of a tick ends in the second half of another, and what happens in the first half of a tick, as
/// everything does, is never near that end.
pub(crate) fn span(tick: Duration, ticks: Tick) -> Duration {
    tick * ticks - tick / 2
}

/// A type of tokens.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// Whether it has a policy. Without one tokens live longer than any sequence, so a shorter life is always asked for.
    pub(crate) listed: bool,
    pub(crate) life: Tick,
    pub(crate) idle: Option<Tick>,
    /// How often sliding is written; 0 is each time.
    pub(crate) every: Tick,
    pub(crate) limit: Option<(usize, WhenFull)>,
    /// What makes it a type of refresh tokens.
    pub(crate) family: Option<Family>,
}

/// What is so of a type of refresh tokens.
pub(crate) struct Family {
    pub(crate) grace: Tick,
    pub(crate) until_confirmed: bool,
    pub(crate) access: Option<&'static Kind>,
}

/// A type of codes.
pub(crate) struct CodeKind {
    pub(crate) name: &'static str,
    pub(crate) digits: u8,
    pub(crate) life: Tick,
    pub(crate) attempts: u32,
    pub(crate) window: Tick,
}

const PLAIN: Kind = Kind { name: "", listed: true, life: 6, idle: None, every: 0, limit: None, family: None };

static ACCESS: Kind = Kind { name: "access", life: 3, ..PLAIN };
static BEARER: Kind = Kind { name: "bearer", life: 6, idle: Some(2), every: 1, ..PLAIN };

/// All types of tokens.
pub(crate) static KINDS: [&Kind; 11] = [
    &Kind { name: "session", life: 9, idle: Some(3), every: 1, ..PLAIN },
    &Kind { name: "fixed", life: 4, ..PLAIN },
    &Kind { name: "unlisted", listed: false, ..PLAIN },
    &Kind { name: "strict", life: 5, limit: Some((2, WhenFull::Reject)), ..PLAIN },
    &Kind { name: "oldest", life: 8, idle: Some(4), limit: Some((3, WhenFull::EndOldest)), ..PLAIN },
    &Kind { name: "link", life: 4, limit: Some((1, WhenFull::EndOldest)), ..PLAIN },
    &ACCESS,
    &BEARER,
    &Kind {
        name: "refresh",
        life: 12,
        idle: Some(5),
        family: Some(Family { grace: 1, until_confirmed: false, access: Some(&ACCESS) }),
        ..PLAIN
    },
    &Kind {
        name: "paired",
        life: 9,
        idle: Some(4),
        limit: Some((2, WhenFull::EndOldest)),
        family: Some(Family { grace: 3, until_confirmed: true, access: Some(&BEARER) }),
        ..PLAIN
    },
    &Kind {
        name: "bare",
        limit: Some((1, WhenFull::Reject)),
        family: Some(Family { grace: 2, until_confirmed: false, access: None }),
        ..PLAIN
    },
];

/// All types of codes.
pub(crate) static CODES: [&CodeKind; 2] = [
    &CodeKind { name: "sign-in", digits: 12, life: 4, attempts: 3, window: 2 },
    &CodeKind { name: "confirm", digits: 6, life: 5, attempts: 2, window: 4 },
];

/// Whose tokens they are.
pub(crate) static SUBJECTS: [&str; 3] = ["alice", "bob", "carol"];

impl Kind {
    /// How long something of this type lives if it is not used.
    pub(crate) fn first_life(&self) -> Tick {
        self.idle.map_or(self.life, |idle| idle.min(self.life))
    }

    fn policy(&self, tick: Duration) -> Policy {
        let span = |ticks| span(tick, ticks);
        let policy = Policy::fixed(span(self.life))
            .prefix(self.name)
            .idle(self.idle.map(span))
            .touch_every(if self.every == 0 { Duration::ZERO } else { span(self.every) });
        let policy = match self.limit {
            Some((max, when_full)) => policy.limit(max.try_into().unwrap(), when_full),
            None => policy,
        };
        match &self.family {
            None => policy,
            Some(Family { grace, until_confirmed, access }) => {
                let grace = span(*grace);
                let policy = policy.grace(if *until_confirmed {
                    Grace::UntilConfirmed(grace)
                } else {
                    Grace::Window(grace)
                });
                match access {
                    Some(access) => policy.access_type(access.name),
                    None => policy,
                }
            }
        }
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Debug for CodeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The options of `Tokens` that say the same of all types.
pub(crate) fn options(tick: Duration) -> TokensOptions {
    let mut options = TokensOptions::new();
    for kind in KINDS.into_iter().filter(|kind| kind.listed) {
        options = options.policy(kind.name, kind.policy(tick));
    }
    for &&CodeKind { name, digits, life, attempts, window } in &CODES {
        let policy = CodePolicy::one_time().digits(digits).lifetime(span(tick, life));
        options = options.codes(name, policy.attempts(attempts, span(tick, window)));
    }
    options
}

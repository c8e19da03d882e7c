//! What is asked for when a token is issued, and what is told when it is verified.

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::{Handle, SessionCursor, TokenText};

/// What a token is issued with.
///
/// ```
/// # use roomkey_tokens::Issue;
/// let issue = Issue::new("alice", 42_u64).device("Firefox on Linux").scopes(["read", "write"]);
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Issue<C> {
    /// Whose token it is: a user's id, not shown in the store. 1 to 1 024 bytes.
    pub subject: String,
    /// What the service wants back at each verification: any type that [`Vault::set`](roomkey_vault::Vault::set)
    /// takes. Sealed.
    pub claims: C,
    /// On what it is used, for a list of sessions; sealed. At most 1 024 bytes.
    pub device: Option<String>,
    /// What it is good for, in the order given; sealed. Each as RFC 6749 section 3.3 says: printable ASCII without
    /// spaces, quotes and backslashes; 4 096 bytes in all.
    pub scopes: Vec<String>,
    /// A shorter lifetime than the policy's.
    pub lifetime: Option<Duration>,
}

impl<C> Issue<C> {
    /// A token of a subject, with claims.
    #[must_use]
    pub fn new(subject: impl Into<String>, claims: C) -> Self {
        Self { subject: subject.into(), claims, device: None, scopes: Vec::new(), lifetime: None }
    }

    /// Sets [`device`](Self::device).
    #[must_use]
    pub fn device(self, device: impl Into<String>) -> Self {
        Self { device: Some(device.into()), ..self }
    }

    /// Sets [`scopes`](Self::scopes).
    #[must_use]
    pub fn scopes(self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { scopes: scopes.into_iter().map(Into::into).collect(), ..self }
    }

    /// Sets [`lifetime`](Self::lifetime). The policy's is the most.
    #[must_use]
    pub fn lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime: Some(lifetime), ..self }
    }
}

/// Shows the lifetime only.
impl<C> fmt::Debug for Issue<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issue").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

/// A token that was issued.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Issued {
    /// What its bearer gets.
    pub token: TokenText,
    /// Which session it belongs to: refresh and access tokens of one family share a handle.
    pub handle: Handle,
    /// How long it lives if it is not used.
    pub expires_in: Duration,
}

/// A refresh token, and the access token that comes with it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Grant {
    /// Good for one [`refresh`](crate::Tokens::refresh).
    pub refresh: Issued,
    /// Good for [`verify`](crate::Tokens::verify), if the policy names a type of
    /// [access tokens](crate::Rotation::access_type).
    pub access: Option<Issued>,
}

/// What became of a refresh token that was presented.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Refresh<C> {
    /// It was exchanged: it is worth nothing from now on but for its grace.
    Rotated {
        /// The next tokens.
        grant: Grant,
        /// What they stand for.
        session: Session<C>,
    },
    /// It had been exchanged a moment ago, and is within its grace: its successors once more. They are no new ones,
    /// so an access token among them may have ended meanwhile: one that expired is told to expire in zero, one that was
    /// revoked is told as it was.
    Replayed {
        /// The same tokens, with what is left of their lives.
        grant: Grant,
        /// What they stand for.
        session: Session<C>,
    },
    /// It had been exchanged before: someone has a copy of it, or of one that followed it. All tokens of the family are
    /// dead now; its subject has to sign in again. Tell its bearer what an inactive token tells.
    Reuse,
    /// It is not active: not issued here, mistyped, expired, revoked.
    Inactive,
}

impl<C> Refresh<C> {
    /// The next tokens and what they stand for, if the token that was presented was accepted, be it again.
    #[must_use]
    pub fn granted(self) -> Option<(Grant, Session<C>)> {
        match self {
            Self::Rotated { grant, session } | Self::Replayed { grant, session } => Some((grant, session)),
            Self::Reuse | Self::Inactive => None,
        }
    }
}

/// What an active token stands for.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session<C> {
    /// Whose it is.
    pub subject: String,
    /// What it was issued with.
    pub claims: C,
    /// On what it is used.
    pub device: Option<String>,
    /// What it is good for.
    pub scopes: Vec<String>,
    /// When the session began, on the store's clock, in whole seconds. A refresh does not change it.
    pub issued_at: SystemTime,
    /// When it ends at the latest, on the store's clock.
    pub ends_at: SystemTime,
    /// What stands for it: refresh and access tokens of one family share a handle.
    pub handle: Handle,
}

impl<C> Session<C> {
    /// Whether it is good for this.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }
}

/// Shows handle and times: subject, claims and device are the bearer's affair.
impl<C> fmt::Debug for Session<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("handle", &self.handle)
            .field("issued_at", &self.issued_at)
            .field("ends_at", &self.ends_at)
            .finish_non_exhaustive()
    }
}

/// Some of the sessions of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionPage<C> {
    /// The sessions, in no particular order.
    pub sessions: Vec<Session<C>>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<SessionCursor>,
}

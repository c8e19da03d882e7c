//! What happens to tokens, for logs and alarms: events that hold no token.

use std::fmt;

use crate::{Handle, SubjectTag};

/// Takes the events of [`Tokens`](crate::Tokens).
///
/// It is called in the task of the operation, after the store has answered: write to a log or send to a channel, and
/// do not block. A sink that panics takes the operation's task with it.
pub trait AuditSink: Send + Sync + 'static {
    /// Takes one event.
    fn record(&self, event: &Event<'_>);
}

impl<F: Fn(&Event<'_>) + Send + Sync + 'static> AuditSink for F {
    fn record(&self, event: &Event<'_>) {
        self(event);
    }
}

/// Something that happened to a token. It holds keyed hashes only: no token, no subject, no claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event<'a> {
    /// What happened.
    pub what: What,
    /// The type of token, as the service names it; empty where all types of a subject are meant.
    pub token_type: &'a str,
    /// Whose it is, if that is known; [`Tokens::subject_tag`](crate::Tokens::subject_tag) gives the tag of a name.
    pub subject: Option<SubjectTag>,
    /// Which session, if that is known.
    pub handle: Option<Handle>,
}

/// What happened to a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum What {
    /// A token was issued, or a family of refresh tokens begun.
    Issued,
    /// A token was found active.
    Verified,
    /// A token was presented and not accepted.
    Refused(Reason),
    /// A token was used up.
    Consumed,
    /// The claims of a token were changed.
    Updated,
    /// A refresh token was exchanged for the next.
    Refreshed,
    /// A refresh token was presented again within its grace, and got the same successor.
    Replayed,
    /// A refresh token was presented that had been exchanged before: someone has a copy. Its family was ended.
    ReuseDetected,
    /// A session was ended because its subject began one too many.
    Evicted,
    /// A session was not issued because its subject has too many.
    LimitReached,
    /// Something was revoked.
    Revoked(Scope),
    /// A code was issued.
    CodeIssued,
    /// The right code was given.
    CodeAccepted,
    /// A wrong code was given, or none was there.
    CodeRefused,
    /// A code was not even looked at, because of too many wrong ones.
    GuessLimited,
    /// The store failed, or a record could not be trusted; the caller got an error.
    Fault,
}

/// Why a token was not accepted. Its bearer is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Not a token of this type that was issued here, as form, checksum or proof show; the store was not asked.
    Foreign,
    /// There is no such token (any more): expired, revoked by itself, used up, or evicted by the store.
    Missing,
    /// All tokens of its subject, or of its type, were revoked after it was issued.
    Revoked,
    /// The family of the token has ended.
    FamilyEnded,
    /// It is sealed under a key that this ring does not hold. Unless a key was dropped on purpose, this process is
    /// behind in a rotation.
    UnknownKey,
    /// A refresh token that was exchanged already.
    Superseded,
}

/// How much was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// One token.
    One,
    /// A family of refresh and access tokens.
    Family,
    /// Everything of a subject.
    Subject,
    /// Everything of a subject but one session.
    Others,
    /// Everything of a type.
    Type,
}

/// Shows nothing of a sink.
impl fmt::Debug for dyn AuditSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditSink")
    }
}

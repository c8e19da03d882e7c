//! What can go wrong, sorted by whose fault it is.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// The result of a store's method.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a store did not do what it was asked.
///
/// Every error but [`Ambiguous`](Self::Ambiguous) leaves the store unchanged by the program in question.
/// When several things are wrong with one program, the error is the first of: invalid program, closed, lost cursor, the
/// first check that fails to evaluate, then along the path each op's wrong type and each op's number, then full.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // The caller's fault.
    /// The program breaks a rule of the contract. Nothing was sent.
    #[error("invalid program: {0}")]
    Invalid(#[from] Invalid),
    /// The store was closed by [`Store::close`](crate::Store::close); open a new one.
    #[error("the store is closed; open a new one")]
    Closed,
    /// A cursor from before a restart, a failover or a slot move, or of another store: begin the walk again.
    #[error("the cursor is from before a restart or of another store; begin the walk again")]
    CursorLost,

    // The data's fault.
    /// The key holds another structure than the program expects.
    #[error("the key holds another structure than the program expects")]
    WrongType,
    /// What should be a counter or a stored limit holds text that is no canonical decimal integer.
    #[error("the value is not a canonical integer")]
    NotANumber,
    /// The sum lies outside `i64`; the counter is unchanged.
    #[error("the counter would leave the range of a 64-bit integer; it is unchanged")]
    Overflow,

    // The store's fault.
    /// The store is at its memory limit and refuses to grow; free or raise memory. Releasing still works.
    #[error("the store is at its memory limit and refuses to grow; releasing and deleting still work")]
    Full,
    /// Others kept changing the same keys until the deadline; nothing was done. Try again later.
    #[error("others kept changing the same keys; nothing was done, try again")]
    Contended,
    /// The program did not run, so it may be sent again freely.
    #[error("not executed: {0}")]
    NotExecuted(#[source] Failure),
    /// The program may have run, or may yet: only repeat what is safe to apply twice.
    #[error("ambiguous, it may have happened or may yet happen: {0}")]
    Ambiguous(#[source] Failure),
    /// The store refuses and will go on refusing until someone changes something.
    #[error("refused: {0}")]
    Permanent(#[source] Failure),
}

impl Error {
    /// The program did not run because of `what`.
    pub fn not_executed(what: impl Into<Failure>) -> Self {
        Self::NotExecuted(what.into())
    }

    /// Nobody knows whether the program ran because of `what`.
    pub fn ambiguous(what: impl Into<Failure>) -> Self {
        Self::Ambiguous(what.into())
    }

    /// The store refuses because of `what`.
    pub fn permanent(what: impl Into<Failure>) -> Self {
        Self::Permanent(what.into())
    }

    /// Which error it is, without its details; for comparing.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid(_) => ErrorKind::Invalid,
            Self::Closed => ErrorKind::Closed,
            Self::CursorLost => ErrorKind::CursorLost,
            Self::WrongType => ErrorKind::WrongType,
            Self::NotANumber => ErrorKind::NotANumber,
            Self::Overflow => ErrorKind::Overflow,
            Self::Full => ErrorKind::Full,
            Self::Contended => ErrorKind::Contended,
            Self::NotExecuted(_) => ErrorKind::NotExecuted,
            Self::Ambiguous(_) => ErrorKind::Ambiguous,
            Self::Permanent(_) => ErrorKind::Permanent,
        }
    }

    /// What the caller may do next.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Full | Self::Contended | Self::NotExecuted(_) => Class::NotExecuted,
            Self::Ambiguous(_) => Class::Ambiguous,
            Self::Invalid(_)
            | Self::Closed
            | Self::CursorLost
            | Self::WrongType
            | Self::NotANumber
            | Self::Overflow
            | Self::Permanent(_) => Class::Permanent,
        }
    }
}

/// What an [`Error`] says about repeating the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the three classes are the contract")]
pub enum Class {
    /// It did not run: send it again freely, with backoff.
    NotExecuted,
    /// It may have run, or may yet: repeat only what is safe to apply twice.
    Ambiguous,
    /// It would fail again: change something first.
    Permanent,
}

/// The variants of [`Error`], without their details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is documented at the variant of Error of the same name")]
pub enum ErrorKind {
    Invalid,
    Closed,
    CursorLost,
    WrongType,
    NotANumber,
    Overflow,
    Full,
    Contended,
    NotExecuted,
    Ambiguous,
    Permanent,
}

/// What happened to a store, in words that hold no secret, with its cause where there is one.
#[derive(Clone, Debug)]
pub struct Failure {
    what: &'static str,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Failure {
    /// A failure with its cause. The cause must not show keys, values or credentials.
    pub fn new(what: &'static str, cause: impl StdError + Send + Sync + 'static) -> Self {
        Self { what, cause: Some(Arc::new(cause)) }
    }

    /// What happened.
    #[must_use]
    pub const fn what(&self) -> &'static str {
        self.what
    }
}

impl From<&'static str> for Failure {
    fn from(what: &'static str) -> Self {
        Self { what, cause: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_ref().map(|cause| &**cause as &(dyn StdError + 'static))
    }
}

/// The rule of the contract that a program breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// See [`Namespace::new`](crate::Namespace::new).
    #[error(
        "a part of a namespace is empty, over 64 bytes, or holds more than letters, digits, '-', '_' and '.'"
    )]
    Namespace,
    /// See [`Key::parse`](crate::Key::parse).
    #[error("these bytes are no key of ours")]
    Key,
    /// See [`LogId`](crate::LogId).
    #[error("this is no id of a log entry")]
    LogId,
    /// A program or wait without a key has nowhere to run.
    #[error("the program names no key")]
    NoKey,
    /// A transaction lives inside one partition.
    #[error("the program names keys of two partitions")]
    TwoPartitions,
    /// A program uses a key with one kind only.
    #[error("the program uses one key as two kinds")]
    TwoKinds,
    /// An op or check needs a key of another kind.
    #[error("the op or check needs a key of another kind")]
    WrongKind,
    /// The overflow of an `Add` is judged against the state at the start, so nothing may write its key before it but an
    /// `Expire` that cannot remove it.
    #[error("an Add follows another write to its key on the same path")]
    AddAfterWrite,
    /// A reference must point to an op that comes earlier in the same branch or in an enclosing one.
    #[error("a reference points to an op that does not come earlier on its path")]
    Reference,
    /// Not every op's reply can serve as a list or as a number.
    #[error("a reference asks an op for a list or number that it does not reply")]
    ReferenceShape,
    /// A batch has no references.
    #[error("a batch holds a reference")]
    ReferenceInBatch,
    /// A branch of another builder, or one that does not exist.
    #[error("the branch is not one of this program")]
    Branch,
    /// See [`MAX_KEYS`](crate::MAX_KEYS).
    #[error("the program names more than 64 keys")]
    TooManyKeys,
    /// See [`MAX_LOGS`](crate::MAX_LOGS).
    #[error("the wait names more than 1 024 logs")]
    TooManyLogs,
    /// A log has one id after which its entries count.
    #[error("the wait names a log twice")]
    LogTwice,
    /// See [`MAX_OPS`](crate::MAX_OPS) and [`MAX_BATCH`](crate::MAX_BATCH).
    #[error("the program holds too many ops")]
    TooManyOps,
    /// See [`MAX_CHECKS`](crate::MAX_CHECKS).
    #[error("the program holds more than 512 checks")]
    TooManyChecks,
    /// See [`MAX_DEPTH`](crate::MAX_DEPTH).
    #[error("the program nests deeper than 16")]
    TooDeep,
    /// See [`MAX_ELEMENTS`](crate::MAX_ELEMENTS).
    #[error("a list holds more than 1 000 elements")]
    TooManyElements,
    /// See [`MAX_LIMIT`](crate::MAX_LIMIT).
    #[error("a limit or count is 0 or over 1 000")]
    Limit,
    /// See [`MAX_SCORE`](crate::MAX_SCORE).
    #[error("a score lies outside ±2^53")]
    Score,
    /// See [`MAX_DURATION`](crate::MAX_DURATION).
    #[error("a duration is zero or over 100 years")]
    Duration,
    /// See [`MAX_FIELD_BYTES`](crate::MAX_FIELD_BYTES).
    #[error("a field or member is longer than 64 KiB")]
    FieldTooLarge,
    /// See [`MAX_VALUE_BYTES`](crate::MAX_VALUE_BYTES).
    #[error("a value is larger than 16 MiB")]
    ValueTooLarge,
    /// See [`MAX_PROGRAM_BYTES`](crate::MAX_PROGRAM_BYTES).
    #[error("the arguments of the program are larger than 64 MiB")]
    ProgramTooLarge,
    /// A name of a log's field is 1 to 16 ASCII letters, digits and '_'; a log entry has 1 to 16 of them.
    #[error("a log entry has no or too many fields, or a field name outside [a-zA-Z0-9_]{{1,16}}")]
    LogFields,
    /// See [`Prepared`](crate::Prepared).
    #[error("a prepared program has other keys or arguments than those that it is given to exchange")]
    Unprepared,
    /// Prefixes of a match stand beside the fields they belong to.
    #[error("fields and prefixes differ in number")]
    Uneven,
}

#![doc = include_str!("../README.md")]

mod audit;
mod clock;
mod code;
mod cursor;
mod error;
mod family;
mod generations;
mod handle;
mod introspection;
mod keys;
mod options;
mod policy;
mod presented;
mod programs;
mod random;
mod record;
mod session;
mod text;
mod tickets;
mod tokens;

pub use audit::{AuditSink, Event, Reason, Scope, What};
pub use code::{Code, CodeText, CodeVerdict};
pub use cursor::{CleanupCursor, NotACursor, SessionCursor};
pub use error::{Error, Result};
pub use handle::{Handle, NotAHandle, SubjectTag};
pub use introspection::{ActiveToken, Introspection};
pub use keys::MAX_TOKEN_BYTES;
pub use options::TokensOptions;
pub use policy::{CodePolicy, Grace, Limit, MAX_GRACE, Policy, Rotation, WhenFull};
pub use record::MAX_SUBJECT_BYTES;
pub use session::{Grant, Issue, Issued, Refresh, Session, SessionPage};
pub use text::{NotAToken, TokenText};
pub use tokens::{Cleanup, DEFAULT_EXPIRY, Tokens};

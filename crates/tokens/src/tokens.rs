//! Issuing, verifying and revoking tokens.

mod brought;
mod cleanup;
mod codes;
mod consume;
mod grant;
mod introspection;
mod issue;
mod others;
mod refresh;
mod revoke;
mod sessions;
mod update;
mod verify;

pub use cleanup::Cleanup;

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use roomkey_core::Store;
use roomkey_vault::Vault;

use crate::audit::{Event, What};
use crate::clock::StoreClock;
use crate::handle::{Handle, SubjectTag};
use crate::keys::Keys;
use crate::presented::Presented;
use crate::record::check_subject;
use crate::{Error, Policy, Result, TokensOptions};

/// How long a token lives where nothing else is decided: half an hour, the upper end of what OWASP's session cheat
/// sheet recommends as idle time for applications of low risk.
pub const DEFAULT_EXPIRY: Duration = Duration::from_secs(1_800);

/// Tokens that can be revoked: a service issues one or stores one that it made itself, asks whether one is valid, and
/// ends it.
///
/// A token's text, and that of its type, is hashed under a key and then forgotten: neither reaches the store, a log,
/// an error or a `Debug`. A stolen copy of the store holds nothing that could be presented. Tokens of different types
/// do not meet. Cloning costs little.
///
/// Every operation gives a plain answer or an error: a store that cannot answer is [`Error::Store`], never a guess in
/// either direction.
pub struct Tokens<S> {
    vault: Vault<S>,
    keys: Keys,
    shared: Arc<Shared>,
}

struct Shared {
    options: TokensOptions,
    clock: StoreClock,
}

impl<S: Store> Tokens<S> {
    /// Tokens in the namespace of a vault, with the default options.
    #[must_use]
    pub fn new(vault: Vault<S>) -> Self {
        Self::assemble(vault, TokensOptions::new())
    }

    /// Tokens in the namespace of a vault.
    ///
    /// # Errors
    /// [`Error::Policy`] for a policy that cannot be, [`Error::Empty`] and [`Error::TooLong`] for the name of its type.
    pub fn with_options(vault: Vault<S>, options: TokensOptions) -> Result<Self> {
        options.check()?;
        Ok(Self::assemble(vault, options))
    }

    /// What stands for a subject in audit events.
    ///
    /// # Errors
    /// [`Error::Empty`] and [`Error::TooLong`].
    pub fn subject_tag(&self, subject: &str) -> Result<SubjectTag> {
        check_subject(subject)?;
        Ok(self.keys.subject_tag(subject))
    }

    /// The type of a token that was issued here, among those that have a policy; told from its text, without asking
    /// the store. For endpoints that are given no type, or a wrong hint (RFC 7009, section 2.1).
    #[must_use]
    pub fn type_of(&self, token: &str) -> Option<&str> {
        let issued_as = |token_type: &&String| matches!(self.keys.read(token_type, token), Ok(Some(_)));
        self.options().policies.keys().find(issued_as).map(String::as_str)
    }

    fn assemble(vault: Vault<S>, options: TokensOptions) -> Self {
        let keys = Keys::new(&vault, options.policies.keys().chain(options.codes.keys()));
        Self { vault, keys, shared: Arc::new(Shared { options, clock: StoreClock::new() }) }
    }

    fn options(&self) -> &TokensOptions {
        &self.shared.options
    }

    fn policy(&self, token_type: &str) -> &Policy {
        static DEFAULT: LazyLock<Policy> = LazyLock::new(Policy::default);
        self.options().policies.get(token_type).unwrap_or(&DEFAULT)
    }

    /// The policy of a type that is not one of refresh tokens.
    fn plain_policy(&self, token_type: &str, what: &'static str) -> Result<&Policy> {
        let policy = self.policy(token_type);
        if policy.rotation.is_some() {
            return Err(Error::WrongType { token_type: token_type.to_owned(), what });
        }
        Ok(policy)
    }

    /// Tells the audit sink.
    fn audit(&self, what: What, token_type: &str, subject: Option<SubjectTag>, handle: Option<Handle>) {
        if let Some(sink) = &self.options().audit {
            sink.record(&Event { what, token_type, subject, handle });
        }
    }

    /// Tells the audit sink of a token that was presented.
    fn audit_presented(&self, what: What, token_type: &str, presented: &Presented) {
        self.audit(what, token_type, Some(presented.subject), Some(presented.handle()));
    }

    /// Tells the audit sink of an operation that failed for the store's or a record's fault. A lost cursor is neither:
    /// a stranger may send any.
    fn faults<T>(&self, token_type: &str, result: Result<T>) -> Result<T> {
        match &result {
            Err(Error::Store(roomkey_core::Error::CursorLost)) => {}
            Err(Error::Store(_) | Error::Record(_)) => self.audit(What::Fault, token_type, None, None),
            _ => {}
        }
        result
    }
}

impl<S> Clone for Tokens<S> {
    fn clone(&self) -> Self {
        let Self { vault, keys, shared } = self;
        Self { vault: vault.clone(), keys: keys.clone(), shared: Arc::clone(shared) }
    }
}

/// Shows the vault and the options.
impl<S: fmt::Debug> fmt::Debug for Tokens<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { vault, keys: _, shared } = self;
        f.debug_struct("Tokens")
            .field("vault", vault)
            .field("options", &shared.options)
            .finish_non_exhaustive()
    }
}

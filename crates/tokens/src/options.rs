//! How tokens work: the policies of their types, and who hears of what happens.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::audit::AuditSink;
use crate::keys::check_name;
use crate::{CodePolicy, Error, Policy, Result};

/// How [`Tokens`](crate::Tokens) work.
///
/// All processes of a service should use the same policies. Where they differ, each acts by its own.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct TokensOptions {
    /// Whether an index of deadlines is kept; see [`TokensOptions::track`].
    pub track: bool,
    /// The policies of types; others have [`Policy::default`].
    pub policies: HashMap<String, Policy>,
    /// The policies of one-time codes; others have [`CodePolicy::one_time`].
    pub codes: HashMap<String, CodePolicy>,
    /// Who hears of what happens.
    pub audit: Option<Arc<dyn AuditSink>>,
}

impl TokensOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps an index of tokens by deadline, per type and partition, off unless set.
    ///
    /// Tokens expire without it. The index is for [`Tokens::cleanup_expired`](crate::Tokens::cleanup_expired) to have
    /// something to count; it costs about 32 bytes a token and three more commands inside the same round trip. It
    /// cleans itself: each stored token removes up to two expired entries, and an index that nobody adds to expires
    /// with its last token. All processes of a service should agree on it, else entries of revoked tokens stay until
    /// their deadline.
    #[must_use]
    pub fn track(self, track: bool) -> Self {
        Self { track, ..self }
    }

    /// Sets the policy of a type.
    #[must_use]
    pub fn policy(mut self, token_type: impl Into<String>, policy: Policy) -> Self {
        self.policies.insert(token_type.into(), policy);
        self
    }

    /// Sets the policy of the one-time codes of a type.
    #[must_use]
    pub fn codes(mut self, code_type: impl Into<String>, policy: CodePolicy) -> Self {
        self.codes.insert(code_type.into(), policy);
        self
    }

    /// Sends what happens to a sink; a closure over [`&Event`](crate::Event) is one.
    #[must_use]
    pub fn audit(self, sink: impl AuditSink) -> Self {
        Self { audit: Some(Arc::new(sink)), ..self }
    }

    pub(crate) fn check(&self) -> Result<()> {
        for (token_type, policy) in &self.policies {
            check_name(token_type)?;
            policy.check(token_type)?;
            let access = policy.rotation.as_ref().and_then(|rotation| rotation.access_type.as_deref());
            access.map_or(Ok(()), check_name)?;
            if access.is_some_and(|access| {
                access == token_type
                    || self.policies.get(access).is_some_and(|policy| policy.rotation.is_some())
            }) {
                let what = "its access tokens are of a type of refresh tokens";
                return Err(Error::Policy { token_type: token_type.clone(), what });
            }
        }
        self.codes.iter().try_for_each(|(code_type, policy)| {
            check_name(code_type)?;
            policy.check(code_type)
        })
    }
}

impl fmt::Debug for TokensOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { track, policies, codes, audit } = self;
        f.debug_struct("TokensOptions")
            .field("track", track)
            .field("policies", policies)
            .field("codes", codes)
            .field("audit", &audit.is_some())
            .finish()
    }
}

//! What a resource server is told of a token, as RFC 7662 has it.

use std::fmt;

use serde::{Serialize, Serializer};

/// The answer to an introspection request: RFC 7662, section 2.2.
///
/// With [`serde`] it becomes the JSON object of that section. Of a token that is not active it says so and nothing
/// else, as section 4 asks; and it is to be given only to those who prove that they may ask, or it is a tool for
/// trying tokens.
#[derive(Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a token is active or not")]
pub enum Introspection<C> {
    /// `{"active":false}`: not issued here, mistyped, of another type, expired, revoked.
    Inactive,
    /// The token is active, and stands for this.
    Active(ActiveToken<C>),
}

/// What an active token stands for, under the names of RFC 7662.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ActiveToken<C> {
    /// What it is good for, with a space between; left out if it was issued without scopes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// `Bearer` (RFC 6750) for a token that is presented to a resource server. Left out for a refresh token, which is
    /// none: a resource server that asks for the type cannot take one for an access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type: Option<&'static str>,
    /// When it ends if it is not used, in whole seconds since 1970 on the store's clock, rounded down.
    pub exp: u64,
    /// When its session began, likewise.
    pub iat: u64,
    /// Whose it is.
    pub sub: String,
    /// What stands for this very token, unlike the handle of a session, which the tokens of a family share.
    pub jti: String,
    /// What it was issued with: a member of its own, so that no field of a service can take the place of one of those
    /// above.
    pub claims: C,
}

impl<C> Introspection<C> {
    /// What the token stands for, if it is active.
    pub fn active(self) -> Option<ActiveToken<C>> {
        match self {
            Self::Inactive => None,
            Self::Active(token) => Some(token),
        }
    }
}

impl<C: Serialize> Serialize for Introspection<C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Response<'a, C> {
            active: bool,
            #[serde(flatten)]
            token: Option<&'a ActiveToken<C>>,
        }
        let token = match self {
            Self::Inactive => None,
            Self::Active(token) => Some(token),
        };
        Response { active: token.is_some(), token }.serialize(serializer)
    }
}

/// Shows whether the token is active and until when; subject and claims are the bearer's affair.
impl<C> fmt::Debug for Introspection<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive => f.write_str("Inactive"),
            Self::Active(token) => f.debug_tuple("Active").field(token).finish(),
        }
    }
}

/// Shows times and the id.
impl<C> fmt::Debug for ActiveToken<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActiveToken")
            .field("jti", &self.jti)
            .field("iat", &self.iat)
            .field("exp", &self.exp)
            .finish_non_exhaustive()
    }
}

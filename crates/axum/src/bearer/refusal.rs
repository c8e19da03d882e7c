//! Why a request is turned away, and what it is told.

use std::sync::Arc;

use http::{HeaderValue, Response, StatusCode, header};
use roomkey_tokens::Error;

/// Seconds after which a client may ask again while the store is away: more than connecting anew takes, less than a
/// person waits.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Why a [`BearerLayer`](crate::BearerLayer) turned a request away: an extension of the response, for a log. What the
/// client is told stands [there](crate::BearerLayer#what-a-request-is-told). It carries no token.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No credentials, or those of another scheme.
    #[error("the request carries no bearer token")]
    NoCredentials,
    /// The request carries what cannot be a token, or more than one.
    #[error("the request carries a malformed bearer token, or more than one")]
    InvalidRequest,
    /// The token is not active. The [audit sink](roomkey_tokens::AuditSink) of the tokens heard why.
    #[error("the bearer token is not active")]
    InvalidToken,
    /// The token lacks a scope that is required.
    #[error("the bearer token lacks a scope that is required")]
    InsufficientScope,
    /// The store could not answer, so nothing is known of the token.
    #[error("the bearer token could not be verified")]
    Unavailable(#[source] Arc<Error>),
    /// The token's record cannot be trusted or has claims of another type, or the service asks for what cannot be.
    #[error("the bearer token cannot be verified")]
    Broken(#[source] Arc<Error>),
}

impl Refusal {
    /// The response to a request that was turned away.
    pub(super) fn response<R: Default>(self, realm: &str, scopes: &[String]) -> Response<R> {
        let (status, challenge) = match &self {
            Self::NoCredentials => (StatusCode::UNAUTHORIZED, Some(String::new())),
            Self::InvalidRequest => (StatusCode::BAD_REQUEST, Some(error("invalid_request"))),
            Self::InvalidToken => (StatusCode::UNAUTHORIZED, Some(error("invalid_token"))),
            Self::InsufficientScope => {
                let scopes = format!(", scope=\"{}\"", scopes.join(" "));
                (StatusCode::FORBIDDEN, Some(error("insufficient_scope") + &scopes))
            }
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, None),
            Self::Broken(_) => (StatusCode::INTERNAL_SERVER_ERROR, None),
        };
        let mut response = Response::new(R::default());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(error) = challenge {
            let challenge = HeaderValue::try_from(format!("Bearer realm=\"{realm}\"{error}"));
            let challenge = challenge.expect("realm and scopes were checked when they were set");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response.extensions_mut().insert(self);
        response
    }
}

fn error(code: &str) -> String {
    format!(", error=\"{code}\"")
}

//! What a handler gets of a bearer token.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use axum_core::body::Body;
use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use roomkey_tokens::Session;

/// What the bearer token of a request stands for: an extractor of axum, and for other services an extension of the
/// request. A [`BearerLayer`](crate::BearerLayer) puts it there.
///
/// It shows the [`Session`] and is cheap to clone. `C` must be the claims of the layer; on a route without such a layer
/// the handler is not called, see [`NotVerified`].
pub struct Bearer<C>(Arc<Session<C>>);

impl<C> Bearer<C> {
    pub(super) fn new(session: Session<C>) -> Self {
        Self(Arc::new(session))
    }
}

impl<C> Deref for Bearer<C> {
    type Target = Session<C>;

    fn deref(&self) -> &Session<C> {
        &self.0
    }
}

impl<C> Clone for Bearer<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Shows what the session's own `Debug` shows: handle and times.
impl<C> fmt::Debug for Bearer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bearer").field(&self.0).finish()
    }
}

impl<S, C> FromRequestParts<S> for Bearer<C>
where
    S: Send + Sync,
    C: Send + Sync + 'static,
{
    type Rejection = NotVerified;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NotVerified> {
        parts.extensions.get::<Self>().cloned().ok_or(NotVerified)
    }
}

/// A handler asks for a [`Bearer`] where no [`BearerLayer`](crate::BearerLayer) of the same claims stands before it: a
/// mistake of the service, told to the client as 500 and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no bearer token was verified; put a BearerLayer with the same type of claims around the route")]
#[non_exhaustive]
pub struct NotVerified;

impl IntoResponse for NotVerified {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    }
}

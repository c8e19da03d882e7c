//! Bearer tokens in front of a service: RFC 6750 over [`Tokens`].

mod credentials;
mod extract;
mod refusal;

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Request, Response, header};
use roomkey_core::Store;
use roomkey_tokens::{Error, Tokens};
use roomkey_vault::Decode;
use tower_layer::Layer;
use tower_service::Service;

pub use extract::{Bearer, NotVerified};
pub use refusal::Refusal;

/// Lets only requests through that carry an active bearer token, and tells the service behind it whose they are.
///
/// The token is taken from the `Authorization` header and nowhere else: RFC 9700, section 4.3.2 rules out the query of
/// a URL, which ends up in logs. What it stands for is put into the request's extensions as a [`Bearer<C>`], which is
/// also an extractor for axum's handlers; `C` is the type of the claims that the token was issued with. The header is
/// passed on, marked as sensitive, so that a `Debug` of the request does not show it.
///
/// ```
/// use axum::Router;
/// use axum::routing::{get, post};
/// use roomkey_axum::{Bearer, BearerLayer};
/// use roomkey_core::Store;
/// use roomkey_tokens::Tokens;
///
/// async fn read(session: Bearer<u64>) -> String {
///     format!("{} reads as number {}", session.subject, session.claims)
/// }
/// async fn write(_: Bearer<u64>) {}
///
/// fn service<S: Store>(tokens: Tokens<S>) -> Router {
///     let bearer = BearerLayer::<_, u64>::new(tokens, "access").realm("shop");
///     let reading = get(read).layer(bearer.clone().require_scope("read"));
///     let writing = post(write).layer(bearer.require_scope("write"));
///     Router::new().route("/", reading.merge(writing))
/// }
/// ```
///
/// Put one around each route that needs it: of two around one route each asks the store, and each has its say. (A
/// `layer` of axum wraps everything that was added before it, hence the `merge`.) A layer that answers preflight
/// requests of CORS, which carry no token, belongs around it.
///
/// # What a request is told
/// | it has | status | `WWW-Authenticate` |
/// |---|---|---|
/// | no credentials, or those of another scheme | 401 | `Bearer realm="…"` |
/// | more than one `Authorization` header, a token in the query besides, no token, or none that could be one | 400 | `… error="invalid_request"` |
/// | a token that is not active: unknown, mistyped, of another type, expired, revoked | 401 | `… error="invalid_token"` |
/// | a token that is good for less than this | 403 | `… error="insufficient_scope", scope="…"` |
/// | whatever token, while the store cannot answer | 503, `Retry-After: 1` | – |
/// | a token whose record cannot be trusted, or has other claims | 500 | – |
///
/// All have an empty body and `Cache-Control: no-store`. Why a token is not active is not told, as nobody who guesses
/// shall learn from it; the [audit sink](roomkey_tokens::AuditSink) of the tokens hears it. Trouble is never 401: a client
/// would throw its token away and send its user to sign in. A record that was tampered with is not either, as it says
/// nothing about the token, nor 503, as asking again does not mend it. What happened stands in the response's
/// extensions as a [`Refusal`], for the service's own log.
pub struct BearerLayer<S, C> {
    guard: Guard<S>,
    claims: PhantomData<fn() -> C>,
}

/// The service that a [`BearerLayer`] makes of another one.
///
/// The response's body needs a `Default`, its empty form, for requests that are turned away.
pub struct BearerService<I, S, C> {
    inner: I,
    guard: Arc<Guard<S>>,
    claims: PhantomData<fn() -> C>,
}

/// Who is let in.
#[derive(Clone)]
struct Guard<S> {
    tokens: Tokens<S>,
    token_type: String,
    realm: String,
    scopes: Vec<String>,
}

impl<S: Store, C> BearerLayer<S, C> {
    /// Lets active tokens of this type in, in the realm `api`.
    #[must_use]
    pub fn new(tokens: Tokens<S>, token_type: impl Into<String>) -> Self {
        let guard = Guard { tokens, token_type: token_type.into(), realm: "api".into(), scopes: Vec::new() };
        Self { guard, claims: PhantomData }
    }

    /// Names what is protected, as clients see it.
    ///
    /// # Panics
    /// If it is not printable ASCII without quotes and backslashes. A realm is a constant.
    #[must_use]
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.guard.realm = realm.into();
        assert!(self.guard.realm.bytes().all(is_quotable), "a realm is printable ASCII without quotes");
        self
    }

    /// Asks for a scope that the token was issued with; of several, for all.
    ///
    /// # Panics
    /// If no token could have it, being empty or not of the characters of RFC 6749, section 3.3. A scope is a
    /// constant.
    #[must_use]
    pub fn require_scope(mut self, scope: impl Into<String>) -> Self {
        let scope = scope.into();
        let can_be = !scope.is_empty() && scope.bytes().all(|byte| byte != b' ' && is_quotable(byte));
        assert!(can_be, "a scope is printable ASCII without spaces and quotes");
        self.guard.scopes.push(scope);
        self
    }
}

impl<S: Clone, C, I> Layer<I> for BearerLayer<S, C> {
    type Service = BearerService<I, S, C>;

    fn layer(&self, inner: I) -> Self::Service {
        BearerService { inner, guard: Arc::new(self.guard.clone()), claims: PhantomData }
    }
}

impl<I, S, C, B, R> Service<Request<B>> for BearerService<I, S, C>
where
    I: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    I::Future: Send,
    S: Store,
    C: Decode + Send + Sync + 'static,
    B: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = I::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, I::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), I::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that said it is ready must be the one that is called; its clone may not be.
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);
        let guard = Arc::clone(&self.guard);
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match guard.admit::<C>(&parts).await {
                Ok(session) => {
                    if let Some(credentials) = parts.headers.get_mut(header::AUTHORIZATION) {
                        credentials.set_sensitive(true);
                    }
                    parts.extensions.insert(session);
                    inner.call(Request::from_parts(parts, body)).await
                }
                Err(refusal) => Ok(refusal.response(&guard.realm, &guard.scopes)),
            }
        })
    }
}

impl<S: Store> Guard<S> {
    async fn admit<C: Decode>(&self, parts: &Parts) -> Result<Bearer<C>, Refusal> {
        let token = credentials::token(&parts.headers, &parts.uri)?;
        match self.tokens.verify::<C>(&self.token_type, token).await {
            Ok(Some(session)) if self.scopes.iter().all(|scope| session.has_scope(scope)) => {
                Ok(Bearer::new(session))
            }
            Ok(Some(_)) => Err(Refusal::InsufficientScope),
            Ok(None) => Err(Refusal::InvalidToken),
            Err(error @ Error::Store(_)) => Err(Refusal::Unavailable(Arc::new(error))),
            Err(error) => Err(Refusal::Broken(Arc::new(error))),
        }
    }
}

impl<S: Clone, C> Clone for BearerLayer<S, C> {
    fn clone(&self) -> Self {
        Self { guard: self.guard.clone(), claims: PhantomData }
    }
}

impl<I: Clone, S, C> Clone for BearerService<I, S, C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), guard: Arc::clone(&self.guard), claims: PhantomData }
    }
}

impl<S: fmt::Debug, C> fmt::Debug for BearerLayer<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { guard, claims: PhantomData } = self;
        f.debug_struct("BearerLayer").field("guard", guard).finish()
    }
}

impl<I: fmt::Debug, S: fmt::Debug, C> fmt::Debug for BearerService<I, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, guard, claims: PhantomData } = self;
        f.debug_struct("BearerService").field("guard", guard).field("inner", inner).finish()
    }
}

impl<S: fmt::Debug> fmt::Debug for Guard<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tokens, token_type, realm, scopes } = self;
        f.debug_struct("Guard")
            .field("token_type", token_type)
            .field("realm", realm)
            .field("scopes", scopes)
            .field("tokens", tokens)
            .finish()
    }
}

/// Whether a character stands for itself between quotes.
const fn is_quotable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

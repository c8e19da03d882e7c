//! Bearer tokens in front of a service, as RFC 6750 says.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::Receiver;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use axum::routing::{any, get, post};
use roomkey_axum::{Bearer, BearerLayer, Refusal};
use roomkey_core::Store;
use roomkey_tokens::{Issue, Tokens};
use serde::{Deserialize, Serialize};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::common::open;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Claims {
    tenant: String,
}

async fn tokens<S: Store>(store: S) -> Tokens<S> {
    Tokens::new(open(store).await)
}

async fn issued<S: Store>(tokens: &Tokens<S>, token_type: &str, scopes: &[&str]) -> String {
    let claims = Claims { tenant: "acme".into() };
    let issue = Issue::new("alice", claims).scopes(scopes.iter().copied());
    tokens.issue(token_type, issue).await.unwrap().token.reveal().to_owned()
}

fn layer<S: Store>(tokens: &Tokens<S>) -> BearerLayer<S, Claims> {
    BearerLayer::new(tokens.clone(), "access").realm("shop")
}

fn request(authorization: &[&str]) -> Request<()> {
    let mut request = Request::get("/");
    for value in authorization {
        request = request.header(header::AUTHORIZATION, *value);
    }
    request.body(()).unwrap()
}

/// What a client sees of a response, and whether the service behind the layer was called.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
    calls: u32,
}

impl Seen {
    fn challenge(&self) -> Option<&str> {
        self.headers.get(header::WWW_AUTHENTICATE).map(|value| value.to_str().unwrap())
    }
}

/// Asks a service that greets whom the token stands for.
async fn ask<S: Store>(layer: &BearerLayer<S, Claims>, request: Request<()>) -> Seen {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let service = layer.layer(service_fn(move |request: Request<()>| {
        counted.fetch_add(1, Ordering::Relaxed);
        let session = request.extensions().get::<Bearer<Claims>>().unwrap();
        let body = format!("{} of {}", session.subject, session.claims.tenant);
        async { Ok::<_, Infallible>(Response::new(body)) }
    }));
    let (parts, body) = service.oneshot(request).await.unwrap().into_parts();
    Seen { status: parts.status, headers: parts.headers, body, calls: calls.load(Ordering::Relaxed) }
}

#[track_caller]
fn assert_turned_away(seen: &Seen, status: StatusCode, challenge: &str) {
    assert_eq!((seen.status, seen.challenge()), (status, Some(challenge)));
    assert_eq!(seen.headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(seen.headers.len(), 2, "{seen:?}");
    assert_eq!((seen.body.as_str(), seen.calls), ("", 0), "the service behind is not called");
}

pub(crate) async fn an_active_token_lets_in<S: Store>(store: S) {
    let tokens = tokens(store).await;
    let token = issued(&tokens, "access", &[]).await;
    for scheme in ["Bearer", "bearer", "BEARER", "bEARER "] {
        let seen = ask(&layer(&tokens), request(&[&format!("{scheme} {token}")])).await;
        assert_eq!((seen.status, seen.body.as_str(), seen.calls), (StatusCode::OK, "alice of acme", 1));
        assert!(seen.headers.is_empty(), "{seen:?}");
    }
}

pub(crate) async fn no_credentials_get_the_scheme_and_no_error<S: Store>(store: S) {
    let tokens = tokens(store).await;
    let token = issued(&tokens, "access", &[]).await;
    let mut requests = vec![request(&[]), request(&["Basic dTpw"]), request(&[&format!("DPoP {token}")])];
    let mut in_query = request(&[]);
    *in_query.uri_mut() = format!("/?access_token={token}").parse().unwrap();
    requests.push(in_query);
    for request in requests {
        let seen = ask(&layer(&tokens), request).await;
        assert_turned_away(&seen, StatusCode::UNAUTHORIZED, "Bearer realm=\"shop\"");
    }
}

pub(crate) async fn malformed_credentials_are_an_invalid_request<S: Store>(store: S) {
    let tokens = tokens(store).await;
    let token = issued(&tokens, "access", &[]).await;
    let good = format!("Bearer {token}");
    let mut requests = vec![
        request(&["Bearer"]),
        request(&["Bearer "]),
        request(&[""]),
        request(&[&format!("{good}, {good}")]),
        request(&[&format!("Bearer \"{token}\"")]),
        request(&[&good, &good]),
        request(&[&good, "Basic dTpw"]),
        request(&["Ba{sic dTpw"]),
    ];
    let mut twice = request(&[&good]);
    *twice.uri_mut() = format!("/?a=b&access_token={token}").parse().unwrap();
    requests.push(twice);
    for request in requests {
        let challenge = "Bearer realm=\"shop\", error=\"invalid_request\"";
        assert_turned_away(&ask(&layer(&tokens), request).await, StatusCode::BAD_REQUEST, challenge);
    }
}

pub(crate) async fn tokens_that_are_not_active_look_the_same<S: Store>(store: S) {
    let tokens = tokens(store).await;
    let revoked = issued(&tokens, "access", &[]).await;
    let seen = ask(&layer(&tokens), request(&[&format!("Bearer {revoked}")])).await;
    assert_eq!(seen.calls, 1);
    tokens.revoke("access", &revoked).await.unwrap();
    let another_type = issued(&tokens, "refresh", &[]).await;
    let foreign = {
        let elsewhere = Tokens::new(open(roomkey_memory::MemoryStore::new()).await);
        issued(&elsewhere, "access", &[]).await
    };
    let mut mistyped = issued(&tokens, "access", &[]).await;
    mistyped.pop();
    let long = "x".repeat(64 * 1_024);
    for token in [&revoked, &another_type, &foreign, &mistyped, &long, "rk_", "garbage", "a=="] {
        let seen = ask(&layer(&tokens), request(&[&format!("Bearer {token}")])).await;
        let challenge = "Bearer realm=\"shop\", error=\"invalid_token\"";
        assert_turned_away(&seen, StatusCode::UNAUTHORIZED, challenge);
    }
}

pub(crate) async fn a_scope_that_is_missing_is_named<S: Store>(store: S) {
    let tokens = tokens(store).await;
    let layer = layer(&tokens).require_scope("read");
    let both = layer.clone().require_scope("write");
    let token = format!("Bearer {}", issued(&tokens, "access", &["other", "read"]).await);
    assert_eq!(ask(&layer, request(&[&token])).await.calls, 1);
    let challenge = "Bearer realm=\"shop\", error=\"insufficient_scope\", scope=\"read write\"";
    assert_turned_away(&ask(&both, request(&[&token])).await, StatusCode::FORBIDDEN, challenge);
    let token = format!("Bearer {}", issued(&tokens, "access", &["write", "read"]).await);
    assert_eq!(ask(&both, request(&[&token])).await.calls, 1);
    // Who has no active token does not learn which scopes there are.
    let seen = ask(&both, request(&["Bearer garbage"])).await;
    let challenge = "Bearer realm=\"shop\", error=\"invalid_token\"";
    assert_turned_away(&seen, StatusCode::UNAUTHORIZED, challenge);
}

pub(crate) async fn no_method_gets_around_it<S: Store>(store: S) {
    let tokens = tokens(store).await;
    let service = Router::new().route("/", any(|| async {})).layer(layer(&tokens));
    let token = format!("Bearer {}", issued(&tokens, "access", &[]).await);
    for method in ["GET", "HEAD", "OPTIONS", "TRACE", "POST", "PROPFIND"] {
        let request = || Request::builder().method(method).uri("/");
        let turned_away = service.clone().oneshot(request().body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(turned_away.status(), StatusCode::UNAUTHORIZED, "{method}");
        assert_eq!(turned_away.headers()[header::WWW_AUTHENTICATE], "Bearer realm=\"shop\"");
        let request = request().header(header::AUTHORIZATION, &token).body(Body::empty()).unwrap();
        assert_eq!(service.clone().oneshot(request).await.unwrap().status(), StatusCode::OK, "{method}");
    }
}

pub(crate) async fn of_two_layers_each_has_its_say<S: Store>(store: S) {
    let tokens = tokens(store).await;
    let (reading, writing) = (layer(&tokens).require_scope("read"), layer(&tokens).require_scope("write"));
    let both = |request| {
        let innermost = service_fn(|request: Request<()>| async move {
            let session = request.extensions().get::<Bearer<Claims>>().unwrap();
            Ok::<_, Infallible>(Response::new(session.scopes.join(" ")))
        });
        reading.layer(writing.layer(innermost)).oneshot(request)
    };
    for (scopes, status) in [
        (&["read"][..], StatusCode::FORBIDDEN),
        (&["write"], StatusCode::FORBIDDEN),
        (&["read", "write"], StatusCode::OK),
    ] {
        let token = format!("Bearer {}", issued(&tokens, "access", scopes).await);
        assert_eq!(both(request(&[&token])).await.unwrap().status(), status, "{scopes:?}");
    }
}

/// The body of an upload is not read, and one that is read once only need not be shared between threads.
pub(crate) async fn a_body_passes_as_it_is<S: Store>(store: S) {
    let tokens = tokens(store).await;
    let (sender, receiver) = std::sync::mpsc::channel();
    let service = layer(&tokens).layer(service_fn(|request: Request<Receiver<u8>>| async move {
        Ok::<_, Infallible>(Response::new(request.into_body().try_recv().ok()))
    }));
    let token = format!("Bearer {}", issued(&tokens, "access", &[]).await);
    sender.send(7).unwrap();
    let request = request(&[&token]).map(|()| receiver);
    assert_eq!(service.oneshot(request).await.unwrap().into_body(), Some(7));
}

pub(crate) async fn handlers_of_axum_get_the_session<S: Store>(store: S) {
    let tokens = tokens(store).await;
    let read = |session: Bearer<Claims>| async move {
        format!("{} of {} {:?}", session.subject, session.claims.tenant, session.scopes)
    };
    let bearer = layer(&tokens);
    let reading = get(read).layer(bearer.clone().require_scope("read"));
    let writing = post(read).layer(bearer.require_scope("write"));
    let service: Router = Router::new()
        .route("/", reading.merge(writing))
        .route("/open", get(read))
        .route("/other", get(|_: Bearer<u64>| async {}).layer(layer(&tokens)));
    let token = issued(&tokens, "access", &["read"]).await;
    let ask = async |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        let response = service.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1_024).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    assert_eq!(ask("GET", "/").await, (StatusCode::OK, "alice of acme [\"read\"]".into()));
    assert_eq!(ask("POST", "/").await, (StatusCode::FORBIDDEN, String::new()));
    // Where no layer of these claims stands before it, a handler is not called.
    assert_eq!(ask("GET", "/open").await, (StatusCode::INTERNAL_SERVER_ERROR, String::new()));
    assert_eq!(ask("GET", "/other").await, (StatusCode::INTERNAL_SERVER_ERROR, String::new()));
}

pub(crate) async fn nothing_shows_the_token<S: Store>(store: S) {
    let tokens = tokens(store).await;
    let layer = layer(&tokens);
    let token = issued(&tokens, "access", &[]).await;
    let secret = token.split_once('_').unwrap().1.to_owned();

    let service = layer.layer(service_fn(|request: Request<()>| async move {
        assert!(request.headers()[header::AUTHORIZATION].is_sensitive());
        Ok::<_, Infallible>(Response::new(format!("{request:?}")))
    }));
    let response = service.oneshot(request(&[&format!("Bearer {token}")])).await.unwrap();
    let mut shown = response.into_body();
    assert!(shown.contains("authorization"), "the request came through: {shown}");
    let session = tokens.verify::<Claims>("access", &token).await.unwrap().unwrap();
    shown += &format!("{layer:?} {session:?}");

    tokens.revoke("access", &token).await.unwrap();
    let service = layer.layer(service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(())) }));
    shown += &format!("{service:?}");
    let response = service.oneshot(request(&[&format!("Bearer {token}")])).await.unwrap();
    assert!(matches!(response.extensions().get(), Some(Refusal::InvalidToken)));
    shown += &format!("{response:?} {:?}", response.extensions().get::<Refusal>());
    assert!(!shown.contains(&secret), "{shown}");
    assert!(!shown.contains("alice") && !shown.contains("acme"), "{shown}");
}

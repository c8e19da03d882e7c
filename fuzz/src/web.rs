//! What strangers send to a service over HTTP, and what the store holds of their sessions.

use std::convert::Infallible;
use std::future::{Ready, ready as at_once};
use std::task::{Context, Poll, Waker};

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use roomkey_axum::{Bearer, BearerLayer, VaultSessionStore};
use roomkey_core::Kind;
use roomkey_memory::MemoryStore;
use roomkey_tokens::{Issue, Tokens};
use roomkey_vault::Name;
use time::OffsetDateTime;
use tower_layer::Layer as _;
use tower_service::Service;
use tower_sessions_core::SessionStore as _;
use tower_sessions_core::session::Id;
use tower_sessions_core::session_store::Error;

use crate::input::Input;
use crate::world::{World, ready};

/// Where an input has this byte, a header has a token that is active.
const TOKEN: u8 = 1;

/// Any `Authorization` headers of a request, and any query.
///
/// - Only the scheme, blanks and an active token let in: in one header, and with none in the query.
/// - Everybody else is told 400 or 401, with a challenge and nothing besides.
/// - How the scheme is written, and how many blanks follow it, does not count.
pub fn bearer(data: &[u8]) {
    let mut input = Input::new(data);
    let world = World::new();
    let tokens = Tokens::new(world.vault);
    let issued = ready(tokens.issue("access", Issue::new("somebody", 7_u64))).expect("the store answers");
    let token = issued.token.reveal();
    let layer = BearerLayer::<_, u64>::new(tokens, "access");

    let (count, len) = (input.byte() % 4, input.byte());
    let query = String::from_utf8_lossy(input.take(len.into())).into_owned();
    let Ok(uri) = format!("/?{query}").parse::<http::Uri>() else { return };
    let mut headers: Vec<Vec<u8>> = Vec::new();
    for _ in 0..count {
        let len = input.byte();
        headers.push(filled_in(input.take(len.into()), token));
    }
    let in_query = uri.query().is_some_and(|query| query.contains("access_token"));
    let Some(status) = ask(&layer, &uri, &headers) else { return };
    if let [header] = &headers[..] {
        let lets_in = header.strip_suffix(token.as_bytes()).is_some_and(is_bearer);
        assert!(status == StatusCode::OK || !lets_in || in_query);
        assert!(status != StatusCode::OK || lets_in);
        let mut other = header.clone();
        if let Some(blank) = other.iter().position(|byte| *byte == b' ') {
            for letter in other[..blank].iter_mut().filter(|byte| byte.is_ascii_alphabetic()) {
                *letter ^= b' ';
            }
            other.insert(blank, b' ');
            assert_eq!(ask(&layer, &uri, &[other]), Some(status));
        }
    } else {
        let expected = if headers.is_empty() { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
        assert_eq!(status, expected);
    }
}

fn filled_in(bytes: &[u8], token: &str) -> Vec<u8> {
    let parts: Vec<_> = bytes.split(|byte| *byte == TOKEN).collect();
    parts.join(token.as_bytes())
}

/// Whether this is the scheme and some blanks.
fn is_bearer(front: &[u8]) -> bool {
    let scheme = front.trim_ascii_end();
    scheme.eq_ignore_ascii_case(b"bearer")
        && front.len() > scheme.len()
        && front[scheme.len()..].iter().all(|byte| *byte == b' ')
}

/// What a request with these headers is told; `None` if there can be no such request.
fn ask(layer: &BearerLayer<MemoryStore, u64>, uri: &http::Uri, headers: &[Vec<u8>]) -> Option<StatusCode> {
    let mut request = Request::new(());
    (*request.method_mut(), *request.uri_mut()) = (Method::PUT, uri.clone());
    for value in headers {
        request.headers_mut().append(header::AUTHORIZATION, HeaderValue::from_bytes(value).ok()?);
    }
    let mut service = layer.layer(Inside);
    let Poll::Ready(Ok(())) = service.poll_ready(&mut Context::from_waker(Waker::noop())) else {
        panic!("the service inside is always ready");
    };
    let response = ready(service.call(request)).expect("it never fails");
    let status = response.status();
    if status != StatusCode::OK {
        let challenge = response.headers()[header::WWW_AUTHENTICATE].to_str().expect("a challenge is text");
        let error = match challenge {
            "Bearer realm=\"api\"" | "Bearer realm=\"api\", error=\"invalid_token\"" => {
                StatusCode::UNAUTHORIZED
            }
            "Bearer realm=\"api\", error=\"invalid_request\"" => StatusCode::BAD_REQUEST,
            other => panic!("a challenge with something else in it: {other}"),
        };
        assert_eq!((status, response.headers().len()), (error, 2));
    }
    Some(status)
}

/// The service behind the layer.
#[derive(Clone)]
struct Inside;

impl Service<Request<()>> for Inside {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let session = request.extensions().get::<Bearer<u64>>().expect("who is let in has a session");
        assert_eq!((session.subject.as_str(), session.claims), ("somebody", 7));
        at_once(Ok(Response::new(())))
    }
}

/// Any record of a browser's session, sealed or not.
///
/// - It is a session, or an error of what is stored; only what was sealed under a lost key is none.
/// - What was loaded and is not over can be saved, and loads back the same.
/// - Whatever the record is, deleting removes it.
pub fn browser(data: &[u8]) {
    let mut input = Input::new(data);
    let world = World::new();
    let sessions = VaultSessionStore::new(world.vault.clone());
    let (raw, id) = (input.flag(), Id(7));
    let space = world.space();
    let tag = space.hide_name("value", Name::new("tower-sessions").bytes(id.0.to_be_bytes()));
    let key = space.key(Kind::Value, tag.expect("the name is neither empty nor long"));
    let record = input.rest();
    if raw {
        world.put(&key, record.to_vec());
    } else {
        let context = roomkey_crypto::Context::value(key.bytes());
        world.put(&key, space.seal(&context, &[record]).expect("the system has random bytes"));
    }
    match ready(sessions.load(&id)) {
        Ok(Some(loaded)) => {
            assert!(!raw && loaded.id == id);
            ready(sessions.save(&loaded)).expect("what was loaded can be saved");
            let again = ready(sessions.load(&id)).expect("what was saved can be loaded");
            let is_over = loaded.expiry_date <= OffsetDateTime::now_utc();
            assert!(if is_over { again.is_none() } else { again == Some(loaded) });
        }
        Ok(None) => assert!(raw),
        Err(Error::Decode(_)) => {}
        Err(other) => panic!("not an error of what is stored: {other:?}"),
    }
    ready(sessions.delete(&id)).expect("the store answers");
    assert_eq!(ready(sessions.load(&id)).expect("the store answers"), None);
}

//! An axum service with sessions, as a browser sees it.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use axum::routing::get;
use roomkey_axum::VaultSessionStore;
use roomkey_core::Store;
use tokio::sync::Notify;
use tower::ServiceExt as _;
use tower_sessions::cookie::time::Duration;
use tower_sessions::{Expiry, Session, SessionManagerLayer};

use crate::common::sessions;

/// Where a request stops until the test lets it go on.
#[derive(Clone, Default)]
struct Stop {
    reached: Arc<Notify>,
    go: Arc<Notify>,
}

/// `slow` notes something in its session, but answers only when the stop lets it go on.
fn service<S: Store>(sessions: VaultSessionStore<S>, stop: Stop) -> Router {
    let visits = |session: Session| async move {
        let visits = session.get::<u32>("visits").await.unwrap().unwrap_or(0);
        visits.to_string()
    };
    let visit = |session: Session| async move {
        let visits = session.get::<u32>("visits").await.unwrap().unwrap_or(0) + 1;
        session.insert("visits", visits).await.unwrap();
        visits.to_string()
    };
    let slow = move |session: Session| {
        let stop = stop.clone();
        async move {
            session.insert("visits", 100).await.unwrap();
            stop.reached.notify_one();
            stop.go.notified().await;
        }
    };
    let forget = |session: Session| async move {
        session.remove_value("visits").await.unwrap();
    };
    let restart = |session: Session| async move {
        session.flush().await.unwrap();
        session.insert("visits", 1).await.unwrap();
    };
    Router::new()
        .route("/", get(visits))
        .route("/visit", get(visit))
        .route("/slow", get(slow))
        .route("/cycle", get(|session: Session| async move { session.cycle_id().await.unwrap() }))
        .route("/out", get(|session: Session| async move { session.flush().await.unwrap() }))
        .route("/restart", get(restart))
        .route("/forget", get(forget))
        .layer(SessionManagerLayer::new(sessions).with_expiry(Expiry::OnInactivity(Duration::HOUR)))
}

/// What a browser gets: the text, and the cookie if it was given one.
async fn ask(service: &Router, path: &str, cookie: &str) -> (String, Option<String>) {
    let request = Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    let response = service.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    let given = response.headers().get(header::SET_COOKIE).map(|given| {
        let given = given.to_str().unwrap();
        given.split(';').next().unwrap().to_owned()
    });
    let body = to_bytes(response.into_body(), 1_024).await.unwrap();
    (String::from_utf8(body.to_vec()).unwrap(), given)
}

async fn signed_in<S: Store>(store: S) -> (Router, Stop, String) {
    let stop = Stop::default();
    let service = service(sessions(store).await, stop.clone());
    let (text, cookie) = ask(&service, "/visit", "").await;
    assert_eq!(text, "1");
    (service, stop, cookie.unwrap())
}

pub(crate) async fn a_cookie_brings_the_session_back<S: Store>(store: S) {
    let (service, _, cookie) = signed_in(store).await;
    assert_eq!(ask(&service, "/visit", &cookie).await, ("2".into(), Some(cookie.clone())));
    assert_eq!(ask(&service, "/", &cookie).await, ("2".into(), None), "reading gives no cookie");
    assert_eq!(ask(&service, "/", "").await, ("0".into(), None));
}

pub(crate) async fn a_cookie_that_nobody_gave_out_gets_another_id<S: Store>(store: S) {
    let (service, _, cookie) = signed_in(store).await;
    for foreign in ["id=AAAAAAAAAAAAAAAAAAAAAA", "id=malformed", "id="] {
        let (text, given) = ask(&service, "/visit", foreign).await;
        assert_eq!(text, "1", "{foreign}");
        let given = given.unwrap();
        assert!(given != foreign && given != cookie, "{given}");
        assert_eq!(ask(&service, "/", &given).await.0, "1");
    }
}

pub(crate) async fn a_new_id_replaces_the_old_one<S: Store>(store: S) {
    let (service, _, old) = signed_in(store).await;
    let new = ask(&service, "/cycle", &old).await.1.unwrap();
    assert_ne!(old, new);
    assert_eq!(ask(&service, "/", &new).await.0, "1", "the data came along");
    assert_eq!(ask(&service, "/", &old).await.0, "0");
}

pub(crate) async fn signing_out_ends_the_session<S: Store>(store: S) {
    let (service, _, cookie) = signed_in(store).await;
    assert_eq!(ask(&service, "/out", &cookie).await.1.as_deref(), Some("id="), "the cookie is taken back");
    // A thief has kept it.
    assert_eq!(ask(&service, "/", &cookie).await.0, "0");
    let (text, given) = ask(&service, "/visit", &cookie).await;
    assert_eq!(text, "1");
    assert_ne!(given.unwrap(), cookie);
}

pub(crate) async fn a_request_under_way_does_not_sign_in_again<S: Store>(store: S) {
    let (service, stop, cookie) = signed_in(store).await;
    let slow = tokio::spawn({
        let (service, cookie) = (service.clone(), cookie.clone());
        async move { ask(&service, "/slow", &cookie).await }
    });
    stop.reached.notified().await;
    ask(&service, "/out", &cookie).await;
    stop.go.notify_one();
    slow.await.unwrap();
    assert_eq!(ask(&service, "/", &cookie).await.0, "0");
}

pub(crate) async fn what_is_removed_is_gone_for_whoever_has_the_cookie<S: Store>(store: S) {
    let (service, _, cookie) = signed_in(store).await;
    // The last entry, too: the session then holds nothing, rather than what it held before.
    ask(&service, "/forget", &cookie).await;
    assert_eq!(ask(&service, "/", &cookie).await.0, "0");
}

pub(crate) async fn a_session_begun_while_signing_out_has_another_id<S: Store>(store: S) {
    let (service, stop, cookie) = signed_in(store).await;
    let slow = tokio::spawn({
        let (service, cookie) = (service.clone(), cookie.clone());
        async move { ask(&service, "/slow", &cookie).await }
    });
    stop.reached.notified().await;
    let new = ask(&service, "/restart", &cookie).await.1.unwrap();
    assert_ne!(new, cookie);
    stop.go.notify_one();
    slow.await.unwrap();
    assert_eq!(
        ask(&service, "/", &new).await.0,
        "1",
        "the request of the old session does not reach the new one"
    );
    assert_eq!(ask(&service, "/", &cookie).await.0, "0");
}

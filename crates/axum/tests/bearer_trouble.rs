//! What the bearer layer makes of a store that is broken, of records that are, and of the passing of time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::{Request, Response, StatusCode, header};
use roomkey_axum::{BearerLayer, Refusal};
use roomkey_core::{Batch, Error as StoreError, Life, Op, Scan, Store};
use roomkey_memory::MemoryStore;
use roomkey_testkit::FaultyStore;
use roomkey_tokens::{Issue, Policy, Tokens, TokensOptions};
use roomkey_vault::{Decode, Keyring, Vault};
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

async fn open<S: Store>(store: S) -> Vault<S> {
    Vault::open(store, Keyring::from_key_bytes([7; 32])).await.unwrap()
}

async fn issued<S: Store>(tokens: &Tokens<S>) -> String {
    let issued = tokens.issue("access", Issue::new("alice", 42_u64)).await.unwrap();
    format!("Bearer {}", issued.token.reveal())
}

fn request(authorization: &str) -> Request<()> {
    Request::get("/").header(header::AUTHORIZATION, authorization).body(()).unwrap()
}

/// Asks through the layer; returns the response and how often the service behind was called.
async fn ask<S: Store, C>(layer: &BearerLayer<S, C>, authorization: &str) -> (Response<()>, u32)
where
    C: Decode + Send + Sync + 'static,
{
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let service = layer.layer(service_fn(move |_: Request<()>| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, Infallible>(Response::new(())) }
    }));
    let response = service.oneshot(request(authorization)).await.unwrap();
    (response, calls.load(Ordering::Relaxed))
}

#[tokio::test]
async fn trouble_is_never_told_as_an_inactive_token() {
    let store = FaultyStore::new(MemoryStore::new());
    let tokens = Tokens::new(open(store.clone()).await);
    let bearer = BearerLayer::<_, u64>::new(tokens.clone(), "access");
    let active = issued(&tokens).await;
    let revoked = issued(&tokens).await;
    assert!(tokens.revoke("access", revoked.strip_prefix("Bearer ").unwrap()).await.unwrap());
    for error in [
        StoreError::not_executed("away"),
        StoreError::ambiguous("timed out"),
        StoreError::permanent("no permission"),
        StoreError::Contended,
        StoreError::Closed,
    ] {
        store.break_down(error.clone());
        for token in [&active, &revoked] {
            let (response, calls) = ask(&bearer, token).await;
            assert_eq!((response.status(), calls), (StatusCode::SERVICE_UNAVAILABLE, 0));
            let headers = response.headers();
            assert_eq!((&headers[header::RETRY_AFTER], headers.len()), (&"1".parse().unwrap(), 2));
            assert_eq!(headers[header::CACHE_CONTROL], "no-store");
            // The service's own log learns the cause.
            let refusal = response.extensions().get::<Refusal>().unwrap();
            assert!(matches!(refusal, Refusal::Unavailable(_)), "{refusal:?}");
            let cause = refusal.source().unwrap().source().unwrap().to_string();
            assert_eq!(cause, error.to_string());
        }
        // What was never issued is told apart without the store.
        assert_eq!(ask(&bearer, "Bearer garbage").await.0.status(), StatusCode::UNAUTHORIZED);
    }
    store.heal();
    assert_eq!(ask(&bearer, &active).await.1, 1);
    assert_eq!(ask(&bearer, &revoked).await.0.status(), StatusCode::UNAUTHORIZED);
}

#[track_caller]
fn assert_broken((response, calls): (Response<()>, u32)) {
    assert_eq!((response.status(), calls), (StatusCode::INTERNAL_SERVER_ERROR, 0));
    assert_eq!(response.headers().len(), 1, "no challenge and no hint: {response:?}");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    assert!(matches!(response.extensions().get(), Some(Refusal::Broken(_))));
}

#[tokio::test]
async fn a_record_that_cannot_be_trusted_is_no_inactive_token() {
    let store = MemoryStore::new();
    let vault = open(store.clone()).await;
    let tokens = Tokens::new(vault.clone());
    let token = issued(&tokens).await;
    // Every record of a token that there is: one.
    let namespace = vault.space("t2", roomkey_core::Spread::over(4_096)).namespace().clone();
    let mut keys = Vec::new();
    let mut next = None;
    loop {
        let page = store.scan(Scan::new(namespace.clone()).after(next)).await.unwrap();
        keys.extend(page.keys);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let [record] = &keys[..] else { panic!("{keys:?}") };
    let record = roomkey_core::Key::parse(roomkey_core::Kind::Value, record.clone()).unwrap();
    let forged = Op::put(&record, "forged", Life::Keep);
    store.run(Batch::one(forged).unwrap()).await.unwrap().remove(0).unwrap();
    assert_broken(ask(&BearerLayer::<_, u64>::new(tokens, "access"), &token).await);
}

#[tokio::test]
async fn claims_of_another_type_are_a_mistake_of_the_service() {
    let tokens = Tokens::new(open(MemoryStore::new()).await);
    let token = issued(&tokens).await;
    assert_broken(ask(&BearerLayer::<_, String>::new(tokens.clone(), "access"), &token).await);
    assert_broken(ask(&BearerLayer::<_, u64>::new(tokens, ""), &token).await);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_has_expired_is_told_as_any_other_inactive_one() {
    let options = TokensOptions::new().policy("access", Policy::access());
    let tokens = Tokens::with_options(open(MemoryStore::new()).await, options).unwrap();
    let bearer = BearerLayer::<_, u64>::new(tokens.clone(), "access");
    let token = issued(&tokens).await;
    tokio::time::advance(Duration::from_secs(599)).await;
    assert_eq!(ask(&bearer, &token).await.1, 1);
    tokio::time::advance(Duration::from_secs(2)).await;
    let (expired, calls) = ask(&bearer, &token).await;
    let (unknown, _) = ask(&bearer, "Bearer garbage").await;
    assert_eq!((expired.status(), calls), (StatusCode::UNAUTHORIZED, 0));
    assert_eq!((expired.status(), expired.headers()), (unknown.status(), unknown.headers()));
}

/// A service that may be called only after it said that it is ready, and whose clones are not.
#[derive(Default)]
struct Strict(AtomicBool);

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Service<Request<()>> for Strict {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.store(true, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        assert!(self.0.swap(false, Ordering::Relaxed), "called before it was ready");
        std::future::ready(Ok(Response::new(())))
    }
}

#[tokio::test]
async fn the_service_behind_is_called_when_it_is_ready() {
    let tokens = Tokens::new(open(MemoryStore::new()).await);
    let token = issued(&tokens).await;
    let mut service = BearerLayer::<_, u64>::new(tokens, "access").layer(Strict::default());
    for _ in 0..3 {
        let response = service.ready().await.unwrap().call(request(&token)).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
}

#[tokio::test]
#[should_panic(expected = "a realm is printable ASCII")]
async fn a_realm_does_not_break_out_of_its_quotes() {
    let vault = open(MemoryStore::new()).await;
    let _ = BearerLayer::<_, u64>::new(Tokens::new(vault), "access").realm("shop\", error=\"");
}

#[tokio::test]
#[should_panic(expected = "a scope is printable ASCII")]
async fn a_scope_is_one_word() {
    let vault = open(MemoryStore::new()).await;
    let _ = BearerLayer::<_, u64>::new(Tokens::new(vault), "access").require_scope("read write");
}

//! Introspection as RFC 7662 has it.

use std::time::{Duration, SystemTime};

use roomkey_core::{Kind, Life, Op, Store};
use roomkey_tokens::{Error, Introspection, Issue, Policy, Tokens, TokensOptions};
use roomkey_vault::Vault;
use serde_json::{Value, json};

use crate::assert_fails;
use crate::common::{HOUR, open, raw, sole_key};

fn over<S: Store>(vault: Vault<S>) -> Tokens<S> {
    let options = TokensOptions::new()
        .policy("session", Policy::fixed(HOUR).idle(HOUR / 2))
        .policy("refresh", Policy::refresh().access_type("access"));
    Tokens::with_options(vault, options).unwrap()
}

async fn told<S: Store>(tokens: &Tokens<S>, token_type: &str, token: &str) -> Value {
    serde_json::to_value(tokens.introspect::<Vec<u64>>(token_type, token).await.unwrap()).unwrap()
}

pub(crate) async fn an_active_token_is_told_of_in_the_words_of_the_standard<S: Store>(store: S) {
    let tokens = over(open(store).await);
    let issue = Issue::new("alice", vec![4_u64, 2]).scopes(["read", "write"]).device("Firefox");
    let issued = tokens.issue("access", issue).await.unwrap();
    let text = issued.token.reveal();
    let session = tokens.verify::<Vec<u64>>("access", text).await.unwrap().unwrap();
    let seconds = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let expected = json!({
        "active": true,
        "scope": "read write",
        "token_type": "Bearer",
        "exp": seconds(session.ends_at),
        "iat": seconds(session.issued_at),
        "sub": "alice",
        "jti": issued.handle.to_string(),
        "claims": [4, 2],
    });
    assert_eq!(told(&tokens, "access", text).await, expected);
    assert!(session.ends_at > SystemTime::now());
    // Without scopes the member is left out.
    let issued = tokens.issue("access", Issue::new("alice", vec![1_u64])).await.unwrap();
    assert_eq!(told(&tokens, "access", issued.token.reveal()).await.get("scope"), None);
    // What a service calls its claims takes the place of nothing.
    let named = std::collections::BTreeMap::from([("sub".to_owned(), 1_u64), ("active".to_owned(), 0)]);
    let issued = tokens.issue("access", Issue::new("alice", named)).await.unwrap();
    let introspected = tokens
        .introspect::<std::collections::BTreeMap<String, u64>>("access", issued.token.reveal())
        .await
        .unwrap();
    let shown = format!("{introspected:?}");
    assert!(!shown.contains("alice") && shown.contains("Active"), "{shown}");
    let introspected = serde_json::to_value(introspected).unwrap();
    assert_eq!((&introspected["sub"], &introspected["active"]), (&json!("alice"), &json!(true)));
}

pub(crate) async fn of_an_inactive_token_nothing_is_told<S: Store>(store: S) {
    let tokens = over(open(store).await);
    tokens.store("access", "brought", HOUR).await.unwrap();
    let issued = tokens.issue("access", Issue::new("alice", vec![1_u64])).await.unwrap();
    let text = issued.token.reveal().to_owned();
    let mut mistyped = text.clone();
    mistyped.pop();
    let inactive = async |token_type: &str, token: &str| {
        let told = tokens.introspect::<Vec<u64>>(token_type, token).await.unwrap();
        assert_eq!(told, Introspection::Inactive);
        assert_eq!(serde_json::to_string(&told).unwrap(), r#"{"active":false}"#);
    };
    for token in ["", "x", "brought", &mistyped] {
        inactive("access", token).await;
    }
    inactive("session", &text).await;
    inactive("refresh", &text).await;
    assert!(tokens.introspect::<Vec<u64>>("access", &text).await.unwrap().active().is_some());
    tokens.revoke_subject("alice").await.unwrap();
    inactive("access", &text).await;
    let issued = tokens.issue("access", Issue::new("alice", vec![1_u64])).await.unwrap();
    tokens.revoke("access", issued.token.reveal()).await.unwrap();
    inactive("access", issued.token.reveal()).await;
}

pub(crate) async fn the_end_that_is_told_is_the_true_one<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let tokens = over(vault.clone());
    let issued = tokens.issue("session", Issue::new("alice", vec![1_u64])).await.unwrap();
    let text = issued.token.reveal();
    let told = async || tokens.introspect::<Vec<u64>>("session", text).await.unwrap().active().unwrap();
    let first = told().await;
    // Both are rounded down.
    let idle = first.exp - first.iat;
    assert!((1_799..=1_801).contains(&idle), "it ends after its idle time: {idle}");
    // A record that lives less long ends sooner, whatever it says.
    let record = sole_key(&vault, "t2", Kind::Value).await;
    raw(&store, Op::expire(&record, Life::Set(Duration::from_secs(60).into()))).await;
    assert!(told().await.exp < first.exp - 1_700);
    // One that lives longer than it says does not end later.
    raw(&store, Op::expire(&record, Life::Set((HOUR * 10).into()))).await;
    let session = tokens.verify::<Vec<u64>>("session", text).await.unwrap().unwrap();
    let ends = session.ends_at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(told().await.exp, ends);
}

pub(crate) async fn refresh_tokens_and_those_of_a_family_are_told_apart<S: Store>(store: S) {
    let tokens = over(open(store).await);
    let grant = tokens.grant("refresh", Issue::new("alice", vec![1_u64])).await.unwrap();
    let (refresh, access) = (grant.refresh, grant.access.unwrap());
    let of_refresh = told(&tokens, "refresh", refresh.token.reveal()).await;
    let of_access = told(&tokens, "access", access.token.reveal()).await;
    assert_eq!((&of_refresh["active"], of_refresh.get("token_type")), (&json!(true), None));
    assert_eq!(of_access["token_type"], "Bearer");
    assert_ne!(of_refresh["jti"], of_access["jti"], "each is a token of its own");
    assert!(of_refresh["exp"].as_u64() > of_access["exp"].as_u64());
    let (next, _) = tokens
        .refresh::<Vec<u64>>("refresh", refresh.token.reveal())
        .await
        .unwrap()
        .granted()
        .expect("it is exchanged");
    // Asking is no exchange: the one before is inactive, though still in its grace, and nothing ends for it.
    assert_eq!(told(&tokens, "refresh", refresh.token.reveal()).await, json!({ "active": false }));
    assert_eq!(told(&tokens, "refresh", next.refresh.token.reveal()).await["active"], true);
    tokens.revoke("refresh", next.refresh.token.reveal()).await.unwrap();
    for (token_type, token) in [("refresh", &next.refresh), ("access", &access)] {
        assert_eq!(told(&tokens, token_type, token.token.reveal()).await, json!({ "active": false }));
    }
}

pub(crate) async fn a_damaged_token_is_an_error_and_not_inactive<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let tokens = over(vault.clone());
    let issued = tokens.issue("access", Issue::new("alice", vec![1_u64])).await.unwrap();
    assert_fails!(tokens.introspect::<bool>("access", issued.token.reveal()).await, Error::Record(_));
    let record = sole_key(&vault, "t2", Kind::Value).await;
    raw(&store, Op::put(&record, "damaged", Life::Keep)).await;
    assert_fails!(tokens.introspect::<Vec<u64>>("access", issued.token.reveal()).await, Error::Record(_));
}

//! What tokens that were issued make of a store that is full, broken, or loses replies.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use roomkey_core::{Class, Error as StoreError, ErrorKind, Key, Kind, Life, Op, Scan, Spread, Store};
use roomkey_memory::MemoryStore;
use roomkey_testkit::{Fault, FaultyStore, Gate, RecordingStore};
use roomkey_tokens::{Code, CodeVerdict, Error, Issue, Policy, Refresh, Tokens, TokensOptions};
use roomkey_vault::{Keyring, Vault};

const HOUR: Duration = Duration::from_secs(3_600);

async fn tokens<S: Store>(store: S) -> Tokens<S> {
    let vault = Vault::open(store, Keyring::from_key_bytes([7; 32])).await.unwrap();
    let options = TokensOptions::new()
        .policy("reset", Policy::reset_link())
        .policy("session", Policy::fixed(HOUR).idle(HOUR / 2))
        .policy("refresh", Policy::refresh().access_type("access"))
        .track(true);
    Tokens::with_options(vault, options).unwrap()
}

fn store_error<T: std::fmt::Debug>(result: Result<T, Error>) -> StoreError {
    match result {
        Err(Error::Store(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn errors() -> [StoreError; 5] {
    [
        StoreError::not_executed("away"),
        StoreError::ambiguous("timed out"),
        StoreError::permanent("no permission"),
        StoreError::Contended,
        StoreError::Closed,
    ]
}

#[tokio::test]
async fn a_token_that_is_used_up_in_vain_is_told_as_an_error() {
    let store = FaultyStore::new(MemoryStore::new());
    let tokens = tokens(store.clone()).await;
    let issued = tokens.issue("reset", Issue::new("alice", ())).await.unwrap();
    for error in errors() {
        store.break_down(error.clone());
        let used = tokens.consume::<()>("reset", issued.token.reveal()).await;
        assert_eq!(store_error(used).kind(), error.kind());
    }
    store.heal();
    // At most once: where the reply is lost the token is used, and nobody is told that it was not.
    store.plan([Fault::ReplyLost]);
    let used = tokens.consume::<()>("reset", issued.token.reveal()).await;
    assert_eq!(store_error(used).class(), Class::Ambiguous);
    assert_eq!(store.planned(), 0);
    assert_eq!(tokens.consume::<()>("reset", issued.token.reveal()).await.unwrap(), None);
}

#[tokio::test]
async fn a_code_that_is_tried_in_vain_is_told_as_an_error() {
    let store = FaultyStore::new(MemoryStore::new());
    let tokens = tokens(store.clone()).await;
    let code = tokens.issue_code("sign-in", Issue::new("alice", ())).await.unwrap();
    for error in errors() {
        store.break_down(error.clone());
        let tried = tokens.verify_code::<()>("sign-in", "alice", code.text.reveal()).await;
        assert_eq!(store_error(tried).kind(), error.kind());
        let issued = tokens.issue_code("sign-in", Issue::new("alice", ())).await;
        assert_eq!(store_error(issued).kind(), error.kind());
    }
    store.heal();
    store.plan([Fault::ReplyLost]);
    let tried = tokens.verify_code::<()>("sign-in", "alice", code.text.reveal()).await;
    assert_eq!(store_error(tried).class(), Class::Ambiguous);
    let again = tokens.verify_code::<()>("sign-in", "alice", code.text.reveal()).await.unwrap();
    assert_eq!(again, CodeVerdict::Refused, "at most once");
}

#[tokio::test]
async fn a_full_store_compares_no_code() {
    let store = MemoryStore::new();
    let tokens = tokens(store.clone()).await;
    let code = tokens.issue_code("sign-in", Issue::new("alice", ())).await.unwrap();
    store.set_capacity(Some(0));
    // Tries that cannot be counted would be as many as an attacker likes.
    for typed in ["000000", "000001", code.text.reveal()] {
        let tried = tokens.verify_code::<()>("sign-in", "alice", typed).await;
        assert_eq!(store_error(tried).kind(), ErrorKind::Full);
    }
    store.set_capacity(None);
    let tried = tokens.verify_code::<()>("sign-in", "alice", code.text.reveal()).await.unwrap();
    assert!(matches!(tried, CodeVerdict::Accepted(_)));
}

#[tokio::test(start_paused = true)]
async fn codes_and_wrong_tries_are_forgotten_when_told() {
    let tokens = tokens(MemoryStore::new()).await;
    let tried = async |code: &str| tokens.verify_code::<()>("sign-in", "alice", code).await.unwrap();
    let issued = async || tokens.issue_code("sign-in", Issue::new("alice", ())).await.unwrap();
    let wrong = |code: &Code| if code.text.reveal() == "000000" { "000001" } else { "000000" };
    let minutes = |count: u64| Duration::from_secs(60 * count);
    let code = issued().await;
    tokio::time::advance(minutes(10) + Duration::from_millis(1)).await;
    assert_eq!(tried(code.text.reveal()).await, CodeVerdict::Refused, "it has expired");
    // Each wrong try lengthens the window, so tries spread over an hour are still counted together.
    for left in [4, 3, 2, 1, 0] {
        let code = issued().await;
        assert_eq!(tried(wrong(&code)).await, CodeVerdict::Wrong { left });
        tokio::time::advance(minutes(14)).await;
    }
    let code = issued().await;
    assert_eq!(tried(code.text.reveal()).await, CodeVerdict::Refused);
    tokio::time::advance(minutes(1) + Duration::from_millis(1)).await;
    assert!(matches!(tried(code.text.reveal()).await, CodeVerdict::Accepted(_)));
}

#[tokio::test]
async fn a_full_store_issues_nothing_and_uses_up_what_there_is() {
    let store = MemoryStore::new();
    let tokens = tokens(store.clone()).await;
    let issued = tokens.issue("reset", Issue::new("alice", ())).await.unwrap();
    store.set_capacity(Some(0));
    let more = tokens.issue("reset", Issue::new("bob", ())).await;
    assert_eq!(store_error(more).kind(), ErrorKind::Full);
    assert!(tokens.consume::<()>("reset", issued.token.reveal()).await.unwrap().is_some());
    assert_eq!(tokens.consume::<()>("reset", issued.token.reveal()).await.unwrap(), None);
}

#[tokio::test]
async fn a_token_that_cannot_be_looked_up_is_not_told_to_be_inactive() {
    let store = FaultyStore::new(MemoryStore::new());
    let tokens = tokens(store.clone()).await;
    let issued = tokens.issue("session", Issue::new("alice", ())).await.unwrap();
    for error in errors() {
        store.break_down(error.clone());
        let told = tokens.introspect::<()>("session", issued.token.reveal()).await;
        assert_eq!(store_error(told).kind(), error.kind());
    }
    store.heal();
    assert!(tokens.introspect::<()>("session", issued.token.reveal()).await.unwrap().active().is_some());
}

#[tokio::test]
async fn an_update_whose_reply_is_lost_is_told_as_an_error_and_done() {
    let store = FaultyStore::new(MemoryStore::new());
    let tokens = tokens(store.clone()).await;
    let issued = tokens.issue("session", Issue::new("alice", 1_u64)).await.unwrap();
    let text = issued.token.reveal();
    for error in errors() {
        for fine in 0..2 {
            store.plan((0..fine).map(|_| Fault::Pass).chain([Fault::Fail(error.clone())]));
            assert_eq!(store_error(tokens.update("session", text, 2_u64).await).kind(), error.kind());
        }
    }
    assert_eq!(tokens.verify::<u64>("session", text).await.unwrap().unwrap().claims, 1);
    store.plan([Fault::Pass, Fault::ReplyLost]);
    assert_eq!(store_error(tokens.update("session", text, 3_u64).await).class(), Class::Ambiguous);
    assert_eq!(tokens.verify::<u64>("session", text).await.unwrap().unwrap().claims, 3);
}

#[tokio::test]
async fn a_refresh_in_flight_brings_the_claims_of_an_update() {
    let store = FaultyStore::new(MemoryStore::new());
    let tokens = tokens(store.clone()).await;
    let grant = tokens.grant("refresh", Issue::new("alice", 1_u64)).await.unwrap();
    let (refresh, access) = (grant.refresh.token, grant.access.unwrap().token);
    let gate = Gate::new();
    store.plan([Fault::Pass, Fault::Hold(gate.clone())]);
    // It has read the family and not written yet, when the claims change.
    let exchange = tokio::spawn({
        let (tokens, refresh) = (tokens.clone(), refresh.clone());
        async move { tokens.refresh::<u64>("refresh", refresh.reveal()).await }
    });
    while store.planned() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(tokens.update("access", access.reveal(), 2_u64).await.unwrap());
    gate.open();
    let (next, session) = exchange.await.unwrap().unwrap().granted().unwrap();
    assert_eq!(session.claims, 2);
    let access = next.access.unwrap().token;
    assert_eq!(tokens.verify::<u64>("access", access.reveal()).await.unwrap().unwrap().claims, 2);
}

#[tokio::test]
async fn a_list_is_whole_or_an_error() {
    let store = FaultyStore::new(MemoryStore::new());
    let tokens = tokens(store.clone()).await;
    tokens.issue("session", Issue::new("alice", ())).await.unwrap();
    for error in errors() {
        for fine in 0..2 {
            store.plan((0..fine).map(|_| Fault::Pass).chain([Fault::Fail(error.clone())]));
            let listed = tokens.sessions::<()>("session", "alice", None).await;
            assert_eq!(store_error(listed).kind(), error.kind());
        }
    }
    assert_eq!(tokens.sessions::<()>("session", "alice", None).await.unwrap().sessions.len(), 1);
}

#[tokio::test]
async fn what_is_asked_for_takes_as_many_round_trips_as_documented() {
    let store = RecordingStore::new(MemoryStore::new());
    let tokens = tokens(store.clone()).await;
    let issued = tokens.issue("reset", Issue::new("alice", ())).await.unwrap();
    store.clear();
    tokens.sessions::<()>("reset", "nobody", None).await.unwrap();
    assert_eq!(store.history().len(), 1);
    store.clear();
    tokens.sessions::<()>("reset", "alice", None).await.unwrap();
    assert_eq!(store.history().len(), 2);
    store.clear();
    tokens.issue_code("sign-in", Issue::new("alice", ())).await.unwrap();
    assert_eq!(store.history().len(), 2);
    store.clear();
    tokens.verify_code::<()>("sign-in", "alice", "12345").await.unwrap();
    assert!(store.history().is_empty());
    tokens.verify_code::<()>("sign-in", "alice", "123456").await.unwrap();
    assert_eq!(store.history().len(), 1);
    store.clear();
    tokens.update("reset", issued.token.reveal(), ()).await.unwrap();
    assert_eq!(store.history().len(), 2);
    store.clear();
    tokens.introspect::<()>("reset", "rk_x").await.unwrap();
    assert!(store.history().is_empty());
    tokens.introspect::<()>("reset", issued.token.reveal()).await.unwrap();
    assert_eq!(store.history().len(), 1);
    store.clear();
    tokens.consume::<()>("reset", issued.token.reveal()).await.unwrap();
    assert_eq!(store.history().len(), 1);
}

/// Whoever writes to the store can have a key outlive its record. Only a verification, which asks for no time, is misled.
#[tokio::test(start_paused = true)]
async fn nothing_is_made_of_a_record_that_outlives_its_end() {
    let vault = Vault::open(MemoryStore::new(), Keyring::from_key_bytes([7; 32])).await.unwrap();
    let options = TokensOptions::new().policy("refresh", Policy::refresh().lifetime(HOUR / 2).idle(None));
    let tokens = Tokens::with_options(vault.clone(), options).unwrap();
    let alice = || Issue::new("alice", ());
    let (session, link) =
        (tokens.issue("session", alice()).await.unwrap(), tokens.issue("link", alice()).await.unwrap());
    let family = tokens.grant("refresh", alice()).await.unwrap().refresh;
    let code = tokens.issue_code("sign-in", alice().lifetime(HOUR / 2)).await.unwrap();
    for layout in ["t2", "f1", "s1", "k1"] {
        let namespace = vault.space(layout, Spread::over(4_096)).namespace().clone();
        let page = vault.store().scan(Scan::new(namespace).count(1_000).unwrap()).await.unwrap();
        assert!(!page.keys.is_empty(), "{layout}");
        for key in page.keys {
            vault.run(Op::expire(&Key::parse(Kind::Value, key).unwrap(), Life::Never)).await.unwrap();
        }
    }
    tokio::time::advance(HOUR / 2).await;
    let (session, link, family) = (session.token.reveal(), link.token.reveal(), family.token.reveal());
    assert!(tokens.introspect::<()>("session", session).await.unwrap().active().is_some());
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(tokens.verify::<()>("session", session).await.unwrap().is_some(), "as SECURITY.md says");
    assert!(tokens.introspect::<()>("session", session).await.unwrap().active().is_none());
    assert!(!tokens.update("session", session, ()).await.unwrap());
    assert!(!tokens.revoke_others("session", session).await.unwrap());
    assert!(tokens.consume::<()>("link", link).await.unwrap().is_none());
    assert!(matches!(tokens.refresh::<()>("refresh", family).await.unwrap(), Refresh::Inactive));
    let tried = tokens.verify_code::<()>("sign-in", "alice", code.text.reveal()).await.unwrap();
    assert!(matches!(tried, CodeVerdict::Refused));
}

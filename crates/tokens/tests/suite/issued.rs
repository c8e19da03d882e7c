//! Issuing, verifying, revoking what was issued.

use std::time::Duration;

use roomkey_core::Store;
use roomkey_tokens::{Error, Issue, Policy, Tokens, TokensOptions, WhenFull};

use crate::assert_fails;
use crate::common::{HOUR, open};

async fn tokens<S: Store>(store: S) -> Tokens<S> {
    let options = TokensOptions::new()
        .policy("session", Policy::fixed(HOUR).idle(HOUR / 2))
        .policy("limited", Policy::fixed(HOUR).limit(2, WhenFull::EndOldest))
        .policy("strict", Policy::fixed(HOUR).limit(2, WhenFull::Reject));
    Tokens::with_options(open(store).await, options).unwrap()
}

pub(crate) async fn an_issued_token_is_active_until_revoked<S: Store>(store: S) {
    let tokens = tokens(store).await;
    for token_type in ["session", "access", "limited"] {
        let issue = Issue::new("alice", 42_u64).device("Firefox").scopes(["read", "write"]);
        let issued = tokens.issue(token_type, issue).await.unwrap();
        let text = issued.token.reveal();
        let session = tokens.verify::<u64>(token_type, text).await.unwrap().unwrap();
        assert_eq!((session.subject.as_str(), session.claims), ("alice", 42));
        assert_eq!((session.device.as_deref(), session.handle), (Some("Firefox"), issued.handle));
        assert!(session.has_scope("read") && session.has_scope("write") && !session.has_scope("rea"));
        assert!(session.ends_at > session.issued_at);
        assert!(tokens.is_valid(token_type, text).await.unwrap());
        assert_fails!(tokens.store(token_type, text, HOUR).await, Error::AlreadyExists);
        assert!(tokens.revoke(token_type, text).await.unwrap());
        assert_eq!(tokens.verify::<u64>(token_type, text).await.unwrap(), None);
        assert!(!tokens.revoke(token_type, text).await.unwrap());
    }
}

pub(crate) async fn a_token_of_one_type_is_none_of_another<S: Store>(store: S) {
    let tokens = tokens(store).await;
    let issued = tokens.issue("session", Issue::new("alice", ())).await.unwrap();
    assert_eq!(tokens.verify::<()>("access", issued.token.reveal()).await.unwrap(), None);
    assert!(!tokens.revoke("access", issued.token.reveal()).await.unwrap());
    assert!(tokens.verify::<()>("session", issued.token.reveal()).await.unwrap().is_some());
    assert_eq!(tokens.type_of(issued.token.reveal()), Some("session"));
}

pub(crate) async fn revoking_a_subject_ends_all_of_it_and_nothing_else<S: Store>(store: S) {
    let tokens = tokens(store).await;
    let mut of_alice = Vec::new();
    for token_type in ["session", "access", "limited"] {
        of_alice.push((token_type, tokens.issue(token_type, Issue::new("alice", ())).await.unwrap()));
    }
    let of_bob = tokens.issue("session", Issue::new("bob", ())).await.unwrap();
    tokens.revoke_subject("alice").await.unwrap();
    for (token_type, issued) in &of_alice {
        assert_eq!(tokens.verify::<()>(token_type, issued.token.reveal()).await.unwrap(), None);
    }
    assert!(tokens.verify::<()>("session", of_bob.token.reveal()).await.unwrap().is_some());
    let again = tokens.issue("session", Issue::new("alice", ())).await.unwrap();
    assert!(tokens.verify::<()>("session", again.token.reveal()).await.unwrap().is_some());
    assert_eq!(tokens.verify::<()>("session", of_alice[0].1.token.reveal()).await.unwrap(), None);
}

pub(crate) async fn revoking_a_type_ends_all_of_it_and_nothing_else<S: Store>(store: S) {
    let tokens = tokens(store).await;
    let session = tokens.issue("session", Issue::new("alice", ())).await.unwrap();
    let access = tokens.issue("access", Issue::new("alice", ())).await.unwrap();
    tokens.revoke_type("session").await.unwrap();
    assert_eq!(tokens.verify::<()>("session", session.token.reveal()).await.unwrap(), None);
    assert!(tokens.verify::<()>("access", access.token.reveal()).await.unwrap().is_some());
    let again = tokens.issue("session", Issue::new("alice", ())).await.unwrap();
    assert!(tokens.verify::<()>("session", again.token.reveal()).await.unwrap().is_some());
}

pub(crate) async fn a_limit_holds_by_rejecting_or_by_ending_the_oldest<S: Store>(store: S) {
    let tokens = tokens(store).await;
    let mut limited = Vec::new();
    for _ in 0..4 {
        limited.push(tokens.issue("limited", Issue::new("alice", ())).await.unwrap());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    for (at, issued) in limited.iter().enumerate() {
        let live = tokens.verify::<()>("limited", issued.token.reveal()).await.unwrap().is_some();
        assert_eq!(live, at >= 2, "session {at}");
    }
    let first = tokens.issue("strict", Issue::new("alice", ())).await.unwrap();
    tokens.issue("strict", Issue::new("alice", ())).await.unwrap();
    assert_fails!(tokens.issue("strict", Issue::new("alice", ())).await, Error::LimitReached);
    tokens.issue("strict", Issue::new("bob", ())).await.unwrap();
    assert!(tokens.revoke_session("strict", "alice", &first.handle).await.unwrap());
    tokens.issue("strict", Issue::new("alice", ())).await.unwrap();
}

pub(crate) async fn sessions_of_a_revoked_type_do_not_count_to_its_limit<S: Store>(store: S) {
    let tokens = tokens(store).await;
    for _ in 0..2 {
        tokens.issue("strict", Issue::new("alice", ())).await.unwrap();
        tokens.issue("strict", Issue::new("bob", ())).await.unwrap();
    }
    tokens.revoke_type("strict").await.unwrap();
    for subject in ["alice", "bob"] {
        for _ in 0..2 {
            tokens.issue("strict", Issue::new(subject, ())).await.unwrap();
        }
        assert_fails!(tokens.issue("strict", Issue::new(subject, ())).await, Error::LimitReached);
    }
}

pub(crate) async fn a_limit_that_was_lowered_a_lot_holds_from_the_next_session_on<S: Store>(store: S) {
    let vault = open(store).await;
    let limited = |max| {
        let policy = Policy::fixed(HOUR).limit(max, WhenFull::EndOldest);
        Tokens::with_options(vault.clone(), TokensOptions::new().policy("session", policy)).unwrap()
    };
    let mut all = Vec::new();
    for _ in 0..50 {
        all.push(limited(100).issue("session", Issue::new("alice", ())).await.unwrap());
    }
    all.push(limited(3).issue("session", Issue::new("alice", ())).await.unwrap());
    let mut live = 0;
    for issued in &all {
        live += usize::from(limited(3).is_valid("session", issued.token.reveal()).await.unwrap());
    }
    assert_eq!(live, 3);
}

//! Tokens that are good for one use.

use std::sync::{Arc, Mutex};

use roomkey_core::{Life, Op, Reply, Store, Ttl};
use roomkey_tokens::{Error, Issue, Policy, Reason, Tokens, TokensOptions, What};
use roomkey_vault::Vault;

use crate::assert_fails;
use crate::common::{HOUR, open, raw, sole_key};

type Told = Arc<Mutex<Vec<What>>>;

/// Tokens whose audit events are kept.
fn told<S: Store>(vault: Vault<S>, track: bool) -> (Tokens<S>, Told) {
    let told = Told::default();
    let sink = Arc::clone(&told);
    let options = TokensOptions::new()
        .policy("reset", Policy::reset_link())
        .policy("refresh", Policy::refresh())
        .track(track)
        .audit(move |event: &roomkey_tokens::Event<'_>| sink.lock().unwrap().push(event.what));
    (Tokens::with_options(vault, options).unwrap(), told)
}

async fn tokens<S: Store>(store: S) -> Tokens<S> {
    told(open(store).await, false).0
}

pub(crate) async fn a_token_is_used_up_once<S: Store>(store: S) {
    for track in [false, true] {
        let (tokens, told) = told(open(store.clone()).await, track);
        let issue = Issue::new("alice", 42_u64).scopes(["reset"]);
        let issued = tokens.issue("reset", issue).await.unwrap();
        let text = issued.token.reveal();
        assert_eq!(tokens.consume::<u64>("access", text).await.unwrap(), None, "of another type");
        let session = tokens.consume::<u64>("reset", text).await.unwrap().unwrap();
        assert_eq!((session.subject.as_str(), session.claims), ("alice", 42));
        assert!(session.has_scope("reset") && session.handle == issued.handle);
        assert_eq!(tokens.consume::<u64>("reset", text).await.unwrap(), None);
        assert_eq!(tokens.verify::<u64>("reset", text).await.unwrap(), None);
        assert!(!tokens.revoke("reset", text).await.unwrap());
        let refused = |reason| What::Refused(reason);
        let told = told.lock().unwrap().clone();
        let expected = [
            What::Issued,
            refused(Reason::Foreign),
            What::Consumed,
            refused(Reason::Missing),
            refused(Reason::Missing),
        ];
        assert_eq!(told, expected);
    }
}

pub(crate) async fn of_many_that_use_a_token_at_once_one_does<S: Store>(store: S) {
    let tokens = tokens(store).await;
    for round in 0..20 {
        let issued = tokens.issue("reset", Issue::new(format!("user {round}"), ())).await.unwrap();
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let (tokens, token) = (tokens.clone(), issued.token.clone());
                tokio::spawn(
                    async move { tokens.consume::<()>("reset", token.reveal()).await.unwrap().is_some() },
                )
            })
            .collect();
        let mut used = 0;
        for task in tasks {
            used += usize::from(task.await.unwrap());
        }
        assert_eq!(used, 1);
    }
}

pub(crate) async fn a_token_that_was_revoked_is_not_used_up<S: Store>(store: S) {
    let (tokens, told) = told(open(store).await, false);
    for round in 0..3 {
        let issued = tokens.issue("reset", Issue::new("alice", ())).await.unwrap();
        let reason = match round {
            0 => {
                tokens.revoke("reset", issued.token.reveal()).await.unwrap();
                Reason::Missing
            }
            1 => {
                tokens.revoke_subject("alice").await.unwrap();
                Reason::Revoked
            }
            _ => {
                tokens.revoke_type("reset").await.unwrap();
                Reason::Revoked
            }
        };
        assert_eq!(tokens.consume::<()>("reset", issued.token.reveal()).await.unwrap(), None);
        assert_eq!(told.lock().unwrap().last(), Some(&What::Refused(reason)));
    }
}

pub(crate) async fn a_revoked_token_is_never_used_up_afterwards<S: Store>(store: S) {
    let tokens = tokens(store).await;
    for round in 0..60 {
        let issued = tokens.issue("reset", Issue::new(format!("user {round}"), ())).await.unwrap();
        let uses: Vec<_> = (0..4)
            .map(|_| {
                let (tokens, token) = (tokens.clone(), issued.token.clone());
                tokio::spawn(async move { tokens.consume::<()>("reset", token.reveal()).await.unwrap() })
            })
            .collect();
        let ended = if round % 2 == 0 {
            tokens.revoke("reset", issued.token.reveal()).await.unwrap()
        } else {
            tokens.revoke_subject(&format!("user {round}")).await.unwrap();
            false
        };
        assert_eq!(tokens.consume::<()>("reset", issued.token.reveal()).await.unwrap(), None);
        let mut used = 0;
        for task in uses {
            used += usize::from(task.await.unwrap().is_some());
        }
        assert!(used + usize::from(ended) <= 1, "round {round}: used {used} times, ended: {ended}");
    }
}

pub(crate) async fn using_up_is_for_no_refresh_token<S: Store>(store: S) {
    let tokens = tokens(store).await;
    assert_fails!(tokens.consume::<()>("refresh", "rk_x").await, Error::WrongType { .. });
    assert_eq!(tokens.consume::<()>("reset", "rk_x").await.unwrap(), None);
    tokens.store("reset", "brought", HOUR).await.unwrap();
    assert_eq!(tokens.consume::<()>("reset", "brought").await.unwrap(), None);
    assert!(tokens.is_valid("reset", "brought").await.unwrap());
}

pub(crate) async fn a_damaged_token_is_used_up_as_an_error<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let (tokens, told) = told(vault.clone(), false);
    let issued = tokens.issue("reset", Issue::new("alice", ())).await.unwrap();
    let record = sole_key(&vault, "t2", roomkey_core::Kind::Value).await;
    raw(&store, Op::put(&record, "damaged", Life::Keep)).await;
    assert_fails!(
        tokens.consume::<()>("reset", issued.token.reveal()).await,
        Error::Record(roomkey_vault::Error::NotSealed)
    );
    assert_eq!(told.lock().unwrap().last(), Some(&What::Fault));
    assert_eq!(tokens.consume::<()>("reset", issued.token.reveal()).await.unwrap(), None, "it is gone");
    // Claims of another type are an error, and the token is gone.
    let issued = tokens.issue("reset", Issue::new("alice", "text".to_owned())).await.unwrap();
    assert_fails!(tokens.consume::<bool>("reset", issued.token.reveal()).await, Error::Record(_));
    assert_eq!(tokens.consume::<String>("reset", issued.token.reveal()).await.unwrap(), None);
}

pub(crate) async fn a_used_token_leaves_nothing_behind<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let (tokens, _) = told(vault.clone(), true);
    let issued = tokens.issue("reset", Issue::new("alice", ())).await.unwrap();
    let subject = sole_key(&vault, "s1", roomkey_core::Kind::Ranking).await;
    let index = sole_key(&vault, "x1", roomkey_core::Kind::Ranking).await;
    assert_eq!(raw(&store, Op::rank_count(&subject)).await, Reply::Number(1));
    assert_eq!(raw(&store, Op::rank_count(&index)).await, Reply::Number(1));
    tokens.consume::<()>("reset", issued.token.reveal()).await.unwrap().unwrap();
    assert_eq!(raw(&store, Op::rank_count(&subject)).await, Reply::Number(0));
    assert_eq!(raw(&store, Op::ttl(&index)).await, Reply::Ttl(Ttl::Missing));
}

//! Changing the claims of a session.

use std::time::Duration;

use roomkey_core::{Key, Kind, Life, Op, Reply, Store, Ttl};
use roomkey_tokens::{Error, Issue, Policy, Tokens, TokensOptions};
use roomkey_vault::Vault;

use crate::assert_fails;
use crate::common::{HOUR, keys_of, open, raw, sole_key};

fn over<S: Store>(vault: Vault<S>) -> Tokens<S> {
    let options = TokensOptions::new()
        .policy("session", Policy::fixed(HOUR).idle(HOUR / 2))
        .policy("refresh", Policy::refresh().access_type("access"));
    Tokens::with_options(vault, options).unwrap()
}

async fn claims<S: Store>(tokens: &Tokens<S>, token_type: &str, token: &str) -> Option<u64> {
    tokens.verify::<u64>(token_type, token).await.unwrap().map(|session| session.claims)
}

pub(crate) async fn other_claims_come_back_and_nothing_else_changes<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let tokens = over(vault.clone());
    let issue = Issue::new("alice", 1_u64).device("Firefox").scopes(["read"]);
    let issued = tokens.issue("session", issue).await.unwrap();
    let text = issued.token.reveal();
    let before = tokens.verify::<u64>("session", text).await.unwrap().unwrap();
    let record = sole_key(&vault, "t2", Kind::Value).await;
    raw(&store, Op::expire(&record, Life::Set((HOUR / 4).into()))).await;
    assert!(tokens.update("session", text, 2_u64).await.unwrap());
    let left = raw(&store, Op::ttl(&record)).await;
    assert!(
        matches!(left, Reply::Ttl(Ttl::After(left)) if left <= HOUR / 4 && left > Duration::from_secs(800))
    );
    let after = tokens.verify::<u64>("session", text).await.unwrap().unwrap();
    assert_eq!((before.claims, after.claims), (1, 2));
    assert_eq!(with_claims(before, 0), with_claims(after, 0));
    // Claims of another type may take their place.
    assert!(tokens.update("session", text, "text".to_owned()).await.unwrap());
    let session = tokens.verify::<String>("session", text).await.unwrap().unwrap();
    assert_eq!(session.claims, "text");
    assert_fails!(tokens.verify::<bool>("session", text).await, Error::Record(_));
}

/// A session with other claims, to compare the rest.
fn with_claims(mut session: roomkey_tokens::Session<u64>, claims: u64) -> roomkey_tokens::Session<u64> {
    session.claims = claims;
    session
}

pub(crate) async fn what_has_ended_is_not_updated<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let tokens = over(vault.clone());
    for round in 0..4 {
        let issued = tokens.issue("session", Issue::new("alice", 1_u64)).await.unwrap();
        let text = issued.token.reveal();
        match round {
            0 => assert!(tokens.revoke("session", text).await.unwrap()),
            1 => tokens.revoke_subject("alice").await.unwrap(),
            2 => tokens.revoke_type("session").await.unwrap(),
            _ => assert!(tokens.consume::<u64>("session", text).await.unwrap().is_some()),
        }
        assert!(!tokens.update("session", text, 2_u64).await.unwrap(), "round {round}");
        assert_eq!(claims(&tokens, "session", text).await, None);
        // A new generation does not make it count.
        tokens.issue("session", Issue::new("alice", 1_u64)).await.unwrap();
        assert!(!tokens.update("session", text, 2_u64).await.unwrap());
        assert_eq!(claims(&tokens, "session", text).await, None);
        tokens.revoke_subject("alice").await.unwrap();
    }
    let issued = tokens.issue("access", Issue::new("alice", 1_u64)).await.unwrap();
    assert!(!tokens.update("session", issued.token.reveal(), 2_u64).await.unwrap(), "of another type");
    tokens.store("session", "brought", HOUR).await.unwrap();
    assert!(!tokens.update("session", "brought", 2_u64).await.unwrap(), "it has no claims");
    assert!(tokens.is_valid("session", "brought").await.unwrap());
}

pub(crate) async fn a_family_has_one_set_of_claims<S: Store>(store: S) {
    let tokens = over(open(store).await);
    let granted = tokens.grant("refresh", Issue::new("alice", 1_u64)).await.unwrap();
    let (mut refresh, mut access) = (granted.refresh.token, granted.access.unwrap().token);
    for round in 0..4 {
        let new = 10 + round;
        // By the access token: it has them at once. By the refresh token: those that come later have them.
        let by_access = round % 2 == 0;
        if by_access {
            assert!(tokens.update("access", access.reveal(), new).await.unwrap());
        } else {
            assert!(tokens.update("refresh", refresh.reveal(), new).await.unwrap());
        }
        let expected = if by_access { new } else { new - 1 };
        assert_eq!(claims(&tokens, "access", access.reveal()).await, Some(expected));
        let listed = tokens.sessions::<u64>("refresh", "alice", None).await.unwrap().sessions;
        assert_eq!(listed.iter().map(|session| session.claims).collect::<Vec<_>>(), [new]);
        let exchanged = tokens.refresh::<u64>("refresh", refresh.reveal()).await.unwrap();
        let (next, session) = exchanged.granted().expect("an update exchanges nothing");
        assert_eq!(session.claims, new);
        assert!(!tokens.update("refresh", refresh.reveal(), 99_u64).await.unwrap(), "it was exchanged");
        (refresh, access) = (next.refresh.token, next.access.unwrap().token);
        assert_eq!(claims(&tokens, "access", access.reveal()).await, Some(new));
    }
    assert!(tokens.revoke("refresh", refresh.reveal()).await.unwrap());
    assert!(!tokens.update("access", access.reveal(), 99_u64).await.unwrap());
    assert!(!tokens.update("refresh", refresh.reveal(), 99_u64).await.unwrap());
}

pub(crate) async fn a_revoked_token_never_reappears<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let tokens = over(vault.clone());
    for round in 0..40 {
        let subject = format!("user {round}");
        let issued = tokens.issue("session", Issue::new(&subject, 0_u64)).await.unwrap();
        let updates: Vec<_> = (1..5_u64)
            .map(|n| {
                let (tokens, token) = (tokens.clone(), issued.token.clone());
                tokio::spawn(async move { tokens.update("session", token.reveal(), n).await.unwrap() })
            })
            .collect();
        let text = issued.token.reveal();
        if round % 2 == 0 {
            tokens.revoke("session", text).await.unwrap();
        } else {
            tokens.revoke_subject(&subject).await.unwrap();
        }
        assert_eq!(claims(&tokens, "session", text).await, None, "round {round}");
        for update in updates {
            update.await.unwrap();
        }
        assert_eq!(claims(&tokens, "session", text).await, None, "round {round}");
        if round % 2 == 0 {
            assert_eq!(keys_of(&vault, "t2", Kind::Value).await.len(), round / 2, "it is not there at all");
        }
    }
}

pub(crate) async fn updates_at_once_all_count_and_the_last_holds<S: Store>(store: S) {
    let tokens = over(open(store).await);
    let issued = tokens.issue("session", Issue::new("alice", 0_u64)).await.unwrap();
    let updates: Vec<_> = (1..9_u64)
        .map(|n| {
            let (tokens, token) = (tokens.clone(), issued.token.clone());
            tokio::spawn(async move { tokens.update("session", token.reveal(), n).await })
        })
        .collect();
    for update in updates {
        assert!(update.await.unwrap().unwrap());
    }
    let held = claims(&tokens, "session", issued.token.reveal()).await;
    assert!((1..9).contains(&held.unwrap()), "{held:?}");
}

pub(crate) async fn a_damaged_record_is_not_updated<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let tokens = over(vault.clone());
    let issued = tokens.issue("session", Issue::new("alice", 1_u64)).await.unwrap();
    let record: Key = sole_key(&vault, "t2", Kind::Value).await;
    raw(&store, Op::put(&record, "damaged", Life::Keep)).await;
    assert_fails!(tokens.update("session", issued.token.reveal(), 2_u64).await, Error::Record(_));
    assert_eq!(raw(&store, Op::get(&record)).await, Reply::Bytes(Some("damaged".into())));
}

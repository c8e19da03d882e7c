//! Families of refresh tokens: exchanging, replaying, noticing copies, ending.

use std::time::Duration;

use roomkey_core::{Kind, Op, Reply, Store};
use roomkey_crypto::Context;
use roomkey_tokens::{Error, Grace, Grant, Issue, Policy, Refresh, Session, Tokens, TokensOptions, WhenFull};

use crate::assert_fails;
use crate::common::{HOUR, open, raw, sole_key};

/// Longer than any test on a loaded machine takes.
const WINDOW: Grace = Grace::Window(Duration::from_secs(60));

fn options(grace: Grace) -> TokensOptions {
    TokensOptions::new()
        .policy("refresh", Policy::refresh().grace(grace).access_type("access").prefix("rt"))
        .policy("bare", Policy::refresh().grace(grace))
        .policy("access", Policy::access().prefix("at"))
}

pub(crate) async fn tokens<S: Store>(store: S) -> Tokens<S> {
    Tokens::with_options(open(store).await, options(WINDOW)).unwrap()
}

pub(crate) async fn grant<S: Store>(tokens: &Tokens<S>, subject: &str) -> Grant {
    tokens.grant("refresh", Issue::new(subject, 42_u64).device("Firefox").scopes(["read"])).await.unwrap()
}

pub(crate) fn refresh_text(grant: &Grant) -> &str {
    grant.refresh.token.reveal()
}

pub(crate) fn access_text(grant: &Grant) -> &str {
    grant.access.as_ref().unwrap().token.reveal()
}

pub(crate) fn texts(grant: &Grant) -> (&str, &str) {
    (refresh_text(grant), access_text(grant))
}

async fn refresh<S: Store>(tokens: &Tokens<S>, token: &str) -> Refresh<u64> {
    tokens.refresh("refresh", token).await.unwrap()
}

pub(crate) async fn rotate<S: Store>(tokens: &Tokens<S>, token: &str) -> Grant {
    match refresh(tokens, token).await {
        Refresh::Rotated { grant, .. } => grant,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn replay<S: Store>(tokens: &Tokens<S>, token: &str) -> Grant {
    match refresh(tokens, token).await {
        Refresh::Replayed { grant, .. } => grant,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn active<S: Store>(
    tokens: &Tokens<S>,
    token_type: &str,
    token: &str,
) -> Option<Session<u64>> {
    tokens.verify(token_type, token).await.unwrap()
}

/// Whether the current refresh token of a grant, and its access token, are active.
pub(crate) async fn both_active<S: Store>(tokens: &Tokens<S>, grant: &Grant) -> (bool, bool) {
    let (refresh, access) = texts(grant);
    (active(tokens, "refresh", refresh).await.is_some(), active(tokens, "access", access).await.is_some())
}

pub(crate) async fn assert_dead<S: Store>(tokens: &Tokens<S>, grants: &[&Grant]) {
    for grant in grants {
        assert_eq!(both_active(tokens, grant).await, (false, false));
        assert!(matches!(refresh(tokens, refresh_text(grant)).await, Refresh::Inactive));
    }
}

pub(crate) async fn a_refresh_token_is_exchanged_for_the_next<S: Store>(store: S) {
    let tokens = tokens(store).await;
    let mut last = grant(&tokens, "alice").await;
    let first = last.clone();
    let begun = active(&tokens, "refresh", refresh_text(&first)).await.unwrap();
    for _ in 0..3 {
        let Refresh::Rotated { grant, session } = refresh(&tokens, refresh_text(&last)).await else {
            panic!("a current token is exchanged")
        };
        assert_eq!(session, begun, "the session is the same, its end too");
        assert_eq!((session.claims, session.device.as_deref()), (42, Some("Firefox")));
        assert_eq!(both_active(&tokens, &grant).await, (true, true));
        assert_eq!(both_active(&tokens, &last).await, (false, true), "an access token lives to its own end");
        let access = active(&tokens, "access", access_text(&grant)).await.unwrap();
        assert_eq!((access.claims, access.handle), (42, begun.handle));
        assert!(access.ends_at < begun.ends_at);
        assert_eq!(
            (grant.refresh.handle, grant.access.as_ref().unwrap().handle),
            (begun.handle, begun.handle)
        );
        assert!(refresh_text(&grant).starts_with("rt_") && access_text(&grant).starts_with("at_"));
        last = grant;
    }
    assert!(tokens.is_valid("refresh", refresh_text(&last)).await.unwrap());
    assert!(!tokens.is_valid("refresh", refresh_text(&first)).await.unwrap());
}

pub(crate) async fn a_family_without_a_type_of_access_tokens_has_none<S: Store>(store: S) {
    let tokens = tokens(store).await;
    let first = tokens.grant("bare", Issue::new("alice", ())).await.unwrap();
    assert!(first.access.is_none());
    let next = tokens.refresh::<()>("bare", first.refresh.token.reveal()).await.unwrap();
    let (next, _) = next.granted().unwrap();
    assert!(next.access.is_none());
    let again = tokens.refresh::<()>("bare", first.refresh.token.reveal()).await.unwrap();
    let (again, _) = again.granted().unwrap();
    assert_eq!(again.refresh.token, next.refresh.token);
}

pub(crate) async fn only_types_that_rotate_are_granted_and_refreshed<S: Store>(store: S) {
    let tokens = tokens(store).await;
    assert_fails!(tokens.grant("access", Issue::new("alice", ())).await, Error::WrongType { .. });
    assert_fails!(tokens.refresh::<()>("access", "token").await, Error::WrongType { .. });
    assert_fails!(tokens.issue("refresh", Issue::new("alice", ())).await, Error::WrongType { .. });
    let plain = tokens.issue("access", Issue::new("alice", 42_u64)).await.unwrap();
    assert!(active(&tokens, "access", plain.token.reveal()).await.is_some(), "one may still be issued alone");
    for text in ["", "token", plain.token.reveal()] {
        assert!(matches!(refresh(&tokens, text).await, Refresh::Inactive), "{text}");
    }
}

pub(crate) async fn within_its_grace_a_token_gives_the_same_successors<S: Store>(store: S) {
    let tokens = tokens(store).await;
    let first = grant(&tokens, "alice").await;
    let next = rotate(&tokens, refresh_text(&first)).await;
    for _ in 0..3 {
        let again = replay(&tokens, refresh_text(&first)).await;
        assert_eq!(texts(&again), texts(&next));
        assert!(again.refresh.expires_in <= next.refresh.expires_in);
        assert_eq!(both_active(&tokens, &again).await, (true, true));
    }
    // The successor is no worse for it.
    let third = rotate(&tokens, refresh_text(&next)).await;
    assert_eq!(texts(&replay(&tokens, refresh_text(&next)).await), texts(&third));
}

pub(crate) async fn a_token_from_before_the_last_exchange_ends_the_family<S: Store>(store: S) {
    let tokens = tokens(store).await;
    let first = grant(&tokens, "alice").await;
    let other = grant(&tokens, "alice").await;
    let second = rotate(&tokens, refresh_text(&first)).await;
    let third = rotate(&tokens, refresh_text(&second)).await;
    // Its own window is not over, but only the last exchange may be told again.
    assert!(matches!(refresh(&tokens, refresh_text(&first)).await, Refresh::Reuse));
    assert_dead(&tokens, &[&first, &second, &third]).await;
    assert_eq!(both_active(&tokens, &other).await, (true, true), "another family of the subject lives on");
}

pub(crate) async fn after_its_grace_a_token_ends_the_family<S: Store>(store: S) {
    let grace = Duration::from_millis(60);
    let tokens = Tokens::with_options(open(store).await, options(Grace::Window(grace))).unwrap();
    let first = grant(&tokens, "alice").await;
    let next = rotate(&tokens, refresh_text(&first)).await;
    tokio::time::sleep(grace + Duration::from_millis(40)).await;
    assert!(matches!(refresh(&tokens, refresh_text(&first)).await, Refresh::Reuse));
    assert_dead(&tokens, &[&first, &next]).await;
}

pub(crate) async fn grace_until_confirmed_ends_with_the_next_exchange<S: Store>(store: S) {
    let options = options(Grace::UntilConfirmed(HOUR));
    let tokens = Tokens::with_options(open(store).await, options).unwrap();
    let first = grant(&tokens, "alice").await;
    let second = rotate(&tokens, refresh_text(&first)).await;
    assert_eq!(texts(&replay(&tokens, refresh_text(&first)).await), texts(&second));
    let third = rotate(&tokens, refresh_text(&second)).await;
    assert_eq!(texts(&replay(&tokens, refresh_text(&second)).await), texts(&third));
    assert!(matches!(refresh(&tokens, refresh_text(&first)).await, Refresh::Reuse));
    assert_dead(&tokens, &[&first, &second, &third]).await;
}

pub(crate) async fn of_many_that_refresh_at_once_one_rotates_and_all_get_the_same<S: Store>(store: S) {
    let tokens = tokens(store).await;
    for _ in 0..24 {
        let first = grant(&tokens, "alice").await;
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let (tokens, text) = (tokens.clone(), first.refresh.token.clone());
                tokio::spawn(async move { refresh(&tokens, text.reveal()).await })
            })
            .collect();
        let (mut rotated, mut grants) = (0, Vec::new());
        for task in tasks {
            match task.await.unwrap() {
                Refresh::Rotated { grant, .. } => {
                    rotated += 1;
                    grants.push(grant);
                }
                Refresh::Replayed { grant, .. } => grants.push(grant),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((rotated, grants.len()), (1, 64));
        assert!(grants.iter().all(|grant| texts(grant) == texts(&grants[0])));
        assert_eq!(both_active(&tokens, &grants[0]).await, (true, true));
    }
}

pub(crate) async fn revoking_any_token_of_a_family_or_its_subject_or_type_ends_it<S: Store>(store: S) {
    let tokens = tokens(store).await;
    for how in 0..6 {
        let first = grant(&tokens, "alice").await;
        let next = rotate(&tokens, refresh_text(&first)).await;
        match how {
            0 => assert!(tokens.revoke("refresh", refresh_text(&first)).await.unwrap()),
            1 => assert!(tokens.revoke("refresh", refresh_text(&next)).await.unwrap()),
            2 => assert!(tokens.revoke_family("access", access_text(&next)).await.unwrap()),
            3 => tokens.revoke_subject("alice").await.unwrap(),
            4 => tokens.revoke_type("refresh").await.unwrap(),
            _ => assert!(tokens.revoke_session("refresh", "alice", &first.refresh.handle).await.unwrap()),
        }
        // Its grace is not over; it must give nothing all the same.
        assert_dead(&tokens, &[&first, &next]).await;
        assert!(
            !tokens.revoke_family("refresh", refresh_text(&first)).await.unwrap() || (3..=4).contains(&how)
        );
    }
}

pub(crate) async fn revoking_an_access_token_ends_it_alone<S: Store>(store: S) {
    let tokens = tokens(store).await;
    let first = grant(&tokens, "alice").await;
    assert!(tokens.revoke("access", access_text(&first)).await.unwrap());
    assert_eq!(both_active(&tokens, &first).await, (true, false));
    tokens.revoke_type("access").await.unwrap();
    let next = rotate(&tokens, refresh_text(&first)).await;
    assert_eq!(both_active(&tokens, &next).await, (true, true), "the type has a new generation");
}

pub(crate) async fn a_family_counts_once_to_a_limit<S: Store>(store: S) {
    let policy = |when_full| Policy::refresh().grace(WINDOW).access_type("access").limit(2, when_full);
    let options = TokensOptions::new()
        .policy("refresh", policy(WhenFull::EndOldest))
        .policy("strict", policy(WhenFull::Reject));
    let tokens = Tokens::with_options(open(store).await, options).unwrap();
    let mut grants = Vec::new();
    for _ in 0..3 {
        let first = grant(&tokens, "alice").await;
        tokio::time::sleep(Duration::from_millis(2)).await;
        grants.push(rotate(&tokens, refresh_text(&first)).await);
    }
    assert_dead(&tokens, &[&grants[0]]).await;
    for grant in &grants[1..] {
        assert_eq!(both_active(&tokens, grant).await, (true, true));
    }
    for _ in 0..2 {
        let strict = tokens.grant("strict", Issue::new("alice", 42_u64)).await.unwrap();
        tokens.refresh::<u64>("strict", refresh_text(&strict)).await.unwrap().granted().unwrap();
    }
    assert_fails!(tokens.grant("strict", Issue::new("alice", 42_u64)).await, Error::LimitReached);
}

/// Refreshes, replays each exchange, and goes on until that is refused; all that it got.
async fn refresh_until_refused<S: Store>(tokens: Tokens<S>, first: Grant) -> Vec<Grant> {
    let mut minted = vec![first];
    while minted.len() < 60
        && let Some(last) = minted.last()
        && let Some((next, _)) = refresh(&tokens, refresh_text(last)).await.granted()
    {
        if let Some((again, _)) = refresh(&tokens, refresh_text(last)).await.granted() {
            assert_eq!(texts(&again), texts(&next));
        }
        minted.push(next);
    }
    minted
}

pub(crate) async fn nothing_minted_survives_a_revocation_at_the_same_time<S: Store>(store: S) {
    let tokens = tokens(store).await;
    for round in 0..40_u32 {
        let subject = format!("subject{round}");
        let first = grant(&tokens, &subject).await;
        let refreshing = tokio::spawn(refresh_until_refused(tokens.clone(), first.clone()));
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        match round % 4 {
            0 => assert!(tokens.revoke("refresh", refresh_text(&first)).await.unwrap()),
            1 => assert!(tokens.revoke_family("access", access_text(&first)).await.unwrap()),
            2 => tokens.revoke_subject(&subject).await.unwrap(),
            _ => tokens.revoke_type("refresh").await.unwrap(),
        }
        let minted = refreshing.await.unwrap();
        assert_dead(&tokens, &minted.iter().collect::<Vec<_>>()).await;
    }
}

pub(crate) async fn who_has_store_and_key_ring_cannot_open_the_successors<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let tokens = Tokens::with_options(vault.clone(), options(WINDOW)).unwrap();
    let first = grant(&tokens, "alice").await;
    let next = rotate(&tokens, refresh_text(&first)).await;
    let key = sole_key(&vault, "n1", Kind::Value).await;
    let Reply::Bytes(Some(sealed)) = raw(&store, Op::get(&key)).await else { panic!("there are successors") };
    let space = vault.space("n1", crate::common::SPREAD);
    for kind in 0..=u8::MAX {
        let opened = space.open(&Context::new(kind, key.bytes(), b""), &*sealed);
        assert_fails!(opened, roomkey_vault::Error::Rejected);
    }
    assert_eq!(texts(&replay(&tokens, refresh_text(&first)).await), texts(&next), "its bearer can");
}

pub(crate) async fn what_was_tampered_with_is_an_error_and_ends_nothing<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let tokens = Tokens::with_options(vault.clone(), options(WINDOW)).unwrap();
    let first = grant(&tokens, "alice").await;
    let next = rotate(&tokens, refresh_text(&first)).await;
    let successors = sole_key(&vault, "n1", Kind::Value).await;
    let garbage = bytes::Bytes::from_static(b"garbage");
    raw(&store, Op::put(&successors, garbage.clone(), roomkey_core::Life::Keep)).await;
    assert_fails!(tokens.refresh::<u64>("refresh", refresh_text(&first)).await, Error::Record(_));
    assert_eq!(both_active(&tokens, &next).await, (true, true));
    assert_fails!(tokens.refresh::<String>("refresh", refresh_text(&next)).await, Error::Record(_));
    let third = rotate(&tokens, refresh_text(&next)).await;
    let family = sole_key(&vault, "f1", Kind::Map).await;
    raw(&store, Op::map_put(&family, "m", garbage, roomkey_core::Life::Keep)).await;
    assert_fails!(tokens.refresh::<u64>("refresh", refresh_text(&third)).await, Error::Record(_));
    assert!(tokens.revoke("refresh", refresh_text(&third)).await.unwrap());
    assert_dead(&tokens, &[&third]).await;
}

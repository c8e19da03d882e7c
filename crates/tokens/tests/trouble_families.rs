//! What families of refresh tokens make of time, of a store that is full, broken or loses replies, and of revocations
//! between the two round trips of a refresh.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/repeating.rs"]
mod repeating;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use roomkey_core::{Class, Error as StoreError, ErrorKind, Kind, Op, Reply, Spread, Store};
use roomkey_crypto::SecretKey;
use roomkey_memory::MemoryStore;
use roomkey_testkit::{Fault, FaultyStore, Gate, RecordingStore};
use roomkey_tokens::{
    Error, Event, Grace, Grant, Issue, Policy, Reason, Refresh, Scope, Tokens, TokensOptions, What,
};
use roomkey_vault::{Keyring, Vault};

use crate::repeating::Repeating;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const GRACE: Duration = Duration::from_secs(10);

fn options(grace: Grace) -> TokensOptions {
    let refresh = Policy::fixed(24 * HOUR).idle(HOUR).grace(grace).access_type("access");
    let access = Policy::fixed(10 * MINUTE).idle(4 * MINUTE).touch_every(10 * SECOND);
    TokensOptions::new().policy("refresh", refresh).policy("access", access).track(true)
}

async fn tokens<S: Store>(store: S) -> Tokens<S> {
    let vault = Vault::open(store, Keyring::from_key_bytes([7; 32])).await.unwrap();
    Tokens::with_options(vault, options(Grace::Window(GRACE))).unwrap()
}

async fn grant<S: Store>(tokens: &Tokens<S>) -> Grant {
    tokens.grant("refresh", Issue::new("alice", 42_u64)).await.unwrap()
}

async fn refresh<S: Store>(tokens: &Tokens<S>, grant: &Grant) -> Refresh<u64> {
    tokens.refresh("refresh", grant.refresh.token.reveal()).await.unwrap()
}

async fn rotate<S: Store>(tokens: &Tokens<S>, grant: &Grant) -> Grant {
    match refresh(tokens, grant).await {
        Refresh::Rotated { grant, .. } => grant,
        other => panic!("{other:?}"),
    }
}

async fn replay<S: Store>(tokens: &Tokens<S>, grant: &Grant) -> Grant {
    match refresh(tokens, grant).await {
        Refresh::Replayed { grant, .. } => grant,
        other => panic!("{other:?}"),
    }
}

fn access(grant: &Grant) -> &str {
    grant.access.as_ref().unwrap().token.reveal()
}

fn access_expires_in(grant: &Grant) -> Duration {
    grant.access.as_ref().unwrap().expires_in
}

async fn both_active<S: Store>(tokens: &Tokens<S>, grant: &Grant) -> (bool, bool) {
    let refresh = tokens.verify::<u64>("refresh", grant.refresh.token.reveal()).await.unwrap();
    let access = tokens.verify::<u64>("access", access(grant)).await.unwrap();
    (refresh.is_some(), access.is_some())
}

fn assert_same(one: &Grant, other: &Grant) {
    assert_eq!((&one.refresh.token, access(one)), (&other.refresh.token, access(other)));
}

fn store_error<T: std::fmt::Debug>(result: Result<T, Error>) -> StoreError {
    match result {
        Err(Error::Store(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_grace_ends_when_it_says() {
    let tokens = tokens(MemoryStore::new()).await;
    let first = grant(&tokens).await;
    let next = rotate(&tokens, &first).await;
    tokio::time::advance(GRACE - Duration::from_millis(1)).await;
    let again = replay(&tokens, &first).await;
    assert_same(&again, &next);
    let passed = GRACE - Duration::from_millis(1);
    assert_eq!(again.refresh.expires_in, next.refresh.expires_in - passed, "a replay does not prolong");
    assert_eq!(access_expires_in(&again), access_expires_in(&next) - passed);
    tokio::time::advance(Duration::from_millis(2)).await;
    assert!(matches!(refresh(&tokens, &first).await, Refresh::Reuse));
    assert_eq!(both_active(&tokens, &next).await, (false, false));
    assert!(matches!(refresh(&tokens, &first).await, Refresh::Inactive));
}

/// Its own first attempt, whose reply was lost, is no copy of the token: not even where the repeat comes after the grace.
#[tokio::test(start_paused = true)]
async fn an_exchange_that_is_repeated_after_the_grace_ends_no_family() {
    let store = FaultyStore::new(MemoryStore::new());
    let tokens = tokens(Repeating(store.clone())).await;
    let first = grant(&tokens).await;
    store.plan([Fault::Pass, Fault::ReplyLost, Fault::Delay(GRACE + SECOND)]);
    let next = rotate(&tokens, &first).await;
    assert_eq!(store.planned(), 0);
    assert_eq!(both_active(&tokens, &next).await, (true, true));
    let next = rotate(&tokens, &next).await;
    assert_eq!(both_active(&tokens, &next).await, (true, true));
    // What is revoked between the two attempts stays so.
    store.plan([Fault::Pass, Fault::ReplyLost, Fault::Delay(SECOND)]);
    let refreshing = tokio::spawn({
        let (tokens, next) = (tokens.clone(), next.clone());
        async move { refresh(&tokens, &next).await }
    });
    while store.planned() > 0 {
        tokio::task::yield_now().await;
    }
    tokens.revoke_subject("alice").await.unwrap();
    assert!(matches!(refreshing.await.unwrap(), Refresh::Inactive));
}

#[tokio::test(start_paused = true)]
async fn grace_until_confirmed_has_an_end() {
    let vault = Vault::open(MemoryStore::new(), Keyring::from_key_bytes([7; 32])).await.unwrap();
    let tokens = Tokens::with_options(vault, options(Grace::UntilConfirmed(HOUR / 2))).unwrap();
    let first = grant(&tokens).await;
    let next = rotate(&tokens, &first).await;
    tokio::time::advance(HOUR / 2 - SECOND).await;
    let again = replay(&tokens, &first).await;
    assert_same(&again, &next);
    assert_eq!(access_expires_in(&again), Duration::ZERO, "the access token has ended, and no other is made");
    assert_eq!(both_active(&tokens, &again).await, (true, false));
    tokio::time::advance(2 * SECOND).await;
    assert!(matches!(refresh(&tokens, &first).await, Refresh::Reuse));
}

#[tokio::test(start_paused = true)]
async fn a_family_ends_when_it_is_idle_and_at_its_lifetime() {
    let tokens = tokens(MemoryStore::new()).await;
    let idle = grant(&tokens).await;
    let mut last = grant(&tokens).await;
    assert_eq!((last.refresh.expires_in, access_expires_in(&last)), (HOUR, 4 * MINUTE));
    for _ in 0..28 {
        tokio::time::advance(50 * MINUTE).await;
        last = rotate(&tokens, &last).await;
    }
    assert!(matches!(refresh(&tokens, &idle).await, Refresh::Inactive));
    // 23 hours and 20 minutes have passed.
    tokio::time::advance(38 * MINUTE).await;
    last = rotate(&tokens, &last).await;
    assert_eq!((last.refresh.expires_in, access_expires_in(&last)), (2 * MINUTE, 2 * MINUTE));
    tokio::time::advance(MINUTE).await;
    assert_eq!(both_active(&tokens, &last).await, (true, true));
    tokio::time::advance(MINUTE + Duration::from_millis(1)).await;
    assert_eq!(both_active(&tokens, &last).await, (false, false));
    assert!(matches!(refresh(&tokens, &last).await, Refresh::Inactive));
}

#[tokio::test(start_paused = true)]
async fn using_an_access_token_does_not_prolong_its_family() {
    let store = MemoryStore::new();
    let vault = Vault::open(store.clone(), Keyring::from_key_bytes([7; 32])).await.unwrap();
    let tokens = Tokens::with_options(vault.clone(), options(Grace::Window(GRACE))).unwrap();
    let first = grant(&tokens).await;
    let space = vault.space("s1", Spread::over(4_096));
    let subject = tokens.subject_tag("alice").unwrap();
    let subject = space.short_key(Kind::Ranking, (*subject.as_bytes()).into());
    let member = bytes::Bytes::copy_from_slice(first.refresh.handle.as_bytes());
    let members = async || vault.run(Op::rank_scores(&subject, member.clone())).await.unwrap();
    let all = async || vault.run(Op::Ttl { key: subject.clone() }).await.unwrap();
    let (before, ttl) = (members().await, all().await);
    assert!(matches!(&before, Reply::Scores(scores) if scores[0].is_some()));
    for _ in 0..3 {
        tokio::time::advance(3 * MINUTE).await;
        assert!(tokens.verify::<u64>("access", access(&first)).await.unwrap().is_some(), "it slides");
    }
    assert_eq!(members().await, before);
    assert_ne!(all().await, ttl, "time has passed");
    tokio::time::advance(MINUTE + SECOND).await;
    assert!(tokens.verify::<u64>("access", access(&first)).await.unwrap().is_none(), "its lifetime is over");
}

#[tokio::test]
async fn a_lost_reply_loses_no_session() {
    let store = FaultyStore::new(MemoryStore::new());
    let tokens = tokens(store.clone()).await;
    for fine in 0..2 {
        for error in [StoreError::not_executed("away"), StoreError::ambiguous("timed out")] {
            let first = grant(&tokens).await;
            store.plan((0..fine).map(|_| Fault::Pass).chain([Fault::Fail(error.clone())]));
            let text = first.refresh.token.reveal();
            assert_eq!(store_error(tokens.refresh::<u64>("refresh", text).await).kind(), error.kind());
            assert_eq!(store.planned(), 0);
            let next = rotate(&tokens, &first).await;
            assert_eq!(both_active(&tokens, &next).await, (true, true));
        }
        let first = grant(&tokens).await;
        store.plan((0..fine).map(|_| Fault::Pass).chain([Fault::ReplyLost]));
        let lost = tokens.refresh::<u64>("refresh", first.refresh.token.reveal()).await;
        assert_eq!(store_error(lost).class(), Class::Ambiguous);
        let next = match fine {
            0 => rotate(&tokens, &first).await,
            _ => replay(&tokens, &first).await,
        };
        assert_eq!(both_active(&tokens, &next).await, (true, true));
    }
}

#[tokio::test]
async fn a_store_that_repeats_tells_a_refresh_its_own_success() {
    let store = Repeating(FaultyStore::new(MemoryStore::new()));
    let tokens = tokens(store.clone()).await;
    let first = grant(&tokens).await;
    store.0.plan([Fault::Pass, Fault::ReplyLost]);
    let next = rotate(&tokens, &first).await;
    assert_eq!(store.0.planned(), 0);
    assert_same(&replay(&tokens, &first).await, &next);
    // Ended between the two attempts: nothing may come of the first.
    let gate = Gate::new();
    store.0.plan([Fault::Pass, Fault::ReplyLost, Fault::Hold(gate.clone())]);
    let refreshing = tokio::spawn({
        let (tokens, next) = (tokens.clone(), next.clone());
        async move { refresh(&tokens, &next).await }
    });
    gate.reached().await;
    tokens.revoke_subject("alice").await.unwrap();
    gate.open();
    assert!(matches!(refreshing.await.unwrap(), Refresh::Inactive));
    // And the same for the other writes of a session.
    store.0.plan([Fault::Pass, Fault::ReplyLost]);
    let first = grant(&tokens).await;
    store.0.plan([Fault::Pass, Fault::ReplyLost]);
    assert!(tokens.revoke_others("access", access(&first)).await.unwrap());
    assert_eq!(store.0.planned(), 0);
    assert_eq!(both_active(&tokens, &first).await, (true, true));
}

#[tokio::test]
async fn what_is_revoked_between_the_round_trips_of_a_refresh_stays_revoked() {
    for at in 0..2 {
        for how in 0..5 {
            let store = FaultyStore::new(MemoryStore::new());
            let tokens = tokens(store.clone()).await;
            let first = grant(&tokens).await;
            let next = rotate(&tokens, &first).await;
            let gate = Gate::new();
            store.plan((0..at).map(|_| Fault::Pass).chain([Fault::HoldReply(gate.clone())]));
            let refreshing = tokio::spawn({
                let (tokens, next) = (tokens.clone(), next.clone());
                async move { refresh(&tokens, &next).await }
            });
            gate.reached().await;
            match how {
                0 => assert!(tokens.revoke("refresh", first.refresh.token.reveal()).await.unwrap()),
                1 => assert!(tokens.revoke_family("access", access(&first)).await.unwrap()),
                2 => tokens.revoke_subject("alice").await.unwrap(),
                3 => tokens.revoke_type("refresh").await.unwrap(),
                _ => assert!(tokens.revoke_session("refresh", "alice", &first.refresh.handle).await.unwrap()),
            }
            gate.open();
            let minted = refreshing.await.unwrap().granted();
            // Before the exchange nothing is minted; what was minted before is dead.
            assert_eq!(minted.is_some(), at == 1, "{at} {how}");
            for grant in minted.iter().map(|(grant, _)| grant).chain([&first, &next]) {
                assert_eq!(both_active(&tokens, grant).await, (false, false), "{at} {how}");
                assert!(matches!(refresh(&tokens, grant).await, Refresh::Inactive), "{at} {how}");
            }
        }
    }
}

#[tokio::test]
async fn a_full_store_exchanges_nothing_and_ends_what_there_is() {
    let store = MemoryStore::new();
    let tokens = tokens(store.clone()).await;
    let (first, other) = (grant(&tokens).await, grant(&tokens).await);
    let old = grant(&tokens).await;
    rotate(&tokens, &rotate(&tokens, &old).await).await;
    store.set_capacity(Some(0));
    let refused = tokens.refresh::<u64>("refresh", first.refresh.token.reveal()).await;
    assert_eq!(store_error(refused).kind(), ErrorKind::Full);
    let refused = tokens.grant("refresh", Issue::new("alice", 42_u64)).await;
    assert_eq!(store_error(refused).kind(), ErrorKind::Full);
    assert_eq!(both_active(&tokens, &first).await, (true, true));
    assert!(matches!(refresh(&tokens, &old).await, Refresh::Reuse));
    assert!(tokens.revoke_others("refresh", first.refresh.token.reveal()).await.unwrap());
    assert_eq!(both_active(&tokens, &other).await, (false, false));
    assert!(both_active(&tokens, &first).await.0);
    assert!(tokens.revoke("refresh", first.refresh.token.reveal()).await.unwrap());
    assert_eq!(both_active(&tokens, &first).await, (false, false));
    store.set_capacity(None);
    rotate(&tokens, &grant(&tokens).await).await;
}

#[tokio::test]
async fn a_process_behind_in_a_rotation_of_keys_ends_nothing() {
    let store = MemoryStore::new();
    let key = |byte| SecretKey::from_bytes([byte; 32]);
    let ring = |active, retired: Option<u8>| {
        let ring = Keyring::builder(key(active)).names(key(9));
        let ring = match retired {
            Some(retired) => ring.retired(key(retired)),
            None => ring,
        };
        ring.build().unwrap()
    };
    let open = async |ring| {
        let vault = Vault::open(store.clone(), ring).await.unwrap();
        Tokens::with_options(vault, options(Grace::Window(GRACE))).unwrap()
    };
    let (behind, between) = (open(ring(7, None)).await, open(ring(7, Some(8))).await);
    let ahead = open(ring(8, Some(7))).await;
    let first = grant(&behind).await;
    let next = rotate(&ahead, &first).await;
    assert!(matches!(refresh(&behind, &first).await, Refresh::Inactive));
    assert!(matches!(refresh(&behind, &next).await, Refresh::Inactive));
    assert_same(&replay(&between, &first).await, &next);
    assert_eq!(both_active(&between, &next).await, (true, true));
    let third = rotate(&between, &next).await;
    assert_same(&replay(&ahead, &next).await, &third);
}

#[tokio::test]
async fn what_is_asked_for_takes_as_many_round_trips_as_documented() {
    let store = RecordingStore::new(MemoryStore::new());
    let tokens = tokens(store.clone()).await;
    let first = grant(&tokens).await;
    let round_trips = || {
        let trips = store.history().len();
        store.clear();
        trips
    };
    round_trips();
    let next = rotate(&tokens, &first).await;
    assert_eq!(round_trips(), 2);
    replay(&tokens, &first).await;
    assert_eq!(round_trips(), 1);
    assert!(tokens.revoke_others("refresh", next.refresh.token.reveal()).await.unwrap());
    assert_eq!(round_trips(), 2);
    let other = grant(&tokens).await;
    round_trips();
    assert!(tokens.revoke_others("access", access(&other)).await.unwrap());
    assert_eq!(round_trips(), 2);
    for garbage in ["", "token", access(&first)] {
        assert!(matches!(tokens.refresh::<u64>("refresh", garbage).await.unwrap(), Refresh::Inactive));
        assert!(!tokens.revoke_others("refresh", garbage).await.unwrap());
        assert!(!tokens.revoke_family("refresh", garbage).await.unwrap());
    }
    assert_eq!(round_trips(), 0);
}

#[tokio::test]
async fn the_audit_sink_hears_what_the_bearer_does_not() {
    let heard: Arc<Mutex<Vec<What>>> = Arc::default();
    let sink = Arc::clone(&heard);
    let vault = Vault::open(MemoryStore::new(), Keyring::from_key_bytes([7; 32])).await.unwrap();
    let options =
        options(Grace::Window(GRACE)).audit(move |event: &Event<'_>| sink.lock().unwrap().push(event.what));
    let tokens = Tokens::with_options(vault, options).unwrap();
    let first = grant(&tokens).await;
    let next = rotate(&tokens, &first).await;
    replay(&tokens, &first).await;
    let third = rotate(&tokens, &next).await;
    assert!(tokens.revoke_others("refresh", third.refresh.token.reveal()).await.unwrap());
    assert!(matches!(refresh(&tokens, &first).await, Refresh::Reuse));
    assert!(matches!(refresh(&tokens, &first).await, Refresh::Inactive));
    assert!(matches!(tokens.refresh::<u64>("refresh", "token").await.unwrap(), Refresh::Inactive));
    let heard = std::mem::take(&mut *heard.lock().unwrap());
    let expected = [
        What::Issued,
        What::Refreshed,
        What::Replayed,
        What::Refreshed,
        What::Revoked(Scope::Others),
        What::ReuseDetected,
        What::Refused(Reason::FamilyEnded),
        What::Refused(Reason::Foreign),
    ];
    assert_eq!(heard, expected);
}

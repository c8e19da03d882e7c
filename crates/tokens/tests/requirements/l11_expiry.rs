//! Line 11: the edges of lifetimes. Every key ends by itself but for the generations of types, an index outlives what is
//! in it, and sliding never goes over the end.

use std::time::Duration;

use roomkey_core::{Store, Ttl};
use roomkey_memory::MemoryStore;
use roomkey_testkit::{Fault, FaultyStore, KeyState};
use roomkey_tokens::{Error, Issue, Policy, Tokens, TokensOptions};
use roomkey_vault::Vault;

use crate::common::{HOUR, Time, active, issue, open, policies, state, state_of, with_policies};

const MS: Duration = Duration::from_millis(1);

/// How long the one key of a layout still lives.
async fn ttl<S: Store>(vault: &Vault<S>, layout: &'static str) -> Duration {
    match &state_of(vault, layout).await[..] {
        [KeyState { ttl: Ttl::After(left), .. }] => *left,
        other => panic!("{layout}: {other:?}"),
    }
}

/// All keys expire but those of one layout.
pub(crate) async fn assert_all_expire<S: Store>(vault: &Vault<S>) {
    let types: Vec<_> = state_of(vault, "g1").await.into_iter().map(|state| state.key).collect();
    for KeyState { key, ttl, content, .. } in state(vault).await {
        let forever = types.contains(&key);
        assert_eq!(ttl == Ttl::Never, forever, "{key:?} lives {ttl:?} and holds {content:?}");
    }
}

pub(crate) async fn lifetimes_that_cannot_be_are_refused<S: Store>(store: S) {
    let tokens = with_policies(&open(store).await);
    for lifetime in [Duration::ZERO, Duration::from_secs(u64::MAX), Duration::MAX] {
        let issued = tokens.issue("session", Issue::new("alice", ()).lifetime(lifetime)).await;
        assert!(matches!(issued, Err(Error::Expiry(refused)) if refused == lifetime));
        let brought = tokens.store("session", "brought", lifetime).await;
        assert!(matches!(brought, Err(Error::Expiry(refused)) if refused == lifetime));
    }
}

pub(crate) async fn the_shortest_lifetimes_end_and_leave_nothing<S: Time>(store: S) {
    let vault = open(store.clone()).await;
    let tokens = with_policies(&vault);
    for lifetime in [Duration::from_nanos(1), MS, 2 * MS, 999 * MS] {
        let issue = || Issue::new("alice", 7_u64).lifetime(lifetime);
        for token_type in ["session", "access", "oldest"] {
            let issued = tokens.issue(token_type, issue()).await.unwrap();
            assert!(issued.expires_in <= lifetime.max(MS));
            assert_all_expire(&vault).await;
            store.pass(lifetime + 2 * MS).await;
            assert!(!active(&tokens, token_type, &issued).await, "{lifetime:?}");
        }
    }
    // A server that has many keys looks at this one when it is asked for.
    assert!(state_of(&vault, "t2").await.is_empty() && state_of(&vault, "s1").await.is_empty());
    assert_all_expire(&vault).await;
}

/// The moment at which a session ends is fixed by a read; the write may come when it has passed.
pub(crate) async fn a_session_that_ended_while_it_was_issued_leaves_nothing<S: Store>(store: S) {
    let store = FaultyStore::new(store);
    for token_type in ["session", "access", "oldest"] {
        let vault = open(store.clone()).await;
        let tokens = with_policies(&vault);
        store.plan([Fault::Pass, Fault::Delay(20 * MS)]);
        let issued = tokens.issue(token_type, Issue::new("alice", 7_u64).lifetime(MS)).await.unwrap();
        assert!(!active(&tokens, token_type, &issued).await);
        assert_all_expire(&vault).await;
        // The next session of the subject is as any other.
        let next = issue(&tokens, token_type, "alice").await;
        assert!(active(&tokens, token_type, &next).await);
        assert_all_expire(&vault).await;
    }
}

pub(crate) async fn a_shorter_token_never_shortens_the_indexes<S: Store>(store: S) {
    let vault = open(store).await;
    let tokens = Tokens::with_options(vault.clone(), policies().track(true)).unwrap();
    let long = issue(&tokens, "access", "alice").await;
    let (subject, index) = (ttl(&vault, "s1").await, ttl(&vault, "x1").await);
    for _ in 0..3 {
        let short = Issue::new("alice", 7_u64).lifetime(Duration::from_secs(60));
        let short = tokens.issue("access", short).await.unwrap();
        assert!(active(&tokens, "access", &short).await);
        assert!(tokens.revoke("access", short.token.reveal()).await.unwrap());
    }
    // Some of a second has passed; the shorter token had nine minutes less.
    let slack = Duration::from_secs(30);
    assert!(ttl(&vault, "s1").await > subject - slack);
    assert!(ttl(&vault, "x1").await > index - slack);
    assert!(active(&tokens, "access", &long).await);
    assert_all_expire(&vault).await;
}

/// One hour, half an hour idle.
fn sliding<S: Store>(vault: &Vault<S>) -> Tokens<S> {
    let policy = Policy::fixed(HOUR).idle(HOUR / 2).touch_every(Duration::from_secs(60));
    Tokens::with_options(vault.clone(), TokensOptions::new().policy("session", policy)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn sliding_goes_on_while_it_is_used_and_never_over_the_end() {
    let vault = open(MemoryStore::new()).await;
    let tokens = sliding(&vault);
    let (used, idle) = (issue(&tokens, "session", "alice").await, issue(&tokens, "session", "alice").await);
    for minutes in (10..60).step_by(10) {
        MemoryStore::pass(vault.store(), HOUR / 6).await;
        assert!(active(&tokens, "session", &used).await, "after {minutes} minutes");
        assert_all_expire(&vault).await;
        let left = HOUR - Duration::from_secs(minutes * 60);
        for layout in ["t2", "s1"] {
            for key in state_of(&vault, layout).await {
                assert!(
                    matches!(key.ttl, Ttl::After(ttl) if ttl <= left),
                    "{layout} {:?} of {left:?}",
                    key.ttl
                );
            }
        }
    }
    assert!(!active(&tokens, "session", &idle).await, "it was not used");
    MemoryStore::pass(vault.store(), HOUR / 6 - MS).await;
    assert!(active(&tokens, "session", &used).await, "in its last millisecond");
    MemoryStore::pass(vault.store(), 2 * MS).await;
    assert!(!active(&tokens, "session", &used).await, "it slid over its end");
    assert_eq!(state_of(&vault, "t2").await.len() + state_of(&vault, "s1").await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_token_ends_when_it_is_idle_for_too_long() {
    let vault = open(MemoryStore::new()).await;
    let tokens = sliding(&vault);
    let issued = issue(&tokens, "session", "alice").await;
    for _ in 0..2 {
        // Not yet due to be written: a minute has not passed.
        MemoryStore::pass(vault.store(), Duration::from_secs(50)).await;
        assert!(active(&tokens, "session", &issued).await);
    }
    MemoryStore::pass(vault.store(), HOUR / 2 - MS).await;
    assert!(active(&tokens, "session", &issued).await);
    MemoryStore::pass(vault.store(), HOUR / 2 + MS).await;
    assert!(!active(&tokens, "session", &issued).await);
}

/// However short a session is, it goes on while it is used, as exactly as its policy says.
#[tokio::test(start_paused = true)]
async fn a_session_of_less_than_seconds_slides_to_its_end() {
    let vault = open(MemoryStore::new()).await;
    let policy = Policy::fixed(2_000 * MS).idle(600 * MS).touch_every(100 * MS);
    let tokens = Tokens::with_options(vault.clone(), TokensOptions::new().policy("session", policy)).unwrap();
    let issued = issue(&tokens, "session", "alice").await;
    for used in 1..=5 {
        MemoryStore::pass(vault.store(), 350 * MS).await;
        assert!(active(&tokens, "session", &issued).await, "after {} ms", used * 350);
    }
    MemoryStore::pass(vault.store(), 250 * MS).await;
    assert!(active(&tokens, "session", &issued).await, "in its last millisecond");
    MemoryStore::pass(vault.store(), MS).await;
    assert!(!active(&tokens, "session", &issued).await);
}

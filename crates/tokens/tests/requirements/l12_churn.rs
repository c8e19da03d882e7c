//! Line 12: memory stays in proportion to what lives though nobody cleans up, and many cleanups at once count each entry
//! once.

use std::time::Duration;

use roomkey_core::Store;
use roomkey_memory::MemoryStore;
use roomkey_testkit::Content;
use roomkey_tokens::{Issue, Tokens};
use roomkey_vault::Vault;

use crate::common::{Time, long, open, policies, state_of};

fn tracking<S: Store>(vault: &Vault<S>) -> Tokens<S> {
    Tokens::with_options(vault.clone(), policies().track(true)).unwrap()
}

/// How many elements each ranking of a layout has.
async fn sizes<S: Store>(vault: &Vault<S>, layout: &'static str) -> Vec<usize> {
    let size = |content: &Content| match content {
        Content::Ranking(members) => members.len(),
        other => panic!("{other:?}"),
    };
    state_of(vault, layout).await.iter().map(|state| size(&state.content)).collect()
}

/// The most.
async fn largest<S: Store>(vault: &Vault<S>, layout: &'static str) -> usize {
    sizes(vault, layout).await.into_iter().max().unwrap_or(0)
}

/// Each second 20 tokens are issued to 10 subjects, and live for 10 seconds: 200 live, the others are over.
#[tokio::test(start_paused = true)]
async fn memory_is_in_proportion_to_what_lives() {
    let store = MemoryStore::new();
    let vault = open(store.clone()).await;
    let tokens = tracking(&vault);
    let total: u64 = if long() { 1_000_000 } else { 20_000 };
    let (per_second, subjects, life) = (20, 10, Duration::from_secs(10));
    let mut most_at_first = 0;
    for number in 0..total {
        let subject = format!("subject {}", number % subjects);
        tokens.issue("session", Issue::new(subject, 7_u64).lifetime(life)).await.unwrap();
        if number % per_second == 0 {
            store.pass(Duration::from_secs(1)).await;
        }
        if number % 1_000 == 0 {
            let used = store.used();
            // The first thousand fills it up; since then as many end as begin.
            match number {
                0 => {}
                1_000..=3_000 => most_at_first = used.max(most_at_first),
                _ => assert!(used * 10 <= most_at_first * 13, "{used} of {most_at_first} after {number}"),
            }
        }
    }
    // 20 of each subject live; two dead ones are swept for each new one.
    assert!(largest(&vault, "s1").await <= 20 + 20 + 3, "{}", largest(&vault, "s1").await);
    store.pass(life + Duration::from_millis(2)).await;
    assert!(state_of(&vault, "t2").await.is_empty() && state_of(&vault, "s1").await.is_empty());

    // What is left is the index, for a day. Four nodes clean up at once.
    let left: usize = sizes(&vault, "x1").await.iter().sum();
    assert!(left > 0, "the index holds the last ones");
    let cleaning: Vec<_> = (0..4)
        .map(|_| {
            let tokens = tokens.clone();
            tokio::spawn(async move { tokens.cleanup_expired("session").await.unwrap() })
        })
        .collect();
    let mut removed = 0;
    for cleaned in cleaning {
        removed += cleaned.await.unwrap();
    }
    assert_eq!(removed, left as u64, "each entry is counted once");
    assert_eq!(largest(&vault, "x1").await, 0, "nothing stale is left");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn on_redis_an_index_is_in_proportion_to_what_lives() {
    let vault = open(crate::common::redis().await).await;
    let tokens = tracking(&vault);
    let (total, life) = (if long() { 100_000 } else { 2_000 }, Duration::from_millis(100));
    for _ in 0..total {
        tokens.issue("session", Issue::new("alice", 7_u64).lifetime(life)).await.unwrap();
    }
    let index = largest(&vault, "s1").await;
    // More than a few hundred cannot be issued one after the other in 100 ms; 1 000 is as far as the look goes.
    assert!(index < total.min(1_000), "{index} of {total}");
    tokio::time::sleep(life * 3).await;
    assert!(state_of(&vault, "t2").await.is_empty(), "records end by themselves");
    assert!(state_of(&vault, "s1").await.is_empty(), "subjects too");
    let removed = tokens.cleanup_expired("session").await.unwrap();
    assert!(removed < total as u64, "{removed}");
    assert!(state_of(&vault, "x1").await.is_empty());
}

//! Line 7: a subject never has more sessions than its policy allows, at no instant, however many it begins at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use roomkey_core::{Bound, Op, Order, Reply, Store};
use roomkey_memory::MemoryStore;
use roomkey_testkit::{RecordingStore, Request};
use roomkey_tokens::{Error, Handle, Issue, Issued, Tokens};
use roomkey_vault::Vault;

use crate::common::{active, issue, open, raw, seed, subject_key, with_policies};
use crate::interleaving::{Stepping, Task, alone, interleave, schedules, step};

const MAX: usize = 5;

/// What the index lists as live, by handle.
async fn listed<S: Store>(vault: &Vault<S>, tokens: &Tokens<S>) -> Vec<Handle> {
    let key = subject_key(vault, tokens.subject_tag("alice").unwrap());
    let members =
        raw(vault.store(), Op::rank_range(&key, Bound::Now, Bound::Open, Order::Lowest, 1_000)).await;
    let Reply::Scored(members) = members else { panic!("{members:?}") };
    let mut handles: Vec<Handle> =
        members.iter().map(|(member, _)| <[u8; 11]>::try_from(&member[..]).unwrap().into()).collect();
    handles.sort_unstable();
    handles
}

async fn live<S: Store>(tokens: &Tokens<S>, token_type: &str, all: &[Issued]) -> Vec<Handle> {
    let mut live = Vec::new();
    for issued in all {
        if active(tokens, token_type, issued).await {
            live.push(issued.handle);
        }
    }
    live.sort_unstable();
    live
}

/// Begins one more; `None` if it is rejected.
async fn begin<S: Store>(tokens: &Tokens<S>, token_type: &str) -> Option<Issued> {
    match tokens.issue(token_type, Issue::new("alice", 7_u64)).await {
        Ok(issued) => Some(issued),
        Err(Error::LimitReached) => None,
        Err(error) => panic!("{error:?}"),
    }
}

/// Begins, one after the other, what is over the limit already, so that others have something to take the place of.
async fn race<S: Store>(vault: &Vault<S>, token_type: &'static str, tasks: usize, each: usize) {
    let tokens = with_policies(vault);
    let done = Arc::new(AtomicBool::new(false));
    // One reply of the store is one instant.
    let watching = {
        let (vault, tokens, done) = (vault.clone(), tokens.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            let mut most = 0;
            while !done.load(Ordering::Relaxed) {
                most = most.max(listed(&vault, &tokens).await.len());
                tokio::task::yield_now().await;
            }
            most
        })
    };
    let beginning: Vec<_> = (0..tasks)
        .map(|_| {
            let tokens = tokens.clone();
            tokio::spawn(async move {
                let mut all = Vec::new();
                for _ in 0..each {
                    all.extend(begin(&tokens, token_type).await);
                }
                all
            })
        })
        .collect();
    let mut all = Vec::new();
    for begun in beginning {
        all.extend(begun.await.unwrap());
    }
    done.store(true, Ordering::Relaxed);
    let most = watching.await.unwrap();
    assert!(most <= MAX, "{most} at one instant");
    let expected = if token_type == "strict" { MAX } else { tasks * each };
    assert_eq!(all.len(), expected, "{token_type}");
    let live = live(&tokens, token_type, &all).await;
    assert_eq!(live.len(), MAX, "{token_type}");
    assert_eq!(listed(vault, &tokens).await, live, "the index lists what lives");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_memory_64_at_once_stay_within_the_limit() {
    for token_type in ["strict", "oldest"] {
        race(&open(MemoryStore::new()).await, token_type, 64, 4).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn on_redis_64_at_once_stay_within_the_limit() {
    for token_type in ["strict", "oldest"] {
        race(&open(crate::common::redis().await).await, token_type, 64, 4).await;
    }
}

#[tokio::test]
async fn in_no_order_are_there_more_than_the_limit() {
    let vault = alone(open(Stepping(MemoryStore::new())));
    let tokens = with_policies(&vault);
    schedules(500, seed(), |rng| {
        let token_type = ["strict", "oldest"][rng.below(2)];
        alone(tokens.revoke_subject("alice")).unwrap();
        let before: Vec<Issued> =
            (0..rng.below(MAX + 1)).map(|_| alone(issue(&tokens, token_type, "alice"))).collect();
        let all = std::cell::RefCell::new(before.clone());
        let mut tasks: Vec<Task<'_>> = Vec::new();
        for _ in 0..4 {
            tasks.push(Box::pin(async {
                let begun = begin(&tokens, token_type).await;
                all.borrow_mut().extend(begun);
            }));
        }
        // One ends meanwhile, so that there is room.
        if let Some(ended) = before.first() {
            tasks.push(Box::pin(async {
                let _ = tokens.revoke(token_type, ended.token.reveal()).await.unwrap();
            }));
        }
        interleave(rng, tasks);
        let live = alone(live(&tokens, token_type, &all.borrow()));
        assert!(live.len() <= MAX, "{} live", live.len());
        assert_eq!(alone(listed(&vault, &tokens)), live);
    });
}

/// Each time it would begin, another has.
#[tokio::test]
async fn who_always_comes_second_begins_in_the_end() {
    let vault = alone(open(Stepping(MemoryStore::new())));
    let tokens = with_policies(&vault);
    let mut last = Box::pin(issue(&tokens, "oldest", "alice"));
    for _ in 0..256 {
        assert!(step(last.as_mut()).is_pending());
        alone(issue(&tokens, "oldest", "alice"));
    }
    assert!(alone(active(&tokens, "oldest", &alone(last))));
}

/// The store repeats what it may repeat when a reply is lost. Another session has begun since, and ended the first: the
/// repeat must not begin it again.
#[tokio::test]
async fn a_repeated_request_begins_no_session_over_the_limit() {
    for earlier in [false, true] {
        let store = RecordingStore::new(MemoryStore::new());
        let tokens = with_policies(&open(store.clone()).await);
        let mut all = Vec::new();
        // The subject is there already, and has had a link before or not.
        issue(&tokens, "session", "alice").await;
        if earlier {
            all.push(issue(&tokens, "link", "alice").await);
        }
        all.push(issue(&tokens, "link", "alice").await);
        let begun = store.history().into_iter().rev().find_map(|call| match call.request {
            Request::Transact(txn) if txn.name() == "tokens.begin" => Some(txn),
            _ => None,
        });
        let begun = begun.unwrap();
        let second = issue(&tokens, "link", "alice").await;
        all.push(second.clone());
        if begun.retry_safe() {
            store.transact(&begun).await.unwrap();
        }
        assert_eq!(live(&tokens, "link", &all).await, [second.handle], "earlier: {earlier}");
    }
}

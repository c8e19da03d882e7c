//! Line 4: once a revocation has returned, nothing that was minted before it or at the same time lets anyone in or is
//! exchanged, be it within its grace.

use std::cell::RefCell;

use roomkey_core::Store;
use roomkey_memory::MemoryStore;
use roomkey_tokens::{Grant, Tokens};

use crate::common::{long, open, seed};
use crate::families::{WINDOW, access, active, assert_dead, families, grant, refresh};
use crate::interleaving::{Stepping, Task, alone, interleave, schedules};

#[derive(Clone, Copy, Debug)]
enum How {
    Token,
    FamilyByRefresh,
    FamilyByAccess,
    Session,
    Subject,
    Type,
    /// All but another session of the same subject.
    Others,
}

const ALL: [How; 7] = [
    How::Token,
    How::FamilyByRefresh,
    How::FamilyByAccess,
    How::Session,
    How::Subject,
    How::Type,
    How::Others,
];

async fn revoke<S: Store>(tokens: &Tokens<S>, how: How, grant: &Grant, other: &Grant) -> bool {
    let text = grant.refresh.token.reveal();
    match how {
        How::Token => tokens.revoke("refresh", text).await.unwrap(),
        How::FamilyByRefresh => tokens.revoke_family("refresh", text).await.unwrap(),
        How::FamilyByAccess => tokens.revoke_family("access", access(grant)).await.unwrap(),
        How::Session => tokens.revoke_session("refresh", "alice", &grant.refresh.handle).await.unwrap(),
        How::Others => tokens.revoke_others("refresh", other.refresh.token.reveal()).await.unwrap(),
        How::Subject => {
            tokens.revoke_subject("alice").await.unwrap();
            true
        }
        How::Type => {
            tokens.revoke_type("refresh").await.unwrap();
            true
        }
    }
}

/// Presents a token again and again, and what it is exchanged for.
async fn go_on<S: Store>(tokens: &Tokens<S>, mut mine: Grant, minted: &mut Vec<Grant>) {
    for _ in 0..2 {
        let Some((next, _)) = refresh(tokens, &mine).await.granted() else { return };
        minted.push(next.clone());
        mine = next;
    }
}

#[tokio::test]
async fn in_no_order_does_anything_minted_survive_a_revocation() {
    let vault = alone(open(Stepping(MemoryStore::new())));
    let tokens = families(&vault, WINDOW);
    schedules(if long() { 10_000 } else { 1_000 }, seed(), |rng| {
        // A revocation of the type takes 4 096 small writes; a few of them are enough.
        let how = if rng.below(40) == 0 { How::Type } else { ALL[rng.below(ALL.len())] };
        let how = if matches!(how, How::Type) && rng.below(10) > 0 { How::Subject } else { how };
        let (first, other) = (alone(grant(&tokens, "alice")), alone(grant(&tokens, "alice")));
        let minted = RefCell::new(vec![first.clone()]);
        let mut current = first.clone();
        if rng.below(2) == 0 {
            (current, _) = alone(refresh(&tokens, &first)).granted().unwrap();
            minted.borrow_mut().push(current.clone());
        }
        let mut tasks: Vec<Task<'_>> = Vec::new();
        for mine in [current.clone(), current.clone(), first.clone()] {
            let (tokens, minted) = (&tokens, &minted);
            tasks.push(Box::pin(async move {
                let mut own = Vec::new();
                go_on(tokens, mine, &mut own).await;
                minted.borrow_mut().extend(own);
            }));
        }
        // The copy of a token that is presented late may have ended the family before, so it may not exist.
        tasks.push(Box::pin(async {
            let existed = revoke(&tokens, how, &current, &other).await;
            assert!(existed || !matches!(how, How::Subject | How::Type | How::Others));
        }));
        interleave(rng, tasks);
        alone(assert_dead(&tokens, &minted.borrow()));
        let others_end = matches!(how, How::Subject | How::Type);
        assert_eq!(alone(active(&tokens, &other)).0, !others_end, "{how:?}");
    });
}

/// A session and a revocation of its subject at once: what was issued before the revocation began is dead, what was
/// issued after it returned is not, and what was issued meanwhile is one of both for good.
#[tokio::test]
async fn in_no_order_does_what_was_issued_before_a_revocation_survive() {
    let vault = alone(open(Stepping(MemoryStore::new())));
    let tokens = families(&vault, WINDOW);
    schedules(if long() { 10_000 } else { 1_000 }, seed(), |rng| {
        let before = alone(grant(&tokens, "alice"));
        let meanwhile = RefCell::new(Vec::new());
        let mut tasks: Vec<Task<'_>> = Vec::new();
        for _ in 0..3 {
            tasks.push(Box::pin(async {
                let granted = grant(&tokens, "alice").await;
                meanwhile.borrow_mut().push(granted);
            }));
        }
        tasks.push(Box::pin(async { tokens.revoke_subject("alice").await.unwrap() }));
        interleave(rng, tasks);
        alone(assert_dead(&tokens, &[before]));
        for granted in meanwhile.borrow().iter() {
            let (refresh, access) = alone(active(&tokens, granted));
            assert_eq!(refresh, access);
        }
        let after = alone(grant(&tokens, "alice"));
        assert_eq!(alone(active(&tokens, &after)), (true, true));
    });
}

async fn race<S: Store>(tokens: &Tokens<S>, rounds: usize) {
    for round in 0..rounds {
        let how = ALL[round % ALL.len()];
        let (first, other) = (grant(tokens, "alice").await, grant(tokens, "alice").await);
        let refreshing: Vec<_> = (0..8)
            .map(|_| {
                let (tokens, first) = (tokens.clone(), first.clone());
                tokio::spawn(async move {
                    let mut minted = Vec::new();
                    // All present the same, so nobody's is taken for a copy.
                    if let Some((next, _)) = refresh(&tokens, &first).await.granted() {
                        minted.push(next);
                    }
                    minted
                })
            })
            .collect();
        if round % 2 == 0 {
            tokio::task::yield_now().await;
        }
        assert!(revoke(tokens, how, &first, &other).await, "{how:?}, round {round}");
        let at_once = active(tokens, &first).await;
        let mut minted = vec![first];
        for refreshing in refreshing {
            minted.extend(refreshing.await.unwrap());
        }
        assert_eq!(at_once, (false, false), "{how:?}, round {round}");
        assert_dead(tokens, &minted).await;
    }
}

fn rounds() -> usize {
    if long() { 1_000 } else { 70 }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_memory_nothing_minted_survives_a_revocation() {
    race(&families(&open(MemoryStore::new()).await, WINDOW), rounds()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn on_redis_nothing_minted_survives_a_revocation() {
    race(&families(&open(crate::common::redis().await).await, WINDOW), rounds()).await;
}

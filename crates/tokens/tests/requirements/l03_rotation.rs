//! Line 3: of many that present one refresh token, one exchanges it and the others get the very same successors; later it
//! proves a copy, and the family ends.

use std::cell::RefCell;
use std::time::Duration;

use roomkey_core::Store;
use roomkey_memory::MemoryStore;
use roomkey_tokens::{Grace, Grant, Refresh, Tokens};

use crate::common::{Time, long, open, seed};
use crate::families::{WINDOW, access, active, assert_dead, families, grant, refresh};
use crate::interleaving::{Stepping, Task, alone, interleave, schedules};

/// What came of many exchanges: how many rotated, and the successors that all of them gave.
#[derive(Default)]
struct Tally {
    rotated: usize,
    replayed: usize,
    successors: Option<Grant>,
}

impl Tally {
    fn add(&mut self, refreshed: Refresh<u64>) {
        match &refreshed {
            Refresh::Rotated { .. } => self.rotated += 1,
            Refresh::Replayed { .. } => self.replayed += 1,
            other => panic!("{other:?}"),
        }
        let (grant, session) = refreshed.granted().unwrap();
        assert_eq!((session.subject.as_str(), session.claims), ("alice", 7));
        let first = self.successors.get_or_insert_with(|| grant.clone());
        assert_eq!(grant.refresh.token, first.refresh.token);
        assert_eq!(access(&grant), access(first));
    }
}

async fn race<S: Store>(tokens: &Tokens<S>, tasks: usize, rounds: usize) {
    let mut parent = grant(tokens, "alice").await;
    for round in 0..rounds {
        let presenting: Vec<_> = (0..tasks)
            .map(|_| {
                let (tokens, parent) = (tokens.clone(), parent.clone());
                tokio::spawn(async move { refresh(&tokens, &parent).await })
            })
            .collect();
        let mut tally = Tally::default();
        for presented in presenting {
            tally.add(presented.await.unwrap());
        }
        assert_eq!((tally.rotated, tally.replayed), (1, tasks - 1), "round {round}");
        let successors = tally.successors.unwrap();
        assert_eq!(active(tokens, &successors).await, (true, true));
        assert!(!active(tokens, &parent).await.0, "one live refresh token");
        parent = successors;
    }
    // Once its successor was exchanged too, the parent proves a copy.
    let Refresh::Rotated { grant: next, .. } = refresh(tokens, &parent).await else {
        panic!("it was current")
    };
    let Refresh::Rotated { grant: last, .. } = refresh(tokens, &next).await else { panic!("it was current") };
    assert!(matches!(refresh(tokens, &parent).await, Refresh::Reuse));
    assert_dead(tokens, &[parent, next, last]).await;
}

fn rounds() -> usize {
    if long() { 1_000 } else { 50 }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_memory_64_that_present_one_token_get_the_same_successors() {
    race(&families(&open(MemoryStore::new()).await, WINDOW), 64, rounds() / 5).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn on_redis_64_that_present_one_token_get_the_same_successors() {
    race(&families(&open(crate::common::redis().await).await, WINDOW), 64, rounds()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn on_a_cluster_64_that_present_one_token_get_the_same_successors() {
    race(&families(&open(crate::common::clustered().await).await, WINDOW), 64, rounds() / 5).await;
}

pub(crate) async fn after_its_grace_a_parent_ends_the_family<S: Time>(store: S) {
    let grace = Duration::from_millis(300);
    for late in [grace + Duration::from_millis(10), grace * 4] {
        let tokens = families(&open(store.clone()).await, Grace::Window(grace));
        let (parent, of_another) = (grant(&tokens, "alice").await, grant(&tokens, "alice").await);
        let Refresh::Rotated { grant: next, .. } = refresh(&tokens, &parent).await else { panic!("first") };
        assert_eq!(active(&tokens, &next).await, (true, true));
        store.pass(late).await;
        assert!(matches!(refresh(&tokens, &parent).await, Refresh::Reuse), "after {late:?}");
        assert_dead(&tokens, &[parent, next]).await;
        assert_eq!(active(&tokens, &of_another).await, (true, true), "another family of the subject goes on");
    }
}

/// Three present the parent, one whatever it was exchanged for as soon as it has it.
#[tokio::test]
async fn in_no_order_is_a_token_exchanged_twice() {
    let vault = alone(open(Stepping(MemoryStore::new())));
    let tokens = families(&vault, WINDOW);
    schedules(if long() { 10_000 } else { 600 }, seed(), |rng| {
        let parent = alone(grant(&tokens, "alice"));
        let tally = RefCell::new(Tally::default());
        let tasks: Vec<Task<'_>> = (0..4)
            .map(|_| -> Task<'_> {
                Box::pin(async {
                    let refreshed = refresh(&tokens, &parent).await;
                    tally.borrow_mut().add(refreshed);
                })
            })
            .collect();
        interleave(rng, tasks);
        let Tally { rotated, replayed, successors } = tally.take();
        assert_eq!((rotated, replayed), (1, 3));
        assert_eq!(alone(active(&tokens, &successors.unwrap())), (true, true));
    });
}

/// One thief with a copy, one victim: whoever comes second after both have gone on from the same parent ends it for both,
/// in whatever order. At no moment do both hold tokens that the other does not know of.
#[tokio::test]
async fn in_no_order_do_a_thief_and_a_victim_go_separate_ways() {
    let vault = alone(open(Stepping(MemoryStore::new())));
    let tokens = families(&vault, WINDOW);
    schedules(if long() { 10_000 } else { 600 }, seed(), |rng| {
        let parent = alone(grant(&tokens, "alice"));
        let all = RefCell::new(vec![parent.clone()]);
        let go_on = async || {
            let mut mine = parent.clone();
            for _ in 0..3 {
                match refresh(&tokens, &mine).await.granted() {
                    Some((next, _)) => mine = next,
                    None => return None,
                }
                all.borrow_mut().push(mine.clone());
            }
            Some(mine)
        };
        let (thief, victim) = (RefCell::new(None), RefCell::new(None));
        let tasks: Vec<Task<'_>> = vec![
            Box::pin(async { *thief.borrow_mut() = go_on().await }),
            Box::pin(async { *victim.borrow_mut() = go_on().await }),
        ];
        interleave(rng, tasks);
        match (thief.into_inner(), victim.into_inner()) {
            // They went in step, each within the grace of the other.
            (Some(thief), Some(victim)) if thief.refresh.token == victim.refresh.token => {
                assert_eq!(alone(active(&tokens, &thief)), (true, true));
            }
            _ => alone(assert_dead(&tokens, &all.borrow())),
        }
    });
}

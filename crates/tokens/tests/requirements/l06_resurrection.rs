//! Line 6: what was revoked stays so: no verification that lets it slide, and no change of its claims, writes it anew.

use std::time::Duration;

use roomkey_core::Store;
use roomkey_crypto::SecretKey;
use roomkey_memory::MemoryStore;
use roomkey_testkit::RedisServer;
use roomkey_tokens::{Issued, Policy, Tokens, TokensOptions};
use roomkey_vault::{Keyring, Vault};

use crate::common::{HOUR, Time, active, issue, open, open_as, seed, state_of};
use crate::interleaving::{Stepping, Task, alone, interleave, schedules};

/// How a token is revoked while it is used.
#[derive(Clone, Copy, Debug)]
enum How {
    Token,
    Session,
    Subject,
    Type,
}

const ALL: [How; 4] = [How::Token, How::Session, How::Subject, How::Type];

async fn revoke<S: Store>(tokens: &Tokens<S>, how: How, issued: &Issued) {
    match how {
        How::Token => drop(tokens.revoke("session", issued.token.reveal()).await.unwrap()),
        How::Session => drop(tokens.revoke_session("session", "alice", &issued.handle).await.unwrap()),
        How::Subject => tokens.revoke_subject("alice").await.unwrap(),
        How::Type => tokens.revoke_type("session").await.unwrap(),
    }
}

/// Every verification writes: a session slides after a millisecond.
fn sliding<S: Store>(vault: &Vault<S>) -> Tokens<S> {
    let policy = Policy::fixed(HOUR).idle(HOUR / 2).touch_every(Duration::from_millis(1));
    Tokens::with_options(vault.clone(), TokensOptions::new().policy("session", policy)).unwrap()
}

/// In half of the schedules the record is under a retired key, so that it is written anew and not only lengthened.
#[tokio::test(start_paused = true)]
async fn in_no_order_does_a_verification_bring_a_token_back() {
    let key = |byte| SecretKey::from_bytes([byte; 32]);
    let first = Keyring::from(key(1));
    let names = first.name_key().clone();
    let second = Keyring::builder(key(2)).retired(key(1)).names(names).build().unwrap();
    // The schedules run by hand, so the clock is moved beforehand: each has a session that is due.
    let store = MemoryStore::new();
    let inner = open_as("six", store.clone(), first.clone()).await;
    let mut due = Vec::new();
    let count = 400;
    for _ in 0..count * 2 {
        due.push(issue(&sliding(&inner), "session", "alice").await);
    }
    store.pass(Duration::from_millis(50)).await;
    let stepping = Stepping(store);
    let vaults = [alone(open_as("six", stepping.clone(), first)), alone(open_as("six", stepping, second))];
    let due = std::cell::RefCell::new(due);
    for vault in &vaults {
        let tokens = sliding(vault);
        // The ways that end one token only: the others would end all that wait for their turn.
        schedules(count, seed(), |rng| {
            let issued = due.borrow_mut().pop().unwrap();
            let how = [How::Token, How::Session][rng.below(2)];
            let mut tasks: Vec<Task<'_>> = vec![Box::pin(revoke(&tokens, how, &issued))];
            for _ in 0..3 {
                tasks.push(Box::pin(async {
                    let _ = active(&tokens, "session", &issued).await;
                }));
            }
            interleave(rng, tasks);
            assert!(!alone(active(&tokens, "session", &issued)), "{how:?}");
        });
        let left = state_of(&inner, "t2").await.len();
        assert_eq!(left, due.borrow().len(), "no record was written anew");
    }
}

/// With real tasks: half of them use a session all the time while the others end it.
async fn races<S: Store>(vault: &Vault<S>, rounds: usize) {
    let tokens = sliding(vault);
    for round in 0..rounds {
        let how = ALL[round % ALL.len()];
        let issued = issue(&tokens, "session", "alice").await;
        tokio::time::sleep(Duration::from_millis(3)).await;
        let using: Vec<_> = (0..8)
            .map(|_| {
                let (tokens, issued) = (tokens.clone(), issued.clone());
                tokio::spawn(async move {
                    let mut seen = 0;
                    while active(&tokens, "session", &issued).await {
                        seen += 1;
                        tokio::task::yield_now().await;
                    }
                    seen
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(2)).await;
        revoke(&tokens, how, &issued).await;
        assert!(!active(&tokens, "session", &issued).await, "{how:?}, round {round}");
        for using in using {
            using.await.unwrap();
        }
        assert!(!active(&tokens, "session", &issued).await, "{how:?}, round {round}: it came back");
        if matches!(how, How::Token | How::Session) {
            let left = state_of(vault, "t2").await.len();
            assert!(left <= round, "the record is gone");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_memory_tasks_that_use_a_token_do_not_bring_it_back() {
    races(&open(MemoryStore::new()).await, 40).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn on_redis_tasks_that_use_a_token_do_not_bring_it_back() {
    let server = RedisServer::start();
    races(&open(crate::common::connect(&server).await).await, 40).await;
}

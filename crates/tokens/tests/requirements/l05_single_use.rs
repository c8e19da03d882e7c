//! Line 5: a token that is good for one use is used once, and not at all once it was revoked.

use std::cell::{Cell, RefCell};

use roomkey_core::Store;
use roomkey_memory::MemoryStore;
use roomkey_tokens::{Issued, Tokens};

use crate::common::{active, issue, open, seed, with_policies};
use crate::interleaving::{Stepping, Task, alone, interleave, schedules};

async fn consume<S: Store>(tokens: &Tokens<S>, issued: &Issued) -> bool {
    tokens.consume::<u64>("link", issued.token.reveal()).await.unwrap().is_some()
}

#[derive(Clone, Copy, Debug)]
enum How {
    Token,
    Session,
    Subject,
    /// A new link ends the one before.
    Next,
}

const ALL: [How; 4] = [How::Token, How::Session, How::Subject, How::Next];

async fn end<S: Store>(tokens: &Tokens<S>, how: How, issued: &Issued) {
    match how {
        How::Token => {
            tokens.revoke("link", issued.token.reveal()).await.unwrap();
        }
        How::Session => {
            tokens.revoke_session("link", "alice", &issued.handle).await.unwrap();
        }
        How::Subject => tokens.revoke_subject("alice").await.unwrap(),
        How::Next => {
            issue(tokens, "link", "alice").await;
        }
    }
}

#[tokio::test]
async fn in_no_order_is_a_token_used_twice_or_after_its_end() {
    let vault = alone(open(Stepping(MemoryStore::new())));
    let tokens = with_policies(&vault);
    schedules(1_000, seed(), |rng| {
        let how = ALL[rng.below(ALL.len())];
        let issued = alone(issue(&tokens, "link", "alice"));
        let (uses, ended, late) = (Cell::new(0), Cell::new(false), RefCell::new(Vec::new()));
        let mut tasks: Vec<Task<'_>> = Vec::new();
        for _ in 0..3 {
            tasks.push(Box::pin(async {
                // Between the choice of this task and its request nothing runs, so it began after the end if that is
                // noted.
                let after = ended.get();
                let used = consume(&tokens, &issued).await;
                uses.set(uses.get() + usize::from(used));
                late.borrow_mut().push(after && used);
            }));
        }
        tasks.push(Box::pin(async {
            end(&tokens, how, &issued).await;
            ended.set(true);
        }));
        interleave(rng, tasks);
        assert!(uses.get() <= 1, "{how:?}: used {} times", uses.get());
        assert!(!late.borrow().contains(&true), "{how:?}: used after its end");
        assert!(!alone(consume(&tokens, &issued)) && !alone(active(&tokens, "link", &issued)));
    });
}

async fn races<S: Store>(tokens: &Tokens<S>, rounds: usize) {
    for round in 0..rounds {
        // Every other round somebody ends it meanwhile.
        let ends = round % 2 == 1;
        let issued = issue(tokens, "link", "alice").await;
        let using: Vec<_> = (0..64)
            .map(|_| {
                let (tokens, issued) = (tokens.clone(), issued.clone());
                tokio::spawn(async move { consume(&tokens, &issued).await })
            })
            .collect();
        if ends {
            end(tokens, ALL[(round / 2) % ALL.len()], &issued).await;
            assert!(!consume(tokens, &issued).await, "after its end");
        }
        let mut uses = 0;
        for using in using {
            uses += usize::from(using.await.unwrap());
        }
        assert!(uses <= 1 && (ends || uses == 1), "round {round}: used {uses} times");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_memory_64_at_once_use_a_token_once() {
    races(&with_policies(&open(MemoryStore::new()).await), 40).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn on_redis_64_at_once_use_a_token_once() {
    races(&with_policies(&open(crate::common::redis().await).await), 60).await;
}

//! Values written only where there is one, or only where there is none.

use roomkey_core::{BranchId, Outcome, Step, Store, Txn};
use roomkey_testkit::{RecordingStore, Request, assert_retry_safe};
use roomkey_vault::{Error, Expiry, Ttl, Vault};

use crate::assert_fails;
use crate::common::{DAY, HOUR, open};

pub(crate) async fn if_absent_writes_once<S: Store>(store: S) {
    let vault = open(store).await;
    assert!(vault.set_if_absent("x", &1u8, HOUR).await.unwrap());
    assert!(!vault.set_if_absent("x", &2u8, DAY).await.unwrap());
    // The same value is another seal, and so not this call's own.
    assert!(!vault.set_if_absent("x", &1u8, DAY).await.unwrap());
    assert_eq!(vault.get("x").await.unwrap(), Some(1u8));
    assert!(matches!(vault.ttl("x").await.unwrap(), Ttl::After(left) if left <= HOUR));
    vault.delete("x").await.unwrap();
    assert!(vault.set_if_absent("x", &3u8, HOUR).await.unwrap());
    assert_eq!(vault.get("x").await.unwrap(), Some(3u8));
}

pub(crate) async fn if_absent_tells_nothing_of_another_structure<S: Store>(store: S) {
    let vault = open(store).await;
    vault.rpush("list", &1u8).await.unwrap();
    vault.hset("hash", "f", &1u8).await.unwrap();
    for name in ["list", "hash"] {
        assert_fails!(vault.set_if_absent(name, &2u8, HOUR).await, Error::WrongType);
    }
    assert_eq!(vault.lrange::<u8>("list", 0, -1).await.unwrap(), [1]);
    vault.incr("counter").await.unwrap();
    assert!(!vault.set_if_absent("counter", &2u8, HOUR).await.unwrap());
    assert_eq!(vault.counter("counter").await.unwrap(), 1);
}

pub(crate) async fn of_many_that_set_if_absent_one_wins<S: Store>(store: S) {
    let vault = open(store).await;
    for round in 0..10u32 {
        let name = format!("round {round}");
        let tasks: Vec<_> = (0..32u32)
            .map(|n| {
                let (vault, name) = (vault.clone(), name.clone());
                tokio::spawn(async move { (n, vault.set_if_absent(name, &n, HOUR).await.unwrap()) })
            })
            .collect();
        let mut winners = Vec::new();
        for task in tasks {
            let (n, won) = task.await.unwrap();
            winners.extend(won.then_some(n));
        }
        assert_eq!(winners.len(), 1, "{winners:?}");
        assert_eq!(vault.get(&name).await.unwrap(), Some(winners[0]));
    }
}

pub(crate) async fn if_present_writes_only_over_something<S: Store>(store: S) {
    let vault = open(store).await;
    assert!(!vault.set_if_present("x", &1u8, HOUR).await.unwrap());
    assert!(!vault.exists("x").await.unwrap());
    vault.set("x", &1u8, HOUR).await.unwrap();
    assert!(vault.set_if_present("x", &2u8, DAY).await.unwrap());
    assert_eq!(vault.get("x").await.unwrap(), Some(2u8));
    assert!(matches!(vault.ttl("x").await.unwrap(), Ttl::After(left) if left > HOUR));
    // As `set` does.
    vault.rpush("list", &1u8).await.unwrap();
    assert!(vault.set_if_present("list", &2u8, HOUR).await.unwrap());
    assert_eq!(vault.get("list").await.unwrap(), Some(2u8));
}

pub(crate) async fn what_was_deleted_does_not_come_back<S: Store>(store: S) {
    let vault = open(store).await;
    for round in 0..50u32 {
        let name = format!("round {round}");
        vault.set(&name, &0u32, HOUR).await.unwrap();
        let writers: Vec<_> = (0..8u32)
            .map(|n| {
                let (vault, name) = (vault.clone(), name.clone());
                tokio::spawn(async move { vault.set_if_present(name, &n, HOUR).await.unwrap() })
            })
            .collect();
        assert!(vault.delete(&name).await.unwrap());
        for writer in writers {
            writer.await.unwrap();
        }
        assert!(!vault.exists(&name).await.unwrap(), "a write in flight brought it back");
    }
}

pub(crate) async fn both_decide_about_the_expiry<S: Store>(store: S) {
    let vault = open(store).await;
    assert!(vault.set_if_absent("x", &1u8, Expiry::Keep).await.unwrap());
    assert_eq!(vault.ttl("x").await.unwrap(), Ttl::Never);
    assert!(vault.set_if_present("x", &1u8, HOUR).await.unwrap());
    assert!(vault.set_if_present("x", &1u8, Expiry::Keep).await.unwrap());
    assert!(matches!(vault.ttl("x").await.unwrap(), Ttl::After(left) if left <= HOUR));
    assert!(vault.set_if_present("x", &1u8, Expiry::AtLeast(DAY)).await.unwrap());
    assert!(matches!(vault.ttl("x").await.unwrap(), Ttl::After(left) if left > HOUR));
    assert!(vault.set_if_present("x", &1u8, Expiry::Never).await.unwrap());
    assert_eq!(vault.ttl("x").await.unwrap(), Ttl::Never);
    assert!(vault.set_if_absent("y", &1u8, Expiry::AtLeast(DAY)).await.unwrap());
    assert!(matches!(vault.ttl("y").await.unwrap(), Ttl::After(left) if left <= DAY && left > HOUR));
}

pub(crate) async fn what_cannot_be_written_is_refused<S: Store>(store: S) {
    let vault = open(store).await;
    vault.set("there", &1u8, HOUR).await.unwrap();
    let huge = "x".repeat(32 << 20);
    assert_fails!(vault.set_if_absent("", &1u8, HOUR).await, Error::EmptyName);
    assert_fails!(vault.set_if_present("", &1u8, HOUR).await, Error::EmptyName);
    assert_fails!(vault.set_if_absent("x", &1u8, std::time::Duration::ZERO).await, Error::Expiry(_));
    assert_fails!(vault.set_if_present("there", &1u8, std::time::Duration::MAX).await, Error::Expiry(_));
    assert_fails!(vault.set_if_absent("x", &huge, HOUR).await, Error::TooLarge { .. });
    assert_fails!(vault.set_if_present("there", &huge, HOUR).await, Error::TooLarge { .. });
    assert!(!vault.exists("x").await.unwrap());
    assert_eq!(vault.get("there").await.unwrap(), Some(1u8));
}

/// What the vault sent last, and what it makes of the outcome: whether a branch was taken that says "mine".
fn sent<S: Store>(store: &RecordingStore<S>) -> Txn {
    let history = store.history();
    let Request::Transact(txn) = &history.last().unwrap().request else { panic!("a transaction was sent") };
    txn.clone()
}

/// The branches in which a call has written: where the root decides so, and where it finds its own bytes.
fn verdict(txn: &Txn) -> impl Fn(&Outcome) -> bool {
    let mut won: Vec<BranchId> = Vec::new();
    let mut steps = txn.steps();
    while let [Step::Fork(fork)] = steps {
        won.push(fork.then_id);
        steps = &fork.otherwise;
    }
    move |outcome| won.iter().any(|branch| outcome.took(*branch))
}

pub(crate) async fn both_are_safe_to_repeat<S: Store>(store: S) {
    let store = RecordingStore::new(store);
    let vault: Vault<_> = open(store.clone()).await;

    // From a state without the value, and from one with somebody else's.
    assert!(vault.set_if_absent("x", &1u8, HOUR).await.unwrap());
    let mine = sent(&store);
    vault.delete("x").await.unwrap();
    assert!(assert_retry_safe(store.inner(), &mine, verdict(&mine)).await);
    assert!(!vault.set_if_absent("x", &2u8, HOUR).await.unwrap());
    let other = sent(&store);
    assert!(!assert_retry_safe(store.inner(), &other, verdict(&other)).await);
    assert_eq!(vault.get("x").await.unwrap(), Some(1u8));

    assert!(vault.set_if_present("x", &3u8, HOUR).await.unwrap());
    let over = sent(&store);
    assert!(assert_retry_safe(store.inner(), &over, verdict(&over)).await);
    vault.delete("x").await.unwrap();
    assert!(!assert_retry_safe(store.inner(), &over, verdict(&over)).await);
    assert!(!vault.exists("x").await.unwrap());
}

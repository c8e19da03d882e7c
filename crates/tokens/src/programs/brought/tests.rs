//! The promises of the programs: safe to repeat, and fit for a full store.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use roomkey_core::{Batch, Bound, ErrorKind, Order, Store};
use roomkey_memory::MemoryStore;
use roomkey_testkit::assert_retry_safe;
use roomkey_vault::{Keyring, Vault};

use super::*;
use crate::keys::Keys;

const HOUR: Duration = Duration::from_secs(3_600);

async fn place() -> (Keys, Place, Entry) {
    let vault = Vault::open(MemoryStore::new(), Keyring::from_key_bytes([7; 32])).await.unwrap();
    let keys = Keys::new(&vault, std::iter::empty());
    let place = keys.place("access", "token").unwrap();
    let entry = keys.entry("access", &place).unwrap();
    (keys, place, entry)
}

fn store(keys: &Keys, place: &Place, entry: Option<&Entry>) -> StoreProgram {
    StoreProgram::new(place, entry, keys.seal_brought(place).unwrap(), HOUR).unwrap()
}

#[tokio::test]
async fn storing_twice_is_storing_once_and_tells_the_same() {
    let (keys, place, entry) = place().await;
    for entry in [None, Some(&entry)] {
        let memory = MemoryStore::new();
        let mine = store(&keys, &place, entry);
        assert!(assert_retry_safe(&memory, &mine.txn, |outcome| mine.stored(outcome)).await);
        let other = store(&keys, &place, entry);
        assert!(!assert_retry_safe(&memory, &other.txn, |outcome| other.stored(outcome)).await);
    }
}

#[tokio::test]
async fn revoking_twice_is_revoking_once() {
    let (keys, place, entry) = place().await;
    let memory = MemoryStore::new();
    memory.transact(&store(&keys, &place, Some(&entry)).txn).await.unwrap();
    let revoke = RevokeProgram::new(&place, &entry).unwrap();
    // Whether there was a token is not part of the verdict: either way there is none now.
    assert_retry_safe(&memory, &revoke.txn, |outcome| assert!(revoke.existed(outcome).is_some())).await;
}

#[tokio::test]
async fn a_full_store_refuses_a_token_and_revokes_one() {
    let (keys, place, entry) = place().await;
    let memory = MemoryStore::new();
    memory.transact(&store(&keys, &place, Some(&entry)).txn).await.unwrap();
    memory.set_capacity(Some(0));
    let revoke = RevokeProgram::new(&place, &entry).unwrap();
    assert_eq!(revoke.existed(&memory.transact(&revoke.txn).await.unwrap()), Some(true));
    let error = memory.transact(&store(&keys, &place, Some(&entry)).txn).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
}

#[tokio::test(start_paused = true)]
async fn an_index_stays_in_proportion_to_its_live_tokens_though_nobody_cleans_up() {
    let memory = MemoryStore::new();
    let (keys, _, Entry { index, .. }) = place().await;
    // Tokens that share an index, which is one in 4 096.
    let texts = (0..).map(|n: u32| n.to_string());
    let places = texts.map(|text| keys.place("access", &text).unwrap());
    let mut neighbours = places.filter(|place| place.record.partition() == index.partition());
    let mut most = 0;
    for _ in 0..60 {
        let place = neighbours.next().unwrap();
        let entry = keys.entry("access", &place).unwrap();
        let program = StoreProgram::new(
            &place,
            Some(&entry),
            keys.seal_brought(&place).unwrap(),
            Duration::from_secs(60),
        );
        memory.transact(&program.unwrap().txn).await.unwrap();
        let all = Op::rank_range(&index, Bound::Open, Bound::Open, Order::Lowest, 1_000);
        let replies = memory.run(Batch::one(all).unwrap()).await.unwrap();
        let Ok(Reply::Scored(entries)) = &replies[0] else { panic!("a range replies members") };
        most = most.max(entries.len());
        tokio::time::advance(Duration::from_secs(10)).await;
    }
    // Six or seven are live at any time.
    assert!((6..=9).contains(&most), "{most} of 60 entries");
}

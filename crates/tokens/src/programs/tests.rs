//! The promises of the programs: safe to repeat, and fit for a full store.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use roomkey_core::{Bound, ErrorKind, Kind, Order, Spread, Store};
use roomkey_crypto::Tag;
use roomkey_memory::MemoryStore;
use roomkey_testkit::assert_retry_safe;
use roomkey_vault::{Keyring, Vault};

use super::*;
use crate::keys::Keys;

const HOUR: Duration = Duration::from_secs(3_600);

async fn place() -> (Keys, Place) {
    let vault = Vault::open(MemoryStore::new(), Keyring::from_key_bytes([7; 32])).await.unwrap();
    let keys = Keys::new(&vault);
    let place = keys.place("access", "token").unwrap();
    (keys, place)
}

fn store(keys: &Keys, place: &Place, track: bool) -> StoreProgram {
    StoreProgram::new(place, keys.seal(place).unwrap(), HOUR, track).unwrap()
}

#[tokio::test]
async fn storing_twice_is_storing_once_and_tells_the_same() {
    let (keys, place) = place().await;
    for track in [false, true] {
        let memory = MemoryStore::new();
        let mine = store(&keys, &place, track);
        assert!(assert_retry_safe(&memory, &mine.txn, |outcome| mine.stored(outcome)).await);
        let other = store(&keys, &place, track);
        assert!(!assert_retry_safe(&memory, &other.txn, |outcome| other.stored(outcome)).await);
    }
}

#[tokio::test]
async fn revoking_twice_is_revoking_once() {
    let (keys, place) = place().await;
    let memory = MemoryStore::new();
    memory.transact(&store(&keys, &place, true).txn).await.unwrap();
    let revoke = RevokeProgram::new(&place).unwrap();
    // Whether there was a token is not part of the verdict: either way there is none now.
    assert_retry_safe(&memory, &revoke.txn, |outcome| assert!(revoke.existed(outcome).is_some())).await;
}

#[tokio::test]
async fn a_full_store_refuses_a_token_and_revokes_one() {
    let (keys, place) = place().await;
    let memory = MemoryStore::new();
    memory.transact(&store(&keys, &place, true).txn).await.unwrap();
    memory.set_capacity(Some(0));
    let revoke = RevokeProgram::new(&place).unwrap();
    assert_eq!(revoke.existed(&memory.transact(&revoke.txn).await.unwrap()), Some(true));
    let error = memory.transact(&store(&keys, &place, true).txn).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
}

#[tokio::test(start_paused = true)]
async fn an_index_stays_in_proportion_to_its_live_tokens_though_nobody_cleans_up() {
    let vault = Vault::open(MemoryStore::new(), Keyring::from_key_bytes([7; 32])).await.unwrap();
    let (keys, first) = place().await;
    let records = vault.space("t1", Spread::over(4_096));
    let mut most = 0;
    for n in 0..500u32 {
        let tag = Tag::from(u128::from(n).to_be_bytes());
        let place = Place {
            record: records.key_in(first.index.partition(), Kind::Value, tag),
            index: first.index.clone(),
            member: Bytes::copy_from_slice(tag.as_bytes()),
        };
        let program =
            StoreProgram::new(&place, keys.seal(&place).unwrap(), Duration::from_secs(60), true).unwrap();
        vault.store().transact(&program.txn).await.unwrap();
        let all = Op::rank_range(&first.index, Bound::Open, Bound::Open, Order::Lowest, 1_000);
        let Reply::Scored(entries) = vault.run(all).await.unwrap() else { panic!("a range replies members") };
        most = most.max(entries.len());
        tokio::time::advance(Duration::from_secs(10)).await;
    }
    // Six or seven are live at any time.
    assert!((6..=9).contains(&most), "{most} of 500 entries");
}

//! The limit of memory: what is refused, and that nothing is written then.

use std::time::Duration;

use roomkey_core::{
    BranchId, ErrorKind, Kind, Life, Only, Op, RankPut, Reply, Result, Score, Store as _, TxnBuilder,
};

use tokio::time::advance;

use crate::testing::{all, bytes, key, key_in, list, one, set};
use crate::{MemoryOptions, MemoryStore};

/// A store at its limit with something of each kind in it.
async fn full() -> MemoryStore {
    let store = MemoryStore::new();
    one(&store, Op::put(&key(Kind::Value, 0), "v", Life::Keep)).await.unwrap();
    one(&store, Op::map_put(&key(Kind::Map, 1), "f", "v", Life::Keep)).await.unwrap();
    one(&store, RankPut::new(&key(Kind::Ranking, 2), list(["a", "b"]), Score::Is(1 << 50))).await.unwrap();
    store.set_capacity(Some(store.used()));
    store
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[tokio::test]
async fn growing_is_refused_at_the_limit_and_goes_on_above_it() {
    let store = full().await;
    let used = store.used();
    let put = || Op::put(&key(Kind::Value, 9), "v", Life::Keep);
    assert_eq!(kind(one(&store, put()).await), ErrorKind::Full);
    assert_eq!(store.used(), used);
    store.set_capacity(Some(used + 1));
    // The program that crosses the limit is not refused, the next one is.
    one(&store, put()).await.unwrap();
    assert_eq!(kind(one(&store, put()).await), ErrorKind::Full);
    store.set_capacity(None);
    assert_eq!(store.capacity(), None);
    one(&store, put()).await.unwrap();
}

#[tokio::test]
async fn reading_and_freeing_work_at_the_limit() {
    let store = full().await;
    one(&store, Op::get(&key(Kind::Value, 0))).await.unwrap();
    one(&store, Op::expire(&key(Kind::Value, 0), Life::Never)).await.unwrap();
    let seats = key(Kind::Ranking, 2);
    let renew = RankPut::new(&seats, list(["a", "c"]), Score::Is(1 << 51)).only(Only::Live);
    let renewed = Reply::Ranked { members: list(["a"]), score: Some(1 << 51) };
    assert_eq!(one(&store, renew).await.unwrap(), renewed);
    assert_eq!(one(&store, Op::take(&key(Kind::Value, 0))).await.unwrap(), Reply::Bytes(Some(bytes("v"))));
}

#[tokio::test]
async fn the_first_write_of_a_path_decides() {
    let store = full().await;
    let (grow, missing) = (key(Kind::Value, 9), key(Kind::Map, 8));
    let put = || Op::put(&grow, "v", Life::Keep);
    let frees_nothing = || Op::map_remove(&missing, "f");
    assert_eq!(kind(all(&store, [Op::get(&grow), put(), frees_nothing()]).await), ErrorKind::Full);
    assert_eq!(one(&store, Op::ttl(&grow)).await.unwrap(), Reply::Ttl(roomkey_core::Ttl::Missing));
    // A freeing op counts even if it changes nothing.
    all(&store, [Op::get(&grow), frees_nothing(), put()]).await.unwrap();
}

#[tokio::test]
async fn a_skipped_op_that_grows_is_no_write_and_a_skipped_one_that_frees_is() {
    let store = full().await;
    let (absent, grow, map) = (key(Kind::Value, 7), key(Kind::Value, 9), key(Kind::Map, 1));
    let mut program = TxnBuilder::new("skipped grow");
    let none = program.op(BranchId::ROOT, Op::get(&absent));
    program.op(BranchId::ROOT, Op::put(&grow, none, Life::Keep));
    program.op(BranchId::ROOT, Op::map_put(&map, "f", "w", Life::Keep));
    assert_eq!(kind(store.transact(&program.build().unwrap()).await), ErrorKind::Full);

    let mut program = TxnBuilder::new("skipped free");
    let none = program.op(BranchId::ROOT, Op::get(&absent));
    let skipped = program.op(BranchId::ROOT, Op::map_remove(&map, none));
    program.op(BranchId::ROOT, Op::put(&grow, "v", Life::Keep));
    let outcome = store.transact(&program.build().unwrap()).await.unwrap();
    assert_eq!(outcome.reply(skipped), Some(&Reply::Skipped));

    // An op given an empty list is as if not there, so the next op is the first write.
    let nothing = || Op::map_remove(&map, Vec::new());
    let put = || Op::put(&grow, "v", Life::Keep);
    assert_eq!(kind(all(&store, [nothing(), put()]).await), ErrorKind::Full);
    all(&store, [nothing(), Op::delete(&absent), put()]).await.unwrap();

    // Only skipped ones: nothing to refuse.
    let mut program = TxnBuilder::new("all skipped");
    let none = program.op(BranchId::ROOT, Op::get(&absent));
    program.op(BranchId::ROOT, Op::put(&grow, none, Life::Keep));
    store.transact(&program.build().unwrap()).await.unwrap();
}

/// A store without a reaper that is full of keys that expire in a second, so many in each of some partitions.
async fn full_of_short_lives(slots: impl IntoIterator<Item = u16>, keys: u8) -> MemoryStore {
    let store = MemoryStore::with_options(MemoryOptions::new().reaper(false));
    for slot in slots {
        for n in 0..keys {
            one(&store, Op::put(&key_in(slot, Kind::Value, n), "v", set(1_000))).await.unwrap();
        }
    }
    store.set_capacity(Some(store.used()));
    store
}

#[tokio::test(start_paused = true)]
async fn a_store_is_not_full_of_what_has_expired() {
    // The expired keys may lie in the shard that is written to, before it or after it.
    for slot in [0, 8_000, 16_383] {
        let put = || Op::put(&key_in(8_000, Kind::Value, 255), "v", Life::Keep);
        let store = full_of_short_lives([slot], 3).await;
        assert_eq!(kind(one(&store, put()).await), ErrorKind::Full);
        assert_eq!(store.health().await.unwrap().warnings.len(), 1);
        advance(Duration::from_millis(1_000)).await;
        assert_eq!(kind(one(&store, put()).await), ErrorKind::Full, "they are readable still");
        advance(Duration::from_millis(1)).await;
        one(&store, put()).await.unwrap();
        store.inner.assert_consistent();

        let store = full_of_short_lives([slot], 3).await;
        advance(Duration::from_millis(1_001)).await;
        all(&store, [put(), Op::delete(&key_in(8_000, Kind::Value, 254))]).await.unwrap();
        let store = full_of_short_lives([slot], 3).await;
        advance(Duration::from_millis(1_001)).await;
        assert_eq!(store.health().await.unwrap().warnings.len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_one_call_frees_is_bounded_and_the_next_goes_on() {
    let store = full_of_short_lives((0..64).map(|shard| shard * 256), 40).await;
    advance(Duration::from_millis(1_001)).await;
    let held = store.inner.keys_held();
    store.set_capacity(Some(1));
    let put = || Op::put(&key(Kind::Value, 255), "v", Life::Keep);
    assert_eq!(kind(one(&store, put()).await), ErrorKind::Full);
    let freed = held - store.inner.keys_held();
    // A step frees a few more than it looks for, as every writer does.
    assert!((1_024..held / 2).contains(&freed), "{freed}");
    while store.used() > 0 {
        let held = store.inner.keys_held();
        let put = one(&store, put()).await;
        store.inner.assert_consistent();
        if put.is_ok() {
            return assert_eq!(store.inner.keys_held(), 1);
        }
        assert!(store.inner.keys_held() < held);
    }
    panic!("refused though nothing is left");
}

#[tokio::test]
async fn what_is_wrong_with_the_data_is_said_before_full() {
    let store = full().await;
    let wrong = key(Kind::Value, 1);
    assert_eq!(kind(one(&store, Op::add(&wrong, 1, Life::Keep)).await), ErrorKind::WrongType);
    let text = key(Kind::Value, 0);
    assert_eq!(kind(one(&store, Op::add(&text, 1, Life::Keep)).await), ErrorKind::NotANumber);
    assert_eq!(
        kind(
            all(&store, [Op::put(&key(Kind::Value, 9), "v", Life::Keep), Op::add(&text, 1, Life::Keep)])
                .await
        ),
        ErrorKind::NotANumber
    );
}

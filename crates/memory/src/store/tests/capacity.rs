//! The limit of memory: what is refused, and that nothing is written then.

use roomkey_core::{
    BranchId, ErrorKind, Kind, Life, Only, Op, RankPut, Reply, Result, Score, Store as _, TxnBuilder,
};

use crate::MemoryStore;
use crate::testing::{all, bytes, key, list, one};

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

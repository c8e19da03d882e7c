//! What the three phases promise.

use roomkey_core::{
    Append, BranchId, Check, Entry, ErrorKind, FieldTest, Key, Kind, Life, Limit, LogId, MAX_SCORE, Match,
    Op, OpId, Order, RankPut, Reply, Result, Score, Standing, Store as _, TxnBuilder, Until,
};
use roomkey_core::{End, Only, Outcome, StoreTime};

use crate::MemoryStore;
use crate::testing::{all, bytes, holds, key, list, ms, one, set};

const ROOT: BranchId = BranchId::ROOT;

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

/// Runs a program made by `make`, which also returns the ops to look at.
async fn run(
    store: &MemoryStore,
    make: impl FnOnce(&mut TxnBuilder) -> Vec<OpId>,
) -> Result<(Vec<Option<Reply>>, Outcome)> {
    let mut program = TxnBuilder::new("test");
    let ids = make(&mut program);
    let outcome = store.transact(&program.build()?).await?;
    Ok((ids.iter().map(|id| outcome.reply(*id).cloned()).collect(), outcome))
}

fn value(n: u8) -> Key {
    key(Kind::Value, n)
}

#[tokio::test]
async fn checks_at_every_depth_see_the_start() {
    let store = MemoryStore::new();
    let (a, b) = (value(0), value(1));
    let mut program = TxnBuilder::new("depth");
    program.op(ROOT, Op::put(&a, "written", Life::Keep));
    let (outer, _) = program.fork(ROOT, [Check::missing(&a)]);
    program.op(outer, Op::put(&b, "written", Life::Keep));
    let (inner, other) = program.fork(outer, [Check::exists(&b)]);
    program.op(inner, Op::delete(&a));
    let read = program.op(other, Op::get(&a));
    let txn = program.build().unwrap();
    let outcome = store.transact(&txn).await.unwrap();
    assert!(outcome.took(outer) && outcome.took(other) && !outcome.took(inner));
    // Reads do see the writes before them.
    assert_eq!(outcome.reply(read), Some(&Reply::Bytes(Some(bytes("written")))));
    assert_eq!(outcome.now(), None);
}

#[tokio::test]
async fn a_check_that_cannot_be_evaluated_ends_the_transaction_unless_an_earlier_one_does_not_hold() {
    let store = MemoryStore::new();
    one(&store, Op::put(&value(0), "text", Life::Keep)).await.unwrap();
    let wrong = || Check::field(&key(Kind::Map, 0), "f", FieldTest::Present);
    let not_a_number = Check::number(&value(0), 0, 0..=9);
    assert_eq!(kind(holds(&store, wrong()).await), ErrorKind::WrongType);
    assert_eq!(kind(holds(&store, not_a_number).await), ErrorKind::NotANumber);
    let mut program = TxnBuilder::new("and");
    let (_, otherwise) = program.fork(ROOT, [Check::missing(&value(0)), Check::exists(&value(9))]);
    program.op(otherwise, Op::get(&value(1)));
    assert!(store.transact(&program.build().unwrap()).await.unwrap().took(otherwise));
    // The same bytes as two kinds are rejected in one program, so the wrong one stands alone here.
    let mut program = TxnBuilder::new("second");
    let (_, otherwise) =
        program.fork(ROOT, [Check::exists(&value(9)), Check::size(&key(Kind::List, 0), 0..=9)]);
    assert!(store.transact(&program.build().unwrap()).await.unwrap().took(otherwise));
}

#[tokio::test(start_paused = true)]
async fn checks_hold_when_they_say() {
    let store = MemoryStore::new();
    let (counter, map, seats) = (value(0), key(Kind::Map, 1), key(Kind::Ranking, 2));
    one(&store, Op::add(&counter, i64::MAX, Life::Keep)).await.unwrap();
    one(&store, Op::map_put(&map, list(["f", "limit"]), list(["abc", "2"]), Life::Keep)).await.unwrap();
    one(&store, RankPut::new(&seats, list(["live"]), Score::After(ms(10)))).await.unwrap();
    one(&store, RankPut::new(&seats, list(["dead"]), Score::After(ms(1)))).await.unwrap();
    tokio::time::advance(std::time::Duration::from_millis(1)).await;
    let stored = |field: &str, or| Limit::Stored { key: map.clone(), field: bytes(field), or };
    let before = |at: u64| Check::Before(StoreTime::from_millis(at));
    for (check, expected) in [
        (Check::number(&counter, 0, 0..=i64::MAX), true),
        (Check::number(&counter, 1, i64::MIN..=i64::MAX), false),
        (Check::number(&counter, -1, 0..=i64::MAX - 1), true),
        (Check::number(&value(9), -3, -3..=-3), true),
        (Check::value_equals(&value(9), ""), false),
        (Check::value_starts_with(&counter, "92"), true),
        (Check::field(&map, "f", FieldTest::StartsWith(bytes("ab"))), true),
        (Check::field(&map, "f", FieldTest::Equals(bytes("ab"))), false),
        (Check::field(&map, "g", FieldTest::Absent), true),
        (Check::ranked(&seats, "live", Standing::Live), true),
        // A score of now is dead.
        (Check::ranked(&seats, "dead", Standing::Dead), true),
        (Check::ranked(&seats, "dead", Standing::Present), true),
        (Check::ranked(&seats, "none", Standing::Dead), false),
        (Check::ranked(&seats, "none", Standing::Absent), true),
        (Check::below(&seats, 2), true),
        (Check::below(&seats, 1), false),
        (Check::below(&seats, stored("limit", 0)), true),
        (Check::below(&seats, stored("none", 1)), false),
        (Check::size(&seats, 2..=2), true),
        (Check::size(&key(Kind::Log, 9), 0..=0), true),
        (before(1), false),
        (before(1 << 50), true),
    ] {
        assert_eq!(holds(&store, check.clone()).await.unwrap(), expected, "{check:?}");
    }
    assert_eq!(kind(holds(&store, Check::below(&seats, stored("f", 0))).await), ErrorKind::NotANumber);
}

#[tokio::test]
async fn the_path_is_validated_in_its_order_before_anything_is_written() {
    let store = MemoryStore::new();
    one(&store, Op::put(&value(0), "text", Life::Keep)).await.unwrap();
    one(&store, Op::add(&value(1), i64::MAX, Life::Keep)).await.unwrap();
    one(&store, Op::put(&value(2), "a value", Life::Keep)).await.unwrap();
    let write = || Op::put(&value(9), "v", Life::Keep);
    let not_a_number = || Op::add(&value(0), 1, Life::Keep);
    let overflow = || Op::add(&value(1), 1, Life::Keep);
    let wrong_type = || Op::map_all(&key(Kind::Map, 2));
    for (ops, expected) in [
        (vec![write(), not_a_number(), wrong_type()], ErrorKind::NotANumber),
        (vec![write(), wrong_type(), not_a_number()], ErrorKind::WrongType),
        (vec![write(), overflow(), not_a_number()], ErrorKind::Overflow),
    ] {
        assert_eq!(kind(all(&store, ops).await), expected);
        assert_eq!(one(&store, Op::get(&value(9))).await.unwrap(), Reply::Bytes(None));
    }
    // Against the start: that the key would be deleted before does not help.
    let list_key = key(Kind::List, 2);
    let replaced = [Op::delete(&list_key), Op::push(&list_key, End::Back, "v", Life::Keep)];
    assert_eq!(kind(all(&store, replaced).await), ErrorKind::WrongType);
    assert_eq!(one(&store, Op::get(&value(2))).await.unwrap(), Reply::Bytes(Some(bytes("a value"))));
}

#[tokio::test]
async fn a_list_given_empty_is_not_looked_at_and_one_that_turns_out_empty_is() {
    let store = MemoryStore::new();
    one(&store, Op::put(&value(0), "text", Life::Keep)).await.unwrap();
    let map = key(Kind::Map, 0);
    let skipped = [Op::get(&value(1)), Op::map_remove(&map, []), Op::map_get(&map, [])];
    assert_eq!(all(&store, skipped).await.unwrap()[1..], [Reply::Skipped, Reply::Skipped]);
    let by_reference = run(&store, |program| {
        let none = program.op(ROOT, Op::get(&value(1)));
        vec![program.op(ROOT, Op::map_remove(&map, none))]
    });
    assert_eq!(kind(by_reference.await), ErrorKind::WrongType);
}

#[tokio::test]
async fn stored_limits_are_those_of_the_start() {
    let store = MemoryStore::new();
    let (config, seats) = (key(Kind::Map, 0), key(Kind::Ranking, 1));
    let limit = || Limit::Stored { key: config.clone(), field: bytes("limit"), or: 2 };
    let join = || RankPut::new(&seats, list(["a", "b", "c"]), Score::Is(1 << 50)).within(limit());
    let (replies, _) = run(&store, |program| {
        program.op(ROOT, Op::map_put(&config, "limit", "1", Life::Keep));
        vec![program.op(ROOT, join())]
    })
    .await
    .unwrap();
    assert_eq!(replies[0], Some(Reply::Ranked { members: list(["a", "b"]), score: Some(1 << 50) }));
    one(&store, Op::map_put(&config, "limit", "01", Life::Keep)).await.unwrap();
    assert_eq!(kind(one(&store, join()).await), ErrorKind::NotANumber);
    // The kind of the ranking comes before the number in the map, alone and on a longer path.
    one(&store, Op::put(&value(1), "v", Life::Keep)).await.unwrap();
    assert_eq!(kind(one(&store, join()).await), ErrorKind::WrongType);
    assert_eq!(kind(all(&store, [Op::get(&value(9)), join().into()]).await), ErrorKind::WrongType);
    one(&store, Op::delete(&value(1))).await.unwrap();
    one(&store, Op::put(&value(0), "v", Life::Keep)).await.unwrap();
    assert_eq!(kind(one(&store, join()).await), ErrorKind::WrongType);
}

#[tokio::test(start_paused = true)]
async fn members_are_admitted_in_order_each_seeing_the_ones_before() {
    let store = MemoryStore::new();
    let seats = key(Kind::Ranking, 0);
    let put = |members: Vec<_>, score| RankPut::new(&seats, members, score);
    let live = Score::Is(1 << 50);
    let steps: [(RankPut, Vec<_>); 9] = [
        (put(list(["a", "b", "c"]), live).within(2), list(["a", "b"])),
        // The live are never refused, whatever the limit, and a duplicate is written as often as it is given.
        (put(list(["d", "b", "b"]), live).within(0), list(["b", "b"])),
        (put(list(["e", "e"]), live).only(Only::New), list(["e"])),
        (put(list(["a", "x"]), live).only(Only::Live), list(["a"])),
        // A live member that is given a dead score makes room.
        (put(list(["a", "f"]), Score::Is(1)).within(3), list(["a", "f"])),
        (put(list(["a", "b", "g"]), live).only(Only::NotLive).within(4), list(["a", "g"])),
        (put(list(["f"]), live).only(Only::New), list([])),
        (put(list(["h"]), live).within(-1), list([])),
        (put(list(["h"]), Score::Last), list(["h"])),
    ];
    for (at, (put, members)) in steps.into_iter().enumerate() {
        let Reply::Ranked { members: written, score } = one(&store, put).await.unwrap() else { panic!() };
        assert_eq!(written, members, "step {at}");
        assert_eq!(score.is_some(), !members.is_empty(), "step {at}");
    }
    assert_eq!(
        one(&store, Op::rank_scores(&seats, list(["h", "d"]))).await.unwrap(),
        Reply::Scores(vec![Some((1 << 50) + 1), None])
    );
    assert_eq!(one(&store, Op::rank_count(&seats)).await.unwrap(), Reply::Number(5));
}

#[tokio::test]
async fn a_score_is_cut_to_what_redis_holds_exactly() {
    let store = MemoryStore::new();
    let (counter, queue) = (value(0), key(Kind::Ranking, 1));
    for (number, score) in [(i64::MAX, MAX_SCORE), (i64::MIN, -MAX_SCORE)] {
        one(&store, Op::delete(&counter)).await.unwrap();
        let (replies, _) = run(&store, |program| {
            let sum = program.op(ROOT, Op::add(&counter, number, Life::Keep));
            vec![program.op(ROOT, RankPut::new(&queue, "m", Score::From(sum)))]
        })
        .await
        .unwrap();
        assert_eq!(replies[0], Some(Reply::Ranked { members: list(["m"]), score: Some(score) }));
    }
    one(&store, RankPut::new(&queue, "m", Score::Is(MAX_SCORE))).await.unwrap();
    let last = one(&store, RankPut::new(&queue, "n", Score::Last)).await.unwrap();
    assert_eq!(last, Reply::Ranked { members: list(["n"]), score: Some(MAX_SCORE) });
    let first =
        one(&store, RankPut::new(&key(Kind::Ranking, 2), list(["a", "b"]), Score::Last)).await.unwrap();
    assert_eq!(first, Reply::Ranked { members: list(["a", "b"]), score: Some(1) });
}

#[tokio::test]
async fn replies_serve_as_lists_and_numbers() {
    let store = MemoryStore::new();
    let (map, copy, queue) = (key(Kind::Map, 0), key(Kind::Map, 1), key(Kind::Ranking, 2));
    one(&store, Op::map_put(&map, list(["a", "b"]), list(["xa", "yb"]), Life::Keep)).await.unwrap();
    let (replies, _) = run(&store, |program| {
        let pairs = ["a", "b", "c"].map(|field| (bytes(field), bytes("x")));
        let found = program.op(ROOT, Op::map_match(&map, pairs));
        let fields = program.op(ROOT, Op::map_get(&map, list(["b", "c", "a"])));
        // Lists run in step to the shorter; an absent field is empty bytes.
        let copied = program.op(ROOT, Op::map_put(&copy, list(["1", "2", "3", "4"]), fields, Life::Keep));
        let number = program.op(ROOT, Op::map_put(&copy, list(["5", "6"]), "one for all", Life::Keep));
        let ranked = program.op(ROOT, RankPut::new(&queue, found, Score::Is(7)));
        let first = program.op(
            ROOT,
            Op::rank_range(&queue, roomkey_core::Bound::Open, roomkey_core::Bound::Open, Order::Lowest, 5),
        );
        let walked = program.op(ROOT, Op::walk(&map, None, 10));
        let removed = program.op(ROOT, Op::map_remove(&map, walked));
        let again = program.op(ROOT, RankPut::new(&queue, "z", Score::From(first)));
        vec![found, copied, number, ranked, removed, again]
    })
    .await
    .unwrap();
    assert_eq!(replies[0], Some(Reply::Matches(vec![Match::Match, Match::Differs, Match::Absent])));
    assert_eq!((replies[1].clone(), replies[2].clone()), (Some(Reply::Number(3)), Some(Reply::Number(2))));
    assert_eq!(replies[3], Some(Reply::Ranked { members: list(["a"]), score: Some(7) }));
    assert_eq!(replies[4], Some(Reply::Number(2)));
    assert_eq!(replies[5], Some(Reply::Ranked { members: list(["z"]), score: Some(7) }));
    let copied = one(&store, Op::map_get(&copy, list(["1", "2", "3", "4", "6"]))).await.unwrap();
    let expected = [Some("yb"), Some(""), Some("xa"), None, Some("one for all")];
    assert_eq!(copied, Reply::Optionals(expected.map(|value| value.map(bytes)).to_vec()));
    assert_eq!(one(&store, Op::ttl(&map)).await.unwrap(), Reply::Ttl(roomkey_core::Ttl::Missing));
}

#[tokio::test(start_paused = true)]
async fn entries_are_appended_in_step_with_single_arguments_repeated() {
    let store = MemoryStore::new();
    let (log, list_key) = (key(Kind::Log, 0), key(Kind::List, 1));
    one(&store, Op::push(&list_key, End::Back, list(["a", "b", "c"]), Life::Keep)).await.unwrap();
    let (replies, _) = run(&store, |program| {
        let taken = program.op(ROOT, Op::pop(&list_key, End::Front, 2));
        let none = program.op(ROOT, Op::pop(&key(Kind::List, 9), End::Front, 2));
        let event = |members: OpId| Append::new(&log, 2).field("k", "left").field("m", members).life(set(50));
        let plain = Append::new(&log, 2).field("k", "plain").life(Life::Keep);
        vec![program.op(ROOT, event(none)), program.op(ROOT, plain), program.op(ROOT, event(taken))]
    })
    .await
    .unwrap();
    assert_eq!(replies[0], Some(Reply::Skipped));
    let (Some(Reply::Ids(plain)), Some(Reply::Ids(left))) = (&replies[1], &replies[2]) else { panic!() };
    assert_eq!((plain.len(), left.len()), (1, 2));
    assert!(plain[0] < left[0] && left[0] < left[1]);
    let range = Op::log_range(&log, LogId::MIN, LogId::MAX, Order::Lowest, 10);
    let entry = |at: usize, member: &str| Entry {
        id: left[at],
        fields: vec![(bytes("k"), bytes("left")), (bytes("m"), bytes(member))],
    };
    assert_eq!(one(&store, range).await.unwrap(), Reply::Entries(vec![entry(0, "a"), entry(1, "b")]));
    assert_eq!(
        one(&store, Op::ttl(&log)).await.unwrap(),
        Reply::Ttl(roomkey_core::Ttl::After(std::time::Duration::from_millis(50)))
    );
}

#[tokio::test(start_paused = true)]
async fn a_life_applies_only_if_something_was_written_and_one_in_the_past_removes() {
    let store = MemoryStore::new();
    let seats = key(Kind::Ranking, 0);
    let ttl = || one(&store, Op::ttl(&seats));
    let past = Life::Set(Until::At(StoreTime::from_millis(1)));
    one(&store, RankPut::new(&seats, "a", Score::Is(1))).await.unwrap();
    let refused = RankPut::new(&seats, "a", Score::Is(2)).only(Only::New);
    one(&store, refused.clone().life(set(5))).await.unwrap();
    one(&store, refused.life(past)).await.unwrap();
    assert_eq!(ttl().await.unwrap(), Reply::Ttl(roomkey_core::Ttl::Never));
    let written = one(&store, RankPut::new(&seats, "b", Score::Is(2)).life(past)).await.unwrap();
    assert_eq!(written, Reply::Ranked { members: list(["b"]), score: Some(2) });
    assert_eq!(ttl().await.unwrap(), Reply::Ttl(roomkey_core::Ttl::Missing));
    let never = RankPut::new(&seats, "b", Score::Is(2)).only(Only::Live).life(set(5));
    assert_eq!(one(&store, never).await.unwrap(), Reply::Ranked { members: vec![], score: None });
    assert_eq!(ttl().await.unwrap(), Reply::Ttl(roomkey_core::Ttl::Missing));
}

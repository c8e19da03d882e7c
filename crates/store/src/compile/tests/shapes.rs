//! What makes a shape, and what never reaches a script.

use std::sync::Arc;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use roomkey_core::{
    Append, Args, BranchId, Check, FieldTest, Kind, Life, Limit, Only, Op, RankPut, Score, StoreTime, Txn,
    TxnBuilder, Until,
};

use super::programs::{self, bytes, key, seconds};
use crate::compile::{Call, Compiler, MOST_SHAPES, Script};

fn script(compiler: &Compiler, txn: &Txn) -> Arc<Script> {
    compiler.exact_txn(txn).unwrap().script.unwrap()
}

/// The arguments of a call behind `EVALSHA`, its hash and the number of its keys.
fn arguments(call: &Call) -> Vec<Vec<u8>> {
    programs::words(call.cmd.as_ref().unwrap()).split_off(3)
}

#[test]
fn values_and_lengths_are_no_part_of_a_shape() {
    let compiler = Compiler::default();
    let same =
        |a: &Txn, b: &Txn| assert!(Arc::ptr_eq(&script(&compiler, a), &script(&compiler, b)), "{a:?} {b:?}");
    same(&programs::check_and_increment(100), &programs::check_and_increment(7));
    same(&programs::leased_join(5), &programs::leased_join(-1));
    same(&programs::update(5), &programs::update(60));
    same(&programs::renew(&["a", "b"]), &programs::renew(&["c", "d", "e", "f", "g"]));
    assert_eq!(compiler.shapes(), 4);
}

#[test]
fn whether_a_list_holds_none_one_or_more_is() {
    let compiler = Compiler::default();
    let (ranking, member) = (key(Kind::Ranking, "z"), bytes("member"));
    for members in [vec![], vec![member.clone()], vec![member; 2]] {
        let put = RankPut::new(&ranking, members, Score::Is(1));
        let mut program = TxnBuilder::new("list");
        program.op(BranchId::ROOT, put);
        script(&compiler, &program.build().unwrap());
    }
    assert_eq!(compiler.shapes(), 3);
}

#[test]
fn clones_of_one_buffer_are_sent_once_and_equal_buffers_twice() {
    let compiler = Compiler::default();
    let map = key(Kind::Map, "h");
    let call = |a: Bytes, b: Bytes| {
        let mut program = TxnBuilder::new("buffers");
        program.op(BranchId::ROOT, Op::map_remove(&map, a));
        program.op(BranchId::ROOT, Op::map_remove(&map, b));
        compiler.exact_txn(&program.build().unwrap()).unwrap()
    };
    let one = bytes("field");
    assert_eq!(arguments(&call(one.clone(), one)).len(), 2, "a key and one argument");
    assert_eq!(arguments(&call(bytes("field"), bytes("field"))).len(), 3, "the data decide nothing");
    assert_eq!(
        arguments(&call(Bytes::new(), Bytes::new())).len(),
        3,
        "nor do empty buffers, which are all one"
    );
}

#[test]
fn equal_durations_and_counts_are_sent_once() {
    let compiler = Compiler::default();
    let (ranking, log) = (key(Kind::Ranking, "z"), key(Kind::Log, "x"));
    let sent = |lease, life, swept, keep| {
        let mut program = TxnBuilder::new("constants");
        let put = RankPut::new(&ranking, bytes("m"), Score::After(seconds(lease)));
        program.op(BranchId::ROOT, put.life(Life::AtLeast(seconds(life))));
        program.op(BranchId::ROOT, Op::rank_take(&ranking, swept));
        program
            .op(BranchId::ROOT, Append::new(&log, keep).field("k", "x").life(Life::AtLeast(seconds(life))));
        let sent = arguments(&compiler.exact_txn(&program.build().unwrap()).unwrap());
        sent.iter().map(|argument| String::from_utf8_lossy(argument).into_owned()).skip(2).collect::<Vec<_>>()
    };
    assert_eq!(sent(30, 60, 64, 1_000), ["m", "30000", "60000", "64", "x", "1000"]);
    assert_eq!(sent(60, 60, 64, 64), ["m", "60000", "64", "x"]);
    assert_eq!(
        sent(1, 2, 1_000, 2_000),
        ["m", "1000", "2000", "1000", "x", "2000"],
        "milliseconds are no count"
    );
}

#[test]
fn equal_numbers_that_are_data_are_sent_each_for_itself() {
    let compiler = Compiler::default();
    let (value, ranking, config) = (key(Kind::Value, "v"), key(Kind::Ranking, "z"), key(Kind::Map, "h"));
    let program = |numbers: [i64; 6]| {
        let [least, score, limit, default, by, at] = numbers;
        let moment = StoreTime::from_millis(at.unsigned_abs());
        let stored = |or| Limit::Stored { key: config.clone(), field: Bytes::from_static(b"limit"), or };
        let mut program = TxnBuilder::new("data");
        let checks = [
            Check::size(&ranking, least.unsigned_abs()..=u64::MAX),
            Check::below(&ranking, limit),
            Check::below(&ranking, stored(default)),
            Check::Before(moment),
        ];
        let (then, _) = program.fork(BranchId::ROOT, checks);
        program.op(then, RankPut::new(&ranking, bytes("m"), Score::Is(score)).within(stored(default)));
        program.op(then, Op::add(&value, by, Life::Set(Until::At(moment))));
        program.op(then, Op::range(&key(Kind::List, "l"), by, score));
        program.build().unwrap()
    };
    let different = script(&compiler, &program([1, 2, 3, 4, 5, 6]));
    for equal in [[7; 6], [1, 2, 2, 1, 1, 2], [60_000; 6]] {
        assert!(Arc::ptr_eq(&different, &script(&compiler, &program(equal))), "{equal:?}");
    }
    assert_eq!(compiler.shapes(), 1);
}

#[test]
fn shapes_are_forgotten_when_they_are_too_many() {
    let compiler = Compiler::default();
    let map = key(Kind::Map, "h");
    let program = |number: usize| {
        let mut program = TxnBuilder::new("one of many");
        for bit in 0..12 {
            let op = if number >> bit & 1 == 0 { Op::ttl(&map) } else { Op::map_all(&map) };
            program.op(BranchId::ROOT, op);
        }
        program.build().unwrap()
    };
    let first = script(&compiler, &program(0));
    for number in 1..=MOST_SHAPES {
        script(&compiler, &program(number));
        assert!(compiler.shapes() <= MOST_SHAPES);
    }
    assert_eq!(script(&compiler, &program(0)), first);
}

/// A program with random bytes wherever bytes can stand.
fn program(values: &[Bytes], list: &[Bytes], number: i64) -> Txn {
    let (value, map, list_key) = (key(Kind::Value, "v"), key(Kind::Map, "h"), key(Kind::List, "l"));
    let (ranking, log) = (key(Kind::Ranking, "z"), key(Kind::Log, "x"));
    let mut at = 0;
    let mut next = || {
        at += 1;
        values[at % values.len()].clone()
    };
    let mut program = TxnBuilder::new("random");
    let (then, otherwise) = program.fork(
        BranchId::ROOT,
        [
            Check::value_equals(&value, next()),
            Check::field(&map, next(), FieldTest::StartsWith(next())),
            Check::ranked(&ranking, next(), roomkey_core::Standing::Live),
            Check::below(&ranking, number),
        ],
    );
    program.op(then, Op::put(&value, next(), Life::Never));
    program.op(then, Op::map_put(&map, list.to_vec(), next(), Life::AtLeast(seconds(9))));
    program.op(then, Op::map_match(&map, list.iter().cloned().zip(list.iter().cloned())));
    program.op(then, RankPut::new(&ranking, list.to_vec(), Score::Last).only(Only::New).within(number));
    program.op(otherwise, Op::push(&list_key, roomkey_core::End::Front, list.to_vec(), Life::Keep));
    program.op(otherwise, Append::new(&log, 10).field("a", next()).field("b", Args::Given(list.to_vec())));
    program.op(otherwise, Op::rank_place(&ranking, next()));
    program.build().unwrap()
}

fn nasty() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        vec(any::<u8>(), 6..40),
        "['\"\\]\\[\n\r)(;-]{6,20}".prop_map(String::into_bytes),
        Just(b"') redis.call('FLUSHALL') --".to_vec()),
        Just(b"]] return 1 --[[".to_vec()),
    ]
    .prop_map(Bytes::from)
}

proptest! {
    #[test]
    fn no_value_is_ever_code(
        a in vec(nasty(), 11..12), b in vec(nasty(), 11..12),
        few in vec(nasty(), 2..4), many in vec(nasty(), 4..9),
        number in -1_000_000i64..1_000_000,
    ) {
        let compiler = Compiler::default();
        let first = compiler.exact_txn(&program(&a, &few, number)).unwrap();
        let second = compiler.exact_txn(&program(&b, &many, 7)).unwrap();
        prop_assert_eq!(first.script.as_ref(), second.script.as_ref());
        let source = first.script.as_ref().unwrap().source.as_bytes();
        for value in a.iter().chain(&few) {
            prop_assert!(!source.windows(value.len()).any(|window| window == &value[..]));
        }
        prop_assert!(source.is_ascii());
    }
}

#[test]
fn the_name_of_a_program_cannot_end_its_comment() {
    let mut program = TxnBuilder::new("rooms.join\nredis.call('FLUSHALL')");
    program.op(BranchId::ROOT, Op::rank_take(&key(Kind::Ranking, "z"), 1));
    let source = &script(&Compiler::default(), &program.build().unwrap()).source;
    assert!(source.starts_with("-- rooms.join?redis.call??FLUSHALL??\nlocal"), "{source}");
}

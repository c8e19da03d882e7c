//! Every rule of the contract, broken once: as an op of a batch, or inside a transaction.

use std::time::Duration;

use bytes::Bytes;

use crate::{
    Append, Args, Batch, Bound, BranchId, Check, End, Error, FieldTest, Invalid, Key, Kind, Life, Limit,
    LogId, MAX_CHECKS, MAX_DURATION, MAX_ELEMENTS, MAX_FIELD_BYTES, MAX_LOGS, MAX_OPS, MAX_SCORE,
    MAX_VALUE_BYTES, Namespace, Op, OpId, Order, Partition, RankPut, Score, Standing, StoreTime, TxnBuilder,
    Until, Wait,
};

const ROOT: BranchId = BranchId::ROOT;

fn key_at(slot: u16, kind: Kind, tag: u8) -> Key {
    let namespace = Namespace::new("test", "x1", "core").unwrap();
    Key::new(kind, &namespace, Partition::from_slot(slot).unwrap(), [tag; 16])
}

fn key(kind: Kind) -> Key {
    // One tag per kind, so that no two of them are the same key.
    key_at(7, kind, kind as u8)
}

fn bytes(len: usize) -> Bytes {
    Bytes::from(vec![b'x'; len])
}

fn rule(result: Result<impl std::fmt::Debug, Error>) -> Invalid {
    match result.expect_err("the program breaks a rule") {
        Error::Invalid(rule) => rule,
        other => panic!("an invalid program, not {other:?}"),
    }
}

/// The rule that a program of one branch breaks.
fn of_branch(write: impl FnOnce(&mut TxnBuilder)) -> Invalid {
    let mut program = TxnBuilder::new("test");
    write(&mut program);
    rule(program.build())
}

#[test]
fn an_op_needs_a_key_of_its_kind() {
    let kinds = [Kind::Value, Kind::Map, Kind::List, Kind::Ranking, Kind::Log];
    let ops: [fn(&Key) -> Op; 22] = [
        |key| Op::get(key),
        |key| Op::put(key, "x", Life::Keep),
        |key| Op::take(key),
        |key| Op::add(key, 1, Life::Keep),
        |key| Op::map_get(key, "x"),
        |key| Op::map_all(key),
        |key| Op::map_put(key, "x", "x", Life::Keep),
        |key| Op::map_remove(key, "x"),
        |key| Op::map_match(key, []),
        |key| Op::push(key, End::Back, "x", Life::Keep),
        |key| Op::pop(key, End::Back, 1),
        |key| Op::range(key, 0, -1),
        |key| RankPut::new(key, "x", Score::Is(1)).into(),
        |key| Op::rank_remove(key, "x"),
        |key| Op::rank_take(key, 1),
        |key| Op::rank_range(key, Bound::Open, Bound::Now, Order::Lowest, 1),
        |key| Op::rank_count(key),
        |key| Op::rank_scores(key, "x"),
        |key| Op::rank_place(key, "x"),
        |key| Append::new(key, 1).field("x", "x").into(),
        |key| Op::log_range(key, LogId::MIN, LogId::MAX, Order::Lowest, 1),
        |key| Op::walk(key, None, 1),
    ];
    for make in ops {
        let accepted: Vec<Kind> =
            kinds.into_iter().filter(|kind| Batch::one(make(&key(*kind))).is_ok()).collect();
        match make(&key(Kind::Map)) {
            Op::Walk { .. } => assert_eq!(accepted, [Kind::Map, Kind::Ranking]),
            op => assert_eq!(accepted, [op.kind().unwrap()], "{op:?}"),
        }
        let wrong = kinds.into_iter().find(|kind| !accepted.contains(kind)).unwrap();
        assert_eq!(rule(Batch::one(make(&key(wrong)))), Invalid::WrongKind);
    }
    for any in [Op::ttl, Op::delete, |key: &Key| Op::expire(key, Life::Never)] {
        assert!(kinds.into_iter().all(|kind| Batch::one(any(&key(kind))).is_ok()));
    }
}

#[test]
fn a_check_needs_a_key_of_its_kind() {
    let (value, map, ranking) = (key(Kind::Value), key(Kind::Map), key(Kind::Ranking));
    let wrong = [
        Check::value_equals(&map, "x"),
        Check::field(&value, "x", FieldTest::Present),
        Check::number(&map, 0, 0..=1),
        Check::ranked(&map, "x", Standing::Live),
        Check::below(&map, 1),
        Check::below(&ranking, Limit::Stored { key: value.clone(), field: bytes(1), or: 1 }),
        Check::size(&value, 0..=1),
    ];
    for check in wrong {
        let broken = of_branch(|program| {
            program.fork(ROOT, [check.clone()]);
        });
        assert_eq!(broken, Invalid::WrongKind, "{check:?}");
    }
}

#[test]
fn sizes_and_limits_are_bounded() {
    let (value, map, list, ranking, log) =
        (key(Kind::Value), key(Kind::Map), key(Kind::List), key(Kind::Ranking), key(Kind::Log));
    let largest = bytes(MAX_VALUE_BYTES + 1);
    let longest = bytes(MAX_FIELD_BYTES + 1);
    let many = vec![bytes(1); MAX_ELEMENTS + 1];
    let cases: Vec<(Op, Invalid)> = vec![
        (Op::put(&value, largest.clone(), Life::Keep), Invalid::ValueTooLarge),
        (Op::map_put(&map, "x", largest.clone(), Life::Keep), Invalid::ValueTooLarge),
        (Op::map_put(&map, longest.clone(), "x", Life::Keep), Invalid::FieldTooLarge),
        (Op::rank_place(&ranking, longest.clone()), Invalid::FieldTooLarge),
        (Op::map_get(&map, many.clone()), Invalid::TooManyElements),
        (Op::push(&list, End::Back, vec![bytes(MAX_VALUE_BYTES); 5], Life::Keep), Invalid::ProgramTooLarge),
        (Op::pop(&list, End::Back, 0), Invalid::Limit),
        (Op::pop(&list, End::Back, 1_001), Invalid::Limit),
        (Op::rank_take(&ranking, 1_001), Invalid::Limit),
        (Op::rank_range(&ranking, Bound::Open, Bound::Open, Order::Lowest, 0), Invalid::Limit),
        (Op::log_range(&log, LogId::MIN, LogId::MAX, Order::Highest, 1_001), Invalid::Limit),
        (Op::walk(&map, None, 0), Invalid::Limit),
        (Append::new(&log, 0).field("x", "x").into(), Invalid::Limit),
        (RankPut::new(&ranking, "x", Score::Is(MAX_SCORE + 1)).into(), Invalid::Score),
        (Op::rank_range(&ranking, Bound::Is(-MAX_SCORE - 1), Bound::Open, Order::Lowest, 1), Invalid::Score),
        (Op::put(&value, "x", Life::Set(Until::In(Duration::ZERO))), Invalid::Duration),
        (Op::expire(&value, Life::AtLeast(Until::In(MAX_DURATION * 2))), Invalid::Duration),
        (RankPut::new(&ranking, "x", Score::After(Until::In(Duration::ZERO))).into(), Invalid::Duration),
        (Append::new(&log, 1).into(), Invalid::LogFields),
        (Append::new(&log, 1).field("a b", "x").into(), Invalid::LogFields),
        (Append::new(&log, 1).field("", "x").into(), Invalid::LogFields),
        (Op::MapMatch { key: map.clone(), fields: vec![bytes(1)], prefixes: vec![] }, Invalid::Uneven),
    ];
    for (op, expected) in cases {
        let shown = format!("{:.80}", format!("{op:?}"));
        assert_eq!(rule(Batch::one(op.clone())), expected, "{shown}");
        let in_program = of_branch(|program| {
            program.op(ROOT, op);
        });
        assert_eq!(in_program, expected, "{shown}");
    }
}

#[test]
fn a_program_lives_in_one_partition_and_uses_a_key_as_one_kind() {
    let map = key(Kind::Map);
    assert_eq!(of_branch(|_| ()), Invalid::NoKey);
    let elsewhere = of_branch(|program| {
        program.op(ROOT, Op::map_all(&map));
        program.op(ROOT, Op::ttl(&key_at(8, Kind::Value, 1)));
    });
    assert_eq!(elsewhere, Invalid::TwoPartitions);
    let as_value = key_at(7, Kind::Value, Kind::Map as u8);
    let two_kinds = of_branch(|program| {
        program.fork(ROOT, [Check::exists(&as_value)]);
        program.op(ROOT, Op::map_all(&map));
    });
    assert_eq!(two_kinds, Invalid::TwoKinds);
    let too_many = of_branch(|program| {
        for tag in 0..=64 {
            program.op(ROOT, Op::ttl(&key_at(7, Kind::Value, tag)));
        }
    });
    assert_eq!(too_many, Invalid::TooManyKeys);
    // A batch may name any partitions.
    assert!(Batch::new([Op::map_all(&map), Op::ttl(&key_at(8, Kind::Value, 1))]).is_ok());
}

#[test]
fn a_reference_points_back_on_its_own_path() {
    let (map, value, ranking) = (key(Kind::Map), key(Kind::Value), key(Kind::Ranking));
    let into_map = |op: OpId| Op::map_put(&map, "x", op, Life::Keep);

    // An enclosing branch is visible, a sibling branch and what comes later are not.
    let mut fine = TxnBuilder::new("test");
    let got = fine.op(ROOT, Op::get(&value));
    let (yes, no) = fine.fork(ROOT, [Check::exists(&map)]);
    fine.op(yes, into_map(got));
    let deep = fine.op(no, Op::rank_count(&ranking));
    fine.op(no, into_map(deep));
    assert!(fine.build().is_ok());

    let from_sibling = of_branch(|program| {
        let (yes, no) = program.fork(ROOT, [Check::exists(&map)]);
        let got = program.op(yes, Op::get(&value));
        program.op(no, into_map(got));
    });
    assert_eq!(from_sibling, Invalid::Reference);
    let from_inside = of_branch(|program| {
        let (yes, _) = program.fork(ROOT, [Check::exists(&map)]);
        let got = program.op(yes, Op::get(&value));
        program.op(ROOT, into_map(got));
    });
    assert_eq!(from_inside, Invalid::Reference);
    let forward = of_branch(|program| {
        program.op(ROOT, into_map(OpId(1)));
        program.op(ROOT, Op::get(&value));
    });
    assert_eq!(forward, Invalid::Reference);
    let unknown = of_branch(|program| {
        program.op(ROOT, into_map(OpId(99)));
    });
    assert_eq!(unknown, Invalid::Reference);
}

#[test]
fn a_reference_asks_for_what_is_replied() {
    let (map, value, ranking) = (key(Kind::Map), key(Kind::Value), key(Kind::Ranking));
    let no_list = of_branch(|program| {
        let deleted = program.op(ROOT, Op::delete(&value));
        program.op(ROOT, Op::map_get(&map, deleted));
    });
    assert_eq!(no_list, Invalid::ReferenceShape);
    let no_number = of_branch(|program| {
        let got = program.op(ROOT, Op::get(&value));
        program.op(ROOT, RankPut::new(&ranking, "x", Score::From(got)));
    });
    assert_eq!(no_number, Invalid::ReferenceShape);
    assert_eq!(rule(Batch::one(Op::map_get(&map, Args::From(OpId(0))))), Invalid::ReferenceInBatch);
    assert_eq!(
        rule(Batch::one(RankPut::new(&ranking, "x", Score::From(OpId(0))))),
        Invalid::ReferenceInBatch
    );
}

#[test]
fn nothing_writes_a_counter_before_it_is_added_to_on_one_path() {
    let value = key(Kind::Value);
    let add = || Op::add(&value, 1, Life::Keep);
    let after_put = of_branch(|program| {
        program.op(ROOT, Op::put(&value, "1", Life::Keep));
        program.op(ROOT, add());
    });
    assert_eq!(after_put, Invalid::AddAfterWrite);
    let after_a_branch = of_branch(|program| {
        let (yes, _) = program.fork(ROOT, [Check::exists(&value)]);
        program.op(yes, add());
        program.op(ROOT, add());
    });
    assert_eq!(after_a_branch, Invalid::AddAfterWrite);
    let after_an_end = of_branch(|program| {
        program.op(ROOT, Op::expire(&value, Life::Set(Until::At(StoreTime::from_millis(1)))));
        program.op(ROOT, add());
    });
    assert_eq!(after_an_end, Invalid::AddAfterWrite);
    // What lengthens a life leaves the number alone.
    let mut freeing = TxnBuilder::new("test");
    freeing.op(ROOT, Op::expire(&value, Life::AtLeast(Until::In(Duration::from_secs(1)))));
    freeing.op(ROOT, add());
    assert!(freeing.build().is_ok());
    // Two branches of one fork never run both.
    let mut either = TxnBuilder::new("test");
    let (yes, no) = either.fork(ROOT, [Check::exists(&value)]);
    either.op(yes, add());
    either.op(no, add());
    assert!(either.build().is_ok());
}

#[test]
fn depth_ops_and_branches_are_bounded() {
    let value = key(Kind::Value);
    let nested = |depth: usize| {
        let mut program = TxnBuilder::new("test");
        let mut branch = ROOT;
        for _ in 0..depth {
            (_, branch) = program.fork(branch, [Check::exists(&value)]);
        }
        program.build()
    };
    assert!(nested(16).is_ok());
    assert_eq!(rule(nested(17)), Invalid::TooDeep);
    let too_many = of_branch(|program| {
        for _ in 0..=MAX_OPS {
            program.op(ROOT, Op::ttl(&value));
        }
    });
    assert_eq!(too_many, Invalid::TooManyOps);
    let too_many = of_branch(|program| {
        program.fork(ROOT, vec![Check::exists(&value); MAX_CHECKS]);
        program.fork(ROOT, [Check::exists(&value)]);
    });
    assert_eq!(too_many, Invalid::TooManyChecks);
    let foreign = of_branch(|program| {
        program.op(BranchId(5), Op::ttl(&value));
    });
    assert_eq!(foreign, Invalid::Branch);
}

#[test]
fn a_wait_names_some_logs_once_each_and_a_time() {
    let log = key(Kind::Log);
    let second = Duration::from_secs(1);
    let logs = |count: u16| (0..count).map(|slot| (key_at(slot, Kind::Log, 1), LogId::MIN));
    assert_eq!(Wait::new(logs(1_024), second).unwrap().logs().len(), MAX_LOGS);
    assert_eq!(rule(Wait::new(logs(1_025), second)), Invalid::TooManyLogs);
    assert_eq!(rule(Wait::new([], second)), Invalid::NoKey);
    assert_eq!(rule(Wait::new([(key(Kind::Map), LogId::MIN)], second)), Invalid::WrongKind);
    assert_eq!(rule(Wait::new([(log.clone(), LogId::MIN)], Duration::ZERO)), Invalid::Duration);
    let twice = [(log.clone(), LogId::MIN), (key_at(9, Kind::Log, 1), LogId::MIN), (log, LogId::MAX)];
    assert_eq!(rule(Wait::new(twice, second)), Invalid::LogTwice);
}

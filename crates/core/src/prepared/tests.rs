//! What is exchanged, what stays, and what cannot be prepared or bound.

use std::time::Duration;

use bytes::Bytes;

use crate::{
    Append, Bound, BranchId, Check, End, Error, FieldTest, Invalid, Key, Kind, Life, Limit, LogId,
    MAX_FIELD_BYTES, MAX_VALUE_BYTES, Namespace, Op, Order, Partition, Prepared, RankPut, Result, Score,
    Standing, StoreTime, Txn, TxnBuilder, Until,
};

const ROOT: BranchId = BranchId::ROOT;
const KINDS: [Kind; 6] = [Kind::Value, Kind::Map, Kind::List, Kind::Ranking, Kind::Log, Kind::Value];

/// A key of each kind, and a second value.
fn keys(slot: u16, tag: u8) -> Vec<Key> {
    let namespace = Namespace::new("test", "x1", "core").unwrap();
    let key =
        |(at, kind)| Key::new(kind, &namespace, Partition::from_slot(slot).unwrap(), [tag + at as u8; 16]);
    KINDS.into_iter().enumerate().map(key).collect()
}

fn args(first: &str) -> Vec<Bytes> {
    (0..4).map(|at| Bytes::from(format!("{first} {at}"))).collect()
}

/// A program of every op and every check.
fn everything(keys: &[Key], args: &[Bytes]) -> Txn {
    let [value, map, list, ranking, log, counter] = keys else { panic!("six keys") };
    let [a, b, c, d] = args else { panic!("four arguments") };
    let hour = Life::AtLeast(Until::In(Duration::from_secs(3_600)));
    let stored = || Limit::Stored { key: map.clone(), field: d.clone(), or: 5 };
    let mut program = TxnBuilder::new("test.everything");
    let checks = [
        Check::exists(map),
        Check::missing(value),
        Check::value_equals(value, a.clone()),
        Check::value_starts_with(value, b.clone()),
        Check::field(map, a.clone(), FieldTest::Present),
        Check::field(map, a.clone(), FieldTest::Equals(b.clone())),
        Check::field(map, Bytes::from_static(b"constant"), FieldTest::StartsWith(c.clone())),
        Check::number(counter, 1, 0..=5),
        Check::ranked(ranking, a.clone(), Standing::Live),
        Check::below(ranking, stored()),
        Check::size(list, 0..=5),
        Check::Before(StoreTime::from_millis(5)),
    ];
    let (then, otherwise) = program.fork(ROOT, checks);
    let read = program.op(then, Op::map_get(map, [a.clone(), b.clone()]));
    let ops: Vec<Op> = vec![
        Op::add(counter, 1, hour),
        Op::ttl(value),
        Op::expire(map, hour),
        Op::delete(list),
        Op::get(value),
        Op::put(value, a.clone(), hour),
        Op::take(value),
        Op::map_all(map),
        Op::map_put(map, [a.clone(), b.clone()], [c.clone(), d.clone()], hour),
        Op::map_remove(map, read),
        Op::map_match(map, [(a.clone(), b.clone()), (c.clone(), d.clone())]),
        Op::push(list, End::Back, [a.clone(), Bytes::from_static(b"constant")], hour),
        Op::pop(list, End::Front, 1),
        Op::range(list, 0, -1),
        RankPut::new(ranking, [a.clone(), b.clone()], Score::Is(1)).within(stored()).life(hour).into(),
        Op::rank_remove(ranking, c.clone()),
        Op::rank_take(ranking, 1),
        Op::rank_range(ranking, Bound::Open, Bound::Now, Order::Lowest, 1),
        Op::rank_count(ranking),
        Op::rank_scores(ranking, [d.clone()]),
        Op::rank_place(ranking, d.clone()),
        Append::new(log, 5).field("f", a.clone()).field("g", read).into(),
        Op::log_range(log, LogId::MIN, LogId::MAX, Order::Lowest, 1),
        Op::walk(map, None, 1),
    ];
    for op in ops {
        program.op(then, op);
    }
    program.quiet_op(otherwise, Op::get(value));
    program.retry_safe().build().unwrap()
}

fn rule<T: std::fmt::Debug>(result: Result<T>) -> Invalid {
    match result.unwrap_err() {
        Error::Invalid(rule) => rule,
        other => panic!("an invalid program, not {other:?}"),
    }
}

#[test]
fn every_key_and_argument_of_every_op_and_check_is_exchanged() {
    let (old, new) = ((keys(1, 1), args("old")), (keys(2, 100), args("new")));
    let sample = everything(&old.0, &old.1);
    let prepared = Prepared::new(sample.clone(), old.0.clone(), old.1.clone()).unwrap();
    let bound = prepared.bind(new.0.clone(), new.1.clone()).unwrap();
    let built = everything(&new.0, &new.1);
    assert_eq!(bound, built);
    assert_eq!(format!("{bound:?}"), format!("{built:?}"));
    assert_eq!(bound.partition(), Partition::from_slot(2).unwrap());
    assert!(bound.binding().is_some() && built.binding().is_none());
    // Of an op by itself, too.
    let op = |txn: &Txn| match &txn.steps()[0] {
        crate::Step::Fork(fork) => fork.then.clone(),
        crate::Step::Op(..) => panic!("it begins with a fork"),
    };
    for (old, new) in op(&sample).iter().zip(op(&built)) {
        let (crate::Step::Op(_, old), crate::Step::Op(_, new)) = (old, new) else { continue };
        assert_eq!(bound.binding().unwrap().op(old), new);
    }
    // And back again, from what was bound itself.
    let again = Prepared::new(bound, new.0, new.1).unwrap();
    assert_eq!(again.bind(old.0, old.1).unwrap(), sample);
    assert_ne!(again.id(), prepared.id());
}

#[test]
fn what_is_not_named_stays_as_it_is() {
    let (old, new) = ((keys(1, 1), args("old")), args("new"));
    let prepared = Prepared::new(everything(&old.0, &old.1), old.0.clone(), old.1[1..].to_vec()).unwrap();
    let bound = prepared.bind(old.0.clone(), new[1..].to_vec()).unwrap();
    assert_eq!(bound, everything(&old.0, &[&old.1[..1], &new[1..]].concat()));
}

#[test]
fn what_would_be_left_behind_in_silence_is_refused() {
    let (keys, args) = (keys(1, 1), args("old"));
    let prepare = |keys: &[Key], args: &[Bytes]| {
        Prepared::new(everything(&self::keys(1, 1), &self::args("old")), keys.to_vec(), args.to_vec())
    };
    // The same bytes in another buffer, as a program has them that copies what it is given.
    assert_eq!(rule(prepare(&keys, &args)), Invalid::Unprepared);
    // A key that the program names, and that is not given.
    assert_eq!(rule(prepare(&keys[1..], &[])), Invalid::Unprepared);
    // One that cannot be told from another.
    let twice = [keys.clone(), keys[..1].to_vec()].concat();
    assert_eq!(rule(prepare(&twice, &[])), Invalid::Unprepared);
    let other = Bytes::from_static(b"other");
    assert_eq!(rule(prepare(&keys, &[other.clone(), other])), Invalid::Unprepared);
    assert_eq!(rule(prepare(&keys, &[Bytes::new()])), Invalid::Unprepared);
}

#[test]
fn a_part_of_an_argument_is_no_constant() {
    let (keys, whole) = (keys(1, 1), Bytes::from(b"fence and record".to_vec()));
    let (fence, record) = (whole.slice(..5), whole.slice(10..));
    let mut program = TxnBuilder::new("test");
    program.fork(ROOT, [Check::value_starts_with(&keys[0], fence.clone())]);
    program.op(ROOT, Op::put(&keys[0], whole.clone(), Life::Keep));
    let txn = program.build().unwrap();
    let prepare = |args: &[&Bytes]| Prepared::new(txn.clone(), keys.clone(), args.iter().copied().cloned());
    assert_eq!(rule(prepare(&[&whole])), Invalid::Unprepared, "the beginning would stay that of the sample");
    assert_eq!(rule(prepare(&[&fence])), Invalid::Unprepared, "and so would the whole");
    assert!(prepare(&[&whole, &fence]).is_ok());
    // Parts beside each other have nothing in common, and an empty one has with none.
    let mut program = TxnBuilder::new("test");
    program.op(ROOT, Op::map_put(&keys[1], fence.clone(), [record, whole.slice(2..2)], Life::Keep));
    assert!(Prepared::new(program.build().unwrap(), keys, [fence]).is_ok());
}

#[test]
fn each_is_exchanged_once_even_for_another_of_the_sample() {
    let (keys, texts) = (keys(1, 1), args("old"));
    let sample = everything(&keys, &texts);
    let prepared = Prepared::new(sample, keys.clone(), texts.clone()).unwrap();
    let swapped = |mut keys: Vec<Key>, mut texts: Vec<Bytes>| {
        keys.swap(0, 5);
        texts.reverse();
        (keys, texts)
    };
    let (keys, texts) = swapped(keys, texts);
    let bound = prepared.bind(keys.clone(), texts.clone()).unwrap();
    assert_eq!(bound, everything(&keys, &texts));
}

#[test]
fn what_is_prepared_anew_each_time_does_not_hold_what_it_was_before() {
    let keys = keys(1, 1);
    let mut program = TxnBuilder::new("test");
    program.op(ROOT, Op::get(&keys[0]));
    let first = program.build().unwrap();
    let mut txn = first.clone();
    // So often that a chain of them would be too long to walk along.
    for _ in 0..20_000 {
        txn = Prepared::new(txn, keys.clone(), []).unwrap().bind(keys.clone(), vec![]).unwrap();
    }
    assert_eq!(txn, first);
}

#[test]
fn as_many_are_bound_as_were_prepared() {
    let (keys, args) = (keys(1, 1), args("old"));
    let prepared = Prepared::new(everything(&keys, &args), keys.clone(), args.clone()).unwrap();
    assert_eq!(rule(prepared.bind(keys[1..].to_vec(), args.clone())), Invalid::Unprepared);
    assert_eq!(rule(prepared.bind(keys, args[1..].to_vec())), Invalid::Unprepared);
}

#[test]
fn what_is_bound_keeps_the_rules() {
    let (sample, texts) = (keys(1, 1), args("old"));
    let prepared = Prepared::new(everything(&sample, &texts), sample.clone(), texts.clone()).unwrap();
    let with = |at: usize, key: Key| {
        let mut keys = sample.clone();
        keys[at] = key;
        prepared.bind(keys, texts.clone())
    };
    assert_eq!(rule(with(0, keys(2, 1)[0].clone())), Invalid::TwoPartitions);
    assert_eq!(rule(with(1, keys(1, 9)[0].clone())), Invalid::WrongKind);
    // Two values that are one: then it adds behind a write. Checked, and not taken for the other program.
    let mut program = TxnBuilder::new("test");
    program.op(ROOT, Op::put(&sample[0], "1", Life::Keep));
    program.op(ROOT, Op::add(&sample[5], 1, Life::Keep));
    let values = [sample[0].clone(), sample[5].clone()];
    let two = Prepared::new(program.build().unwrap(), values.clone(), []).unwrap();
    assert!(two.bind(values.to_vec(), vec![]).is_ok());
    assert_eq!(rule(two.bind(vec![values[0].clone(); 2], vec![])), Invalid::AddAfterWrite);
    let mut program = TxnBuilder::new("test");
    program.op(ROOT, Op::put(&sample[0], "1", Life::Keep));
    program.op(ROOT, Op::get(&sample[5]));
    let two = Prepared::new(program.build().unwrap(), values.clone(), []).unwrap();
    let same = two.bind(vec![values[0].clone(); 2], vec![]).unwrap();
    assert!(same.binding().is_none() && same.steps().len() == 2);
}

#[test]
fn long_arguments_are_measured_where_they_stand() {
    let (sample, short) = (keys(1, 1), Bytes::from_static(b"short"));
    let mut program = TxnBuilder::new("test");
    program.op(ROOT, Op::put(&sample[0], short.clone(), Life::Keep));
    let values = Prepared::new(program.build().unwrap(), sample.clone(), [short.clone()]).unwrap();
    let mut program = TxnBuilder::new("test");
    program.op(ROOT, Op::map_get(&sample[1], short.clone()));
    let fields = Prepared::new(program.build().unwrap(), sample.clone(), [short]).unwrap();

    let bind = |prepared: &Prepared, len| prepared.bind(sample.clone(), vec![Bytes::from(vec![b'x'; len])]);
    assert!(bind(&fields, MAX_FIELD_BYTES).unwrap().binding().is_some());
    assert_eq!(rule(bind(&fields, MAX_FIELD_BYTES + 1)), Invalid::FieldTooLarge);
    assert!(bind(&values, MAX_FIELD_BYTES + 1).unwrap().binding().is_none());
    assert!(bind(&values, MAX_VALUE_BYTES).is_ok());
    assert_eq!(rule(bind(&values, MAX_VALUE_BYTES + 1)), Invalid::ValueTooLarge);
    // An empty one is an argument like any other.
    assert!(bind(&values, 0).unwrap().binding().is_some());
}

#[test]
fn a_program_that_short_arguments_can_make_too_large_is_measured_each_time() {
    let (keys, arg) = (keys(1, 1), Bytes::from_static(b"short"));
    let mut program = TxnBuilder::new("test");
    for _ in 0..2 {
        program.op(ROOT, Op::push(&keys[2], End::Back, vec![arg.clone(); 600], Life::Keep));
    }
    let prepared = Prepared::new(program.build().unwrap(), keys.clone(), [arg]).unwrap();
    let bind = |len| prepared.bind(keys.clone(), vec![Bytes::from(vec![b'x'; len])]);
    assert!(bind(1_000).unwrap().binding().is_none());
    assert_eq!(rule(bind(MAX_FIELD_BYTES)), Invalid::ProgramTooLarge);
}

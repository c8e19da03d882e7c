//! Values and counters, and the ops that take any kind.

use bytes::Bytes;
use roomkey_core::{
    Append, ErrorKind, Life, MAX_VALUE_BYTES, Op, RankPut, Reply, Score, StoreTime, Ttl, Until,
};

use super::*;

pub async fn a_missing_value_reads_as_none<F: Fixture>(t: &Harness<F>) {
    assert_eq!(t.run(Op::get(&value(1))).await, Ok(Reply::Bytes(None)));
    assert_eq!(t.run(Op::take(&value(1))).await, Ok(Reply::Bytes(None)));
    assert_eq!(t.run(Op::ttl(&value(1))).await, Ok(Reply::Ttl(Ttl::Missing)));
}

pub async fn what_is_put_is_read_back<F: Fixture>(t: &Harness<F>) {
    let every_byte = Bytes::from_iter(0..=255);
    for content in [bytes("v"), Bytes::new(), every_byte, Bytes::from(vec![b'x'; 100_000])] {
        assert_eq!(t.run(Op::put(&value(1), content.clone(), Life::Never)).await, Ok(Reply::Written));
        assert_eq!(t.run(Op::get(&value(1))).await, Ok(Reply::Bytes(Some(content))));
    }
}

pub async fn the_largest_value_goes_through<F: Fixture>(t: &Harness<F>) {
    let largest = Bytes::from(vec![b'x'; MAX_VALUE_BYTES]);
    assert_eq!(t.run(Op::put(&value(1), largest.clone(), Life::Never)).await, Ok(Reply::Written));
    let read = t.run(Op::get(&value(1))).await;
    assert!(read == Ok(Reply::Bytes(Some(largest))), "16 MiB came back as something else");
}

pub async fn put_replaces_any_kind<F: Fixture>(t: &Harness<F>) {
    t.given(one_of_each_kind()).await;
    for number in 1..=5 {
        assert_eq!(t.run(Op::put(&value(number), bytes("new"), Life::Never)).await, Ok(Reply::Written));
        assert_eq!(t.run(Op::get(&value(number))).await, Ok(Reply::Bytes(Some(bytes("new")))));
    }
}

pub async fn put_of_an_empty_list_is_skipped<F: Fixture>(t: &Harness<F>) {
    assert_eq!(t.run(Op::put(&value(1), Vec::new(), Life::Never)).await, Ok(Reply::Skipped));
    assert_eq!(t.ttl(&value(1)).await, Ttl::Missing);
}

pub async fn put_of_several_takes_the_first<F: Fixture>(t: &Harness<F>) {
    assert_eq!(t.run(Op::put(&value(1), many(["a", "b"]), Life::Never)).await, Ok(Reply::Written));
    assert_eq!(t.run(Op::get(&value(1))).await, Ok(Reply::Bytes(Some(bytes("a")))));
}

pub async fn a_new_value_lives_as_put_says<F: Fixture>(t: &Harness<F>) {
    let long = Until::In(LONG);
    for (number, life, ends) in [
        (1, Life::Keep, false),
        (2, Life::Never, false),
        (3, Life::Set(long), true),
        (4, Life::AtLeast(long), true),
    ] {
        t.run(Op::put(&value(number), bytes("v"), life)).await.unwrap();
        let ttl = t.ttl(&value(number)).await;
        assert!(if ends { runs(ttl, LONG) } else { ttl == Ttl::Never }, "{life:?}: {ttl:?}");
    }
}

pub async fn put_changes_the_life_of_a_value_as_it_says<F: Fixture>(t: &Harness<F>) {
    let lives = |duration| Life::Set(Until::In(duration));
    let longer = LONG * 10;
    for (before, life, after) in [
        (lives(LONG), Life::Keep, Some(LONG)),
        (lives(LONG), Life::Never, None),
        (lives(LONG), lives(longer), Some(longer)),
        (lives(longer), lives(LONG), Some(LONG)),
        (lives(LONG), Life::AtLeast(Until::In(longer)), Some(longer)),
        (lives(longer), Life::AtLeast(Until::In(LONG)), Some(longer)),
        (Life::Never, Life::AtLeast(Until::In(LONG)), None),
        (Life::Never, Life::Keep, None),
        (Life::Never, lives(LONG), Some(LONG)),
    ] {
        t.run(Op::put(&value(1), bytes("old"), before)).await.unwrap();
        t.run(Op::put(&value(1), bytes("new"), life)).await.unwrap();
        let ttl = t.ttl(&value(1)).await;
        assert!(
            after.map_or(ttl == Ttl::Never, |whole| runs(ttl, whole)),
            "{before:?}, then {life:?}: {ttl:?}"
        );
        assert_eq!(t.run(Op::get(&value(1))).await, Ok(Reply::Bytes(Some(bytes("new")))));
    }
}

pub async fn put_keeps_the_life_of_what_it_replaces<F: Fixture>(t: &Harness<F>) {
    t.given([Op::map_put(&map(1), "f", "v", Life::Set(Until::In(LONG)))]).await;
    t.run(Op::put(&value(1), bytes("new"), Life::Keep)).await.unwrap();
    assert!(runs(t.ttl(&value(1)).await, LONG));
}

pub async fn put_with_a_deadline_in_the_past_removes_the_key<F: Fixture>(t: &Harness<F>) {
    let past = Until::At(StoreTime::from_millis(1));
    let capped = Until::InCapped(LONG, StoreTime::from_millis(1));
    for life in [past, capped, Until::At(StoreTime::from_millis(0))].map(Life::Set) {
        t.given([Op::put(&value(1), bytes("old"), Life::Never)]).await;
        assert_eq!(t.run(Op::put(&value(1), bytes("new"), life)).await, Ok(Reply::Written));
        assert_eq!(t.ttl(&value(1)).await, Ttl::Missing, "{life:?}");
    }
    assert_eq!(t.run(Op::put(&value(2), bytes("new"), Life::AtLeast(past))).await, Ok(Reply::Written));
    assert_eq!(t.ttl(&value(2)).await, Ttl::Missing, "a new key gets the deadline, past as it is");
}

pub async fn take_reads_and_removes<F: Fixture>(t: &Harness<F>) {
    t.given([Op::put(&value(1), bytes("once"), Life::Never)]).await;
    assert_eq!(t.run(Op::take(&value(1))).await, Ok(Reply::Bytes(Some(bytes("once")))));
    assert_eq!(t.run(Op::take(&value(1))).await, Ok(Reply::Bytes(None)));
    assert_eq!(t.ttl(&value(1)).await, Ttl::Missing);
}

pub async fn delete_removes_any_kind<F: Fixture>(t: &Harness<F>) {
    t.given(one_of_each_kind()).await;
    for number in 1..=5 {
        assert_eq!(t.run(Op::delete(&value(number))).await, Ok(Reply::Flag(true)));
        assert_eq!(t.run(Op::delete(&value(number))).await, Ok(Reply::Flag(false)));
        assert_eq!(t.ttl(&value(number)).await, Ttl::Missing);
    }
}

pub async fn ttl_and_expire_take_any_kind<F: Fixture>(t: &Harness<F>) {
    t.given(one_of_each_kind()).await;
    for number in 1..=5 {
        assert_eq!(t.run(Op::ttl(&value(number))).await, Ok(Reply::Ttl(Ttl::Never)));
        assert_eq!(t.run(Op::expire(&value(number), Life::Set(Until::In(LONG)))).await, Ok(Reply::Written));
        assert!(runs(t.ttl(&value(number)).await, LONG));
    }
}

pub async fn expire_changes_the_life_as_it_says<F: Fixture>(t: &Harness<F>) {
    let longer = LONG * 10;
    let at_least = |duration| Life::AtLeast(Until::In(duration));
    t.given([Op::put(&value(1), bytes("v"), Life::Never)]).await;
    for (life, after) in [
        (Life::Keep, None),
        (at_least(LONG), None),
        (Life::Set(Until::In(LONG)), Some(LONG)),
        (Life::Keep, Some(LONG)),
        (at_least(longer), Some(longer)),
        (at_least(LONG), Some(longer)),
        (Life::Set(Until::In(LONG)), Some(LONG)),
        (Life::Never, None),
    ] {
        assert_eq!(t.run(Op::expire(&value(1), life)).await, Ok(Reply::Written));
        let ttl = t.ttl(&value(1)).await;
        assert!(after.map_or(ttl == Ttl::Never, |whole| runs(ttl, whole)), "{life:?}: {ttl:?}");
    }
}

pub async fn expire_of_a_missing_key_is_skipped<F: Fixture>(t: &Harness<F>) {
    for life in [Life::Keep, Life::Never, Life::Set(Until::In(LONG)), Life::AtLeast(Until::In(LONG))] {
        assert_eq!(t.run(Op::expire(&value(1), life)).await, Ok(Reply::Skipped));
        assert_eq!(t.ttl(&value(1)).await, Ttl::Missing);
    }
}

pub async fn expire_in_the_past_removes_the_key<F: Fixture>(t: &Harness<F>) {
    let past = Until::At(StoreTime::from_millis(1));
    t.given([Op::put(&value(1), bytes("v"), Life::Set(Until::In(LONG)))]).await;
    assert_eq!(t.run(Op::expire(&value(1), Life::AtLeast(past))).await, Ok(Reply::Written));
    assert!(runs(t.ttl(&value(1)).await, LONG), "a longer deadline stays");
    assert_eq!(t.run(Op::expire(&value(1), Life::Set(past))).await, Ok(Reply::Written));
    assert_eq!(t.ttl(&value(1)).await, Ttl::Missing);
    t.given([Op::put(&value(2), bytes("v"), Life::Never)]).await;
    let first = Life::Set(Until::At(StoreTime::from_millis(0)));
    assert_eq!(t.run(Op::expire(&value(2), first)).await, Ok(Reply::Written));
    assert_eq!(t.ttl(&value(2)).await, Ttl::Missing);
}

pub async fn a_counter_begins_at_zero<F: Fixture>(t: &Harness<F>) {
    assert_eq!(t.run(Op::add(&value(1), 5, Life::Never)).await, Ok(Reply::Number(5)));
    assert_eq!(t.run(Op::add(&value(1), -7, Life::Never)).await, Ok(Reply::Number(-2)));
    assert_eq!(t.run(Op::get(&value(1))).await, Ok(Reply::Bytes(Some(bytes("-2")))));
    assert_eq!(t.run(Op::add(&value(2), 0, Life::Never)).await, Ok(Reply::Number(0)));
    assert_eq!(t.run(Op::get(&value(2))).await, Ok(Reply::Bytes(Some(bytes("0")))));
}

pub async fn a_counter_is_exact_to_the_ends_of_i64<F: Fixture>(t: &Harness<F>) {
    let doubles_end = 1i64 << 53;
    for (start, by) in [
        (doubles_end, 1),
        (doubles_end + 1, 2),
        (-doubles_end, -1),
        (i64::MAX - 1, 1),
        (i64::MIN + 1, -1),
        (i64::MIN, i64::MAX),
        (i64::MAX, i64::MIN),
        (i64::MIN, 0),
    ] {
        t.given([Op::put(&value(1), Bytes::from(start.to_string()), Life::Never)]).await;
        assert_eq!(
            t.run(Op::add(&value(1), by, Life::Never)).await,
            Ok(Reply::Number(start + by)),
            "{start} + {by}"
        );
    }
}

pub async fn overflow_leaves_a_counter_unchanged<F: Fixture>(t: &Harness<F>) {
    for (start, by) in
        [(i64::MAX, 1), (i64::MIN, -1), (i64::MAX, i64::MAX), (-2, i64::MIN), (i64::MIN, i64::MIN)]
    {
        let text = Bytes::from(start.to_string());
        t.given([Op::put(&value(1), text.clone(), Life::Never)]).await;
        assert_eq!(t.run(Op::add(&value(1), by, Life::Set(Until::In(LONG)))).await, Err(ErrorKind::Overflow));
        assert_eq!(t.run(Op::get(&value(1))).await, Ok(Reply::Bytes(Some(text))), "{start} + {by}");
        assert_eq!(t.ttl(&value(1)).await, Ttl::Never);
    }
}

pub async fn only_a_canonical_integer_is_a_counter<F: Fixture>(t: &Harness<F>) {
    for text in NOT_CANONICAL {
        t.given([Op::put(&value(1), bytes(text), Life::Never)]).await;
        assert_eq!(t.run(Op::add(&value(1), 1, Life::Never)).await, Err(ErrorKind::NotANumber), "{text:?}");
        assert_eq!(t.run(Op::get(&value(1))).await, Ok(Reply::Bytes(Some(bytes(text)))));
    }
}

pub async fn a_counter_lives_as_add_says<F: Fixture>(t: &Harness<F>) {
    let at_least = |duration| Life::AtLeast(Until::In(duration));
    for (life, after) in [
        (Life::Keep, None),
        (at_least(LONG), None),
        (Life::Set(Until::In(LONG)), Some(LONG)),
        (Life::Keep, Some(LONG)),
        (at_least(LONG * 10), Some(LONG * 10)),
        (at_least(LONG), Some(LONG * 10)),
        (Life::Never, None),
    ] {
        t.run(Op::add(&value(1), 1, life)).await.unwrap();
        let ttl = t.ttl(&value(1)).await;
        assert!(after.map_or(ttl == Ttl::Never, |whole| runs(ttl, whole)), "{life:?}: {ttl:?}");
    }
    t.run(Op::add(&value(2), 1, at_least(LONG))).await.unwrap();
    assert!(runs(t.ttl(&value(2)).await, LONG), "a new key gets the lifetime");
}

pub async fn other_kinds_are_no_values<F: Fixture>(t: &Harness<F>) {
    t.given(one_of_each_kind()).await;
    for number in 2..=5 {
        assert_eq!(t.run(Op::get(&value(number))).await, Err(ErrorKind::WrongType));
        assert_eq!(t.run(Op::take(&value(number))).await, Err(ErrorKind::WrongType));
        assert_eq!(t.run(Op::add(&value(number), 1, Life::Never)).await, Err(ErrorKind::WrongType));
        assert_eq!(t.ttl(&value(number)).await, Ttl::Never, "it is still there");
    }
}

/// Texts that are close to an integer.
pub(super) const NOT_CANONICAL: [&str; 13] = [
    "",
    "abc",
    "01",
    "-0",
    "+1",
    " 1",
    "1 ",
    "1.0",
    "1e3",
    "0x1",
    "-",
    "9223372036854775808",
    "-9223372036854775809",
];

/// A value, a map, a list, a ranking and a log under the keys 1 to 5.
pub(super) fn one_of_each_kind() -> [Op; 5] {
    [
        Op::put(&value(1), bytes("v"), Life::Never),
        Op::map_put(&map(2), "f", "v", Life::Never),
        Op::push(&list(3), roomkey_core::End::Back, "v", Life::Never),
        RankPut::new(&ranking(4), "m", Score::Is(1)).into(),
        Append::new(&log(5), 100).field("f", "v").into(),
    ]
}

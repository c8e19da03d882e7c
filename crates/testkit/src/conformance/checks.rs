//! Checks: each form, where it holds and where it does not.

use bytes::Bytes;
use roomkey_core::{Append, End, ErrorKind, FieldTest, Life, Limit, Op, Score, Standing, StoreTime};

use super::rankings::{after, put};
use super::values::{NOT_CANONICAL, one_of_each_kind};
use super::*;

pub async fn exists_and_missing_take_any_kind<F: Fixture>(t: &Harness<F>) {
    t.given(one_of_each_kind()).await;
    for kind in [Kind::Value, Kind::Map, Kind::List, Kind::Ranking, Kind::Log] {
        for number in 1..=6 {
            let there = number <= 5;
            assert_eq!(t.holds([Check::exists(&key(kind, number))]).await, Ok(there));
            assert_eq!(t.holds([Check::missing(&key(kind, number))]).await, Ok(!there));
        }
    }
}

pub async fn a_value_equals_or_starts_with<F: Fixture>(t: &Harness<F>) {
    t.given([
        Op::put(&value(1), bytes("owner:rest"), Life::Never),
        Op::put(&value(2), bytes(""), Life::Never),
    ])
    .await;
    for (number, text, equals, starts) in [
        (1, "owner:rest", true, true),
        (1, "owner", false, true),
        (1, "", false, true),
        (1, "owner:rest+", false, false),
        (1, "other", false, false),
        (2, "", true, true),
        (2, "x", false, false),
        (3, "", false, false),
        (3, "x", false, false),
    ] {
        assert_eq!(
            t.holds([Check::value_equals(&value(number), bytes(text))]).await,
            Ok(equals),
            "{number} {text:?}"
        );
        assert_eq!(
            t.holds([Check::value_starts_with(&value(number), bytes(text))]).await,
            Ok(starts),
            "{number} {text:?}"
        );
    }
}

pub async fn a_field_is_present_absent_equal_or_begins<F: Fixture>(t: &Harness<F>) {
    t.given([Op::map_put(&map(1), many(["f", "empty"]), many(["owner:rest", ""]), Life::Never)]).await;
    let equals = |text| FieldTest::Equals(bytes(text));
    let starts = |text| FieldTest::StartsWith(bytes(text));
    for (number, field, test, holds) in [
        (1, "f", FieldTest::Present, true),
        (1, "f", FieldTest::Absent, false),
        (1, "f", equals("owner:rest"), true),
        (1, "f", equals("owner"), false),
        (1, "f", starts("owner"), true),
        (1, "f", starts(""), true),
        (1, "f", starts("rest"), false),
        (1, "empty", FieldTest::Present, true),
        (1, "empty", equals(""), true),
        (1, "x", FieldTest::Present, false),
        (1, "x", FieldTest::Absent, true),
        (1, "x", equals(""), false),
        (1, "x", starts(""), false),
        (2, "f", FieldTest::Present, false),
        (2, "f", FieldTest::Absent, true),
        (2, "f", equals(""), false),
        (2, "f", starts(""), false),
    ] {
        let check = Check::field(&map(number), bytes(field), test.clone());
        assert_eq!(t.holds([check]).await, Ok(holds), "{number} {field} {test:?}");
    }
}

#[expect(clippy::reversed_empty_ranges, reason = "a range in which no number lies is a range")]
pub async fn a_number_lies_in_a_range<F: Fixture>(t: &Harness<F>) {
    t.given([Op::put(&value(1), bytes("10"), Life::Never), Op::put(&value(2), bytes("-10"), Life::Never)])
        .await;
    for (number, plus, range, holds) in [
        (1, 0, 10..=10, true),
        (1, 0, 11..=20, false),
        (1, 0, 0..=9, false),
        (1, 1, 11..=11, true),
        (1, -11, -1..=-1, true),
        (2, 0, -10..=-10, true),
        (2, 0, -9..=100, false),
        (3, 0, 0..=0, true),
        (3, 5, 5..=5, true),
        (3, 0, 1..=9, false),
        (1, 0, 20..=0, false),
    ] {
        let check = Check::number(&value(number), plus, range.clone());
        assert_eq!(t.holds([check]).await, Ok(holds), "{number} + {plus} in {range:?}");
    }
}

pub async fn a_number_is_exact_over_all_of_i64<F: Fixture>(t: &Harness<F>) {
    const DOUBLES_END: i64 = 1 << 53;
    let all = i64::MIN..=i64::MAX;
    for (start, plus, range, holds) in [
        (DOUBLES_END, 1, DOUBLES_END + 1..=DOUBLES_END + 1, true),
        (DOUBLES_END, 0, DOUBLES_END + 1..=i64::MAX, false),
        (DOUBLES_END + 1, 0, DOUBLES_END..=DOUBLES_END, false),
        (-DOUBLES_END - 1, 0, -DOUBLES_END..=0, false),
        (i64::MAX, 0, i64::MAX..=i64::MAX, true),
        (i64::MAX - 1, 0, i64::MAX..=i64::MAX, false),
        (i64::MAX - 1, 1, i64::MAX..=i64::MAX, true),
        (i64::MIN, 0, i64::MIN..=i64::MIN, true),
        (i64::MIN + 1, 0, i64::MIN..=i64::MIN, false),
        (i64::MIN, i64::MAX, -1..=-1, true),
        (i64::MAX, i64::MIN, -1..=-1, true),
        (4_611_686_018_427_387_905, -1, 4_611_686_018_427_387_904..=4_611_686_018_427_387_904, true),
        // A sum outside of i64 lies in no range.
        (i64::MAX, 1, all.clone(), false),
        (i64::MIN, -1, all.clone(), false),
        (i64::MAX, i64::MAX, all.clone(), false),
        (i64::MIN, i64::MIN, all.clone(), false),
        (1, i64::MAX, all.clone(), false),
        (-1, i64::MIN, all.clone(), false),
        (0, i64::MIN, all.clone(), true),
    ] {
        t.given([Op::put(&value(1), Bytes::from(start.to_string()), Life::Never)]).await;
        let check = Check::number(&value(1), plus, range.clone());
        assert_eq!(t.holds([check]).await, Ok(holds), "{start} + {plus} in {range:?}");
    }
}

pub async fn text_that_is_no_integer_is_no_number<F: Fixture>(t: &Harness<F>) {
    for text in NOT_CANONICAL {
        t.given([Op::put(&value(1), bytes(text), Life::Never)]).await;
        let check = Check::number(&value(1), 0, i64::MIN..=i64::MAX);
        assert_eq!(t.holds([check]).await, Err(ErrorKind::NotANumber), "{text:?}");
    }
}

pub async fn a_member_is_live_dead_present_or_absent<F: Fixture>(t: &Harness<F>) {
    t.given([put(1, ["live"], after(LONG)).into(), put(1, ["dead"], Score::Is(1)).into()]).await;
    for (number, member, live, dead, present) in [
        (1, "live", true, false, true),
        (1, "dead", false, true, true),
        (1, "x", false, false, false),
        (2, "live", false, false, false),
    ] {
        for (standing, holds) in [
            (Standing::Live, live),
            (Standing::Dead, dead),
            (Standing::Present, present),
            (Standing::Absent, !present),
        ] {
            let check = Check::ranked(&ranking(number), bytes(member), standing);
            assert_eq!(t.holds([check]).await, Ok(holds), "{number} {member} {standing:?}");
        }
    }
}

pub async fn below_counts_the_live_only<F: Fixture>(t: &Harness<F>) {
    t.given([put(1, ["a", "b"], after(LONG)).into(), put(1, ["c", "d", "e"], Score::Is(1)).into()]).await;
    for (number, limit, holds) in [
        (1, 3, true),
        (1, 2, false),
        (1, i64::MAX, true),
        (1, i64::MIN, false),
        (2, 1, true),
        (2, 0, false),
        (2, -1, false),
    ] {
        assert_eq!(
            t.holds([Check::below(&ranking(number), limit)]).await,
            Ok(holds),
            "{number} below {limit}"
        );
    }
}

pub async fn below_reads_a_stored_limit<F: Fixture>(t: &Harness<F>) {
    t.given([put(1, ["a", "b"], after(LONG)).into()]).await;
    let below = |or| Check::below(&ranking(1), Limit::Stored { key: map(9), field: bytes("limit"), or });
    assert_eq!((t.holds([below(2)]).await, t.holds([below(3)]).await), (Ok(false), Ok(true)));
    t.given([Op::map_put(&map(9), "other", "9", Life::Never)]).await;
    assert_eq!((t.holds([below(2)]).await, t.holds([below(3)]).await), (Ok(false), Ok(true)));
    for (text, holds) in
        [("2", false), ("3", true), ("9223372036854775807", true), ("-9223372036854775808", false)]
    {
        t.given([Op::map_put(&map(9), "limit", text, Life::Never)]).await;
        assert_eq!(t.holds([below(0)]).await, Ok(holds), "{text}");
    }
    for text in NOT_CANONICAL {
        t.given([Op::map_put(&map(9), "limit", text, Life::Never)]).await;
        assert_eq!(t.holds([below(0)]).await, Err(ErrorKind::NotANumber), "{text:?}");
    }
    t.given([Op::put(&value(9), bytes("3"), Life::Never)]).await;
    assert_eq!(t.holds([below(0)]).await, Err(ErrorKind::WrongType));
}

pub async fn size_counts_elements<F: Fixture>(t: &Harness<F>) {
    t.given([
        Op::map_put(&map(1), many(["a", "b", "c"]), "v", Life::Never),
        Op::push(&list(2), End::Back, many(["a", "b", "c"]), Life::Never),
        put(3, ["a", "b", "dead"], Score::Is(1)).into(),
        Append::new(&log(4), 100).field("f", many(["a", "b", "c"])).into(),
    ])
    .await;
    for (key, size) in [
        (map(1), 3),
        (list(2), 3),
        (ranking(3), 3),
        (log(4), 3),
        (map(6), 0),
        (list(6), 0),
        (ranking(6), 0),
        (log(6), 0),
    ] {
        for (range, holds) in [
            (size..=size, true),
            (0..=u64::MAX, true),
            (size + 1..=u64::MAX, false),
            (0..=size.saturating_sub(1), size == 0),
            (size..=0, size == 0),
        ] {
            assert_eq!(t.holds([Check::size(&key, range.clone())]).await, Ok(holds), "{key:?} in {range:?}");
        }
    }
}

pub async fn before_compares_with_the_stores_time<F: Fixture>(t: &Harness<F>) {
    let now = t.transact(program_on(&value(1)).with_now()).await.unwrap().now().unwrap();
    assert_eq!(t.holds([Check::Before(now.after(LONG)), Check::missing(&value(1))]).await, Ok(true));
    assert_eq!(t.holds([Check::Before(now), Check::missing(&value(1))]).await, Ok(false));
    assert_eq!(
        t.holds([Check::Before(StoreTime::from_millis(0)), Check::missing(&value(1))]).await,
        Ok(false)
    );
    assert_eq!(t.holds([Check::Before(StoreTime::MAX), Check::missing(&value(1))]).await, Ok(true));
}

pub async fn a_wrong_kind_is_an_error_and_not_false<F: Fixture>(t: &Harness<F>) {
    t.given(one_of_each_kind()).await;
    for number in 1..=5 {
        let kinds = [
            (1, Check::value_equals(&value(number), bytes("v"))),
            (1, Check::value_starts_with(&value(number), bytes("v"))),
            (2, Check::field(&map(number), bytes("f"), FieldTest::Present)),
            (2, Check::field(&map(number), bytes("f"), FieldTest::Absent)),
            (2, Check::field(&map(number), bytes("f"), FieldTest::Equals(bytes("v")))),
            (4, Check::ranked(&ranking(number), bytes("m"), Standing::Present)),
            (4, Check::ranked(&ranking(number), bytes("m"), Standing::Absent)),
            (4, Check::below(&ranking(number), 5)),
            (2, Check::size(&map(number), 0..=5)),
            (3, Check::size(&list(number), 0..=5)),
            (4, Check::size(&ranking(number), 0..=5)),
            (5, Check::size(&log(number), 0..=5)),
        ];
        for (right, check) in kinds.into_iter().filter(|&(right, _)| right != number) {
            let held = t.holds([check.clone()]).await;
            assert_eq!(held, Err(ErrorKind::WrongType), "{check:?}, where only {right} would be right");
        }
        if number != 1 {
            let check = Check::number(&value(number), 0, 0..=5);
            assert_eq!(t.holds([check]).await, Err(ErrorKind::WrongType));
        }
    }
}

/// A program that only reads this key.
pub(super) fn program_on(key: &Key) -> TxnBuilder {
    let mut program = TxnBuilder::new("suite.read");
    program.op(BranchId::ROOT, Op::ttl(key));
    program
}

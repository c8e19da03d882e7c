//! Lists.

use bytes::Bytes;
use roomkey_core::{End, ErrorKind, Life, Op, Reply, StoreTime, Ttl, Until};

use super::values::one_of_each_kind;
use super::*;

pub async fn a_missing_list_is_empty<F: Fixture>(t: &Harness<F>) {
    assert_eq!(t.run(Op::range(&list(1), 0, -1)).await, Ok(Reply::Items(vec![])));
    for end in [End::Front, End::Back] {
        assert_eq!(t.run(Op::pop(&list(1), end, 3)).await, Ok(Reply::Items(vec![])));
    }
    assert_eq!(t.ttl(&list(1)).await, Ttl::Missing);
}

pub async fn push_adds_one_after_the_other<F: Fixture>(t: &Harness<F>) {
    assert_eq!(
        t.run(Op::push(&list(1), End::Back, many(["c", "d"]), Life::Never)).await,
        Ok(Reply::Number(2))
    );
    assert_eq!(
        t.run(Op::push(&list(1), End::Front, many(["b", "a"]), Life::Never)).await,
        Ok(Reply::Number(4))
    );
    assert_eq!(t.run(Op::range(&list(1), 0, -1)).await, Ok(Reply::Items(many(["a", "b", "c", "d"]))));
}

pub async fn pop_takes_from_its_end<F: Fixture>(t: &Harness<F>) {
    t.given([Op::push(&list(1), End::Back, many(["a", "b", "c", "d", "e"]), Life::Never)]).await;
    assert_eq!(t.run(Op::pop(&list(1), End::Front, 2)).await, Ok(Reply::Items(many(["a", "b"]))));
    assert_eq!(t.run(Op::pop(&list(1), End::Back, 2)).await, Ok(Reply::Items(many(["e", "d"]))));
    assert_eq!(t.run(Op::pop(&list(1), End::Front, 1_000)).await, Ok(Reply::Items(many(["c"]))));
    assert_eq!(t.ttl(&list(1)).await, Ttl::Missing, "a list without elements ceases to exist");
}

pub async fn the_expiry_goes_with_the_last_element<F: Fixture>(t: &Harness<F>) {
    t.given([
        Op::push(&list(1), End::Back, "a", Life::Set(Until::In(LONG))),
        Op::pop(&list(1), End::Back, 1),
    ])
    .await;
    t.run(Op::push(&list(1), End::Back, "b", Life::Keep)).await.unwrap();
    assert_eq!(t.ttl(&list(1)).await, Ttl::Never);
}

pub async fn range_counts_from_both_ends<F: Fixture>(t: &Harness<F>) {
    t.given([Op::push(&list(1), End::Back, many(["a", "b", "c", "d"]), Life::Never)]).await;
    let cases: [(i64, i64, &[&'static str]); 12] = [
        (0, 0, &["a"]),
        (1, 2, &["b", "c"]),
        (-2, -1, &["c", "d"]),
        (0, -2, &["a", "b", "c"]),
        (-100, 1, &["a", "b"]),
        (2, 100, &["c", "d"]),
        (-100, 100, &["a", "b", "c", "d"]),
        (3, 1, &[]),
        (4, 10, &[]),
        (-1, -2, &[]),
        (0, -100, &[]),
        (i64::MIN, i64::MAX, &["a", "b", "c", "d"]),
    ];
    for (from, to, expected) in cases {
        let expected = expected.iter().map(|&text| bytes(text)).collect();
        assert_eq!(t.run(Op::range(&list(1), from, to)).await, Ok(Reply::Items(expected)), "{from}..={to}");
    }
}

pub async fn elements_may_be_any_bytes<F: Fixture>(t: &Harness<F>) {
    let odd =
        vec![Bytes::new(), Bytes::from_static(b"\0\r\n\xff"), Bytes::new(), Bytes::from(vec![b'e'; 70_000])];
    assert_eq!(t.run(Op::push(&list(1), End::Back, odd.clone(), Life::Never)).await, Ok(Reply::Number(4)));
    assert_eq!(t.run(Op::range(&list(1), 0, -1)).await, Ok(Reply::Items(odd)));
}

pub async fn a_thousand_elements_go_at_once<F: Fixture>(t: &Harness<F>) {
    let thousand: Vec<Bytes> = (0..1_000).map(|i| Bytes::from(i.to_string())).collect();
    assert_eq!(
        t.run(Op::push(&list(1), End::Back, thousand.clone(), Life::Never)).await,
        Ok(Reply::Number(1_000))
    );
    assert_eq!(t.run(Op::pop(&list(1), End::Front, 1_000)).await, Ok(Reply::Items(thousand)));
}

pub async fn a_list_lives_as_push_says<F: Fixture>(t: &Harness<F>) {
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
        t.run(Op::push(&list(1), End::Front, "v", life)).await.unwrap();
        let ttl = t.ttl(&list(1)).await;
        assert!(after.map_or(ttl == Ttl::Never, |whole| runs(ttl, whole)), "{life:?}: {ttl:?}");
    }
    t.run(Op::push(&list(2), End::Back, "v", at_least(LONG))).await.unwrap();
    assert!(runs(t.ttl(&list(2)).await, LONG), "a new key gets the lifetime");
}

pub async fn a_deadline_in_the_past_removes_the_list<F: Fixture>(t: &Harness<F>) {
    let past = Life::Set(Until::At(StoreTime::from_millis(1)));
    t.given([Op::push(&list(1), End::Back, "a", Life::Never)]).await;
    assert_eq!(t.run(Op::push(&list(1), End::Back, "b", past)).await, Ok(Reply::Number(2)));
    assert_eq!(t.ttl(&list(1)).await, Ttl::Missing);
}

pub async fn no_elements_is_skipped<F: Fixture>(t: &Harness<F>) {
    t.given([Op::put(&value(1), bytes("v"), Life::Never)]).await;
    for number in [1, 2] {
        let push = Op::push(&list(number), End::Back, Vec::new(), Life::Set(Until::In(LONG)));
        assert_eq!(t.run(push).await, Ok(Reply::Skipped));
    }
    assert_eq!((t.ttl(&list(1)).await, t.ttl(&list(2)).await), (Ttl::Never, Ttl::Missing));
}

pub async fn other_kinds_are_no_lists<F: Fixture>(t: &Harness<F>) {
    t.given(one_of_each_kind()).await;
    for number in [1, 2, 4, 5] {
        for op in [
            Op::push(&list(number), End::Back, "v", Life::Never),
            Op::pop(&list(number), End::Front, 1),
            Op::range(&list(number), 0, -1),
        ] {
            assert_eq!(t.run(op.clone()).await, Err(ErrorKind::WrongType), "{op:?}");
        }
    }
}

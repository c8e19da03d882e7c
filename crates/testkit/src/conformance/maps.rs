//! Maps.

use bytes::Bytes;
use roomkey_core::{ErrorKind, Life, Match, Op, Reply, StoreTime, Ttl, Until};

use super::values::one_of_each_kind;
use super::*;

pub async fn a_missing_map_is_empty<F: Fixture>(t: &Harness<F>) {
    let pair = || [(bytes("f"), bytes(""))];
    assert_eq!(t.run(Op::map_get(&map(1), many(["a", "b"]))).await, Ok(Reply::Optionals(vec![None, None])));
    assert_eq!(t.run(Op::map_all(&map(1))).await, Ok(Reply::Fields(vec![])));
    assert_eq!(t.run(Op::map_remove(&map(1), many(["a", "b"]))).await, Ok(Reply::Number(0)));
    assert_eq!(t.run(Op::map_match(&map(1), pair())).await, Ok(Reply::Matches(vec![Match::Absent])));
    assert_eq!(t.ttl(&map(1)).await, Ttl::Missing);
}

pub async fn fields_are_read_back_in_the_order_asked_for<F: Fixture>(t: &Harness<F>) {
    let put = Op::map_put(&map(1), many(["a", "b", "c"]), many(["1", "2", "3"]), Life::Never);
    assert_eq!(t.run(put).await, Ok(Reply::Number(3)));
    let read = vec![Some(bytes("3")), None, Some(bytes("1")), Some(bytes("3"))];
    assert_eq!(t.run(Op::map_get(&map(1), many(["c", "x", "a", "c"]))).await, Ok(Reply::Optionals(read)));
    let all = vec![(bytes("a"), bytes("1")), (bytes("b"), bytes("2")), (bytes("c"), bytes("3"))];
    assert_eq!(sorted_fields(t, 1).await, all);
}

pub async fn put_counts_the_fields_it_creates<F: Fixture>(t: &Harness<F>) {
    t.given([Op::map_put(&map(1), "a", "old", Life::Never)]).await;
    let put = Op::map_put(&map(1), many(["a", "b"]), many(["new", "2"]), Life::Never);
    assert_eq!(t.run(put).await, Ok(Reply::Number(1)));
    assert_eq!(sorted_fields(t, 1).await, [(bytes("a"), bytes("new")), (bytes("b"), bytes("2"))]);
}

pub async fn one_value_serves_all_fields<F: Fixture>(t: &Harness<F>) {
    assert_eq!(t.run(Op::map_put(&map(1), many(["a", "b"]), "v", Life::Never)).await, Ok(Reply::Number(2)));
    assert_eq!(sorted_fields(t, 1).await, [(bytes("a"), bytes("v")), (bytes("b"), bytes("v"))]);
}

pub async fn two_lists_run_in_step_to_the_shorter<F: Fixture>(t: &Harness<F>) {
    let longer_fields = Op::map_put(&map(1), many(["a", "b", "c"]), many(["1", "2"]), Life::Never);
    assert_eq!(t.run(longer_fields).await, Ok(Reply::Number(2)));
    let longer_values = Op::map_put(&map(2), many(["a", "b"]), many(["1", "2", "3"]), Life::Never);
    assert_eq!(t.run(longer_values).await, Ok(Reply::Number(2)));
    for number in [1, 2] {
        assert_eq!(sorted_fields(t, number).await, [(bytes("a"), bytes("1")), (bytes("b"), bytes("2"))]);
    }
}

pub async fn of_a_field_named_twice_the_last_value_stays<F: Fixture>(t: &Harness<F>) {
    let put = Op::map_put(&map(1), many(["a", "b", "a"]), many(["1", "2", "3"]), Life::Never);
    assert_eq!(t.run(put).await, Ok(Reply::Number(2)));
    assert_eq!(sorted_fields(t, 1).await, [(bytes("a"), bytes("3")), (bytes("b"), bytes("2"))]);
    assert_eq!(t.run(Op::map_remove(&map(1), many(["a", "a"]))).await, Ok(Reply::Number(1)));
}

pub async fn fields_and_values_may_be_any_bytes<F: Fixture>(t: &Harness<F>) {
    let odd = vec![Bytes::new(), Bytes::from_static(b"\0\r\n\xff"), Bytes::from(vec![b'f'; 60_000])];
    let put = Op::map_put(&map(1), odd.clone(), odd.clone(), Life::Never);
    assert_eq!(t.run(put).await, Ok(Reply::Number(3)));
    let read = odd.iter().cloned().map(Some).collect();
    assert_eq!(t.run(Op::map_get(&map(1), odd.clone())).await, Ok(Reply::Optionals(read)));
    assert_eq!(t.run(Op::map_remove(&map(1), odd)).await, Ok(Reply::Number(3)));
}

pub async fn a_map_without_fields_ceases_to_exist<F: Fixture>(t: &Harness<F>) {
    t.given([Op::map_put(&map(1), many(["a", "b"]), "v", Life::Set(Until::In(LONG)))]).await;
    assert_eq!(t.run(Op::map_remove(&map(1), many(["a", "x"]))).await, Ok(Reply::Number(1)));
    assert!(runs(t.ttl(&map(1)).await, LONG));
    assert_eq!(t.run(Op::map_remove(&map(1), many(["b"]))).await, Ok(Reply::Number(1)));
    assert_eq!(t.ttl(&map(1)).await, Ttl::Missing);
    t.run(Op::map_put(&map(1), "a", "v", Life::Keep)).await.unwrap();
    assert_eq!(t.ttl(&map(1)).await, Ttl::Never, "its expiry went with it");
}

pub async fn match_compares_beginnings<F: Fixture>(t: &Harness<F>) {
    t.given([Op::map_put(&map(1), many(["a", "b", "e"]), many(["owner:rest", "own", ""]), Life::Never)])
        .await;
    let owner = |field| (bytes(field), bytes("owner"));
    let asked =
        [owner("a"), owner("b"), owner("x"), (bytes("b"), bytes("own")), (bytes("e"), bytes("")), owner("e")];
    let answers =
        vec![Match::Match, Match::Differs, Match::Absent, Match::Match, Match::Match, Match::Differs];
    assert_eq!(t.run(Op::map_match(&map(1), asked)).await, Ok(Reply::Matches(answers)));
}

pub async fn a_map_lives_as_put_says<F: Fixture>(t: &Harness<F>) {
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
        t.run(Op::map_put(&map(1), "f", "v", life)).await.unwrap();
        let ttl = t.ttl(&map(1)).await;
        assert!(after.map_or(ttl == Ttl::Never, |whole| runs(ttl, whole)), "{life:?}: {ttl:?}");
    }
    t.run(Op::map_put(&map(2), "f", "v", at_least(LONG))).await.unwrap();
    assert!(runs(t.ttl(&map(2)).await, LONG), "a new key gets the lifetime");
}

pub async fn a_deadline_in_the_past_removes_the_map<F: Fixture>(t: &Harness<F>) {
    let past = Life::Set(Until::At(StoreTime::from_millis(1)));
    t.given([Op::map_put(&map(1), "f", "v", Life::Never)]).await;
    assert_eq!(t.run(Op::map_put(&map(1), "g", "v", past)).await, Ok(Reply::Number(1)));
    assert_eq!(t.ttl(&map(1)).await, Ttl::Missing);
}

pub async fn no_fields_is_skipped<F: Fixture>(t: &Harness<F>) {
    t.given([Op::put(&value(1), bytes("v"), Life::Never)]).await;
    let none = Vec::<Bytes>::new;
    let long = Life::Set(Until::In(LONG));
    for number in [1, 2] {
        for op in [
            Op::map_get(&map(number), none()),
            Op::map_put(&map(number), none(), "v", long),
            Op::map_put(&map(number), "f", none(), long),
            Op::map_remove(&map(number), none()),
            Op::map_match(&map(number), []),
        ] {
            assert_eq!(t.run(op.clone()).await, Ok(Reply::Skipped), "{op:?}");
        }
    }
    assert_eq!(t.ttl(&value(1)).await, Ttl::Never, "what is skipped changes no lifetime");
    assert_eq!(t.ttl(&value(2)).await, Ttl::Missing);
}

pub async fn other_kinds_are_no_maps<F: Fixture>(t: &Harness<F>) {
    t.given(one_of_each_kind()).await;
    for number in [1, 3, 4, 5] {
        for op in [
            Op::map_get(&map(number), "f"),
            Op::map_all(&map(number)),
            Op::map_put(&map(number), "f", "v", Life::Never),
            Op::map_remove(&map(number), "f"),
            Op::map_match(&map(number), [(bytes("f"), bytes("v"))]),
        ] {
            assert_eq!(t.run(op.clone()).await, Err(ErrorKind::WrongType), "{op:?}");
        }
    }
}

async fn sorted_fields<F: Fixture>(t: &Harness<F>, number: u8) -> Vec<(Bytes, Bytes)> {
    match t.run(Op::map_all(&map(number))).await {
        Ok(Reply::Fields(mut fields)) => {
            fields.sort();
            fields
        }
        other => panic!("MapAll replied {other:?}"),
    }
}

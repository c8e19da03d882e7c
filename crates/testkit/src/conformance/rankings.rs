//! Rankings, and the lease sets made of them.

use bytes::Bytes;
use roomkey_core::{
    Bound, ErrorKind, Life, Limit, MAX_SCORE, Only, Op, Order, RankPut, Reply, Score, StoreTime, Ttl, Until,
};

use super::values::one_of_each_kind;
use super::*;

pub async fn a_missing_ranking_is_empty<F: Fixture>(t: &Harness<F>) {
    assert_eq!(t.run(whole(1)).await, Ok(Reply::Scored(vec![])));
    assert_eq!(t.run(Op::rank_count(&ranking(1))).await, Ok(Reply::Number(0)));
    assert_eq!(
        t.run(Op::rank_scores(&ranking(1), many(["a", "b"]))).await,
        Ok(Reply::Scores(vec![None, None]))
    );
    assert_eq!(t.run(Op::rank_place(&ranking(1), "a")).await, Ok(Reply::Place(None)));
    assert_eq!(t.run(Op::rank_remove(&ranking(1), many(["a", "b"]))).await, Ok(Reply::Number(0)));
    assert_eq!(t.run(Op::rank_take(&ranking(1), 5)).await, Ok(Reply::Items(vec![])));
    assert_eq!(t.run(put(1, ["a"], Score::Is(1)).only(Only::Live)).await, Ok(ranked([], None)));
    assert_eq!(t.ttl(&ranking(1)).await, Ttl::Missing);
}

pub async fn members_order_by_score_then_bytes<F: Fixture>(t: &Harness<F>) {
    t.given([put(1, ["b", "a", "c"], Score::Is(5)).into(), put(1, ["z"], Score::Is(-5)).into()]).await;
    t.given([put(1, ["y"], Score::Is(10)).into()]).await;
    let order = scored([("z", -5), ("a", 5), ("b", 5), ("c", 5), ("y", 10)]);
    assert_eq!(t.run(whole(1)).await, Ok(Reply::Scored(order.clone())));
    let reversed = order.into_iter().rev().collect();
    let highest = Op::rank_range(&ranking(1), Bound::Open, Bound::Open, Order::Highest, 10);
    assert_eq!(t.run(highest).await, Ok(Reply::Scored(reversed)));
    for (member, place) in [("z", Some(0)), ("a", Some(1)), ("b", Some(2)), ("y", Some(4)), ("x", None)] {
        assert_eq!(t.run(Op::rank_place(&ranking(1), member)).await, Ok(Reply::Place(place)));
    }
}

pub async fn bytes_order_as_unsigned_numbers<F: Fixture>(t: &Harness<F>) {
    let members = [&b""[..], b"\0", b"A", b"a", b"aa", b"\x7f", b"\x80", b"\xff"].map(Bytes::from_static);
    let mixed: Vec<Bytes> = [5, 0, 7, 3, 1, 6, 4, 2].map(|i: usize| members[i].clone()).to_vec();
    t.given([RankPut::new(&ranking(1), mixed, Score::Is(1)).into()]).await;
    let order = members.into_iter().map(|member| (member, 1)).collect();
    assert_eq!(t.run(whole(1)).await, Ok(Reply::Scored(order)));
}

pub async fn range_has_inclusive_bounds_and_a_limit<F: Fixture>(t: &Harness<F>) {
    for (member, score) in [("a", 1), ("b", 2), ("c", 3), ("d", 4)] {
        t.given([put(1, [member], Score::Is(score)).into()]).await;
    }
    let range = |min, max, order, limit| t.run(Op::rank_range(&ranking(1), min, max, order, limit));
    let (two, three) = (Bound::Is(2), Bound::Is(3));
    assert_eq!(range(two, three, Order::Lowest, 9).await, Ok(Reply::Scored(scored([("b", 2), ("c", 3)]))));
    assert_eq!(range(two, Bound::Open, Order::Lowest, 1).await, Ok(Reply::Scored(scored([("b", 2)]))));
    assert_eq!(
        range(Bound::Open, three, Order::Highest, 2).await,
        Ok(Reply::Scored(scored([("c", 3), ("b", 2)])))
    );
    assert_eq!(range(three, two, Order::Lowest, 9).await, Ok(Reply::Scored(vec![])));
    assert_eq!(range(Bound::Is(5), Bound::Open, Order::Highest, 9).await, Ok(Reply::Scored(vec![])));
}

pub async fn scores_are_exact_to_their_ends<F: Fixture>(t: &Harness<F>) {
    let ends = [-MAX_SCORE, 1 - MAX_SCORE, -1, 0, MAX_SCORE - 1, MAX_SCORE];
    let members = ["a", "b", "c", "d", "e", "f"];
    for (member, score) in members.into_iter().zip(ends) {
        assert_eq!(t.run(put(1, [member], Score::Is(score))).await, Ok(ranked([member], Some(score))));
    }
    let read = members.into_iter().zip(ends).map(|(member, score)| (bytes(member), score)).collect();
    assert_eq!(t.run(whole(1)).await, Ok(Reply::Scored(read)));
    let scores = ends.into_iter().map(Some).collect();
    assert_eq!(t.run(Op::rank_scores(&ranking(1), many(members))).await, Ok(Reply::Scores(scores)));
    let last = Op::rank_range(&ranking(1), Bound::Is(MAX_SCORE), Bound::Open, Order::Lowest, 9);
    assert_eq!(t.run(last).await, Ok(Reply::Scored(scored([("f", MAX_SCORE)]))));
}

pub async fn a_moment_is_the_score_that_it_is<F: Fixture>(t: &Harness<F>) {
    let ends = [0, 1, 9_999_999, 10_000_000, 19_999_999, 20_000_000, MAX_SCORE - 1, MAX_SCORE];
    for score in ends {
        let moment = Score::After(Until::At(StoreTime::from_millis(score.unsigned_abs())));
        assert_eq!(t.run(put(1, ["a"], moment)).await, Ok(ranked(["a"], Some(score))));
        assert_eq!(t.run(put(1, ["b", "c"], moment)).await, Ok(ranked(["b", "c"], Some(score))));
        assert_eq!(t.run(whole(1)).await, Ok(Reply::Scored(scored(["a", "b", "c"].map(|who| (who, score))))));
    }
}

pub async fn put_moves_members<F: Fixture>(t: &Harness<F>) {
    t.given([put(1, ["a", "b"], Score::Is(1)).into()]).await;
    assert_eq!(t.run(put(1, ["a", "c"], Score::Is(7))).await, Ok(ranked(["a", "c"], Some(7))));
    assert_eq!(t.run(whole(1)).await, Ok(Reply::Scored(scored([("b", 1), ("a", 7), ("c", 7)]))));
}

pub async fn remove_counts_and_the_last_member_ends_the_ranking<F: Fixture>(t: &Harness<F>) {
    t.given([put(1, ["a", "b", "c"], Score::Is(1)).life(Life::Set(Until::In(LONG))).into()]).await;
    assert_eq!(t.run(Op::rank_remove(&ranking(1), many(["a", "a", "x"]))).await, Ok(Reply::Number(1)));
    assert_eq!(t.run(Op::rank_remove(&ranking(1), many(["b", "c"]))).await, Ok(Reply::Number(2)));
    assert_eq!(t.ttl(&ranking(1)).await, Ttl::Missing);
    t.run(put(1, ["a"], Score::Is(1))).await.unwrap();
    assert_eq!(t.ttl(&ranking(1)).await, Ttl::Never, "its expiry went with it");
}

pub async fn a_member_of_no_bytes_is_a_member<F: Fixture>(t: &Harness<F>) {
    t.given([put(1, ["", "a"], after(LONG)).into()]).await;
    // A store that begins a release with some harmless removal must not remove this one.
    assert_eq!(t.run(Op::rank_remove(&ranking(1), "x")).await, Ok(Reply::Number(0)));
    t.run(put(1, ["a"], after(LONG)).only(Only::Live)).await.unwrap();
    t.run(Op::rank_take(&ranking(1), 10)).await.unwrap();
    assert_eq!(t.run(Op::rank_count(&ranking(1))).await, Ok(Reply::Number(2)));
    assert_eq!(t.run(Op::rank_place(&ranking(1), "")).await, Ok(Reply::Place(Some(0))));
}

pub async fn live_is_a_score_after_now<F: Fixture>(t: &Harness<F>) {
    t.given([put(1, ["dead"], Score::Is(1)).into(), put(1, ["live", "also"], after(LONG)).into()]).await;
    assert_eq!(t.run(Op::rank_count(&ranking(1))).await, Ok(Reply::Number(2)));
    let dead = Op::rank_range(&ranking(1), Bound::Open, Bound::Now, Order::Lowest, 9);
    assert_eq!(t.run(dead).await, Ok(Reply::Scored(scored([("dead", 1)]))));
    let live = Op::rank_range(&ranking(1), Bound::Now, Bound::Open, Order::Lowest, 9);
    assert_eq!(members(t.run(live).await), many(["also", "live"]));
}

pub async fn take_removes_the_earliest_dead<F: Fixture>(t: &Harness<F>) {
    t.given([put(1, ["c", "b"], Score::Is(2)).into(), put(1, ["d"], Score::Is(1)).into()]).await;
    t.given([put(1, ["live"], after(LONG)).life(Life::Set(Until::In(LONG))).into()]).await;
    assert_eq!(t.run(Op::rank_take(&ranking(1), 2)).await, Ok(Reply::Items(many(["d", "b"]))));
    assert_eq!(t.run(Op::rank_take(&ranking(1), 2)).await, Ok(Reply::Items(many(["c"]))));
    assert_eq!(t.run(Op::rank_take(&ranking(1), 2)).await, Ok(Reply::Items(vec![])));
    assert_eq!(t.run(Op::rank_count(&ranking(1))).await, Ok(Reply::Number(1)));
    t.given([put(2, ["only"], Score::Is(1)).into()]).await;
    assert_eq!(t.run(Op::rank_take(&ranking(2), 2)).await, Ok(Reply::Items(many(["only"]))));
    assert_eq!(t.ttl(&ranking(2)).await, Ttl::Missing);
}

pub async fn only_says_who_may_be_written<F: Fixture>(t: &Harness<F>) {
    let cases: [(Only, &[&'static str]); 4] = [
        (Only::Any, &["live", "dead", "new"]),
        (Only::New, &["new"]),
        (Only::NotLive, &["dead", "new"]),
        (Only::Live, &["live"]),
    ];
    for (number, (only, expected)) in (1..).zip(cases) {
        t.given([put(number, ["live"], after(LONG)).into(), put(number, ["dead"], Score::Is(1)).into()])
            .await;
        let reply = t.run(put(number, ["live", "dead", "new"], Score::Is(9)).only(only)).await;
        let expected = expected.iter().map(|&text| bytes(text)).collect();
        assert_eq!(reply, Ok(Reply::Ranked { members: expected, score: Some(9) }), "{only:?}");
    }
}

pub async fn within_admits_the_first_that_fit<F: Fixture>(t: &Harness<F>) {
    t.given([put(1, ["dead"], Score::Is(1)).into(), put(1, ["live"], after(LONG)).into()]).await;
    let join = |members, limit: i64| t.run(put(1, members, after(LONG)).within(limit));
    assert_eq!(members(join(["a", "b", "c"], 3).await), many(["a", "b"]));
    assert_eq!(members(join(["c", "live", "a"], 3).await), many(["live", "a"]), "the live are never refused");
    assert_eq!(members(join(["c", "dead", "d"], 4).await), many(["c"]), "the dead are admitted like the new");
    for limit in [0, -1, i64::MIN] {
        assert_eq!(join(["x", "dead", "y"], limit).await, Ok(ranked([], None)));
    }
    assert_eq!(members(join(["x", "dead", "y"], i64::MAX).await), many(["x", "dead", "y"]));
}

pub async fn within_counts_what_the_members_before_changed<F: Fixture>(t: &Harness<F>) {
    let reply = t.run(put(1, ["a", "b"], Score::Is(1)).within(1)).await;
    assert_eq!(reply, Ok(ranked(["a", "b"], Some(1))), "who is written dead takes no place");
    let reply = t.run(put(2, ["a", "a", "b"], after(LONG)).within(1)).await;
    assert_eq!(members(reply), many(["a", "a"]), "the second time it is live already");
    let reply = t.run(put(3, ["a", "a", "b"], after(LONG)).only(Only::New).within(2)).await;
    assert_eq!(members(reply), many(["a", "b"]), "the second time it is not new");
    t.given([put(4, ["a", "b"], after(LONG)).into()]).await;
    let reply = t.run(put(4, ["a", "c"], Score::Is(1)).within(2)).await;
    assert_eq!(reply, Ok(ranked(["a", "c"], Some(1))), "a live member written dead makes room");
}

pub async fn a_member_named_twice_finds_what_the_first_time_left<F: Fixture>(t: &Harness<F>) {
    let past = Score::After(Until::At(StoreTime::from_millis(1)));
    let cases: [(Only, Score, &[&'static str]); 8] = [
        (Only::Any, after(LONG), &["live", "new", "live", "new"]),
        (Only::New, after(LONG), &["new"]),
        (Only::NotLive, after(LONG), &["new"]),
        (Only::NotLive, past, &["new", "new"]),
        (Only::NotLive, Score::Is(1), &["new", "new"]),
        (Only::Live, after(LONG), &["live", "live"]),
        (Only::Live, past, &["live"]),
        (Only::Live, Score::Is(1), &["live"]),
    ];
    for (number, (only, score, expected)) in (1..).zip(cases) {
        t.given([put(number, ["live"], after(LONG)).into()]).await;
        let reply = t.run(put(number, ["live", "new", "live", "new"], score).only(only)).await;
        let expected: Vec<_> = expected.iter().map(|&text| bytes(text)).collect();
        assert_eq!(members(reply), expected, "{only:?} {score:?}");
    }
}

pub async fn whose_of_many_leases_were_lengthened_is_told<F: Fixture>(t: &Harness<F>) {
    let cases: [(&[&'static str], &[&'static str]); 6] = [
        (&["a", "b"], &["a", "b"]),
        (&["c", "gone", "a"], &["c", "a"]),
        (&["b", "b", "a"], &["b", "b", "a"]),
        (&["dead", "c"], &["c"]),
        (&["gone", "dead"], &[]),
        (&["a", "b", "c", "gone", "never"], &["a", "b", "c"]),
    ];
    let all = |texts: &[&'static str]| texts.iter().map(|&text| bytes(text)).collect::<Vec<_>>();
    for (round, dead) in (0..).zip([&[][..], &["dead"][..], &["dead", "a", "b", "c"][..]]) {
        for (number, (given, lengthened)) in (10 * round + 1..).zip(cases) {
            let set = Life::Set(Until::In(LONG));
            t.given([put(number, ["a", "b", "c"], after(LONG)).life(set).into()]).await;
            t.run(RankPut::new(&ranking(number), all(dead), Score::Is(1))).await.unwrap();

            let mut program = TxnBuilder::new("suite.lengthened");
            let at_least = Life::AtLeast(Until::In(LONG * 2));
            let lengthen = RankPut::new(&ranking(number), all(given), after(LONG * 2));
            let lengthen = program.op(BranchId::ROOT, lengthen.only(Only::Live).life(at_least));
            let next = RankPut::new(&ranking(100), lengthen, Score::From(lengthen));
            program.op(BranchId::ROOT, next);
            let outcome = t.transact(program.with_now()).await.unwrap();

            let deadline = i64::try_from(outcome.now().unwrap().after(LONG * 2).as_millis()).unwrap();
            let members = if round < 2 { all(lengthened) } else { Vec::new() };
            let score_if = |written| if written { Some(deadline) } else { None };
            let reply = Reply::Ranked { members: members.clone(), score: score_if(!members.is_empty()) };
            assert_eq!(outcome.reply(lengthen), Some(&reply), "{given:?}, dead: {dead:?}");
            let told = all(given).iter().map(|member| score_if(members.contains(member))).collect();
            assert_eq!(t.run(Op::rank_scores(&ranking(100), all(given))).await, Ok(Reply::Scores(told)));
            let is = |member| {
                score_if(members.contains(&member)).or_else(|| all(dead).contains(&member).then_some(1))
            };
            let are = Reply::Scores(all(given).into_iter().map(is).collect());
            assert_eq!(t.run(Op::rank_scores(&ranking(number), all(given))).await, Ok(are), "{given:?}");
            let life = if members.is_empty() { LONG } else { LONG * 2 };
            assert!(runs(t.ttl(&ranking(number)).await, life), "{given:?}");
            t.given([Op::delete(&ranking(100))]).await;
        }
    }
}

pub async fn a_limit_may_be_stored_in_a_map<F: Fixture>(t: &Harness<F>) {
    let stored = |or| Limit::Stored { key: map(9), field: bytes("limit"), or };
    let join = |number, or| t.run(put(number, ["a", "b", "c"], after(LONG)).within(stored(or)));
    assert_eq!(members(join(1, 2).await), many(["a", "b"]), "a missing map leaves the other number");
    t.given([Op::map_put(&map(9), "other", "1", Life::Never)]).await;
    assert_eq!(members(join(2, 1).await), many(["a"]), "so does a missing field");
    t.given([Op::map_put(&map(9), "limit", "2", Life::Never)]).await;
    assert_eq!(members(join(3, 0).await), many(["a", "b"]));
    for text in values::NOT_CANONICAL {
        t.given([Op::map_put(&map(9), "limit", text, Life::Never)]).await;
        assert_eq!(join(4, 2).await, Err(ErrorKind::NotANumber), "{text:?}");
    }
    for (text, admitted) in [("9223372036854775807", 3), ("-9223372036854775808", 0), ("9007199254740993", 3)]
    {
        t.given([Op::map_put(&map(9), "limit", text, Life::Never), Op::delete(&ranking(4))]).await;
        assert_eq!(members(join(4, 2).await).len(), admitted, "{text}");
    }
    t.given([Op::put(&value(9), bytes("3"), Life::Never)]).await;
    assert_eq!(join(5, 2).await, Err(ErrorKind::WrongType));
    assert_eq!(t.ttl(&ranking(5)).await, Ttl::Missing);
}

pub async fn last_gives_a_queue_order<F: Fixture>(t: &Harness<F>) {
    assert_eq!(t.run(put(1, ["b"], Score::Last)).await, Ok(ranked(["b"], Some(1))));
    assert_eq!(t.run(put(1, ["a"], Score::Last)).await, Ok(ranked(["a"], Some(2))));
    assert_eq!(t.run(put(1, ["a"], Score::Last).only(Only::New)).await, Ok(ranked([], None)));
    assert_eq!(t.run(put(1, ["b"], Score::Last)).await, Ok(ranked(["b"], Some(3))));
    assert_eq!(t.run(put(1, ["c", "d"], Score::Last)).await, Ok(ranked(["c", "d"], Some(4))));
    for (number, highest, next) in
        [(2, -5, -4), (3, 0, 1), (4, MAX_SCORE - 1, MAX_SCORE), (5, MAX_SCORE, MAX_SCORE)]
    {
        t.given([put(number, ["x"], Score::Is(highest)).into()]).await;
        assert_eq!(t.run(put(number, ["y"], Score::Last)).await, Ok(ranked(["y"], Some(next))));
    }
}

pub async fn deadlines_are_counted_from_the_stores_time<F: Fixture>(t: &Harness<F>) {
    let far = StoreTime::from_millis(1 << 50);
    let part = Duration::from_nanos(1_500_001);
    for (number, until, expected) in [
        (1, Until::In(LONG), None),
        (2, Until::In(part), Some(2)),
        (3, Until::At(far), Some(0)),
        (4, Until::InCapped(LONG, far), None),
        (5, Until::InCapped(LONG, StoreTime::from_millis(7)), Some(0)),
    ] {
        let mut program = TxnBuilder::new("suite.deadline");
        let op = program.op(BranchId::ROOT, put(number, ["m"], Score::After(until)));
        let outcome = t.transact(program.with_now()).await.unwrap();
        let now = outcome.now().unwrap();
        let deadline = match expected {
            None => now.after(LONG),
            Some(0) => until.resolve(now),
            Some(ms) => StoreTime::from_millis(now.as_millis() + ms),
        };
        let score = i64::try_from(deadline.as_millis()).unwrap();
        assert_eq!(outcome.reply(op), Some(&ranked(["m"], Some(score))), "{until:?}");
    }
}

pub async fn a_ranking_lives_as_put_says<F: Fixture>(t: &Harness<F>) {
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
        t.run(put(1, ["m"], Score::Is(1)).life(life)).await.unwrap();
        let ttl = t.ttl(&ranking(1)).await;
        assert!(after.map_or(ttl == Ttl::Never, |whole| runs(ttl, whole)), "{life:?}: {ttl:?}");
    }
    t.run(put(2, ["m"], Score::Is(1)).life(at_least(LONG))).await.unwrap();
    assert!(runs(t.ttl(&ranking(2)).await, LONG), "a new key gets the lifetime");
}

pub async fn a_put_that_writes_nobody_changes_no_lifetime<F: Fixture>(t: &Harness<F>) {
    t.given([put(1, ["m"], Score::Is(1)).into()]).await;
    for life in [Life::Set(Until::In(LONG)), Life::Set(Until::At(StoreTime::from_millis(1)))] {
        assert_eq!(t.run(put(1, ["m"], Score::Is(2)).only(Only::New).life(life)).await, Ok(ranked([], None)));
        assert_eq!(
            t.run(put(1, ["x"], Score::Is(2)).only(Only::Live).life(life)).await,
            Ok(ranked([], None))
        );
        assert_eq!(t.run(put(1, ["x"], Score::Is(2)).within(0).life(life)).await, Ok(ranked([], None)));
        assert_eq!(t.ttl(&ranking(1)).await, Ttl::Never);
        assert_eq!(t.run(put(2, ["x"], Score::Is(2)).within(0).life(life)).await, Ok(ranked([], None)));
        assert_eq!(t.ttl(&ranking(2)).await, Ttl::Missing);
    }
}

pub async fn a_deadline_in_the_past_removes_the_ranking<F: Fixture>(t: &Harness<F>) {
    let past = Life::Set(Until::At(StoreTime::from_millis(1)));
    t.given([put(1, ["m"], Score::Is(1)).into()]).await;
    assert_eq!(t.run(put(1, ["n"], Score::Is(2)).life(past)).await, Ok(ranked(["n"], Some(2))));
    assert_eq!(t.ttl(&ranking(1)).await, Ttl::Missing);
}

pub async fn no_members_is_skipped<F: Fixture>(t: &Harness<F>) {
    t.given([Op::put(&value(1), bytes("v"), Life::Never)]).await;
    let none = Vec::<Bytes>::new;
    for number in [1, 2] {
        for op in [
            RankPut::new(&ranking(number), none(), Score::Is(1)).life(Life::Set(Until::In(LONG))).into(),
            Op::rank_remove(&ranking(number), none()),
            Op::rank_scores(&ranking(number), none()),
        ] {
            assert_eq!(t.run(op.clone()).await, Ok(Reply::Skipped), "{op:?}");
        }
    }
    assert_eq!((t.ttl(&ranking(1)).await, t.ttl(&ranking(2)).await), (Ttl::Never, Ttl::Missing));
}

pub async fn other_kinds_are_no_rankings<F: Fixture>(t: &Harness<F>) {
    t.given(one_of_each_kind()).await;
    for number in [1, 2, 3, 5] {
        for op in [
            put(number, ["m"], Score::Is(1)).into(),
            put(number, ["m"], Score::Last).only(Only::Live).within(1).into(),
            Op::rank_remove(&ranking(number), "m"),
            Op::rank_take(&ranking(number), 1),
            whole(number),
            Op::rank_count(&ranking(number)),
            Op::rank_scores(&ranking(number), "m"),
            Op::rank_place(&ranking(number), "m"),
        ] {
            assert_eq!(t.run(op.clone()).await, Err(ErrorKind::WrongType), "{op:?}");
        }
    }
}

pub(super) fn put<const N: usize>(number: u8, members: [&'static str; N], score: Score) -> RankPut {
    RankPut::new(&ranking(number), many(members), score)
}

pub(super) fn after(duration: Duration) -> Score {
    Score::After(Until::In(duration))
}

/// Reads a whole ranking, from the lowest score.
pub(super) fn whole(number: u8) -> Op {
    Op::rank_range(&ranking(number), Bound::Open, Bound::Open, Order::Lowest, 1_000)
}

pub(super) fn scored<const N: usize>(members: [(&'static str, i64); N]) -> Vec<(Bytes, i64)> {
    members.map(|(member, score)| (bytes(member), score)).to_vec()
}

pub(super) fn ranked<const N: usize>(members: [&'static str; N], score: Option<i64>) -> Reply {
    Reply::Ranked { members: many(members), score }
}

/// The members that a reply names, where their scores depend on the time.
pub(super) fn members(reply: Result<Reply, ErrorKind>) -> Vec<Bytes> {
    match reply {
        Ok(Reply::Ranked { members, .. }) => members,
        Ok(Reply::Scored(members)) => members.into_iter().map(|(member, _)| member).collect(),
        other => panic!("members were expected, not {other:?}"),
    }
}

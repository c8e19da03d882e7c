//! Expiry: keys end at their deadline, whoever looks at them and however.

use roomkey_core::{
    Append, End, FieldTest, Life, MAX_DURATION, MAX_SCORE, Only, Op, RankPut, Reply, Scan, Score, Standing,
    Store as _, StoreTime, Ttl, Until,
};

use super::rankings::{after, put, ranked};
use super::*;

pub async fn every_kind_ends_at_its_deadline<F: Fixture>(t: &Harness<F>) {
    t.given(one_of_each_kind_living(Life::Set(Until::In(BRIEF)))).await;
    t.advance(BRIEF).await;
    assert_eq!(t.run(Op::get(&value(1))).await, Ok(Reply::Bytes(None)));
    assert_eq!(t.run(Op::map_all(&map(2))).await, Ok(Reply::Fields(vec![])));
    assert_eq!(t.run(Op::range(&list(3), 0, -1)).await, Ok(Reply::Items(vec![])));
    assert_eq!(t.run(rankings::whole(4)).await, Ok(Reply::Scored(vec![])));
    assert_eq!(t.run(logs::whole(5)).await, Ok(Reply::Entries(vec![])));
    for number in 1..=5 {
        assert_eq!(t.ttl(&value(number)).await, Ttl::Missing);
        assert_eq!(t.run(Op::delete(&value(number))).await, Ok(Reply::Flag(false)));
        assert_eq!(t.run(Op::expire(&value(number), Life::Never)).await, Ok(Reply::Skipped));
    }
}

pub async fn an_expired_key_has_no_kind<F: Fixture>(t: &Harness<F>) {
    t.given(one_of_each_kind_living(Life::Set(Until::In(BRIEF)))).await;
    t.advance(BRIEF).await;
    // Each of the five is written as the kind of its neighbour.
    let key = |kind, number: u8| key(kind, number % 5 + 1);
    assert_eq!(t.run(Op::add(&key(Kind::Value, 1), 3, Life::Keep)).await, Ok(Reply::Number(3)));
    assert_eq!(t.run(Op::map_put(&key(Kind::Map, 2), "f", "v", Life::Keep)).await, Ok(Reply::Number(1)));
    assert_eq!(t.run(Op::push(&key(Kind::List, 3), End::Back, "v", Life::Keep)).await, Ok(Reply::Number(1)));
    let rank = RankPut::new(&key(Kind::Ranking, 4), "m", Score::Last);
    assert_eq!(t.run(rank).await, Ok(ranked(["m"], Some(1))));
    let append = Append::new(&key(Kind::Log, 5), 10).field("f", "v");
    assert_eq!(logs::ids(t.run(append).await).len(), 1);
    for number in 1..=5 {
        assert_eq!(t.ttl(&value(number)).await, Ttl::Never, "the new one has nothing of the old one's life");
    }
}

pub async fn an_expired_key_is_new_to_at_least<F: Fixture>(t: &Harness<F>) {
    t.given(one_of_each_kind_living(Life::Set(Until::In(BRIEF)))).await;
    t.advance(BRIEF).await;
    t.given(one_of_each_kind_living(Life::AtLeast(Until::In(LONG)))).await;
    for number in 1..=5 {
        assert!(runs(t.ttl(&value(number)).await, LONG));
    }
}

pub async fn checks_see_no_expired_key<F: Fixture>(t: &Harness<F>) {
    t.given(one_of_each_kind_living(Life::Set(Until::In(BRIEF)))).await;
    t.given([Op::put(&value(6), bytes("text"), Life::Set(Until::In(BRIEF)))]).await;
    t.advance(BRIEF).await;
    for check in [
        Check::missing(&value(1)),
        Check::field(&map(2), bytes("f"), FieldTest::Absent),
        Check::field(&map(1), bytes("f"), FieldTest::Absent),
        Check::size(&list(3), 0..=0),
        Check::size(&log(5), 0..=0),
        Check::ranked(&ranking(4), bytes("m"), Standing::Absent),
        Check::below(&ranking(4), 1),
        Check::number(&value(6), 1, 1..=1),
    ] {
        assert_eq!(t.holds([check.clone()]).await, Ok(true), "{check:?}");
    }
}

pub async fn members_die_at_their_deadline<F: Fixture>(t: &Harness<F>) {
    t.given([put(1, ["a", "b"], after(BRIEF)).into(), put(1, ["c"], after(LONG)).into()]).await;
    t.advance(BRIEF).await;
    assert_eq!(t.run(Op::rank_count(&ranking(1))).await, Ok(Reply::Number(1)));
    assert_eq!(t.holds([Check::below(&ranking(1), 2)]).await, Ok(true));
    assert_eq!(
        t.holds([Check::size(&ranking(1), 3..=3)]).await,
        Ok(true),
        "the dead stay until they are swept"
    );
    assert_eq!(t.holds([Check::ranked(&ranking(1), bytes("a"), Standing::Dead)]).await, Ok(true));
    let renewed = t.run(put(1, ["a", "c"], after(LONG)).only(Only::Live)).await;
    assert_eq!(rankings::members(renewed), many(["c"]), "the dead cannot be renewed");
    let joined = t.run(put(1, ["a", "x"], after(LONG)).within(2)).await;
    assert_eq!(rankings::members(joined), many(["a"]), "the dead have left their place");
    assert_eq!(t.run(Op::rank_take(&ranking(1), 10)).await, Ok(Reply::Items(many(["b"]))));
}

pub async fn a_scan_finds_no_expired_key<F: Fixture>(t: &Harness<F>) {
    t.given(one_of_each_kind_living(Life::Set(Until::In(BRIEF)))).await;
    t.given([Op::put(&value(6), bytes("v"), Life::Never)]).await;
    t.advance(BRIEF).await;
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let page = t.store().scan(Scan::new(namespace("suite")).after(cursor)).await.unwrap();
        found.extend(page.keys);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    found.dedup();
    assert_eq!(found, [value(6).bytes().clone()]);
}

pub async fn the_shortest_lifetime_is_one<F: Fixture>(t: &Harness<F>) {
    let shortest = Life::Set(Until::In(Duration::from_nanos(1)));
    t.given(one_of_each_kind_living(Life::Never)).await;
    assert_eq!(t.run(Op::put(&value(6), bytes("v"), shortest)).await, Ok(Reply::Written));
    for number in 1..=5 {
        assert_eq!(t.run(Op::expire(&value(number), shortest)).await, Ok(Reply::Written));
    }
    t.advance(BRIEF).await;
    for number in 1..=6 {
        assert_eq!(t.ttl(&value(number)).await, Ttl::Missing);
    }
}

pub async fn the_longest_lifetime_is_one<F: Fixture>(t: &Harness<F>) {
    let last = Until::At(StoreTime::MAX);
    for (number, until) in
        [(10, Until::In(MAX_DURATION)), (20, last), (30, Until::InCapped(MAX_DURATION, StoreTime::MAX))]
    {
        assert_eq!(t.run(Op::put(&value(number), bytes("v"), Life::Set(until))).await, Ok(Reply::Written));
        assert_eq!(t.run(Op::expire(&value(number), Life::AtLeast(until))).await, Ok(Reply::Written));
        let ttl = t.ttl(&value(number)).await;
        assert!(matches!(ttl, Ttl::After(left) if left > MAX_DURATION / 2), "{until:?}: {ttl:?}");
    }
    let put = RankPut::new(&ranking(1), "m", Score::After(last));
    assert_eq!(t.run(put).await, Ok(ranked(["m"], Some(MAX_SCORE))));
}

pub async fn an_idle_lifetime_stays_under_its_cap<F: Fixture>(t: &Harness<F>) {
    let now = t.transact(checks::program_on(&value(1)).with_now()).await.unwrap().now().unwrap();
    let cap = now.after(LONG);
    t.given([Op::put(&value(1), bytes("v"), Life::Set(Until::InCapped(LONG * 10, cap)))]).await;
    assert!(runs(t.ttl(&value(1)).await, LONG), "the cap is the earlier");
    t.given([Op::put(&value(2), bytes("v"), Life::Set(Until::InCapped(LONG / 10, cap)))]).await;
    assert!(runs(t.ttl(&value(2)).await, LONG / 10), "the duration is the earlier");
}

pub async fn the_deadline_is_told_exactly<F: Fixture>(t: &Harness<F>) {
    let part = Duration::from_nanos(LONG.as_nanos() as u64 + 1);
    for (until, millis) in [
        (Until::In(LONG), Some(3_600_000)),
        // Parts of a millisecond are rounded up.
        (Until::In(part), Some(3_600_001)),
        (Until::At(StoreTime::from_millis(4_102_444_800_000)), None),
    ] {
        let mut program = TxnBuilder::new("suite.deadline");
        let put = program.op(BranchId::ROOT, Op::put(&value(1), bytes("v"), Life::Set(until)));
        program.op(BranchId::ROOT, RankPut::new(&ranking(2), "m", Score::From(put)));
        let left = program.op(BranchId::ROOT, Op::ttl(&value(1)));
        let scores = program.op(BranchId::ROOT, Op::rank_scores(&ranking(2), "m"));
        let outcome = t.transact(program.with_now()).await.unwrap();
        let now = outcome.now().unwrap();
        let deadline = millis.map_or(4_102_444_800_000, |millis: u64| now.as_millis() + millis);
        let score = i64::try_from(deadline).unwrap();
        assert_eq!(outcome.reply(scores), Some(&Reply::Scores(vec![Some(score)])), "{until:?}");
        // What is left is told to about a millisecond: inside a script, Redis takes TIME and PTTL from two clocks.
        let remaining = Duration::from_millis(deadline - now.as_millis());
        let Some(Reply::Ttl(Ttl::After(left))) = outcome.reply(left) else {
            panic!("{until:?}: {:?}", outcome.reply(left));
        };
        assert!(left.abs_diff(remaining) < Duration::from_secs(1), "{until:?}: {left:?}, not {remaining:?}");
    }
}

pub async fn a_score_of_now_is_dead<F: Fixture>(t: &Harness<F>) {
    let mut moment = StoreTime::from_millis(1);
    for attempt in 0..100_000 {
        let score = i64::try_from(moment.as_millis()).unwrap();
        let ops = [
            RankPut::new(&ranking(1), "m", Score::Is(score)).into(),
            Op::rank_count(&ranking(1)),
            Op::rank_take(&ranking(1), 9),
            Op::delete(&ranking(1)),
        ];
        let mut program = TxnBuilder::new("suite.moment");
        let [_, count, taken, _] = ops.map(|op| program.op(BranchId::ROOT, op));
        let outcome = t.transact(program.with_now()).await.unwrap();
        let now = outcome.now().unwrap();
        if now == moment {
            assert_eq!(outcome.reply(count), Some(&Reply::Number(0)));
            assert_eq!(outcome.reply(taken), Some(&Reply::Items(many(["m"]))));
            return;
        }
        // The millisecond of the next run is guessed: a clock that stands still is hit at once, another after
        // a few attempts.
        moment = StoreTime::from_millis(now.as_millis() + attempt % 2);
    }
    panic!("no program ran in the millisecond that was guessed")
}

/// A value, a map, a list, a ranking and a log under the keys 1 to 5.
fn one_of_each_kind_living(life: Life) -> [Op; 5] {
    [
        Op::put(&value(1), bytes("v"), life),
        Op::map_put(&map(2), "f", "v", life),
        Op::push(&list(3), End::Back, "v", life),
        put(4, ["m"], after(LONG)).life(life).into(),
        Append::new(&log(5), 100).field("f", "v").life(life).into(),
    ]
}

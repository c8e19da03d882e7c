//! Programs: decide, validate, act.

use roomkey_core::{
    End, ErrorKind, FieldTest, Life, Limit, MAX_DEPTH, MAX_OPS, Op, Reply, Score, Standing, Ttl, Until,
};

use super::logs::append;
use super::rankings::{after, put, ranked, scored, whole};
use super::*;

pub async fn no_checks_hold<F: Fixture>(t: &Harness<F>) {
    let mut program = TxnBuilder::new("suite.none");
    let (then, otherwise) = program.fork(BranchId::ROOT, []);
    let yes = program.op(then, Op::add(&value(1), 1, Life::Never));
    let no = program.op(otherwise, Op::add(&value(2), 1, Life::Never));
    let outcome = t.transact(program).await.unwrap();
    assert!(outcome.took(BranchId::ROOT) && outcome.took(then) && !outcome.took(otherwise));
    assert_eq!((outcome.reply(yes), outcome.reply(no)), (Some(&Reply::Number(1)), None));
    assert_eq!(t.ttl(&value(2)).await, Ttl::Missing);
}

pub async fn checks_are_joined_by_and<F: Fixture>(t: &Harness<F>) {
    let (yes, no) = (Check::missing(&value(1)), Check::exists(&value(1)));
    for (checks, holds) in [
        (vec![yes.clone(), yes.clone()], true),
        (vec![yes.clone(), no.clone()], false),
        (vec![no.clone(), yes.clone()], false),
        (vec![no.clone(), no.clone()], false),
    ] {
        assert_eq!(t.holds(checks).await, Ok(holds));
    }
}

pub async fn the_first_check_that_fails_ends_them<F: Fixture>(t: &Harness<F>) {
    t.given([Op::put(&value(1), bytes("text"), Life::Never)]).await;
    let error = Check::number(&value(1), 0, 0..=9);
    let (yes, no) = (Check::exists(&value(1)), Check::missing(&value(1)));
    assert_eq!(t.holds([no, error.clone()]).await, Ok(false), "the second is not looked at");
    assert_eq!(t.holds([yes, error]).await, Err(ErrorKind::NotANumber));
}

pub async fn or_is_a_fork_in_the_other_branch<F: Fixture>(t: &Harness<F>) {
    t.given([Op::put(&value(2), bytes("v"), Life::Never)]).await;
    for (first, second, reached) in [(2, 9, "first"), (9, 2, "second"), (8, 9, "neither")] {
        let mut program = TxnBuilder::new("suite.or");
        let (a, rest) = program.fork(BranchId::ROOT, [Check::exists(&value(first))]);
        let (b, c) = program.fork(rest, [Check::exists(&value(second))]);
        let replies =
            [a, b, c].map(|branch| program.op(branch, Op::push(&list(1), End::Back, "x", Life::Never)));
        let outcome = t.transact(program).await.unwrap();
        let ran = replies.map(|op| outcome.reply(op).is_some());
        let expected = [reached == "first", reached == "second", reached == "neither"];
        assert_eq!(ran, expected);
        assert_eq!([a, b, c].map(|branch| outcome.took(branch)), expected);
        assert_eq!(outcome.took(rest), reached != "first");
    }
    assert_eq!(t.holds([Check::size(&list(1), 3..=3)]).await, Ok(true));
}

pub async fn all_checks_see_the_state_at_the_start<F: Fixture>(t: &Harness<F>) {
    t.given([put(3, ["m"], after(LONG)).into(), Op::put(&value(5), bytes("1"), Life::Never)]).await;
    let mut program = TxnBuilder::new("suite.start");
    program.op(BranchId::ROOT, Op::put(&value(1), bytes("new"), Life::Never));
    program.op(BranchId::ROOT, Op::map_put(&map(2), "f", "v", Life::Never));
    program.op(BranchId::ROOT, Op::rank_remove(&ranking(3), "m"));
    program.op(BranchId::ROOT, Op::push(&list(4), End::Back, "v", Life::Never));
    program.op(BranchId::ROOT, Op::put(&value(5), bytes("2"), Life::Never));
    let (deep, _) = program.fork(BranchId::ROOT, []);
    program.op(deep, Op::put(&value(6), bytes("new"), Life::Never));
    let forks = [
        Check::missing(&value(1)),
        Check::field(&map(2), bytes("f"), FieldTest::Absent),
        Check::ranked(&ranking(3), bytes("m"), Standing::Live),
        Check::size(&list(4), 0..=0),
        Check::number(&value(5), 0, 1..=1),
        Check::missing(&value(6)),
    ]
    .map(|check| program.fork(deep, [check]));
    let outcome = t.transact(program).await.unwrap();
    for (index, (then, otherwise)) in forks.into_iter().enumerate() {
        assert!(
            outcome.took(then) && !outcome.took(otherwise),
            "check {index} saw a write of its own transaction"
        );
    }
}

pub async fn reads_see_the_writes_before_them<F: Fixture>(t: &Harness<F>) {
    let replies = t
        .all([
            Op::get(&value(1)),
            Op::put(&value(1), bytes("a"), Life::Never),
            Op::get(&value(1)),
            Op::take(&value(1)),
            Op::get(&value(1)),
            Op::ttl(&value(1)),
            Op::map_put(&map(2), many(["f", "g"]), many(["1", "2"]), Life::Never),
            Op::map_remove(&map(2), "f"),
            Op::map_get(&map(2), many(["f", "g"])),
            put(3, ["m"], Score::Is(7)).into(),
            whole(3),
            Op::push(&list(4), End::Back, many(["a", "b"]), Life::Set(Until::In(LONG))),
            Op::pop(&list(4), End::Front, 1),
            Op::range(&list(4), 0, -1),
        ])
        .await
        .unwrap();
    let expected = [
        Reply::Bytes(None),
        Reply::Written,
        Reply::Bytes(Some(bytes("a"))),
        Reply::Bytes(Some(bytes("a"))),
        Reply::Bytes(None),
        Reply::Ttl(Ttl::Missing),
        Reply::Number(2),
        Reply::Number(1),
        Reply::Optionals(vec![None, Some(bytes("2"))]),
        ranked(["m"], Some(7)),
        Reply::Scored(scored([("m", 7)])),
        Reply::Number(2),
        Reply::Items(many(["a"])),
        Reply::Items(many(["b"])),
    ];
    assert_eq!(replies, expected);
}

pub async fn a_key_may_end_and_begin_again_within_a_program<F: Fixture>(t: &Harness<F>) {
    t.given([Op::map_put(&map(1), "old", "v", Life::Set(Until::In(LONG)))]).await;
    let replies = t
        .all([
            Op::delete(&map(1)),
            Op::map_put(&map(1), "new", "v", Life::Keep),
            Op::map_remove(&map(1), "new"),
            Op::map_put(&map(1), "newer", "v", Life::AtLeast(Until::In(LONG * 10))),
            Op::map_all(&map(1)),
        ])
        .await
        .unwrap();
    assert_eq!(replies[0], Reply::Flag(true));
    assert_eq!(replies[4], Reply::Fields(vec![(bytes("newer"), bytes("v"))]));
    assert!(runs(t.ttl(&map(1)).await, LONG * 10));
}

pub async fn kinds_are_those_at_the_start<F: Fixture>(t: &Harness<F>) {
    t.given([Op::put(&value(1), bytes("v"), Life::Never)]).await;
    let replace = [Op::delete(&map(1)), Op::map_put(&map(1), "f", "v", Life::Never)];
    assert_eq!(t.all(replace).await, Err(ErrorKind::WrongType), "the value is there at the start");
    let gets = [Op::put(&value(2), bytes("v"), Life::Never), Op::get(&value(2))];
    t.given([Op::map_put(&map(2), "f", "v", Life::Never)]).await;
    assert_eq!(t.all(gets).await, Err(ErrorKind::WrongType), "the map is there at the start");
    assert_eq!(t.run(Op::get(&value(1))).await, Ok(Reply::Bytes(Some(bytes("v")))));
    assert_eq!(t.run(Op::map_get(&map(2), "f")).await, Ok(Reply::Optionals(vec![Some(bytes("v"))])));
}

pub async fn an_error_on_the_path_leaves_nothing_behind<F: Fixture>(t: &Harness<F>) {
    t.given([
        Op::put(&value(1), bytes("text"), Life::Never),
        Op::put(&value(2), Bytes::from(i64::MAX.to_string()), Life::Never),
        Op::put(&value(3), bytes("old"), Life::Never),
        Op::push(&list(4), End::Back, "x", Life::Never),
    ])
    .await;
    for (last, error) in [
        (Op::add(&value(1), 1, Life::Never), ErrorKind::NotANumber),
        (Op::add(&value(2), 1, Life::Never), ErrorKind::Overflow),
        (Op::map_put(&map(1), "f", "v", Life::Never), ErrorKind::WrongType),
        (Op::map_all(&map(1)), ErrorKind::WrongType),
        (put(5, ["m"], after(LONG)).within(stored_limit(1)).into(), ErrorKind::WrongType),
        (put(5, ["m"], after(LONG)).within(stored_limit(8)).into(), ErrorKind::NotANumber),
    ] {
        t.given([Op::map_put(&map(8), "limit", "many", Life::Never)]).await;
        let writes = [
            Op::put(&value(3), bytes("new"), Life::Set(Until::In(LONG))),
            Op::pop(&list(4), End::Back, 1),
            put(6, ["m"], after(LONG)).into(),
            append(7).field("f", "v").into(),
            last.clone(),
        ];
        assert_eq!(t.all(writes).await, Err(error), "{last:?}");
        assert_eq!(t.run(Op::get(&value(3))).await, Ok(Reply::Bytes(Some(bytes("old")))));
        assert_eq!(t.ttl(&value(3)).await, Ttl::Never);
        assert_eq!(t.run(Op::range(&list(4), 0, -1)).await, Ok(Reply::Items(many(["x"]))));
        for untouched in [ranking(5), ranking(6), log(7)] {
            assert_eq!(t.ttl(&untouched).await, Ttl::Missing);
        }
    }
}

pub async fn what_is_not_on_the_path_is_not_looked_at<F: Fixture>(t: &Harness<F>) {
    t.given([Op::put(&value(1), bytes("text"), Life::Never)]).await;
    let mut program = TxnBuilder::new("suite.path");
    let (then, otherwise) = program.fork(BranchId::ROOT, [Check::missing(&value(1))]);
    program.op(then, Op::add(&value(1), 1, Life::Never));
    program.op(then, put(2, ["m"], after(LONG)).within(stored_limit(3)));
    let (deep, _) = program.fork(then, [Check::number(&value(1), 0, 0..=9)]);
    program.op(deep, Op::delete(&value(1)));
    let read = program.op(otherwise, Op::get(&value(1)));
    t.given([Op::put(&value(3), bytes("no map"), Life::Never)]).await;
    let outcome = t.transact(program).await.unwrap();
    assert_eq!(outcome.reply(read), Some(&Reply::Bytes(Some(bytes("text")))));
}

pub async fn steps_after_a_fork_run_in_order<F: Fixture>(t: &Harness<F>) {
    let mut program = TxnBuilder::new("suite.order");
    let push = |text| Op::push(&list(1), End::Back, text, Life::Never);
    program.op(BranchId::ROOT, push("1"));
    let (then, otherwise) = program.fork(BranchId::ROOT, [Check::missing(&list(1))]);
    program.op(BranchId::ROOT, push("4"));
    program.op(then, push("2"));
    let (deeper, _) = program.fork(then, [Check::missing(&list(1))]);
    program.op(deeper, push("3"));
    program.op(otherwise, push("x"));
    t.transact(program).await.unwrap();
    assert_eq!(t.run(Op::range(&list(1), 0, -1)).await, Ok(Reply::Items(many(["1", "2", "3", "4"]))));
}

pub async fn programs_may_be_deep_and_wide<F: Fixture>(t: &Harness<F>) {
    let mut program = TxnBuilder::new("suite.deep");
    let mut branch = BranchId::ROOT;
    for _ in 0..MAX_DEPTH {
        branch = program.fork(branch, [Check::missing(&list(0))]).0;
    }
    for number in (0..64).cycle().take(MAX_OPS) {
        program.op(branch, Op::push(&list(number), End::Back, "v", Life::Keep));
    }
    assert!(t.transact(program).await.unwrap().took(branch));
    for number in 0..64 {
        assert_eq!(t.holds([Check::size(&list(number), 8..=8)]).await, Ok(true));
    }
}

pub async fn time_is_told_when_used_or_asked_for<F: Fixture>(t: &Harness<F>) {
    let now = |program| async { t.transact(program).await.unwrap().now() };
    assert!(now(checks::program_on(&value(1)).with_now()).await.is_some(), "asked for");
    assert_eq!(now(checks::program_on(&value(1))).await, None, "neither");
    let mut used = TxnBuilder::new("suite.used");
    let put = used.op(BranchId::ROOT, put(2, ["m"], after(LONG)));
    let outcome = t.transact(used).await.unwrap();
    let score = outcome.now().unwrap().after(LONG).as_millis();
    assert_eq!(outcome.reply(put), Some(&ranked(["m"], Some(i64::try_from(score).unwrap()))));
    let mut untaken = TxnBuilder::new("suite.untaken");
    let (then, _) = untaken.fork(BranchId::ROOT, [Check::exists(&value(1))]);
    untaken.op(then, Op::rank_count(&ranking(2)));
    assert!(now(untaken).await.is_some(), "whether a program uses the clock does not depend on its path");
}

pub async fn time_is_read_once<F: Fixture>(t: &Harness<F>) {
    let mut program = TxnBuilder::new("suite.time");
    let first = program.op(BranchId::ROOT, put(1, ["a"], after(LONG)));
    for _ in 0..200 {
        program.op(BranchId::ROOT, Op::push(&list(2), End::Back, "v", Life::Keep));
    }
    let last = program.op(BranchId::ROOT, put(1, ["b"], after(LONG)));
    let outcome = t.transact(program).await.unwrap();
    let score = |op| match outcome.reply(op) {
        Some(Reply::Ranked { score, .. }) => *score,
        other => panic!("RankPut replied {other:?}"),
    };
    assert_eq!(score(first), score(last));
}

pub async fn racing_programs_never_pass_a_limit<F: Fixture>(t: &Harness<F>) {
    const LIMIT: i64 = 10;
    let mut running = Vec::new();
    for _ in 0..32 {
        let store = t.store().clone();
        running.push(tokio::spawn(async move {
            let mut admitted = 0;
            for _ in 0..5 {
                let mut program = TxnBuilder::new("suite.race");
                let (free, _) = program.fork(BranchId::ROOT, [Check::number(&value(1), 1, 1..=LIMIT)]);
                program.op(free, Op::add(&value(1), 1, Life::Keep));
                admitted += i64::from(store.transact(&built(program)).await.unwrap().took(free));
            }
            admitted
        }));
    }
    let mut admitted = 0;
    for task in running {
        admitted += task.await.unwrap();
    }
    assert_eq!(admitted, LIMIT);
    assert_eq!(t.run(Op::get(&value(1))).await, Ok(Reply::Bytes(Some(bytes("10")))));
}

fn stored_limit(number: u8) -> Limit {
    Limit::Stored { key: map(number), field: bytes("limit"), or: 1 }
}

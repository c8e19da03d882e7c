//! References: arguments that are replies of earlier ops.

use bytes::Bytes;
use roomkey_core::{
    Bound, End, Life, MAX_SCORE, Only, Op, OpId, Order, RankPut, Reply, Score, StoreTime, Ttl, Until,
};

use super::logs::{append, entries_of};
use super::rankings::{after, put, ranked, scored, whole};
use super::*;

pub async fn a_list_serves_as_arguments<F: Fixture>(t: &Harness<F>) {
    t.given([
        Op::push(&list(1), End::Back, many(["a", "b", "c"]), Life::Never),
        put(2, ["b", "c"], Score::Is(1)).into(),
        Op::map_put(&map(3), many(["a", "b", "c"]), many(["1", "2", "3"]), Life::Never),
    ])
    .await;
    let list_of = [
        ("Range", Op::range(&list(1), 1, 2)),
        ("RankTake", Op::rank_take(&ranking(2), 10)),
        ("RankRange", Op::rank_range(&ranking(2), Bound::Open, Bound::Open, Order::Lowest, 10)),
        (
            "MapMatch",
            Op::map_match(&map(3), [("a", "x"), ("b", "2"), ("c", "")].map(|(f, p)| (bytes(f), bytes(p)))),
        ),
        ("RankPut", put(2, ["b", "c"], Score::Is(2)).only(Only::Any).into()),
        ("Pop", Op::pop(&list(1), End::Front, 2)),
    ];
    for (number, (name, op)) in (10..).zip(list_of) {
        // Pop is the only one whose elements are the first two.
        let expected = if name == "Pop" { many(["a", "b"]) } else { many(["b", "c"]) };
        let pushed = push_reply_of(t, number, [op]).await;
        assert_eq!(pushed, Reply::Number(2), "{name}");
        assert_eq!(t.run(Op::range(&list(number), 0, -1)).await, Ok(Reply::Items(expected)), "{name}");
        t.given([put(2, ["b", "c"], Score::Is(1)).into()]).await;
    }
}

pub async fn a_value_is_a_list_of_one_or_none<F: Fixture>(t: &Harness<F>) {
    t.given([Op::put(&value(1), bytes("v"), Life::Never)]).await;
    assert_eq!(push_reply_of(t, 10, [Op::get(&value(1))]).await, Reply::Number(1));
    assert_eq!(push_reply_of(t, 10, [Op::take(&value(1))]).await, Reply::Number(2));
    assert_eq!(push_reply_of(t, 10, [Op::get(&value(1))]).await, Reply::Skipped, "there is none");
    assert_eq!(t.run(Op::range(&list(10), 0, -1)).await, Ok(Reply::Items(many(["v", "v"]))));
}

pub async fn a_missing_field_is_a_value_of_no_bytes<F: Fixture>(t: &Harness<F>) {
    t.given([Op::map_put(&map(1), "b", "2", Life::Never)]).await;
    assert_eq!(push_reply_of(t, 10, [Op::map_get(&map(1), many(["a", "b", "c"]))]).await, Reply::Number(3));
    assert_eq!(t.run(Op::range(&list(10), 0, -1)).await, Ok(Reply::Items(many(["", "2", ""]))));
}

pub async fn a_number_is_a_list_of_one_text<F: Fixture>(t: &Harness<F>) {
    t.given([put(1, ["a", "b"], after(LONG)).into()]).await;
    for (number, op, text) in [
        (10, Op::add(&value(2), -42, Life::Never), "-42"),
        (11, Op::add(&value(3), i64::MAX, Life::Never), "9223372036854775807"),
        (12, Op::add(&value(4), (1 << 53) + 1, Life::Never), "9007199254740993"),
        (13, Op::rank_count(&ranking(1)), "2"),
        (14, Op::put(&value(5), bytes("v"), Life::Set(Until::At(FAR))), "4102444800000"),
    ] {
        assert_eq!(push_reply_of(t, number, [op.clone()]).await, Reply::Number(1), "{op:?}");
        assert_eq!(t.run(Op::range(&list(number), 0, -1)).await, Ok(Reply::Items(many([text]))), "{op:?}");
    }
    // A deadline that is kept is known by what is left of it: inside a script, Redis takes TIME and PTTL from two clocks.
    assert_eq!(push_reply_of(t, 15, [Op::expire(&value(5), Life::Keep)]).await, Reply::Number(1));
    let Ok(Reply::Items(kept)) = t.run(Op::range(&list(15), 0, -1)).await else { panic!("no list") };
    let kept: u64 = std::str::from_utf8(&kept[0]).unwrap().parse().unwrap();
    assert!(kept.abs_diff(FAR.as_millis()) <= 1, "{kept}");
}

pub async fn a_number_that_does_not_exist_skips<F: Fixture>(t: &Harness<F>) {
    let past = Life::Set(Until::At(StoreTime::from_millis(1)));
    let without = [
        Op::put(&value(1), bytes("v"), Life::Never),
        Op::expire(&value(1), Life::Never),
        Op::put(&value(2), bytes("v"), past),
        Op::expire(&value(3), Life::Set(Until::In(LONG))),
        put(4, ["m"], Score::Is(1)).only(Only::Live).into(),
        whole(4),
    ];
    for op in without {
        let mut program = TxnBuilder::new("suite.number");
        let number = program.op(BranchId::ROOT, op.clone());
        let scored = program
            .op(BranchId::ROOT, RankPut::new(&ranking(9), bytes("m"), Score::From(number)).life(Life::Never));
        let outcome = t.transact(program).await.unwrap();
        assert_eq!(outcome.reply(scored), Some(&Reply::Skipped), "{op:?}");
        assert_eq!(t.ttl(&ranking(9)).await, Ttl::Missing);
    }
}

pub async fn a_number_serves_as_a_score<F: Fixture>(t: &Harness<F>) {
    t.given([put(1, ["x"], Score::Is(-3)).into(), put(1, ["y"], Score::Is(4)).into()]).await;
    let highest = Op::rank_range(&ranking(1), Bound::Open, Bound::Open, Order::Highest, 2);
    for (number, op, score) in [
        (10, Op::add(&value(2), 7, Life::Never), 7),
        (11, Op::add(&value(3), i64::MAX, Life::Never), MAX_SCORE),
        (12, Op::add(&value(4), i64::MIN, Life::Never), -MAX_SCORE),
        (13, Op::put(&value(5), bytes("v"), Life::Set(Until::At(FAR))), 4_102_444_800_000),
        (14, whole(1), -3),
        (15, highest, 4),
        (16, put(6, ["z"], Score::Is(11)).into(), 11),
    ] {
        let mut program = TxnBuilder::new("suite.score");
        let source = program.op(BranchId::ROOT, op.clone());
        let op = program.op(BranchId::ROOT, RankPut::new(&ranking(number), bytes("m"), Score::From(source)));
        let outcome = t.transact(program).await.unwrap();
        assert_eq!(outcome.reply(op), Some(&ranked(["m"], Some(score))));
        assert_eq!(t.run(whole(number)).await, Ok(Reply::Scored(scored([("m", score)]))));
    }
}

pub async fn a_single_reply_serves_all_fields<F: Fixture>(t: &Harness<F>) {
    t.given([Op::put(&value(1), bytes("v"), Life::Never), Op::push(&list(2), End::Back, "one", Life::Never)])
        .await;
    let fields = || many(["a", "b"]);
    for (number, source, expected) in [
        (10, Op::get(&value(1)), vec![Some(bytes("v")), Some(bytes("v"))]),
        (11, Op::add(&value(3), 5, Life::Never), vec![Some(bytes("5")), Some(bytes("5"))]),
        // A list is no single value, not even one of length one.
        (12, Op::range(&list(2), 0, -1), vec![Some(bytes("one")), None]),
    ] {
        let mut program = TxnBuilder::new("suite.single");
        let value = program.op(BranchId::ROOT, source.clone());
        program.op(BranchId::ROOT, Op::map_put(&map(number), fields(), value, Life::Never));
        t.transact(program).await.unwrap();
        assert_eq!(
            t.run(Op::map_get(&map(number), fields())).await,
            Ok(Reply::Optionals(expected)),
            "{source:?}"
        );
    }
}

pub async fn fields_and_values_may_both_be_references<F: Fixture>(t: &Harness<F>) {
    t.given([
        Op::push(&list(1), End::Back, many(["a", "b", "c"]), Life::Never),
        Op::push(&list(2), End::Back, many(["1", "2"]), Life::Never),
    ])
    .await;
    let mut program = TxnBuilder::new("suite.both");
    let fields = program.op(BranchId::ROOT, Op::range(&list(1), 0, -1));
    let values = program.op(BranchId::ROOT, Op::range(&list(2), 0, -1));
    let put = program.op(BranchId::ROOT, Op::map_put(&map(3), fields, values, Life::Never));
    let entries =
        program.op(BranchId::ROOT, append(4).field("k", "kind").field("f", fields).field("v", values));
    let removed = program.op(BranchId::ROOT, Op::map_remove(&map(3), fields));
    let outcome = t.transact(program).await.unwrap();
    assert_eq!(outcome.reply(put), Some(&Reply::Number(2)), "in step to the shorter");
    assert!(matches!(outcome.reply(entries), Some(Reply::Ids(ids)) if ids.len() == 2));
    assert_eq!(outcome.reply(removed), Some(&Reply::Number(2)));
    let read = entries_of(t.run(logs::whole(4)).await);
    let entry = |f, v| vec![(bytes("k"), bytes("kind")), (bytes("f"), bytes(f)), (bytes("v"), bytes(v))];
    let fields: Vec<_> = read.into_iter().map(|entry| entry.fields).collect();
    assert_eq!(fields, [entry("a", "1"), entry("b", "2")]);
}

pub async fn nothing_referred_to_skips_the_op<F: Fixture>(t: &Harness<F>) {
    let mut program = TxnBuilder::new("suite.skip");
    let none = program.op(BranchId::ROOT, Op::range(&list(1), 0, -1));
    let long = Life::Set(Until::In(LONG));
    let ops: [Op; 8] = [
        Op::put(&value(2), none, long),
        Op::map_put(&map(3), none, "v", long),
        Op::map_put(&map(3), "f", none, long),
        Op::map_get(&map(3), none),
        Op::push(&list(4), End::Back, none, long),
        RankPut::new(&ranking(5), none, Score::Is(1)).life(long).into(),
        Op::rank_remove(&ranking(5), none),
        append(6).field("a", "v").field("b", none).life(long).into(),
    ];
    let ids = ops.map(|op| program.op(BranchId::ROOT, op));
    // A skipped op has no reply to refer to either.
    let chained = program.op(BranchId::ROOT, Op::push(&list(7), End::Back, ids[5], long));
    let outcome = t.transact(program).await.unwrap();
    for op in ids.into_iter().chain([chained]) {
        assert_eq!(outcome.reply(op), Some(&Reply::Skipped), "op {}", op.index());
    }
    for key in [value(2), map(3), list(4), ranking(5), log(6), list(7)] {
        assert_eq!(t.ttl(&key).await, Ttl::Missing);
    }
}

pub async fn a_skipped_op_has_its_key_looked_at_all_the_same<F: Fixture>(t: &Harness<F>) {
    t.given([Op::put(&value(2), bytes("v"), Life::Never)]).await;
    let mut program = TxnBuilder::new("suite.kind");
    let none = program.op(BranchId::ROOT, Op::range(&list(1), 0, -1));
    program.op(BranchId::ROOT, Op::push(&list(2), End::Back, none, Life::Keep));
    let error = t.transact(program).await.unwrap_err();
    assert_eq!(error, ErrorKind::WrongType, "whether it will be skipped is not known before");
}

pub async fn an_inner_branch_refers_to_an_outer_one<F: Fixture>(t: &Harness<F>) {
    t.given([Op::push(&list(1), End::Back, many(["a", "b"]), Life::Never)]).await;
    let mut program = TxnBuilder::new("suite.outer");
    let outer = program.op(BranchId::ROOT, Op::range(&list(1), 0, -1));
    let (then, _) = program.fork(BranchId::ROOT, [Check::exists(&list(1))]);
    let (inner, _) = program.fork(then, [Check::missing(&list(2))]);
    let push = program.op(inner, Op::push(&list(2), End::Back, outer, Life::Never));
    assert_eq!(t.transact(program).await.unwrap().reply(push), Some(&Reply::Number(2)));
}

pub async fn a_thousand_elements_go_through_a_reference<F: Fixture>(t: &Harness<F>) {
    let thousand: Vec<Bytes> = (0..1_000).map(|i| Bytes::from(format!("{i:04}"))).collect();
    t.given([Op::push(&list(1), End::Back, thousand.clone(), Life::Never)]).await;
    let mut program = TxnBuilder::new("suite.thousand");
    let all = program.op(BranchId::ROOT, Op::range(&list(1), 0, -1));
    let ops = [
        program.op(BranchId::ROOT, Op::map_put(&map(2), all, all, Life::Never)),
        program.op(BranchId::ROOT, Op::push(&list(3), End::Back, all, Life::Never)),
    ];
    let ranked = program.op(BranchId::ROOT, RankPut::new(&ranking(4), all, after(LONG)).within(700));
    let removed = program.op(BranchId::ROOT, Op::rank_remove(&ranking(4), all));
    let outcome = t.transact(program).await.unwrap();
    for op in ops {
        assert_eq!(outcome.reply(op), Some(&Reply::Number(1_000)));
    }
    assert_eq!(rankings::members(outcome.reply(ranked).cloned().ok_or(ErrorKind::Closed)), thousand[..700]);
    assert_eq!(outcome.reply(removed), Some(&Reply::Number(700)));
    assert_eq!(t.run(Op::range(&list(3), 0, -1)).await, Ok(Reply::Items(thousand)));
}

pub async fn a_reply_longer_than_any_given_list_serves_as_well<F: Fixture>(t: &Harness<F>) {
    const ALL: usize = 10_000;
    let all: Vec<Bytes> = (0..ALL).map(|i| Bytes::from(format!("{i:05}"))).collect();
    for part in all.chunks(1_000) {
        t.given([Op::push(&list(1), End::Back, part.to_vec(), Life::Never)]).await;
    }
    let mut program = TxnBuilder::new("suite.long");
    let long = program.op(BranchId::ROOT, Op::range(&list(1), 0, -1));
    let put = program.op(BranchId::ROOT, Op::map_put(&map(2), long, long, Life::Never));
    let single = program.op(BranchId::ROOT, Op::map_put(&map(2), long, "v", Life::Never));
    let read = program.op(BranchId::ROOT, Op::map_get(&map(2), long));
    let gone = program.op(BranchId::ROOT, Op::map_remove(&map(2), long));
    let push = program.op(BranchId::ROOT, Op::push(&list(3), End::Front, long, Life::Never));
    let ranked = program.op(BranchId::ROOT, RankPut::new(&ranking(4), long, after(LONG)));
    let scores = program.op(BranchId::ROOT, Op::rank_scores(&ranking(4), long));
    let removed = program.op(BranchId::ROOT, Op::rank_remove(&ranking(4), long));
    let appended = program.op(BranchId::ROOT, append(5).field("f", long));
    let outcome = t.transact(program).await.unwrap();
    let count = |op| match outcome.reply(op).unwrap() {
        Reply::Number(number) => usize::try_from(*number).unwrap(),
        Reply::Optionals(list) => list.iter().filter(|value| value.is_some()).count(),
        Reply::Scores(list) => list.iter().filter(|score| score.is_some()).count(),
        Reply::Ranked { members, .. } => members.len(),
        Reply::Ids(ids) => ids.len(),
        other => panic!("{other:?} has no length"),
    };
    assert_eq!([put, read, gone, push, ranked, scores, removed, appended].map(count), [ALL; 8]);
    assert_eq!(count(single), 0, "the fields were there");
    assert_eq!(t.run(Op::range(&list(3), -1, -1)).await, Ok(Reply::Items(many(["00000"]))));
}

pub async fn a_quiet_op_runs_and_is_referred_to_and_reports_nothing<F: Fixture>(t: &Harness<F>) {
    let far = Life::Set(Until::At(FAR));
    let mut program = TxnBuilder::new("suite.quiet");
    let mut quiet = Vec::new();
    let mut run = |op: Op| {
        let id = program.quiet_op(BranchId::ROOT, op);
        quiet.push(id);
        id
    };
    run(Op::push(&list(1), End::Back, many(["a", "b", "c"]), far));
    run(Op::map_put(&map(2), many(["a", "b"]), many(["1", "2"]), far));
    run(Op::put(&value(3), "v", far));
    run(Op::expire(&value(3), Life::AtLeast(Until::In(LONG))));
    run(put(4, ["a"], Score::Is(1)).into());
    run(append(5).field("k", "kind").life(far).into());
    run(Op::add(&value(6), 1, far));
    let popped = run(Op::pop(&list(1), End::Front, 2));
    let fields = run(Op::map_get(&map(2), popped));
    run(Op::push(&list(1), End::Back, fields, Life::Keep));
    let written = run(put(4, ["b", "c"], Score::Is(2)).only(Only::New).into());
    run(Op::push(&list(1), End::Back, written, Life::Keep));
    // Nothing is left to refer to.
    let none = run(Op::pop(&list(7), End::Front, 1));
    run(Op::rank_remove(&ranking(4), none));
    run(append(5).field("k", none).into());
    let loud = program.op(BranchId::ROOT, Op::range(&list(1), 0, -1));
    let outcome = t.transact(program).await.unwrap();
    for op in quiet {
        assert_eq!(outcome.reply(op), None, "op {}", op.index());
    }
    assert_eq!(outcome.reply(loud), Some(&Reply::Items(many(["c", "1", "2", "b", "c"]))));
    assert_eq!(t.run(Op::get(&value(3))).await, Ok(Reply::Bytes(Some(bytes("v")))));
    assert_eq!(t.run(Op::get(&value(6))).await, Ok(Reply::Bytes(Some(bytes("1")))));
    assert_eq!(entries_of(t.run(logs::whole(5)).await).len(), 1);
    assert_eq!(t.run(Op::rank_place(&ranking(4), "c")).await, Ok(Reply::Place(Some(2))));

    // Also where a store needs no more than one command.
    let mut program = TxnBuilder::new("suite.quiet");
    let only = program.quiet_op(BranchId::ROOT, Op::delete(&value(3)));
    assert_eq!(t.transact(program).await.unwrap().reply(only), None);
    let mut program = TxnBuilder::new("suite.quiet");
    let (free, _) = program.fork(BranchId::ROOT, [Check::missing(&value(3))]);
    let only = program.quiet_op(free, Op::put(&value(3), "w", Life::Never));
    let outcome = t.transact(program).await.unwrap();
    assert_eq!((outcome.took(free), outcome.reply(only)), (true, None));
    assert_eq!(t.run(Op::get(&value(3))).await, Ok(Reply::Bytes(Some(bytes("w")))));
}

/// The year 2100.
const FAR: StoreTime = StoreTime::from_millis(4_102_444_800_000);

/// Runs ops in one program and pushes the reply of the last onto a list; returns what `Push` replied.
async fn push_reply_of<const N: usize, F: Fixture>(t: &Harness<F>, number: u8, ops: [Op; N]) -> Reply {
    let mut program = TxnBuilder::new("suite.push");
    let ids: [OpId; N] = ops.map(|op| program.op(BranchId::ROOT, op));
    let push = program.op(BranchId::ROOT, Op::push(&list(number), End::Back, ids[N - 1], Life::Never));
    t.transact(program).await.unwrap().take_reply(push).unwrap()
}

pub async fn members_that_matched_are_lengthened_and_told<F: Fixture>(t: &Harness<F>) {
    let own = ["a", "b", "c", "d"];
    t.given([Op::map_put(&map(1), many(own), many(["1", "2", "3", "4"]), Life::Never)]).await;
    // Who has another owner is no part of it; who is named twice comes twice; who is dead or gone does not come.
    let asked = [("a", "1"), ("b", "x"), ("c", "3"), ("a", "1"), ("d", "4")];
    for (number, asked, live, told) in [
        (10, &asked[..3], &own[..], &["a", "c"][..]),
        (11, &asked[..4], &own[..], &["a", "c", "a"][..]),
        (12, &asked[2..], &["c", "a"][..], &["c", "a"][..]),
        (13, &asked[1..2], &own[..], &[][..]),
    ] {
        let live: Vec<Bytes> = live.iter().copied().map(bytes).collect();
        t.given([RankPut::new(&ranking(number), live, after(LONG)).into()]).await;
        for quiet in [false, true] {
            let mut program = TxnBuilder::new("suite.renewal");
            let pairs = asked.iter().map(|(field, prefix)| (bytes(field), bytes(prefix)));
            let matching = Op::map_match(&map(1), pairs);
            let matched = if quiet {
                program.quiet_op(BranchId::ROOT, matching)
            } else {
                program.op(BranchId::ROOT, matching)
            };
            let renewal = RankPut::new(&ranking(number), matched, after(2 * LONG)).only(Only::Live);
            let renewed = program.op(BranchId::ROOT, renewal);
            let noted = Op::push(&list(number + 10), End::Back, renewed, Life::Never);
            program.op(BranchId::ROOT, noted);
            let outcome = t.transact(program).await.unwrap();
            let told: Vec<Bytes> = told.iter().copied().map(bytes).collect();
            match outcome.reply(renewed) {
                Some(Reply::Ranked { members, score: Some(_) }) => {
                    assert_eq!(members, &told, "{number} {quiet}")
                }
                Some(Reply::Skipped) => assert!(told.is_empty(), "{number} {quiet}"),
                other => panic!("{number} {quiet}: {other:?}"),
            }
            // What later ops take of it is the same.
            let noted = t.run(Op::range(&list(number + 10), -(told.len().max(1) as i64), -1)).await;
            assert_eq!(noted, Ok(Reply::Items(told)), "{number} {quiet}");
        }
    }
}

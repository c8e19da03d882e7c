//! At the memory limit: what grows is refused, what frees or holds is not.

use roomkey_core::{
    BranchId, End, ErrorKind, Life, Memory, Only, Op, OpId, RankPut, Reply, Score, Ttl, Until,
};

use super::logs::append;
use super::rankings::{after, put, whole};
use super::values::one_of_each_kind;
use super::*;

pub async fn growing_ops_are_refused<F: Fixture>(t: &Harness<F>) {
    t.given(one_of_each_kind()).await;
    t.given([Op::put(&value(6), bytes("1"), Life::Never)]).await;
    t.fixture.limit_memory(true).await;
    let grow: [Op; 12] = [
        Op::put(&value(9), bytes("v"), Life::Never),
        Op::put(&value(1), bytes(""), Life::Keep),
        Op::put(&value(1), bytes("v"), Life::AtLeast(Until::In(LONG))),
        Op::add(&value(6), 1, Life::Keep),
        Op::add(&value(6), 1, Life::Set(Until::In(LONG))),
        Op::map_put(&map(2), "f", "v", Life::Keep),
        Op::map_put(&map(9), "f", "v", Life::Set(Until::In(LONG))),
        Op::push(&list(3), End::Back, "v", Life::Keep),
        put(4, ["m"], Score::Is(9)).into(),
        put(4, ["x"], after(LONG)).only(Only::NotLive).within(100).into(),
        put(4, ["x"], Score::Last).only(Only::New).into(),
        append(5).field("f", "v").into(),
    ];
    for op in grow {
        assert_eq!(op.memory(), Memory::Grows);
        assert_eq!(t.run(op.clone()).await, Err(ErrorKind::Full), "{op:?}");
    }
    t.fixture.limit_memory(false).await;
    assert_eq!(t.run(Op::get(&value(1))).await, Ok(Reply::Bytes(Some(bytes("v")))));
    assert_eq!(t.run(Op::get(&value(6))).await, Ok(Reply::Bytes(Some(bytes("1")))));
    assert_eq!(t.ttl(&value(6)).await, Ttl::Never, "what is refused changes nothing");
    assert_eq!(t.ttl(&value(9)).await, Ttl::Missing);
    assert_eq!(
        t.run(Op::add(&value(6), 1, Life::Keep)).await,
        Ok(Reply::Number(2)),
        "it goes on below the limit"
    );
}

pub async fn what_would_fail_anyway_is_not_refused<F: Fixture>(t: &Harness<F>) {
    t.given(one_of_each_kind()).await;
    t.given([Op::put(&value(6), bytes("9223372036854775807"), Life::Never)]).await;
    t.fixture.limit_memory(true).await;
    let fail: [(Op, ErrorKind); 8] = [
        (Op::add(&value(2), 1, Life::Keep), ErrorKind::WrongType),
        (Op::add(&value(1), 1, Life::Keep), ErrorKind::NotANumber),
        (Op::add(&value(6), 1, Life::Keep), ErrorKind::Overflow),
        (Op::add(&value(6), 1, Life::AtLeast(Until::In(LONG))), ErrorKind::Overflow),
        (Op::map_put(&map(1), "f", "v", Life::Keep), ErrorKind::WrongType),
        (Op::push(&list(1), End::Back, "v", Life::Keep), ErrorKind::WrongType),
        (put(1, ["m"], Score::Is(1)).into(), ErrorKind::WrongType),
        (append(1).field("f", "v").into(), ErrorKind::WrongType),
    ];
    for (op, error) in fail {
        assert_eq!(t.run(op.clone()).await, Err(error), "{op:?}");
    }
}

pub async fn freeing_ops_are_not_refused<F: Fixture>(t: &Harness<F>) {
    given_plenty(t).await;
    t.fixture.limit_memory(true).await;
    for (op, reply) in freeing() {
        assert_ne!(op.memory(), Memory::Grows);
        let replied = t.run(op.clone()).await;
        match reply {
            Some(reply) => assert_eq!(replied, Ok(reply), "{op:?}"),
            None => assert!(replied.is_ok(), "{op:?}: {replied:?}"),
        }
    }
}

pub async fn reads_are_not_refused<F: Fixture>(t: &Harness<F>) {
    t.given(one_of_each_kind()).await;
    t.fixture.limit_memory(true).await;
    for op in [
        Op::ttl(&value(1)),
        Op::get(&value(1)),
        Op::map_get(&map(2), "f"),
        Op::map_all(&map(2)),
        Op::map_match(&map(2), [(bytes("f"), bytes("v"))]),
        Op::range(&list(3), 0, -1),
        whole(4),
        Op::rank_count(&ranking(4)),
        Op::rank_scores(&ranking(4), "m"),
        Op::rank_place(&ranking(4), "m"),
        logs::whole(5),
        Op::walk(&map(2), None, 10),
    ] {
        assert!(t.run(op.clone()).await.is_ok(), "{op:?}");
    }
    assert_eq!(t.holds([Check::exists(&value(1)), Check::below(&ranking(4), 1)]).await, Ok(true));
}

pub async fn a_program_that_frees_first_may_grow<F: Fixture>(t: &Harness<F>) {
    given_plenty(t).await;
    t.fixture.limit_memory(true).await;
    for (freeing, _) in freeing() {
        let grow = [
            append(90).field("f", "v").into(),
            Op::put(&value(91), bytes("v"), Life::Set(Until::In(LONG))),
            put(92, ["m"], after(LONG)).within(1_000).into(),
            Op::map_put(&map(93), "f", "v", Life::AtLeast(Until::In(LONG))),
            Op::push(&list(94), End::Back, "v", Life::Keep),
            Op::add(&value(95), 1, Life::Keep),
        ];
        let program = [freeing.clone()].into_iter().chain(grow);
        assert!(t.all(program).await.is_ok(), "{freeing:?}");
    }
}

pub async fn a_counter_may_change_behind_its_expiry<F: Fixture>(t: &Harness<F>) {
    t.given([Op::put(&value(1), bytes("5"), Life::Never)]).await;
    t.fixture.limit_memory(true).await;
    for (number, sum) in [(1, 4), (2, -1)] {
        let expire = Op::expire(&value(number), Life::AtLeast(Until::In(LONG)));
        let add = Op::add(&value(number), -1, Life::AtLeast(Until::In(LONG)));
        let replies = t.all([expire, add]).await.unwrap();
        assert_eq!(replies[1], Reply::Number(sum));
    }
    assert_eq!(t.ttl(&value(1)).await, Ttl::Never);
    assert!(runs(t.ttl(&value(2)).await, LONG));
}

pub async fn freeing_nothing_counts_as_freeing<F: Fixture>(t: &Harness<F>) {
    t.fixture.limit_memory(true).await;
    let nothing: [Op; 8] = [
        Op::delete(&value(1)),
        Op::expire(&value(1), Life::Never),
        Op::take(&value(1)),
        Op::map_remove(&map(2), "f"),
        Op::pop(&list(3), End::Back, 1),
        Op::rank_remove(&ranking(4), "m"),
        Op::rank_take(&ranking(4), 1),
        put(4, ["m"], after(LONG)).only(Only::Live).life(Life::AtLeast(Until::In(LONG))).into(),
    ];
    for first in nothing {
        let program = [first.clone(), append(9).field("f", "v").into()];
        assert!(t.all(program).await.is_ok(), "{first:?}");
    }
}

pub async fn a_program_that_grows_first_is_refused_whole<F: Fixture>(t: &Harness<F>) {
    given_plenty(t).await;
    t.fixture.limit_memory(true).await;
    for (freeing, _) in freeing() {
        let program = [Op::put(&value(91), bytes("v"), Life::Never), freeing.clone()];
        assert_eq!(t.all(program).await, Err(ErrorKind::Full), "{freeing:?}");
    }
    t.fixture.limit_memory(false).await;
    assert_eq!(t.ttl(&value(91)).await, Ttl::Missing);
    assert_eq!(t.run(Op::get(&value(1))).await, Ok(Reply::Bytes(Some(bytes("v")))));
    assert_eq!(t.holds([Check::size(&list(3), 4..=4), Check::size(&ranking(4), 4..=4)]).await, Ok(true));
}

pub async fn only_the_path_counts<F: Fixture>(t: &Harness<F>) {
    given_plenty(t).await;
    t.fixture.limit_memory(true).await;
    let mut program = TxnBuilder::new("suite.path");
    let (then, otherwise) = program.fork(BranchId::ROOT, [Check::exists(&value(1))]);
    program.op(otherwise, Op::put(&value(91), bytes("v"), Life::Never));
    program.op(then, Op::delete(&value(1)));
    program.op(then, Op::put(&value(1), bytes("new"), Life::Never));
    assert!(t.transact(program.clone()).await.is_ok());
    t.given([Op::delete(&value(1))]).await;
    assert_eq!(t.transact(program).await, Err(ErrorKind::Full));
}

pub async fn a_skipped_op_does_not_count<F: Fixture>(t: &Harness<F>) {
    given_plenty(t).await;
    t.fixture.limit_memory(true).await;
    let mut program = TxnBuilder::new("suite.skipped");
    let none = program.op(BranchId::ROOT, Op::range(&list(99), 0, -1));
    let no_number = program.op(BranchId::ROOT, whole(89));
    let skipped = [
        program.op(BranchId::ROOT, Op::push(&list(98), End::Back, none, Life::Never)),
        program.op(BranchId::ROOT, Op::map_put(&map(97), Vec::new(), "v", Life::Never)),
        program.op(BranchId::ROOT, RankPut::new(&ranking(96), none, after(LONG)).within(3)),
        program.op(BranchId::ROOT, put(96, ["m"], Score::From(no_number))),
    ];
    program.op(BranchId::ROOT, Op::delete(&value(1)));
    let append = program.op(BranchId::ROOT, append(95).field("f", "v"));
    let outcome = t.transact(program).await.unwrap();
    for op in skipped {
        assert_eq!(outcome.reply(op), Some(&Reply::Skipped));
    }
    assert!(matches!(outcome.reply(append), Some(Reply::Ids(ids)) if ids.len() == 1));

    let mut program = TxnBuilder::new("suite.skipped");
    let none = program.op(BranchId::ROOT, Op::range(&list(99), 0, -1));
    program.op(BranchId::ROOT, Op::push(&list(98), End::Back, none, Life::Never));
    program.op(BranchId::ROOT, Op::put(&value(94), bytes("v"), Life::Never));
    program.op(BranchId::ROOT, Op::delete(&map(2)));
    assert_eq!(t.transact(program).await, Err(ErrorKind::Full), "the first that is not skipped grows");
}

pub async fn a_skipped_op_that_frees_counts<F: Fixture>(t: &Harness<F>) {
    given_plenty(t).await;
    t.fixture.limit_memory(true).await;
    let skipped: [fn(OpId) -> Op; 4] = [
        |none| put(4, ["live"], Score::From(none)).only(Only::Live).into(),
        |none| Op::map_remove(&map(2), none),
        |none| Op::rank_remove(&ranking(4), none),
        |none| RankPut::new(&ranking(4), none, after(LONG)).only(Only::Live).into(),
    ];
    for op in skipped {
        let mut program = TxnBuilder::new("suite.frees");
        // Neither a list nor a number.
        let none = program.op(BranchId::ROOT, whole(99));
        let skipped = program.op(BranchId::ROOT, op(none));
        program.op(BranchId::ROOT, append(95).field("f", "v"));
        let outcome = t.transact(program).await.unwrap();
        assert_eq!(outcome.reply(skipped), Some(&Reply::Skipped));
    }
}

pub async fn an_op_given_an_empty_list_is_as_if_not_there<F: Fixture>(t: &Harness<F>) {
    given_plenty(t).await;
    t.fixture.limit_memory(true).await;
    let nothing = [
        Op::map_remove(&map(2), Vec::new()),
        Op::rank_remove(&ranking(4), Vec::new()),
        // Not even the kind of its key is looked at.
        Op::rank_remove(&ranking(1), Vec::new()),
        RankPut::new(&ranking(4), Vec::new(), after(LONG)).only(Only::Live).into(),
        Op::map_put(&map(2), Vec::new(), "v", Life::Never),
    ];
    for op in nothing {
        let grow = Op::put(&value(91), bytes("v"), Life::Never);
        assert_eq!(
            t.all([op.clone(), grow.clone()]).await,
            Err(ErrorKind::Full),
            "{op:?} does not begin the writes"
        );
        let free = Op::expire(&value(6), Life::Never);
        assert!(t.all([op.clone(), free, grow]).await.is_ok(), "{op:?}");
    }
}

pub async fn a_batch_is_refused_op_by_op<F: Fixture>(t: &Harness<F>) {
    given_plenty(t).await;
    t.fixture.limit_memory(true).await;
    let replies = t
        .batch([
            Op::get(&value(1)),
            Op::put(&value(9), bytes("v"), Life::Never),
            Op::delete(&value(1)),
            Op::put(&value(9), bytes("v"), Life::Never),
        ])
        .await;
    let expected = [
        Ok(Reply::Bytes(Some(bytes("v")))),
        Err(ErrorKind::Full),
        Ok(Reply::Flag(true)),
        Err(ErrorKind::Full),
    ];
    assert_eq!(replies, expected);
}

async fn given_plenty<F: Fixture>(t: &Harness<F>) {
    t.given([
        Op::put(&value(1), bytes("v"), Life::Never),
        Op::map_put(&map(2), many(["f", "g"]), "v", Life::Never),
        Op::push(&list(3), End::Back, many(["a", "b", "c", "d"]), Life::Never),
        put(4, ["dead", "late"], Score::Is(1)).into(),
        put(4, ["live", "alive"], after(LONG)).into(),
        append(5).field("f", "v").into(),
        Op::put(&value(6), bytes("v"), Life::Never),
        Op::put(&value(7), bytes("v"), Life::Never),
    ])
    .await;
}

/// Ops that free or hold memory on what `given_plenty` gives, with their replies where those do not depend on
/// the time.
fn freeing() -> [(Op, Option<Reply>); 13] {
    [
        (Op::expire(&value(1), Life::Set(Until::In(LONG))), Some(Reply::Written)),
        (Op::expire(&value(1), Life::Never), Some(Reply::Written)),
        (Op::expire(&value(1), Life::AtLeast(Until::In(LONG))), Some(Reply::Written)),
        (Op::delete(&value(6)), Some(Reply::Flag(true))),
        (Op::take(&value(7)), Some(Reply::Bytes(Some(bytes("v"))))),
        (Op::map_remove(&map(2), "f"), Some(Reply::Number(1))),
        (Op::pop(&list(3), End::Front, 1), Some(Reply::Items(many(["a"])))),
        (Op::pop(&list(3), End::Back, 1), Some(Reply::Items(many(["d"])))),
        (Op::rank_take(&ranking(4), 1), Some(Reply::Items(many(["dead"])))),
        (put(4, ["live"], after(LONG * 2)).only(Only::Live).into(), None),
        (put(4, ["live"], after(LONG)).only(Only::Live).life(Life::AtLeast(Until::In(LONG))).into(), None),
        (Op::rank_remove(&ranking(4), "live"), Some(Reply::Number(1))),
        (Op::delete(&log(5)), Some(Reply::Flag(true))),
    ]
}

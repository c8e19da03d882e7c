//! Which of several errors a program meets first.

use roomkey_core::{End, ErrorKind, FieldTest, Life, Limit, Op};

use super::rankings::{after, put};
use super::*;

pub async fn checks_fail_before_ops<F: Fixture>(t: &Harness<F>) {
    given_trouble(t).await;
    let mut program = TxnBuilder::new("suite.order");
    program.op(BranchId::ROOT, Op::get(&value(1)));
    program.fork(BranchId::ROOT, [Check::number(&value(2), 0, 0..=9)]);
    assert_eq!(
        t.transact(program).await,
        Err(ErrorKind::NotANumber),
        "the check comes later and fails first"
    );
}

pub async fn the_first_failing_check_decides<F: Fixture>(t: &Harness<F>) {
    given_trouble(t).await;
    let wrong_type = || Check::field(&map(3), bytes("f"), FieldTest::Present);
    let no_number = || Check::number(&value(2), 0, 0..=9);
    assert_eq!(t.holds([no_number(), wrong_type()]).await, Err(ErrorKind::NotANumber));
    assert_eq!(t.holds([wrong_type(), no_number()]).await, Err(ErrorKind::WrongType));
}

pub async fn ops_fail_in_the_order_of_the_path<F: Fixture>(t: &Harness<F>) {
    given_trouble(t).await;
    let wrong_type = || Op::push(&list(1), End::Back, "v", Life::Never);
    let no_number = || Op::add(&value(2), 1, Life::Never);
    let overflow = || Op::add(&value(4), 1, Life::Never);
    for (ops, error) in [
        ([wrong_type(), no_number()], ErrorKind::WrongType),
        ([no_number(), overflow()], ErrorKind::NotANumber),
        ([overflow(), no_number()], ErrorKind::Overflow),
    ] {
        assert_eq!(t.all(ops.clone()).await, Err(error), "{ops:?}");
    }
}

pub async fn the_kind_fails_before_the_number<F: Fixture>(t: &Harness<F>) {
    given_trouble(t).await;
    let limit = |number, field| Limit::Stored { key: map(number), field: bytes(field), or: 1 };
    let members = || put(1, ["m"], after(LONG));
    assert_eq!(t.run(members().within(limit(5, "text"))).await, Err(ErrorKind::WrongType), "the ranking's");
    let fresh = || put(9, ["m"], after(LONG));
    assert_eq!(t.run(fresh().within(limit(3, "text"))).await, Err(ErrorKind::WrongType), "the map's");
    assert_eq!(t.run(fresh().within(limit(5, "text"))).await, Err(ErrorKind::NotANumber));
}

pub async fn every_error_comes_before_full<F: Fixture>(t: &Harness<F>) {
    given_trouble(t).await;
    t.fixture.limit_memory(true).await;
    let grow = || Op::put(&value(9), bytes("v"), Life::Never);
    for (op, error) in [
        (Op::push(&list(1), End::Back, "v", Life::Never), ErrorKind::WrongType),
        (Op::add(&value(2), 1, Life::Never), ErrorKind::NotANumber),
        (Op::add(&value(4), 1, Life::Never), ErrorKind::Overflow),
    ] {
        assert_eq!(t.all([grow(), op.clone()]).await, Err(error), "{op:?}");
        assert_eq!(t.all([op.clone(), grow()]).await, Err(error), "{op:?}");
    }
    assert_eq!(t.holds([Check::number(&value(2), 0, 0..=9)]).await, Err(ErrorKind::NotANumber));
    assert_eq!(t.all([grow()]).await, Err(ErrorKind::Full));
}

/// A map where a value or list is expected, texts where numbers are, and a counter at its end.
async fn given_trouble<F: Fixture>(t: &Harness<F>) {
    t.given([
        Op::map_put(&map(1), "f", "v", Life::Never),
        Op::put(&value(2), bytes("text"), Life::Never),
        Op::put(&value(3), bytes("no map"), Life::Never),
        Op::put(&value(4), bytes("9223372036854775807"), Life::Never),
        Op::map_put(&map(5), "text", "many", Life::Never),
    ])
    .await;
}

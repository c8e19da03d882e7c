//! Prepared transactions: each call on its own keys and arguments, and otherwise as if it had been built.

use std::sync::Arc;

use roomkey_core::{Append, End, ErrorKind, FieldTest, Life, Op, OpId, Prepared, RankPut, Reply, Score};

use super::logs::append;
use super::*;

/// Keeps who came in a record and in a ranking, and tells of it: a program that a store has to send as a script.
struct Arrival {
    prepared: Prepared,
    came: BranchId,
    ranked: OpId,
}

impl Arrival {
    fn keys(slot: u16) -> Vec<Key> {
        [(Kind::Map, 1), (Kind::Ranking, 2), (Kind::Log, 3)]
            .map(|(kind, number)| key_in(slot, kind, number))
            .to_vec()
    }

    fn prepare() -> Self {
        let (keys, who, record) = (Self::keys(0), bytes("who"), bytes("record"));
        let [records, ranking, log] = keys.as_slice() else { panic!("three keys") };
        let mut program = TxnBuilder::new("suite.arrival");
        let absent = Check::field(records, who.clone(), FieldTest::Absent);
        let (came, _) = program.fork(BranchId::ROOT, [absent]);
        program.op(came, Op::map_put(records, who.clone(), record.clone(), Life::Never));
        let members = [who.clone(), record.clone()];
        let ranked = program.op(came, RankPut::new(ranking, members, Score::Is(1)));
        let event = Append::new(log, 1_000).field("who", who.clone());
        program.op(came, event.field("record", record.clone()));
        Self { prepared: Prepared::new(built(program), keys, [who, record]).unwrap(), came, ranked }
    }
}

/// All begin at once, so that some meet a store that has made nothing of the program yet.
pub async fn many_callers_share_what_was_prepared<F: Fixture>(t: &Harness<F>) {
    let arrival = Arc::new(Arrival::prepare());
    let slot = |caller: u16| caller % 8 * 2_000;
    let mut running = Vec::new();
    for caller in 0..32u16 {
        let (store, arrival) = (t.store().clone(), Arc::clone(&arrival));
        running.push(tokio::spawn(async move {
            for round in 0..8 {
                let who = Bytes::from(format!("caller {caller} in round {round}"));
                let record = Bytes::from(format!("record of {caller} in round {round}"));
                let bind =
                    || arrival.prepared.bind(Arrival::keys(slot(caller)), vec![who.clone(), record.clone()]);
                let outcome = store.transact(&bind().unwrap()).await.unwrap();
                assert!(outcome.took(arrival.came));
                let members = vec![who.clone(), record.clone()];
                assert_eq!(outcome.reply(arrival.ranked), Some(&Reply::Ranked { members, score: Some(1) }));
                assert!(!store.transact(&bind().unwrap()).await.unwrap().took(arrival.came));
            }
        }));
    }
    for caller in running {
        caller.await.unwrap();
    }
    for caller in 0..8 {
        let [records, ranking, log] = Arrival::keys(slot(caller)).try_into().unwrap();
        let own = |number: &u16| number % 8 == caller;
        for other in (0..32u16).filter(own) {
            let who = Bytes::from(format!("caller {other} in round 7"));
            let record = Bytes::from(format!("record of {other} in round 7"));
            let stored = Reply::Optionals(vec![Some(record)]);
            assert_eq!(t.run(Op::map_get(&records, who)).await, Ok(stored));
        }
        let sizes = [(records, 32), (ranking, 64), (log, 32)];
        for (key, size) in sizes {
            assert_eq!(t.holds([Check::size(&key, size..=size)]).await, Ok(true), "{key:?}");
        }
    }
}

/// One op, one op if a key is missing, and a program: what a store may each send in another form.
fn forms(counter: &Key, text: &Bytes) -> [TxnBuilder; 3] {
    let [mut op, mut if_missing, mut program] = ["op", "if_missing", "program"].map(TxnBuilder::new);
    op.op(BranchId::ROOT, Op::add(counter, 1, Life::Keep));
    let (missing, _) = if_missing.fork(BranchId::ROOT, [Check::missing(counter)]);
    if_missing.op(missing, Op::put(counter, text.clone(), Life::Never));
    program.op(BranchId::ROOT, Op::add(counter, 1, Life::Keep));
    program.op(BranchId::ROOT, append(9).field("text", text.clone()));
    [op, if_missing, program]
}

/// The kinds of the errors, or whether there is an outcome, of each form on a key.
async fn results<F: Fixture>(t: &Harness<F>, prepared: &[Prepared], counter: u8) -> Vec<Option<ErrorKind>> {
    let mut results = Vec::new();
    for prepared in prepared {
        let (keys, text) = (vec![value(counter), log(9)], Bytes::from_static(b"bound"));
        let bound = prepared.bind(keys, vec![text.clone()]).unwrap();
        let result = t.store().transact(&bound).await;
        results.push(result.err().map(|error| error.kind()));
    }
    results
}

pub async fn what_is_bound_fails_as_what_is_built<F: Fixture>(t: &Harness<F>) {
    let text = bytes("sample");
    let prepare = |program| Prepared::new(built(program), [value(1), log(9)], [text.clone()]).unwrap();
    let prepared = forms(&value(1), &text).map(prepare);
    t.given([
        Op::put(&value(2), bytes("text"), Life::Never),
        Op::put(&value(3), bytes("9223372036854775807"), Life::Never),
        Op::push(&list(4), End::Back, "x", Life::Never),
    ])
    .await;
    let (full, not_a_number, overflow, wrong_type) = (
        Some(ErrorKind::Full),
        Some(ErrorKind::NotANumber),
        Some(ErrorKind::Overflow),
        Some(ErrorKind::WrongType),
    );
    for at_limit in [true, false] {
        t.fixture.limit_memory(at_limit).await;
        assert_eq!(results(t, &prepared, 2).await, [not_a_number, None, not_a_number]);
        assert_eq!(results(t, &prepared, 3).await, [overflow, None, overflow]);
        assert_eq!(results(t, &prepared, 4).await, [wrong_type, None, wrong_type]);
        let grows = if at_limit { full } else { None };
        assert_eq!(results(t, &prepared[1..2], 5).await, [grows]);
        assert_eq!(results(t, &prepared[2..], 6).await, [grows]);
    }
    assert_eq!(t.run(Op::get(&value(5))).await, Ok(Reply::Bytes(Some(bytes("bound")))));
    assert_eq!(t.run(Op::get(&value(6))).await, Ok(Reply::Bytes(Some(bytes("1")))));
}

//! The checker finds what it is there to find, and nothing where there is nothing.

use std::time::Duration;

use roomkey_core::{Batch, Error, Health, Kind, Outcome, Page, Reply, Result, Scan, Store, Txn, Wait, Woken};
use roomkey_memory::MemoryStore;

use super::{Answer, Deed, History, Load, Report, Wrong};
use crate::server::Resp;
use crate::{Fault, FaultyStore};

/// How often the faults are planned anew. Two of the seven deeds show that they were repeated, so the plans miss all of
/// those in one run of 10^14; with ten plans it was one of 29.
const ROUNDS: usize = 100;

fn load() -> Load {
    Load { callers: 4, partitions: 2, limit: 3, rest: Duration::ZERO, ..Load::default() }
}

/// Runs the load over a memory store behind this wrapper, with a plan of faults, and checks the memory.
///
/// Which deeds the faults meet is chance. Most deeds show nothing when they are done twice, so there are more faults
/// than could all miss those that do.
async fn run<S: Store>(wrap: impl Fn(FaultyStore<MemoryStore>) -> S, faults: &[Fault]) -> Report {
    let memory = MemoryStore::new();
    let faulty = FaultyStore::new(memory.clone());
    let running = load().start(&wrap(faulty.clone()), |_| {});
    for _ in 0..ROUNDS {
        running.until_acknowledged(20).await;
        faulty.plan(faults.to_vec());
    }
    running.until_acknowledged(20).await;
    // What is late arrives while the callers go on.
    for fault in faults.iter().cycle().take(ROUNDS * faults.len()) {
        if let Fault::Late(gate) = fault {
            gate.open();
        }
    }
    running.until_acknowledged(1).await;
    let handle = tokio::runtime::Handle::current();
    let ask = |key: &roomkey_core::Key, _: &[&[u8]]| {
        tokio::task::block_in_place(|| handle.block_on(content(&memory, key)))
    };
    running.finish(ask).await.0
}

/// What Redis would answer to the checker's question about this key.
async fn content(memory: &MemoryStore, key: &roomkey_core::Key) -> Resp {
    use roomkey_core::Op;
    let op = match key.kind() {
        Kind::Value => Op::get(key),
        Kind::List => Op::range(key, 0, -1),
        Kind::Map => Op::map_all(key),
        _ => Op::rank_range(
            key,
            roomkey_core::Bound::Open,
            roomkey_core::Bound::Open,
            roomkey_core::Order::Lowest,
            1000,
        ),
    };
    let bytes = |bytes: bytes::Bytes| Resp::Bytes(bytes.to_vec());
    match memory.run(Batch::one(op).unwrap()).await.unwrap().remove(0).unwrap() {
        Reply::Bytes(None) => Resp::Nil,
        Reply::Bytes(Some(value)) => bytes(value),
        Reply::Items(items) => Resp::Array(items.into_iter().map(bytes).collect()),
        Reply::Fields(fields) => Resp::Array(fields.into_iter().map(|(field, _)| bytes(field)).collect()),
        Reply::Scored(members) => Resp::Array(members.into_iter().map(|(member, _)| bytes(member)).collect()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_store_is_explained_with_and_without_faults() {
    run(|store| store, &[]).await.assert_exact();
    let faults = [Fault::ReplyLost, Fault::Fail(Error::not_executed("away")), Fault::ReplyLost];
    let report = run(|store| store, &faults).await;
    report.assert_exact();
    assert_eq!((report.ambiguous, report.not_done), (2 * ROUNDS, ROUNDS));
}

/// A store that repeats whatever was lost, as many clients do.
#[derive(Clone, Debug)]
struct Naive<S>(S);

impl<S: Store> Store for Naive<S> {
    async fn run(&self, batch: Batch) -> Result<Vec<Result<Reply>>> {
        loop {
            match self.0.run(batch.clone()).await {
                Err(Error::Ambiguous(_)) => {}
                answer => return answer,
            }
        }
    }

    async fn transact(&self, txn: &Txn) -> Result<Outcome> {
        self.0.transact(txn).await
    }

    async fn scan(&self, scan: Scan) -> Result<Page> {
        self.0.scan(scan).await
    }

    async fn wait(&self, wait: Wait) -> Result<Woken> {
        self.0.wait(wait).await
    }

    async fn health(&self) -> Result<Health> {
        self.0.health().await
    }

    async fn close(&self) -> Result<()> {
        self.0.close().await
    }
}

/// A store that tells its callers that what may have happened did not.
#[derive(Clone, Debug)]
struct Liar<S>(S);

impl<S: Store> Store for Liar<S> {
    async fn run(&self, batch: Batch) -> Result<Vec<Result<Reply>>> {
        self.0.run(batch).await.map_err(|_| Error::not_executed("surely not"))
    }

    async fn transact(&self, txn: &Txn) -> Result<Outcome> {
        self.0.transact(txn).await
    }

    async fn scan(&self, scan: Scan) -> Result<Page> {
        self.0.scan(scan).await
    }

    async fn wait(&self, wait: Wait) -> Result<Woken> {
        self.0.wait(wait).await
    }

    async fn health(&self) -> Result<Health> {
        self.0.health().await
    }

    async fn close(&self) -> Result<()> {
        self.0.close().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_repeats_what_was_lost_is_caught() {
    let report = run(Naive, &[Fault::ReplyLost, Fault::ReplyLost, Fault::ReplyLost]).await;
    assert!(report.doubled() > 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_calls_the_ambiguous_not_executed_is_caught() {
    let report = run(Liar, &[Fault::ReplyLost, Fault::ReplyLost, Fault::ReplyLost]).await;
    assert!(report.doubled() > 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_arrives_after_a_later_one_is_caught() {
    let gate = crate::Gate::new();
    let late: Vec<_> = (0..12).map(|_| Fault::Late(gate.clone())).collect();
    let report = run(|store| store, &late).await;
    assert!(report.lost() + report.doubled() > 0, "{report}");
}

#[test]
fn reads_are_neither_stale_nor_invented_nor_foreign() {
    let key = load().key(Kind::Value, 0, 0);
    let history = History::new();
    for version in 1..=2 {
        history.ask(0, Deed::Write(key.clone(), version)).answered(Answer::Done);
    }
    drop(history.ask(0, Deed::Write(key.clone(), 3)));
    let read = |answer| history.ask(1, Deed::Read(key.clone())).answered(answer);
    read(Answer::Version(Some(2)));
    // A read that began before the version was known may miss it.
    let early = history.ask(2, Deed::Read(key.clone()));
    read(Answer::Version(Some(3)));
    early.answered(Answer::Version(Some(2)));
    assert!(history.lock().wrongs.is_empty());
    read(Answer::Version(Some(2)));
    read(Answer::Version(Some(4)));
    read(Answer::Foreign);
    let wrongs = [Wrong::Stale { read: 2, known: 3 }, Wrong::NeverWritten, Wrong::Foreign];
    assert_eq!(history.lock().wrongs, wrongs);
}

#[test]
fn too_many_members_two_equal_numbers_and_lost_elements_are_told() {
    let (counter, list) = (load().key(Kind::Value, 0, 0), load().key(Kind::List, 0, 0));
    let history = History::new();
    history.saw_members(3, 3);
    history.saw_members(4, 3);
    for number in [1, 1] {
        history.ask(0, Deed::Add(counter.clone())).answered(Answer::Number(number));
    }
    history.ask(0, Deed::Push(list, "gone".into())).answered(Answer::Done);
    let ask = |key: &roomkey_core::Key, _: &[&[u8]]| match key.kind() {
        Kind::Value => Resp::Bytes(b"2".to_vec()),
        _ => Resp::Array(vec![Resp::Bytes(b"from nowhere".to_vec())]),
    };
    let report = history.check(ask);
    let wrongs =
        [Wrong::OverLimit { members: 4, limit: 3 }, Wrong::SameNumber, Wrong::NeverWritten, Wrong::Lost];
    assert_eq!(report.wrongs, wrongs);
    assert_eq!((report.lost(), report.impossible()), (2, 2));
}

//! Waiting for entries of logs.

use roomkey_core::{Append, ErrorKind, Key, Kind, Life, LogId, MAX_LOGS, Op, Reply, Store as _, Wait, Woken};

use super::logs::{append, ids};
use super::*;

pub async fn an_entry_that_is_there_ends_the_wait<F: Fixture>(t: &Harness<F>) {
    let ids = ids(t.run(append(1).field("n", many(["a", "b"]))).await);
    for after in [LogId::MIN, ids[0]] {
        assert_eq!(wait(t, [(1, after)], LONG).await, ready([1]));
    }
}

pub async fn a_wait_ends_at_its_timeout<F: Fixture>(t: &Harness<F>) {
    let ids = ids(t.run(append(1).field("f", "v")).await);
    // Opens the connection that a wait may need, for which the brief time of those below may not be enough.
    assert_eq!(wait(t, [(1, LogId::MIN)], LONG).await, ready([1]));
    assert_eq!(wait(t, [(1, ids[0])], BRIEF).await, Woken::TimedOut, "the last entry is not after itself");
    assert_eq!(wait(t, [(1, LogId::MAX)], BRIEF).await, Woken::TimedOut);
    assert_eq!(wait(t, [(2, LogId::MIN)], BRIEF).await, Woken::TimedOut, "there is no such log");
}

pub async fn an_append_ends_the_wait<F: Fixture>(t: &Harness<F>) {
    let ids = ids(t.run(append(1).field("f", "v")).await);
    for (waited, after, appended) in [(1, ids[0], 1), (2, LogId::MIN, 2)] {
        let waiting = spawn(t, [(waited, after)]);
        t.run(append(appended).field("f", "v")).await.unwrap();
        assert_eq!(within_reason(waiting).await.unwrap(), ready([appended]));
    }
}

pub async fn an_append_to_any_of_the_logs_ends_the_wait<F: Fixture>(t: &Harness<F>) {
    for appended in 1..=3 {
        t.given([1, 2, 3].map(|number| Op::delete(&log(number)))).await;
        let waiting = spawn(t, [1, 2, 3].map(|number| (number, LogId::MIN)));
        t.run(append(appended).field("f", "v")).await.unwrap();
        assert_eq!(within_reason(waiting).await.unwrap(), ready([appended]));
    }
}

pub async fn the_logs_of_a_wait_may_lie_anywhere<F: Fixture>(t: &Harness<F>) {
    let logs = SPREAD.map(|slot| key_in(slot, Kind::Log, 1));
    for appended in &logs {
        t.given(logs.iter().map(Op::delete)).await;
        let waiting = spawn_for(t, logs.clone());
        t.run(Append::new(appended, 10).field("f", "v")).await.unwrap();
        assert_eq!(within_reason(waiting).await.unwrap(), Woken::Ready(vec![appended.clone()]));
    }
}

pub async fn waits_for_the_rest_name_every_log_that_has_an_entry<F: Fixture>(t: &Harness<F>) {
    // Two in each partition, of which one has an entry.
    let logs = |number| SPREAD.map(|slot| key_in(slot, Kind::Log, number));
    for log in logs(1) {
        t.run(Append::new(&log, 10).field("f", "v")).await.unwrap();
    }
    let mut waited: Vec<Key> = logs(1).into_iter().chain(logs(2)).collect();
    while waited.len() > 3 {
        let named = named(t, &waited).await;
        assert!(named.iter().all(|log| logs(1).contains(log)), "one that has no entry is named: {named:?}");
        waited.retain(|log| !named.contains(log));
    }
    assert_eq!(waited, logs(2));
}

pub async fn a_log_that_always_has_an_entry_hides_no_other<F: Fixture>(t: &Harness<F>) {
    let logs = SPREAD.map(|slot| key_in(slot, Kind::Log, 1));
    for busy in &logs {
        t.given(logs.iter().map(Op::delete)).await;
        t.run(Append::new(busy, 10).field("f", "v")).await.unwrap();
        assert_eq!(named(t, &logs).await, std::slice::from_ref(busy));
        for other in logs.iter().filter(|log| *log != busy) {
            t.run(Append::new(other, 10).field("f", "v")).await.unwrap();
            while !named(t, &logs).await.contains(other) {}
        }
    }
}

pub async fn a_wait_takes_as_many_logs_as_there_may_be<F: Fixture>(t: &Harness<F>) {
    let slots = (0..roomkey_core::SLOTS).step_by(usize::from(roomkey_core::SLOTS) / MAX_LOGS);
    let logs: Vec<Key> = slots.map(|slot| key_in(slot, Kind::Log, 1)).collect();
    assert_eq!(logs.len(), MAX_LOGS);
    let waiting = spawn_for(t, logs.clone());
    t.run(Append::new(&logs[700], 10).field("f", "v")).await.unwrap();
    assert_eq!(within_reason(waiting).await.unwrap(), Woken::Ready(vec![logs[700].clone()]));
}

pub async fn only_logs_can_be_waited_for<F: Fixture>(t: &Harness<F>) {
    t.given([Op::put(&value(1), bytes("v"), Life::Never)]).await;
    let elsewhere = key_in(SPREAD[2], Kind::Log, 2);
    let wait = Wait::new([elsewhere, log(1)].map(|log| (log, LogId::MIN)), LONG).unwrap();
    let error = within_reason(t.store().wait(wait)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType);
}

pub async fn an_append_by_a_program_ends_the_wait<F: Fixture>(t: &Harness<F>) {
    let waiting = spawn(t, [(1, LogId::MIN)]);
    let mut program = TxnBuilder::new("suite.append");
    let (then, _) = program.fork(BranchId::ROOT, [Check::missing(&value(9))]);
    program.op(then, Op::put(&value(8), bytes("v"), Life::Never));
    program.op(then, append(1).field("f", "v"));
    t.transact(program).await.unwrap();
    assert_eq!(within_reason(waiting).await.unwrap(), ready([1]));
}

pub async fn all_who_wait_are_woken<F: Fixture>(t: &Harness<F>) {
    // More than any store has connections for.
    let waiting: Vec<_> = (0..200).map(|_| spawn(t, [(1, LogId::MIN)])).collect();
    t.run(append(1).field("f", "v")).await.unwrap();
    for waiting in waiting {
        assert_eq!(within_reason(waiting).await.unwrap(), ready([1]));
    }
}

pub async fn waiting_holds_up_nobody_else<F: Fixture>(t: &Harness<F>) {
    let waiting: Vec<_> = (0..10).map(|_| spawn(t, [(1, LogId::MIN)])).collect();
    for number in 0..50 {
        let reply = within_reason(t.run(Op::put(&value(number), bytes("v"), Life::Never))).await;
        assert_eq!(reply, Ok(Reply::Written));
    }
    for waiting in waiting {
        waiting.abort();
    }
}

/// Slots far from each other, so that no two of them share a node.
const SPREAD: [u16; 3] = [42, 8_000, 16_000];

fn ready<const N: usize>(numbers: [u8; N]) -> Woken {
    Woken::Ready(numbers.map(log).to_vec())
}

async fn wait<F: Fixture>(
    t: &Harness<F>,
    logs: impl IntoIterator<Item = (u8, LogId)>,
    timeout: Duration,
) -> Woken {
    within_reason(t.store().wait(ask(logs, timeout))).await.unwrap()
}

/// Waits for any entry of these logs, one of which has some, and tells which are named.
async fn named<F: Fixture>(t: &Harness<F>, logs: &[Key]) -> Vec<Key> {
    let wait = Wait::new(logs.iter().map(|log| (log.clone(), LogId::MIN)), LONG).unwrap();
    match within_reason(t.store().wait(wait)).await.unwrap() {
        Woken::Ready(named) => {
            assert!(!named.is_empty());
            named
        }
        Woken::TimedOut => panic!("one of the logs has an entry"),
    }
}

/// Waits in the background for far longer than a test may take.
fn spawn<F: Fixture>(
    t: &Harness<F>,
    logs: impl IntoIterator<Item = (u8, LogId)>,
) -> tokio::task::JoinHandle<Woken> {
    let (store, wait) = (t.store().clone(), ask(logs, LONG));
    tokio::spawn(async move { store.wait(wait).await.unwrap() })
}

/// As [`spawn`], for any entry of these logs.
fn spawn_for<F: Fixture>(
    t: &Harness<F>,
    logs: impl IntoIterator<Item = Key>,
) -> tokio::task::JoinHandle<Woken> {
    let wait = Wait::new(logs.into_iter().map(|log| (log, LogId::MIN)), LONG).unwrap();
    let store = t.store().clone();
    tokio::spawn(async move { store.wait(wait).await.unwrap() })
}

fn ask(logs: impl IntoIterator<Item = (u8, LogId)>, timeout: Duration) -> Wait {
    Wait::new(logs.into_iter().map(|(number, after)| (log(number), after)), timeout).unwrap()
}

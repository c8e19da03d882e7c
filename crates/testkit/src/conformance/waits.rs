//! Waiting for entries of logs.

use roomkey_core::{Life, LogId, Op, Reply, Store as _, Wait, Woken};

use super::logs::{append, ids};
use super::*;

pub async fn an_entry_that_is_there_ends_the_wait<F: Fixture>(t: &Harness<F>) {
    let ids = ids(t.run(append(1).field("n", many(["a", "b"]))).await);
    for after in [LogId::MIN, ids[0]] {
        assert_eq!(wait(t, [(1, after)], LONG).await, Woken::Ready);
    }
}

pub async fn a_wait_ends_at_its_timeout<F: Fixture>(t: &Harness<F>) {
    let ids = ids(t.run(append(1).field("f", "v")).await);
    // Opens the connection that a wait may need, for which the brief time of those below may not be enough.
    assert_eq!(wait(t, [(1, LogId::MIN)], LONG).await, Woken::Ready);
    assert_eq!(wait(t, [(1, ids[0])], BRIEF).await, Woken::TimedOut, "the last entry is not after itself");
    assert_eq!(wait(t, [(1, LogId::MAX)], BRIEF).await, Woken::TimedOut);
    assert_eq!(wait(t, [(2, LogId::MIN)], BRIEF).await, Woken::TimedOut, "there is no such log");
}

pub async fn an_append_ends_the_wait<F: Fixture>(t: &Harness<F>) {
    let ids = ids(t.run(append(1).field("f", "v")).await);
    for (waited, after, appended) in [(1, ids[0], 1), (2, LogId::MIN, 2)] {
        let waiting = spawn(t, [(waited, after)]);
        t.run(append(appended).field("f", "v")).await.unwrap();
        assert_eq!(within_reason(waiting).await.unwrap(), Woken::Ready);
    }
}

pub async fn an_append_to_any_of_the_logs_ends_the_wait<F: Fixture>(t: &Harness<F>) {
    for appended in 1..=3 {
        t.given([1, 2, 3].map(|number| Op::delete(&log(number)))).await;
        let waiting = spawn(t, [1, 2, 3].map(|number| (number, LogId::MIN)));
        t.run(append(appended).field("f", "v")).await.unwrap();
        assert_eq!(within_reason(waiting).await.unwrap(), Woken::Ready);
    }
}

pub async fn an_append_by_a_program_ends_the_wait<F: Fixture>(t: &Harness<F>) {
    let waiting = spawn(t, [(1, LogId::MIN)]);
    let mut program = TxnBuilder::new("suite.append");
    let (then, _) = program.fork(BranchId::ROOT, [Check::missing(&value(9))]);
    program.op(then, Op::put(&value(8), bytes("v"), Life::Never));
    program.op(then, append(1).field("f", "v"));
    t.transact(program).await.unwrap();
    assert_eq!(within_reason(waiting).await.unwrap(), Woken::Ready);
}

pub async fn all_who_wait_are_woken<F: Fixture>(t: &Harness<F>) {
    // More than any store has connections for.
    let waiting: Vec<_> = (0..200).map(|_| spawn(t, [(1, LogId::MIN)])).collect();
    t.run(append(1).field("f", "v")).await.unwrap();
    for waiting in waiting {
        assert_eq!(within_reason(waiting).await.unwrap(), Woken::Ready);
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

async fn wait<F: Fixture>(
    t: &Harness<F>,
    logs: impl IntoIterator<Item = (u8, LogId)>,
    timeout: Duration,
) -> Woken {
    within_reason(t.store().wait(ask(logs, timeout))).await.unwrap()
}

/// Waits in the background for far longer than a test may take.
fn spawn<F: Fixture>(
    t: &Harness<F>,
    logs: impl IntoIterator<Item = (u8, LogId)>,
) -> tokio::task::JoinHandle<Woken> {
    let (store, wait) = (t.store().clone(), ask(logs, LONG));
    tokio::spawn(async move { store.wait(wait).await.unwrap() })
}

fn ask(logs: impl IntoIterator<Item = (u8, LogId)>, timeout: Duration) -> Wait {
    Wait::new(logs.into_iter().map(|(number, after)| (log(number), after)), timeout).unwrap()
}

//! Handles on a store: cloned, asked how it is, closed.

use roomkey_core::{ErrorKind, Life, LogId, Op, Reply, Scan, Store, Wait};

use super::*;

pub async fn a_clone_is_a_handle_on_the_same_store<F: Fixture>(t: &Harness<F>) {
    let other = t.store().clone();
    t.given([Op::put(&value(1), bytes("v"), Life::Never)]).await;
    let replies = other.run(Batch::one(Op::get(&value(1))).unwrap()).await.unwrap();
    assert_eq!(replies[0].as_ref().unwrap(), &Reply::Bytes(Some(bytes("v"))));
}

pub async fn a_store_says_how_it_is<F: Fixture>(t: &Harness<F>) {
    let health = t.store().health().await.unwrap();
    assert!(!health.engine.is_empty());
}

pub async fn a_closed_store_says_so<F: Fixture>(t: &Harness<F>) {
    let other = t.store().clone();
    t.given([Op::put(&value(1), bytes("v"), Life::Never)]).await;
    other.close().await.unwrap();
    for store in [t.store(), &other] {
        let batch = Batch::one(Op::get(&value(1))).unwrap();
        let wait = Wait::new([(log(1), LogId::MIN)], BRIEF).unwrap();
        let txn = built(checks::program_on(&value(1)));
        let errors = [
            store.run(batch).await.unwrap_err(),
            store.transact(&txn).await.unwrap_err(),
            store.scan(Scan::new(namespace("suite"))).await.unwrap_err(),
            store.wait(wait).await.unwrap_err(),
            store.health().await.unwrap_err(),
        ];
        assert_eq!(errors.map(|error| error.kind()), [ErrorKind::Closed; 5]);
    }
}

pub async fn closing_twice_is_no_error<F: Fixture>(t: &Harness<F>) {
    t.store().close().await.unwrap();
    t.store().clone().close().await.unwrap();
}

pub async fn closing_ends_a_wait<F: Fixture>(t: &Harness<F>) {
    let store = t.store().clone();
    let wait = Wait::new([(log(1), LogId::MIN)], LONG).unwrap();
    let waiting = tokio::spawn(async move { store.wait(wait).await });
    // Whether the wait has begun by now or begins later, it ends the same.
    t.store().close().await.unwrap();
    let error = within_reason(waiting).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

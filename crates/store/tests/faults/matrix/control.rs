//! A client that repeats what was lost is found out: otherwise the matrix would prove nothing.

use roomkey_core::{Batch, Error, Health, Outcome, Page, Reply, Result, Scan, Store, Txn, Wait, Woken};
use roomkey_testkit::FaultProxy;
use roomkey_testkit::proxy::Spoil;

use crate::ear;
use crate::scene::{PATIENT, config, connect, load, server};
use crate::table::Row;

/// Sends again whatever got lost, as the cluster clients of `redis` and go-redis do by default.
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f00_a_client_that_repeats_is_found_out() {
    let server = server().start();
    let proxy = FaultProxy::before(server.port());
    let store = connect(config(proxy.port()).timeout(PATIENT)).await;
    let running = load().start(&Naive(store), |error| ear::heard(error));
    running.until_acknowledged(200).await;
    for command in ["INCRBY", "RPUSH"] {
        proxy.spoil(command, 5, Spoil::Lose);
        while proxy.unspoiled() > 0 {
            running.until_acknowledged(10).await;
        }
        proxy.heal();
    }
    running.until_acknowledged(100).await;
    let (report, _) = running.finish(|_, command| server.command(command)).await;
    Row { fault: "F0", what: "control: a naive client over lost replies", report: &report, retried: None }
        .add();
    assert!(report.doubled() >= 2, "a client that adds twice was not found out: {report}");
}

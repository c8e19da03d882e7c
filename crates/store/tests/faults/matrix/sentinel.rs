//! A master that changes, under load.

use std::sync::Arc;
use std::time::Duration;

use roomkey_store::RedisStore;
use roomkey_testkit::RedisSentinel;
use roomkey_testkit::history::{Report, Running};
use roomkey_testkit::server::Restart;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep};

use super::crash::long;
use crate::ear::{self, PASSWORD};
use crate::scene::{HASTY, PATIENT, Watch, assert_in_time, connect_to, load, members, server};
use crate::table::Row;

/// Callers over a store that finds its master by sentinels.
struct Scene {
    watched: Arc<RedisSentinel>,
    store: RedisStore,
    running: Running,
    watch: Watch,
}

impl Scene {
    /// `more` is added to the address.
    async fn start(more: &str, deadline: Duration) -> Self {
        let watched = Arc::new(RedisSentinel::options().servers(server()).password(PASSWORD).start());
        let url = format!("{}&timeout_ms={}{more}", watched.url(), deadline.as_millis());
        let store = connect_to(&url).await;
        let running = load().start(&store, |error| ear::heard(error));
        let watch = Watch::start(&running, {
            let watched = Arc::clone(&watched);
            // Every server by itself: nobody ever lets in too many, whoever is the master.
            let mut turn = 0;
            move |key| {
                turn += 1;
                let servers = [watched.master(), &watched.replicas()[0]];
                members(servers[turn % servers.len()], key)
            }
        });
        running.until_acknowledged(100).await;
        Self { watched, store, running, watch }
    }

    async fn heal(&self) {
        self.running.history().healed();
        self.running.until_acknowledged(200).await;
    }

    async fn finish(self, what: &str, fault: &str) -> (Report, Duration) {
        self.watch.stop();
        let watched = self.watched;
        block_in_place(|| watched.wait_until_agreed());
        let (report, late) =
            self.running.finish(|_, command| watched.current_master().command(command)).await;
        Row { fault, what, report: &report, retried: None }.add();
        // A replica that takes over may lack what was acknowledged last: that is counted, and nothing else is forgiven.
        report.assert_nothing_impossible();
        ear::assert_discreet();
        drop(self.store);
        (report, late)
    }
}

/// A live master becomes a replica: what it then refuses is sent again to its successor.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f07_demoted_under_load() {
    let scene = Scene::start("", PATIENT).await;
    for _ in 0..long(2, 20) {
        block_in_place(|| scene.watched.failover());
        scene.heal().await;
        block_in_place(|| scene.watched.wait_until_agreed());
    }
    let (report, _) = scene.finish("SENTINEL FAILOVER twice under load", "F7").await;
    for idempotent in ["write", "read", "field", "join", "leave"] {
        assert_eq!(report.failed.get(idempotent), None, "{report}");
    }
}

/// A frozen master: every call ends in time, and the store goes on with the next one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f08_frozen_master() {
    let scene = Scene::start("", HASTY).await;
    let began = Instant::now();
    block_in_place(|| scene.watched.master().pause());
    block_in_place(|| while std::ptr::eq(scene.watched.current_master(), scene.watched.master()) {});
    let elected = began.elapsed();
    scene.heal().await;
    let left = began.elapsed().saturating_sub(elected);
    block_in_place(|| scene.watched.master().resume());
    sleep(Duration::from_secs(1)).await;
    scene.heal().await;
    let what = format!(
        "master frozen, another elected after {:.1} s, used {:.1} s later, thawed",
        elected.as_secs_f64(),
        left.as_secs_f64()
    );
    let (report, late) = scene.finish(&what, "F8").await;
    assert_in_time(report.slowest, HASTY, late);
}

/// With writes that wait for a replica, a failover loses nothing that was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f08_killed_master_whose_writes_were_confirmed() {
    let scene = Scene::start("&wait_replicas=1&wait_timeout_ms=300", Duration::from_secs(1)).await;
    block_in_place(|| scene.watched.master().kill());
    block_in_place(|| while std::ptr::eq(scene.watched.current_master(), scene.watched.master()) {});
    // Nobody copies the new master yet: its writes happen, are not confirmed, and say so.
    sleep(Duration::from_secs(1)).await;
    block_in_place(|| scene.watched.master().restart(Restart::LoseData));
    block_in_place(|| scene.watched.wait_until_agreed());
    scene.heal().await;
    let (report, _) = scene.finish("master killed, writes wait for one replica", "F8").await;
    report.assert_exact();
    assert!(report.ambiguous > 0, "{report}");
}

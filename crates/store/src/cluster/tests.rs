//! What becomes of nodes that the map does not need.

use super::*;

/// Nothing listens there.
fn nowhere() -> Endpoint {
    Endpoint::Tcp { host: "127.0.0.1".to_owned(), port: 1 }
}

fn shared() -> Shared {
    let config = RedisConfig::builder().cluster(["127.0.0.1:1"]).build().unwrap();
    Shared {
        connector: Connector::new(&config).unwrap(),
        config,
        seeds: Vec::new(),
        rights: Rights::Unknown,
        map: RwLock::default(),
        changed: Notify::new(),
        wanted: Notify::new(),
        closed: AtomicBool::new(false),
    }
}

#[tokio::test]
async fn a_node_that_serves_nothing_leaves_when_it_is_gone() {
    let shared = shared();
    let layout = Layout { ranges: Vec::new(), epoch: 1 };
    let guest = shared.guest(nowhere()).unwrap();
    // While it is not known whether it is there, the slot may be on its way to it.
    shared.install(&layout, None);
    assert_eq!(shared.map().nodes.len(), 1);
    while !guest.lanes.have_failed() {
        tokio::task::yield_now().await;
    }
    shared.install(&layout, None);
    assert!(shared.map().nodes.is_empty());
    while !guest.lanes.is_closed() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_closed_cluster_starts_no_node() {
    let shared = shared();
    shared.closed.store(true, Ordering::Release);
    assert!(shared.guest(nowhere()).is_none());
    shared.moved(Partition::from_slot(7).unwrap(), nowhere());
    assert!(shared.map().nodes.is_empty());
}

/// A lock that is taken a second time by who reads it already waits for ever, once a writer stands in between.
#[tokio::test]
async fn a_guest_is_found_while_others_change_the_map() {
    const ROUNDS: usize = 100_000;
    let shared = Arc::new(shared());
    shared.guest(nowhere()).unwrap();
    let (done, all) = std::sync::mpsc::channel();
    let run = |work: fn(&Shared)| {
        let (shared, done) = (Arc::clone(&shared), done.clone());
        std::thread::spawn(move || {
            (0..ROUNDS).for_each(|_| work(&shared));
            done.send(()).unwrap();
        });
    };
    for _ in 0..4 {
        run(|shared| assert!(shared.guest(nowhere()).is_some()));
        run(|shared| drop(shared.map.write().unwrap()));
    }
    for _ in 0..8 {
        all.recv_timeout(Duration::from_secs(60)).expect("they wait for each other");
    }
}

//! Whether everything that clients were told, all asking at the same time and on a bad network, can have happened one
//! after the other.
//!
//! A history is wrong if there is no order of its calls, each at one moment between its question and its answer, that
//! explains every answer: one seat too many, one that was refused while one was free, a lease that did not end, an old
//! connection that took the seat of a newer one. `ROOMKEY_TEST_LONG=1` records many more of them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clients;
mod model;

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use roomkey_memory::MemoryStore;
use roomkey_rooms::{Renewal, Rooms};
use roomkey_store::{RedisConfig, RedisStore};
use roomkey_testkit::linear::{Checker, Verdict};
use roomkey_testkit::proxy::{Pace, Spoil, Way as Direction};
use roomkey_testkit::{FaultProxy, RedisServer};
use roomkey_vault::{Keyring, Vault};
use tokio::time::sleep;

use clients::{Load, Numbers, Way, open, record, too_slow};
use model::{Answer, Call, Room, What};

/// How long leases last, at first.
const LEASE: Duration = Duration::from_secs(2);

fn check(calls: &[Call], lease: Duration) -> Verdict {
    Checker::new(&Room { lease }).check_each(calls, |op| op.room)
}

/// How many of something, or how many with `ROOMKEY_TEST_LONG=1`.
fn many(usual: u64, long: u64) -> u64 {
    if std::env::var("ROOMKEY_TEST_LONG").is_ok_and(|asked| asked == "1") { long } else { usual }
}

/// Of the environment, or another one each time.
fn seed() -> u64 {
    let given = std::env::var("ROOMKEY_LINEAR_SEED").ok().and_then(|seed| seed.parse().ok());
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos().into();
    let seed = given.unwrap_or_else(now);
    eprintln!("ROOMKEY_LINEAR_SEED={seed}");
    seed
}

/// A history on the embedded store, on a paused clock: the same seed gives the same one.
async fn on_memory(load: Load) -> Vec<Call> {
    let vault = Vault::open(MemoryStore::new(), Keyring::from_key_bytes([7; 32])).await.unwrap();
    let rooms = Rooms::new(vault);
    open(&rooms, load.lease).await;
    record(&[rooms], load).await
}

/// How many of some histories on memory are found to be wrong.
async fn caught(way: Way, connections: usize) -> u64 {
    let mut caught = 0;
    for seed in 0..10 {
        let calls = on_memory(Load { seed, lease: LEASE, connections, calls: 150, way }).await;
        match check(&calls, LEASE) {
            Verdict::Linearizable { .. } => {}
            Verdict::Broken(_) => caught += 1,
            undecided @ Verdict::Undecided(_) => panic!("{undecided}"),
        }
    }
    caught
}

#[tokio::test(start_paused = true)]
async fn what_memory_tells_happened_in_some_order() {
    let seed = seed();
    for history in 0..many(30, 1_000) {
        let connections = 1 + history as usize % 3;
        let seed = seed.wrapping_add(history);
        let calls = on_memory(Load { seed, lease: LEASE, connections, calls: 150, way: Way::Right }).await;
        check(&calls, LEASE).assert_linearizable(format_args!("seed {seed}, {connections} connections"));
    }
}

/// Histories are worth what they come upon.
#[tokio::test(start_paused = true)]
async fn the_histories_come_upon_every_answer() {
    let mut told = BTreeSet::new();
    for seed in 0..5 {
        let calls = on_memory(Load { seed, lease: LEASE, connections: 2, calls: 150, way: Way::Right }).await;
        told.extend(calls.iter().filter_map(|call| match call.answer()? {
            Answer::Full(_) => Some("full".to_owned()),
            Answer::Taken(_) => None,
            answer => Some(format!("{answer:?}")),
        }));
    }
    let all = [
        Answer::Seated,
        Answer::Left(true),
        Answer::Left(false),
        Answer::Stands(Renewal::Renewed),
        Answer::Stands(Renewal::Lost),
        Answer::Stands(Renewal::Superseded),
    ];
    let all: BTreeSet<_> =
        all.iter().map(|answer| format!("{answer:?}")).chain(["full".to_owned()]).collect();
    assert_eq!(told, all);
}

#[tokio::test(start_paused = true)]
async fn a_join_that_counts_first_is_caught() {
    assert!(caught(Way::CountFirst, 1).await > 5);
}

#[tokio::test(start_paused = true)]
async fn a_leave_that_looks_at_no_lease_is_caught() {
    assert!(caught(Way::LeaveWhatever, 2).await > 5);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_of_what_has_ended_is_caught() {
    assert!(caught(Way::RenewWhatever, 1).await > 5);
}

/// What happens to the network and to the server.
async fn trouble(proxy: &FaultProxy, server: &RedisServer, mut numbers: Numbers, lossy: bool) {
    loop {
        let ms = |ms| Duration::from_millis(ms);
        match numbers.below(if lossy { 7 } else { 4 }) {
            0 => proxy.pace(Direction::ToServer, Pace::delayed(ms(1), ms(4))),
            1 => proxy.pace(Direction::ToClient, Pace::delayed(ms(1), ms(4))),
            2 => proxy.heal(),
            3 => drop(server.command(&["SCRIPT", "FLUSH"])),
            4 => proxy.spoil("EVALSHA", 1 + numbers.below(3) as u32, Spoil::Lose),
            5 => proxy.spoil("EVALSHA", 1, Spoil::CutMidway),
            _ => proxy.cut(),
        }
        sleep(ms(20 + numbers.below(160))).await;
    }
}

/// Histories on a server behind a network in trouble. Where replies are lost, a store may do twice what it was asked
/// once, which is the same as once unless another connection of the same member comes in between.
async fn on_redis(lossy: bool, connections: usize) {
    let server = RedisServer::start();
    let proxy = FaultProxy::before(server.port());
    let config = || {
        RedisConfig::builder().host("127.0.0.1").port(proxy.port()).timeout(Duration::from_secs(10)).build()
    };
    let stores = [
        RedisStore::connect(config().unwrap()).await.unwrap(),
        RedisStore::connect(config().unwrap()).await.unwrap(),
    ];
    let (seed, mut lease, mut without) = (seed(), LEASE, 0);
    let histories = many(3, 60);
    let mut checked = 0;
    for history in 0.. {
        let seed = seed.wrapping_add(history);
        let mut processes = Vec::new();
        for store in &stores {
            let vault = Vault::builder().app(format!("linear{history}"));
            let vault = vault.open(store.clone(), Keyring::from_key_bytes([7; 32])).await.unwrap();
            processes.push(Rooms::new(vault));
        }
        open(&processes[0], lease).await;
        let load = Load { seed, lease, connections, calls: 120, way: Way::Right };
        let calls = tokio::select! {
            calls = record(&processes, load) => calls,
            () = trouble(&proxy, &server, Numbers(seed), lossy) => unreachable!("there is always trouble"),
        };
        proxy.heal();
        if too_slow(&calls, lease) {
            // A busy machine is no fault of rooms. The next history has more time.
            eprintln!("too slow for leases of {lease:?}");
            lease *= 2;
            assert!(lease < 32 * LEASE, "no lease is long enough for a call");
            continue;
        }
        without += calls.iter().filter(|call| call.answer().is_none()).count();
        let joins = calls.iter().filter(|call| matches!(call.op().what, What::Join(_))).count();
        assert!(joins > 100, "{joins} joins in {} calls", calls.len());
        check(&calls, lease).assert_linearizable(format_args!("seed {seed}"));
        checked += 1;
        if checked == histories {
            break;
        }
    }
    let connected = proxy.connections();
    eprintln!("{checked} histories, {without} calls without an answer, {connected} connections");
    assert!(!lossy || connected > 5 * histories, "{connected} connections only");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn what_redis_tells_on_a_bad_network_happened_in_some_order() {
    on_redis(true, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn what_redis_tells_many_connections_of_a_member_happened_in_some_order() {
    on_redis(false, 3).await;
}

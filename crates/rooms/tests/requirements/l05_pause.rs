//! Line 5: a process that stood still for twice its lease learns that its seat is gone, at its next renewal.

use std::time::{Duration, Instant};

use roomkey_memory::MemoryStore;
use roomkey_rooms::{Joined, Lease, Renewal, RoomConfig, Rooms};
use roomkey_testkit::workers::Job;
use roomkey_testkit::{Crew, RedisServer};

use crate::common::{Time, connect, live, open, open_as, rooms, seat};
use crate::crowd::patient;
use crate::invariants::assert_whole;

const LEASE: Duration = Duration::from_millis(1_500);

fn config() -> RoomConfig {
    RoomConfig::new(1).lease(LEASE).queue(0)
}

/// Whatever the process did not notice, its lease is lost, also where nobody took the seat.
pub(crate) async fn a_lease_that_ended_is_lost_and_comes_back_only_if_asked<S: Time>(store: S) {
    let vault = open(store.clone()).await;
    let rooms = Rooms::new(vault.clone());
    rooms.configure("room", config()).await.unwrap();
    let ada = seat(&rooms, "room", "ada").await;
    store.pass(2 * LEASE).await;
    assert_eq!(ada.renew().await.unwrap(), Renewal::Lost, "though the seat is free");
    assert_eq!(live(&rooms, "room").await, 0, "and it was not taken in silence");
    assert_eq!(rooms.renew_or_rejoin(std::slice::from_ref(&ada)).await.unwrap(), [Renewal::Rejoined]);
    assert_eq!(ada.renew().await.unwrap(), Renewal::Renewed);
    store.pass(2 * LEASE).await;
    let ben = seat(&rooms, "room", "ben").await;
    for _ in 0..2 {
        assert_eq!(ada.renew().await.unwrap(), Renewal::Lost);
        assert_eq!(rooms.renew_or_rejoin(std::slice::from_ref(&ada)).await.unwrap(), [Renewal::Lost]);
        assert_eq!(live(&rooms, "room").await, 1, "never over the limit");
    }
    assert!(ada.leave().await.unwrap(), "there is nothing left to leave");
    assert_eq!(ben.renew().await.unwrap(), Renewal::Renewed);
    assert_whole(&vault).await;
}

/// On memory nobody can stop a process alone; its clock goes on while its keeper does not run.
#[tokio::test(start_paused = true)]
async fn on_memory_a_keeper_that_stood_still_tells_it() {
    let rooms = rooms(MemoryStore::new()).await;
    rooms.configure("room", config()).await.unwrap();
    let kept = rooms.keeper().keep(seat(&rooms, "room", "ada").await);
    tokio::task::yield_now().await;
    // All at once: nothing runs in between.
    tokio::time::advance(2 * LEASE).await;
    assert_eq!(kept.lost().await, Renewal::Lost);
    assert_eq!(live(&rooms, "room").await, 0);
}

/// What the paused worker does: it has a seat that it renews as it is told, and another one that is kept.
fn have_seats(mut job: Job) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async move {
        let rooms = Rooms::new(open_as("pause", connect(&patient(&job.setting("url"))).await).await);
        let kept = rooms.keeper().keep(seat(&rooms, "kept", "ada").await);
        let lease: Lease = seat(&rooms, "renewed", "ada").await.into_lease();
        job.say("seated");
        loop {
            let told = match job.next().await.as_str() {
                "renew" => rooms.renew(std::slice::from_ref(&lease)).await.unwrap()[0],
                "rejoin" => rooms.renew_or_rejoin(std::slice::from_ref(&lease)).await.unwrap()[0],
                "lost" => kept.lost().await,
                other => panic!("{other:?}"),
            };
            job.say(format_args!("{told:?}"));
        }
    });
}

#[test]
#[ignore = "needs Redis: cargo xtask test"]
fn a_stopped_process_learns_that_its_seats_are_gone() {
    let crew = Crew::of(a_stopped_process_learns_that_its_seats_are_gone, have_seats);
    let server = RedisServer::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let vault = runtime.block_on(async { open_as("pause", connect(&server.url()).await).await });
    let rooms = Rooms::new(vault.clone());
    runtime.block_on(async {
        for room in ["kept", "renewed"] {
            // Long enough to be there when the worker is stopped, on any machine.
            rooms.configure(room, config().lease(2 * LEASE)).await.unwrap();
        }
    });
    let mut worker = crew.start(&[("url", &server.url())]);
    worker.expect("seated");
    worker.send("renew");
    worker.expect("Renewed");
    worker.pause();
    let (keeper, paused) = (runtime.block_on(async { rooms.keeper() }), Instant::now());
    let take = async |room: &str| {
        loop {
            assert!(live(&rooms, room).await <= 1, "never over the limit");
            match rooms.join(room, "ben").await.unwrap() {
                Joined::Seated(seat) => return keeper.keep(seat),
                Joined::Full { taken: 1 } => tokio::time::sleep(LEASE / 10).await,
                other => panic!("{other:?}"),
            }
            assert!(paused.elapsed() < 100 * LEASE, "the seat of a stopped process is never free");
        }
    };
    let [kept, renewed] = runtime.block_on(async {
        let seats = [take("kept").await, take("renewed").await];
        tokio::time::sleep((4 * LEASE).saturating_sub(paused.elapsed())).await;
        seats
    });
    worker.resume();
    for asked in ["renew", "rejoin"] {
        worker.send(asked);
        worker.expect("Lost");
    }
    worker.send("lost");
    worker.expect("Lost");
    runtime.block_on(async {
        for room in ["kept", "renewed"] {
            assert!(live(&rooms, room).await <= 1, "never over the limit");
        }
        renewed.leave().await.unwrap();
        kept.leave().await.unwrap();
    });
    worker.send("renew");
    worker.expect("Lost");
    worker.send("rejoin");
    worker.expect("Rejoined");
    runtime.block_on(assert_whole(&vault));
}

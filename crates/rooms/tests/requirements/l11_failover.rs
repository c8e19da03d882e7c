//! Line 11: a replica that takes over knows nothing of the newest seats: those who had them are told, and nobody is
//! admitted beyond the limit. A server that forgot its scripts, or was restarted, is not noticed.

use std::thread;
use std::time::{Duration, Instant};

use roomkey_core::Kind;
use roomkey_rooms::{Joined, Kept, Lease, Renewal, Reservation, RoomConfig, Rooms};
use roomkey_store::RedisStore;
use roomkey_testkit::server::Restart;
use roomkey_testkit::{RedisSentinel, RedisServer};
use tokio::time::timeout;

use crate::common::{connect, open, seat};
use crate::crowd::room_key;

const PATIENCE: Duration = Duration::from_secs(60);
/// Long enough for a failover on a busy machine, and short enough to wait for a heartbeat.
const LEASE: Duration = Duration::from_secs(24);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn surplus_members_are_told_after_a_failover_and_the_limit_holds() {
    let watched = tokio::task::spawn_blocking(RedisSentinel::start).await.unwrap();
    let (master, replica) = (watched.master(), &watched.replicas()[0]);
    let vault = open(connect(&watched.url()).await).await;
    let rooms = Rooms::new(vault.clone());
    rooms.configure("room", RoomConfig::new(5).lease(LEASE)).await.unwrap();
    let keeper = rooms.keeper();
    let keep = async |member: &str| keeper.keep(seat(&rooms, "room", member).await);
    let mut kept = vec![keep("copied 1").await, keep("copied 2").await, keep("copied 3").await];
    let seats = room_key(&vault, "m1", Kind::Ranking, "room").bytes().to_vec();
    let count = |server: &RedisServer| server.command(&[b"ZCARD", seats.as_slice()]).int();
    // `WAIT` speaks of what its own connection wrote, so the replica itself is asked.
    until(|| count(replica) == 3);

    // The replica follows nobody any more, and the master does not know: it admits and says so.
    replica.command(&["REPLICAOF", "127.0.0.1", "1"]);
    let lost = [keep("lost 1").await, keep("lost 2").await];
    assert!(matches!(rooms.join("room", "one too many").await.unwrap(), Joined::Full { taken: 5 }));
    assert_eq!((count(master), count(replica)), (5, 3));

    master.kill();
    until(|| std::ptr::eq(watched.current_master(), replica));
    // Two others come, to whom the seats of the lost are free.
    for member in ["new 1", "new 2"] {
        kept.push(keeper.keep(after_failover(&rooms, member).await));
    }
    assert!(matches!(rooms.join("room", "one too many").await.unwrap(), Joined::Full { taken: 5 }));

    // At their next heartbeat the lost are told, and they are not let in again while the room is full.
    let leases: Vec<Lease> = lost.iter().map(|kept| Lease::clone(kept)).collect();
    for lost in &lost {
        assert_eq!(timeout(PATIENCE, lost.lost()).await.unwrap(), Renewal::Lost);
    }
    assert_eq!(rooms.renew_or_rejoin(&leases).await.unwrap(), [Renewal::Lost; 2]);
    assert_eq!(rooms.occupancy("room").await.unwrap().live, 5);
    assert!(kept.iter().all(|kept: &Kept<RedisStore>| kept.standing() == Renewal::Renewed));

    // With a seat free, who asks for it comes back under the same lease.
    kept.remove(0).leave().await.unwrap();
    assert_eq!(rooms.renew_or_rejoin(&leases).await.unwrap(), [Renewal::Rejoined, Renewal::Lost]);
    assert_eq!(rooms.occupancy("room").await.unwrap().live, 5);
}

/// Waits for something that is asked for without a runtime.
fn until(so: impl Fn() -> bool) {
    let began = Instant::now();
    tokio::task::block_in_place(|| {
        while !so() {
            assert!(began.elapsed() < PATIENCE, "it takes too long");
            thread::sleep(Duration::from_millis(10));
        }
    });
}

/// Joins as soon as the store has found the new master.
async fn after_failover(rooms: &Rooms<RedisStore>, member: &str) -> roomkey_rooms::Seat<RedisStore> {
    let joined = async {
        loop {
            match rooms.join("room", member).await {
                Ok(joined) => return joined.seat().unwrap(),
                Err(roomkey_rooms::Error::Store(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(other) => panic!("{other:?}"),
            }
        }
    };
    timeout(PATIENCE, joined).await.unwrap()
}

/// What a server may go through between two calls.
#[derive(Clone, Copy)]
enum Shock {
    ForgetScripts,
    Restart,
}

impl Shock {
    fn strike(self, server: &RedisServer) {
        tokio::task::block_in_place(|| match self {
            Self::ForgetScripts => drop(server.command(&["SCRIPT", "FLUSH", "SYNC"])),
            Self::Restart => server.restart(Restart::KeepData),
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn forgotten_scripts_and_restarts_are_not_noticed() {
    let server = RedisServer::start();
    // A restart of the server on a busy machine takes longer than a service would wait.
    let vault = open(connect(&crate::crowd::patient(&server.url())).await).await;
    let rooms = Rooms::new(vault.clone());
    for shock in [Shock::ForgetScripts, Shock::Restart] {
        // Every call below meets a server that has just been through it.
        let after = || {
            shock.strike(&server);
            rooms.clone()
        };
        after().configure("room", RoomConfig::new(2).queue(2)).await.unwrap();
        let ada = after().join("room", "ada").await.unwrap().seat().unwrap().into_lease();
        let Reservation::Held(held) = after().reserve("room", "ben").await.unwrap() else { panic!() };
        let Joined::Waiting { ticket, ahead: 0 } = after().join("room", "cleo").await.unwrap() else {
            panic!()
        };
        assert_eq!(after().renew(std::slice::from_ref(&ada)).await.unwrap(), [Renewal::Renewed]);
        assert_eq!(after().disconnected(&ada).await.unwrap(), Renewal::Renewed);
        let occupancy = after().occupancy("room").await.unwrap();
        assert_eq!((occupancy.live, occupancy.held, occupancy.waiting), (2, 2, 1));
        assert_eq!(after().members("room", None).await.unwrap().members.len(), 3);
        assert_eq!(after().rooms(None).await.unwrap().rooms.len(), rooms_of(&rooms).await);
        assert!(after().leave(&held).await.unwrap());
        shock.strike(&server);
        assert_eq!(ticket.check().await.unwrap(), roomkey_rooms::Wait::Promoted);
        shock.strike(&server);
        let cleo = ticket.claim().await.unwrap().seat().unwrap().into_lease();
        after().kick("room", "ada").await.unwrap();
        assert_eq!(after().sweep(10).await.unwrap().expired, 0);
        assert!(after().leave(&cleo).await.unwrap());
        let pool = rooms.pool("pool", RoomConfig::new(2)).unwrap();
        shock.strike(&server);
        let found = pool.find_or_create("ada").await.unwrap();
        assert_eq!(found.room(), pool.room(1));
        assert!(after().leave(&found.into_lease()).await.unwrap());

        after().set_size("counted", 5).await.unwrap();
        assert_eq!(after().update_size("counted", -2).await.unwrap(), 3);
        assert!(after().check_and_increment("counted").await.unwrap());
        assert_eq!(after().reconcile("counted").await.unwrap().counted, 4);
    }
}

/// How many rooms the first page holds when nothing has happened to the server.
async fn rooms_of(rooms: &Rooms<RedisStore>) -> usize {
    rooms.rooms(None).await.unwrap().rooms.len()
}

//! Line 6: the same thing done often is done once, whoever repeats it: a caller, ten at once, or a store that lost a reply.

use roomkey_core::Store;
use roomkey_memory::MemoryStore;
use roomkey_rooms::{Error, Joined, Renewal, Reservation, RoomConfig, Rooms, Since};
use roomkey_testkit::proxy::Spoil;
use roomkey_testkit::{Fault, FaultProxy, FaultyStore};
use tokio::task::JoinSet;

use crate::common::{connect, open, seat, server, ticket};
use crate::crowd::patient;
use crate::events::story;
use crate::invariants::assert_whole;

pub(crate) async fn ten_joins_at_once_are_one_seat<S: Store>(store: S) {
    let vault = open(store).await;
    let rooms = Rooms::new(vault.clone());
    rooms.configure("room", RoomConfig::new(1)).await.unwrap();
    let mut events = rooms.watch("room", Since::Now).await.unwrap();
    let mut joins = JoinSet::new();
    for _ in 0..10 {
        let rooms = rooms.clone();
        joins.spawn(async move { seat(&rooms, "room", "ada").await.into_lease() });
    }
    let leases = joins.join_all().await;
    assert_eq!(rooms.occupancy("room").await.unwrap().live, 1);
    let renewals = rooms.renew(&leases).await.unwrap();
    assert_eq!(renewals.iter().filter(|renewal| **renewal == Renewal::Renewed).count(), 1, "one is the last");
    assert_eq!(renewals.iter().filter(|renewal| **renewal == Renewal::Superseded).count(), 9);
    for _ in 0..2 {
        rooms.kick("room", "ada").await.unwrap();
    }
    seat(&rooms, "room", "ben").await.leave().await.unwrap();
    assert_eq!(story(&mut events, 4).await, ["joined ada", "kicked ada", "joined ben", "left ben"]);
    assert_whole(&vault).await;
}

pub(crate) async fn leaving_twice_is_told_once<S: Store>(store: S) {
    let vault = open(store).await;
    let rooms = Rooms::new(vault.clone());
    let mut events = rooms.watch("room", Since::Now).await.unwrap();
    let ada = seat(&rooms, "room", "ada").await.into_lease();
    for _ in 0..2 {
        assert!(rooms.leave(&ada).await.unwrap());
    }
    let ada = seat(&rooms, "room", "ada").await.into_lease();
    let mut leaving = JoinSet::new();
    for _ in 0..10 {
        let (rooms, ada) = (rooms.clone(), ada.clone());
        leaving.spawn(async move { rooms.leave(&ada).await.unwrap() });
    }
    assert_eq!(leaving.join_all().await, [true; 10]);
    let _ben = seat(&rooms, "room", "ben").await;
    let told = ["joined ada", "left ada", "joined ada", "left ada", "joined ben"];
    assert_eq!(story(&mut events, 5).await, told);
    assert_whole(&vault).await;
}

/// Every operation of a member, each once and with every answer looked at. `lose` loses the next reply.
async fn a_life<S: Store>(rooms: &Rooms<S>, mut lose: impl FnMut()) {
    let mut events = rooms.watch("room", Since::Oldest).await.unwrap();
    lose();
    rooms.configure("room", RoomConfig::new(2).queue(5)).await.unwrap();
    lose();
    let ada = seat(rooms, "room", "ada").await;
    lose();
    let again = seat(rooms, "room", "ada").await;
    lose();
    assert_eq!(ada.renew().await.unwrap(), Renewal::Superseded);
    lose();
    assert!(!ada.leave().await.unwrap());
    lose();
    assert!(matches!(rooms.reserve("room", "ben").await.unwrap(), Reservation::Held(_)));
    lose();
    let ben = seat(rooms, "room", "ben").await;
    lose();
    let cleo = ticket(rooms, "room", "cleo").await;
    lose();
    let Joined::Waiting { ticket: dan, ahead: 1 } = rooms.join("room", "dan").await.unwrap() else {
        panic!("cleo is before dan")
    };
    lose();
    assert_eq!(rooms.renew(&[(*again).clone(), (*ben).clone()]).await.unwrap(), [Renewal::Renewed; 2]);
    lose();
    assert_eq!(rooms.disconnected(&ben).await.unwrap(), Renewal::Renewed);
    lose();
    assert!(again.leave().await.unwrap());
    lose();
    assert_eq!(cleo.check().await.unwrap(), roomkey_rooms::Wait::Promoted);
    lose();
    let cleo = cleo.claim().await.unwrap().seat().unwrap();
    lose();
    rooms.kick("room", "ben").await.unwrap();
    lose();
    let occupancy = rooms.occupancy("room").await.unwrap();
    assert_eq!((occupancy.live, occupancy.held, occupancy.waiting), (2, 1, 0));
    lose();
    rooms.kick("room", "dan").await.unwrap();
    lose();
    assert_eq!(cleo.renew().await.unwrap(), Renewal::Renewed);
    assert_eq!(rooms.occupancy("room").await.unwrap().live, 1);
    let _ = (cleo.into_lease(), dan.into_lease());
    let told = [
        "changed",
        "joined ada",
        "reserved ben",
        "joined ben",
        "left ada",
        "promoted cleo",
        "joined cleo",
        "kicked ben",
        "promoted dan",
        "kicked dan",
    ];
    assert_eq!(story(&mut events, told.len()).await, told);
}

/// The store repeats what it lost the reply of, and nobody notices.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_lost_reply_changes_no_answer_and_no_count() {
    let proxy = FaultProxy::before(server().port());
    let vault = open(connect(&patient(&format!("redis://127.0.0.1:{}", proxy.port()))).await).await;
    let rooms = Rooms::new(vault.clone());
    let mut lost = 0;
    a_life(&rooms, || {
        assert_eq!(proxy.unspoiled(), 0, "the reply before was lost");
        proxy.spoil("EVALSHA", 1, Spoil::Lose);
        lost += 1;
    })
    .await;
    assert!(lost > 15 && proxy.connections() > lost, "each ended a connection");
    assert_whole(&vault).await;
}

/// Who repeats it himself has the same: on memory a caller does, as that store loses no reply.
#[tokio::test(start_paused = true)]
async fn a_caller_that_repeats_has_done_it_once() {
    let store = FaultyStore::new(MemoryStore::new());
    let vault = open(store.clone()).await;
    let rooms = Rooms::new(vault.clone());
    rooms.configure("room", RoomConfig::new(1).queue(1)).await.unwrap();
    let lost = || store.plan([Fault::ReplyLost]);
    let is_ambiguous = |error: Error| matches!(error, Error::Store(error) if error.class() == roomkey_core::Class::Ambiguous);
    lost();
    assert!(is_ambiguous(rooms.join("room", "ada").await.unwrap_err()));
    let ada = seat(&rooms, "room", "ada").await.into_lease();
    lost();
    assert!(is_ambiguous(rooms.join("room", "ben").await.unwrap_err()));
    let ben = ticket(&rooms, "room", "ben").await;
    lost();
    assert!(is_ambiguous(rooms.leave(&ada).await.unwrap_err()));
    assert!(rooms.leave(&ada).await.unwrap());
    lost();
    assert!(is_ambiguous(ben.check().await.unwrap_err()));
    assert_eq!(ben.check().await.unwrap(), roomkey_rooms::Wait::Promoted);
    lost();
    assert!(is_ambiguous(rooms.kick("room", "ben").await.unwrap_err()));
    rooms.kick("room", "ben").await.unwrap();
    let mut events = rooms.watch("room", Since::Oldest).await.unwrap();
    let told = ["changed", "joined ada", "left ada", "promoted ben", "kicked ben"];
    assert_eq!(story(&mut events, told.len()).await, told);
    assert_whole(&vault).await;
}

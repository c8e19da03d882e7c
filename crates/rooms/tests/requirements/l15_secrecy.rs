//! Line 15: nothing that is sent to the store or kept there shows the name of a room, a member or what they said; what is
//! sealed opens nowhere else; and on a cluster every request stays in one slot, and every node has its share.

use bytes::Bytes;
use roomkey_core::{Batch, Key, Kind, Life, Op, Reply, Store};
use roomkey_rooms::{Error, Join, Reservation, RoomConfig, Rooms, Since};
use roomkey_testkit::{Content, RecordingStore, RedisServer, Request, keys_of};
use roomkey_vault::Vault;
use tokio::task::JoinSet;

use crate::common::{HOUR, SPREAD, cluster, clustered, connect, open, raw, seat, state};
use crate::events::story;
use crate::invariants::{assert_whole, state_of};

/// In every text that nobody may see.
const SENTINEL: &str = "sentinel";
const ROOM: &str = "sentinel-room";

fn join(member: &str) -> Join<'_, String> {
    Join::new(member).metadata("sentinel-metadata".to_owned())
}

/// Everything that there is, with secrets in all of it; and what is shown of it on this side.
async fn everything<S: Store>(rooms: &Rooms<S>) -> String {
    let config = RoomConfig::new(2).queue(2);
    rooms.configure_with(ROOM, config, "sentinel-description".to_owned()).await.unwrap();
    let mut events = rooms.watch(ROOM, Since::Now).await.unwrap();
    let ada = rooms.join(ROOM, join("sentinel-ada")).await.unwrap().seat().unwrap();
    let held = rooms.reserve(ROOM, join("sentinel-ben")).await.unwrap();
    let Reservation::Held(ben) = &held else { panic!("{held:?}") };
    let waiting = rooms.join(ROOM, join("sentinel-cleo")).await.unwrap();
    let full = rooms.join(ROOM, join("sentinel-dan").waits(false)).await.unwrap();
    let mut shown =
        format!("{rooms:?} {ada:?} {ben:?} {held:?} {waiting:?} {full:?} {:?}", join("sentinel-eve"));
    let leases = [(*ada).clone(), ben.clone()];
    shown += &format!("{:?}", rooms.renew(&leases).await.unwrap());
    shown += &format!("{:?}", rooms.disconnected(&ada).await.unwrap());
    rooms.kick(ROOM, "sentinel-ben").await.unwrap();
    rooms.kick(ROOM, "sentinel-nobody").await.unwrap();
    let roomkey_rooms::Joined::Waiting { ticket, .. } = waiting else { panic!("it is full") };
    shown += &format!("{:?} {ticket:?}", ticket.check().await.unwrap());
    let cleo = ticket.claim().await.unwrap().seat().unwrap();
    let members = rooms.members(ROOM, None).await.unwrap();
    shown += &format!("{members:?}");
    assert_eq!(members.members.len(), 2);
    let page = rooms.rooms(None).await.unwrap();
    shown += &format!("{:?} {page:?}", rooms.occupancy(ROOM).await.unwrap());
    assert!(cleo.leave().await.unwrap());
    rooms.sweep(9).await.unwrap();
    rooms.set_size_for(ROOM, 5, HOUR).await.unwrap();
    rooms.update_size(ROOM, -1).await.unwrap();
    rooms.check_and_increment(ROOM).await.unwrap();
    shown += &format!("{:?}", rooms.reconcile(ROOM).await.unwrap());
    let pool = rooms.pool("sentinel-pool", RoomConfig::new(1)).unwrap();
    for member in ["sentinel-ada", "sentinel-ben"] {
        let seat = pool.find_or_create(join(member)).await.unwrap();
        shown += &format!("{seat:?} {pool:?}");
        let _ = seat.into_lease();
    }
    let told = story(&mut events, 6).await;
    assert!(told[0].ends_with("sentinel-ada"), "{told:?}");
    for error in [
        rooms.join(ROOM, join(&"sentinel".repeat(1_000))).await.map(drop).unwrap_err(),
        rooms.occupancy(&*ROOM.repeat(10_000)).await.map(drop).unwrap_err(),
    ] {
        shown += &format!("{error} {error:?}");
    }
    let _ = ada.into_lease();
    shown
}

async fn nothing_secret_reaches<S: Store>(store: S) {
    let store = RecordingStore::new(store);
    let vault = open(store.clone()).await;
    let shown = everything(&Rooms::new(vault.clone())).await;
    assert!(!shown.contains(SENTINEL), "{shown}");
    let asked = format!("{:?}", store.history());
    assert!(asked.len() > 10_000 && !asked.contains(SENTINEL), "{asked}");
    let kept = state(&vault).await;
    assert!(kept.len() > 12, "all that rooms keep is there");
    let kept = format!("{kept:?}");
    assert!(!kept.contains(SENTINEL), "{kept}");
    assert_whole(&vault).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_memory_nothing_secret_is_kept_sent_or_shown() {
    nothing_secret_reaches(roomkey_memory::MemoryStore::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn on_redis_nothing_secret_is_kept_sent_or_shown() {
    nothing_secret_reaches(crate::common::redis().await).await;
}

/// What the server itself sees and writes to its disk.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn neither_the_servers_monitor_nor_its_dump_shows_anything() {
    let server =
        RedisServer::options().config("rdbcompression", "no").config("dbfilename", "dump.rdb").start();
    let rooms = Rooms::new(open(connect(&server.url()).await).await);
    let monitor = server.monitor();
    everything(&rooms).await;
    // What is written to the disk can be searched, so a text that is there is found.
    server.command(&["SET", "control", "a-control-in-plain-text"]);
    server.command(&["SAVE"]);
    let dump = std::fs::read(server.dir().join("dump.rdb")).unwrap();
    let lines = monitor.finish().join("\n");
    let is_in = |text: &str, bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    for (place, bytes) in [("the dump", &dump[..]), ("the monitor", lines.as_bytes())] {
        assert!(bytes.len() > 1_000 && is_in("a-control-in-plain-text", bytes), "{place} is empty");
        assert!(!is_in(SENTINEL, bytes), "{place} shows something");
    }
}

/// The records of the members of a room, by tag.
async fn records<S: Store>(vault: &Vault<S>, room: &str) -> (Key, Vec<(Bytes, Bytes)>) {
    let space = vault.space("i1", SPREAD);
    let key = space.key(Kind::Map, vault.space("c1", SPREAD).hide("room", &[room.as_bytes()]));
    match raw(vault.store(), Op::map_all(&key)).await {
        Reply::Fields(records) => (key, records),
        other => panic!("{other:?}"),
    }
}

/// Who can write to the store can take away, but not pass one thing off as another.
pub(crate) async fn what_is_sealed_opens_only_in_its_place<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let rooms = Rooms::new(vault.clone());
    let mut leases = Vec::new();
    for room in ["one", "two"] {
        rooms.configure_with(room, RoomConfig::new(9), room.to_owned()).await.unwrap();
        for member in ["ada", "ben"] {
            leases.push(rooms.join(room, join(member)).await.unwrap().seat().unwrap().into_lease());
        }
    }
    let put = async |key: &Key, tag: &Bytes, record: &Bytes| {
        raw(&store, Op::map_put(key, tag.clone(), record.clone(), Life::Keep)).await;
    };
    let (one, of_one) = records(&vault, "one").await;
    let (_, of_two) = records(&vault, "two").await;
    let members = async || rooms.members("one", None).await.map(|page| page.members.len());
    assert_eq!(members().await.unwrap(), 2);
    // Two members of one room change places.
    put(&one, &of_one[0].0, &of_one[1].1).await;
    assert!(matches!(members().await, Err(Error::Record(_))));
    put(&one, &of_one[1].0, &of_one[0].1).await;
    assert!(matches!(members().await, Err(Error::Record(_))));
    let stand = rooms.renew(&leases[..2]).await.unwrap();
    assert_eq!(stand, [roomkey_rooms::Renewal::Superseded; 2], "nor does a lease get another seat");
    // The same member of another room, under either tag.
    put(&one, &of_one[0].0, &of_one[0].1).await;
    for (_, foreign) in &of_two {
        put(&one, &of_one[1].0, foreign).await;
        assert!(matches!(members().await, Err(Error::Record(_))));
    }
    put(&one, &of_one[1].0, &of_one[1].1).await;
    assert_eq!(members().await.unwrap(), 2, "each in its place again");
    // Nor is a description of one room one of another.
    let [first, second] = &state_of(&vault, "r1").await[..] else { panic!("two are configured") };
    let Content::Map(fields) = &first.content else { panic!("a map") };
    let second = Key::parse(Kind::Map, second.key.clone()).unwrap();
    let sealed = &fields[&Bytes::from_static(b"m")];
    put(&second, &Bytes::from_static(b"m"), sealed).await;
    let mut after = None;
    let refused = loop {
        match rooms.rooms(after).await {
            Err(error) => break error,
            Ok(page) => after = Some(page.next.expect("the room is on one of the pages")),
        }
    };
    assert!(matches!(refused, Error::Record(_)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn on_a_cluster_every_transaction_stays_in_one_slot() {
    let node = &cluster().nodes()[0];
    let slot = |key: &Bytes| node.command(&[&b"CLUSTER"[..], b"KEYSLOT", key]).int();
    let store = RecordingStore::new(clustered().await);
    let vault = open(store.clone()).await;
    let rooms = Rooms::new(vault.clone());
    everything(&rooms).await;
    for member in 0..30 {
        let _ = seat(&rooms, &format!("room {member}"), "ada").await.into_lease();
    }
    let (mut slots, mut transactions) = (Vec::new(), 0);
    for call in store.history() {
        let Request::Transact(txn) = &call.request else { continue };
        let mut of_one: Vec<i64> = keys_of(txn).iter().map(slot).collect();
        of_one.dedup();
        assert_eq!(of_one.len(), 1, "{}", txn.name());
        slots.extend(of_one);
        transactions += 1;
    }
    slots.sort_unstable();
    slots.dedup();
    assert!(transactions > 40 && slots.len() > 20, "{transactions} in {} slots", slots.len());
    assert_whole(&vault).await;
}

/// How many keys that begin so each node has.
fn on_each_node(front: &str) -> Vec<usize> {
    let count = |node: &RedisServer| node.command(&["KEYS", &format!("{front}*")]).items().len();
    cluster().nodes().iter().map(count).collect()
}

#[track_caller]
fn assert_even(counts: &[usize], all: usize) {
    assert_eq!(counts.iter().sum::<usize>(), all);
    let share = all / counts.len();
    let fair = share * 4 / 5..=share * 6 / 5;
    assert!(counts.iter().all(|count| fair.contains(count)), "{counts:?}, and {share} each would be even");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn on_a_cluster_every_node_has_its_share_of_partitions_and_rooms() {
    const ROOMS: usize = 1_500;
    let vault = open(clustered().await).await;
    let rooms = Rooms::new(vault.clone());
    let space = vault.space("test", SPREAD);
    let key = |partition| space.key_in(partition, Kind::Value, [0; 16].into());
    let put = |partition| Op::put(&key(partition), "x", Life::Set(HOUR.into()));
    for reply in vault.store().run(Batch::new(space.partitions().map(put)).unwrap()).await.unwrap() {
        reply.unwrap();
    }
    let front = |layout| {
        let space = vault.space(layout, SPREAD);
        String::from_utf8(space.namespace().prefix().to_vec()).unwrap()
    };
    assert_even(&on_each_node(&front("test")), 1_024);

    let mut joining = JoinSet::new();
    for part in 0..50 {
        let rooms = rooms.clone();
        joining.spawn(async move {
            for room in (part..ROOMS).step_by(50) {
                let _ = seat(&rooms, &format!("room {room}"), "ada").await.into_lease();
            }
        });
    }
    joining.join_all().await;
    assert_even(&on_each_node(&front("m1")), ROOMS);
}

//! Line 8: no clock but the store's decides, and none but the store's is ever sent. A client whose clock is an hour wrong
//! does what all others do.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use roomkey_memory::MemoryStore;
use roomkey_rooms::{Join, Joined, Renewal, Reservation, RoomConfig, Rooms, Since, Wait};
use roomkey_testkit::{RecordingStore, RedisServer};

use crate::common::{HOUR, Time, connect, listed, open, seat, ticket};
use crate::crowd::patient;
use crate::events::story;
use crate::invariants::assert_whole;

/// Long enough for what is done within it, on any machine.
const LEASE: Duration = Duration::from_secs(3);

/// Everything that can be done in rooms, and what came of it.
async fn everything<S: Time>(rooms: &Rooms<S>, store: &S) -> Vec<String> {
    let mut seen = Vec::new();
    let mut events = rooms.watch("room", Since::Oldest).await.unwrap();
    let config = RoomConfig::new(2).lease(LEASE).hold(LEASE).grace(2 * LEASE).queue(2);
    rooms.configure("room", config).await.unwrap();
    let ada = seat(rooms, "room", "ada").await;
    assert!(matches!(rooms.reserve("room", "ben").await.unwrap(), Reservation::Held(_)));
    let ben = seat(rooms, "room", "ben").await;
    let (cleo, dan) = (ticket(rooms, "room", "cleo").await, ticket(rooms, "room", "dan").await);
    seen.push(format!("{:?}", rooms.disconnected(&ben).await.unwrap()));
    store.pass(LEASE / 2).await;
    seen.push(format!("{:?}", rooms.renew(&[(*ada).clone()]).await.unwrap()));
    for ticket in [&cleo, &dan] {
        seen.push(format!("{:?}", ticket.check().await.unwrap()));
    }
    seen.push(format!("{:?}", rooms.occupancy("room").await.unwrap()));
    assert!(ada.leave().await.unwrap());
    seen.push(format!("{:?}", cleo.check().await.unwrap()));
    let Joined::Seated(cleo) = cleo.claim().await.unwrap() else { panic!("a seat is held") };
    store.pass(3 * LEASE).await;
    seen.push(format!("{:?}", rooms.renew(&[(*ben).clone(), (*cleo).clone()]).await.unwrap()));
    assert_eq!(dan.check().await.unwrap(), Wait::Lost);
    seen.push(format!("{:?}", rooms.sweep(9).await.unwrap()));
    seen.push(format!("{:?}", rooms.renew_or_rejoin(&[(*ben).clone()]).await.unwrap()));
    rooms.kick("room", "ben").await.unwrap();
    seen.push(format!("{:?}", listed(rooms).await.len()));
    seen.push(format!("{:?}", rooms.members("room", None).await.unwrap().members.len()));
    rooms.set_size_for("room", 7, HOUR).await.unwrap();
    seen.push(format!("{:?}", rooms.update_size("room", -2).await.unwrap()));
    seen.push(format!("{:?}", rooms.check_and_increment("room").await.unwrap()));
    seen.push(format!("{:?}", rooms.reconcile("room").await.unwrap()));
    let pool = rooms.pool("pool", RoomConfig::new(1)).unwrap();
    for member in ["ada", "ben"] {
        let _ = pool.find_or_create(Join::new(member)).await.unwrap().into_lease();
    }
    seen.extend(story(&mut events, 9).await);
    // It has been told what is over.
    for lost in [ben, cleo] {
        assert_ne!(lost.renew().await.unwrap(), Renewal::Renewed);
        let _ = lost.into_lease();
    }
    let _ = dan.into_lease();
    seen
}

/// The store's clock goes on by hours while the process' own stands still: it is behind by so much.
#[tokio::test(start_paused = true)]
async fn a_process_that_is_hours_behind_does_the_same() {
    let mut first = None;
    for hours in [0, 1, 24] {
        let store = MemoryStore::new();
        let vault = open(store.clone()).await;
        tokio::time::advance(HOUR * hours).await;
        let seen = everything(&Rooms::new(vault.clone()), &store).await;
        assert_eq!(first.get_or_insert_with(|| seen.clone()), &seen, "{hours} hours");
        assert_whole(&vault).await;
    }
}

/// Whether a text has a number in it that is a time of these days, in seconds or a smaller unit.
fn times(text: &str) -> Vec<&str> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let is_time = |digits: &&str| {
        digits.len() >= 10
            && digits[..10].parse::<u64>().is_ok_and(|seconds| seconds.abs_diff(now) < 2 * 86_400)
            && matches!(digits.len(), 10 | 13 | 16 | 19)
    };
    text.split(|c: char| !c.is_ascii_digit()).filter(is_time).collect()
}

#[test]
fn a_time_is_recognised() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    for time in [now.as_secs().into(), now.as_millis(), now.as_micros(), now.as_nanos()] {
        assert_eq!(times(&format!("x {time} y 12345678901")), [time.to_string()]);
    }
}

/// Nothing that is asked of a store says what time it is. What it answers does, and cursors and events carry on what
/// it said.
#[tokio::test(flavor = "multi_thread")]
async fn no_request_says_what_time_it_is() {
    let inner = MemoryStore::new();
    let store = RecordingStore::new(inner);
    let rooms = Rooms::new(open(store.clone()).await);
    everything(&rooms, &store).await;
    let history = store.history();
    assert!(history.len() > 30, "something was asked");
    for call in history {
        let asked = format!("{:?}", call.request);
        // A follower reads on from an event, whose id is a time of the store's.
        if asked.contains("LogRange") || asked.contains("Wait(") {
            continue;
        }
        assert_eq!(times(&asked), Vec::<&str>::new(), "{asked}");
    }
}

/// The same as the server sees it: beside the commands of scripts, which tell the time that the server itself read.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask test"]
async fn no_command_says_what_time_it_is() {
    let server = RedisServer::start();
    let store = connect(&patient(&server.url())).await;
    let rooms = Rooms::new(open(store.clone()).await);
    let monitor = server.monitor();
    everything(&rooms, &store).await;
    let lines = monitor.finish();
    let mut asked = 0;
    for line in &lines {
        // `1700000000.123456 [0 127.0.0.1:5000] "EVALSHA" …`, with `lua` in place of an address within a script.
        let (_, command) = line.split_once('[').unwrap();
        let (from, command) = command.split_once("] ").unwrap();
        let reads_on = ["\"XRANGE\"", "\"XREVRANGE\"", "\"XREAD\""];
        if from.ends_with("lua") || reads_on.iter().any(|name| command.starts_with(name)) {
            continue;
        }
        asked += 1;
        assert_eq!(times(command), Vec::<&str>::new(), "{command}");
    }
    assert!(asked > 30 && lines.len() > 200, "{asked} of {} commands", lines.len());
}

/// No program of rooms could send one: nothing in the crate asks what time it is, or names a moment.
#[test]
fn no_code_asks_what_time_it_is() {
    fn read(folder: &Path, files: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, files);
            } else {
                files.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut files = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    assert!(files.len() > 30);
    for (path, text) in files {
        for clock in
            ["SystemTime", "UNIX_EPOCH", "std::time::Instant", "Until::At", "InCapped", "Check::before"]
        {
            assert!(!text.contains(clock), "{path} names {clock}");
        }
    }
}

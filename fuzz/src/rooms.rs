//! What rooms find in a store, and the texts by which strangers name rooms and pages.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use bytes::Bytes;
use roomkey_core::{Append, Key, Kind, Life, Op, RankPut, Score, Spread, Until};
use roomkey_crypto::{Context, Tag};
use roomkey_rooms::{
    Error, EventId, Join, Joined, MemberCursor, RoomConfig, RoomCursor, RoomId, Rooms, Since, What,
};
use roomkey_vault::Space;

use crate::input::Input;
use crate::world::{NAME, World, ready, run};

const HOUR: std::time::Duration = std::time::Duration::from_secs(3_600);
/// Who is in the room that is attacked.
const MEMBER: &str = "member";
/// What the records of members and of rooms are sealed as.
const MEMBER_RECORD: u8 = 32;
const ROOM_RECORD: u8 = 33;

/// Any bytes where rooms keep something, sealed for their place or not; or as a text that names a room or a page.
pub fn rooms(data: &[u8]) {
    let mut input = Input::new(data);
    let (attack, raw) = (input.choose(ATTACKS), input.flag());
    attack(&Scene::new(), raw, input);
}

const ATTACKS: &[fn(&Scene, bool, Input<'_>)] =
    &[record, description, settings, event, indexes, texts, numbers];

struct Scene {
    world: World,
    rooms: Rooms<roomkey_memory::MemoryStore>,
    room: Tag,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        let rooms = Rooms::new(world.vault.clone());
        let room = space(&world, "c1").hide_name("room", NAME).expect("the name is neither empty nor long");
        Self { world, rooms, room }
    }

    fn key(&self, layout: &'static str, kind: Kind) -> Key {
        space(&self.world, layout).key(kind, self.room)
    }

    fn member(&self, id: &str) -> Tag {
        space(&self.world, "c1").hide("member", &[self.room.as_bytes(), id.as_bytes()])
    }

    fn run(&self, op: impl Into<Op>) {
        run(&self.world.store, op.into());
    }

    /// Gives a member a seat that no record says anything of.
    fn seat(&self, member: Tag) {
        let seats = self.key("m1", Kind::Ranking);
        self.run(RankPut::new(&seats, bytes(member.as_bytes()), Score::After(Until::In(HOUR))));
    }
}

fn space(world: &World, layout: &'static str) -> Space {
    world.vault.space(layout, Spread::over(1_024))
}

/// The record of a member: the list of members reads it or says that it cannot, and whatever it is, the seat counts, and
/// the member can join again and leave.
fn record(scene: &Scene, raw: bool, input: Input<'_>) {
    let (key, member) = (scene.key("i1", Kind::Map), scene.member(MEMBER));
    let context = Context::new(MEMBER_RECORD, key.bytes(), member.as_bytes());
    let record = stored(scene, &context, raw, input.rest());
    scene.seat(member);
    scene.run(Op::map_put(&key, bytes(member.as_bytes()), record, Life::Never));
    match ready(scene.rooms.members(NAME, None)) {
        Ok(page) => {
            assert!(!raw && page.members.len() == 1);
            // What was read is a text, and may be somebody else's id: it stands for whom it was sealed for.
            let _ = page.members[0].member.metadata.get::<Vec<u8>>();
        }
        Err(error) => expected(&error),
    }
    assert_eq!(ready(scene.rooms.occupancy(NAME)).expect("a count rests on no record").live, 1);
    let Ok(Joined::Seated(seat)) = ready(scene.rooms.join(NAME, MEMBER)) else { panic!("the seat is lost") };
    assert_eq!(
        ready(scene.rooms.members(NAME, None)).expect("it is written anew").members[0].member.id,
        MEMBER
    );
    assert!(ready(seat.leave()).expect("a seat can be left"));
}

/// What a room was configured with: the list of rooms reads it or says that it cannot.
fn description(scene: &Scene, raw: bool, input: Input<'_>) {
    ready(scene.rooms.configure(NAME, RoomConfig::new(5))).expect("a room can be configured");
    let key = scene.key("r1", Kind::Map);
    let sealed = stored(scene, &Context::new(ROOM_RECORD, key.bytes(), b""), raw, input.rest());
    scene.run(Op::map_put(&key, "m", sealed, Life::Never));
    let (mut found, mut after) = (0, None);
    loop {
        match ready(scene.rooms.rooms(after)) {
            Ok(page) => {
                found += page.rooms.len();
                after = page.next;
            }
            Err(error) => {
                expected(&error);
                break;
            }
        }
        if after.is_none() {
            assert_eq!(found, 1);
            break;
        }
    }
    let _ = ready(scene.rooms.join(NAME, MEMBER)).expect("joining rests on no description");
}

/// The numbers and times of a room's configuration: joining obeys them or is an error, and never more than is said.
fn settings(scene: &Scene, _: bool, mut input: Input<'_>) {
    let key = scene.key("r1", Kind::Map);
    for field in ["l", "q", "t"] {
        if input.flag() {
            let length = usize::from(input.byte());
            scene.run(Op::map_put(&key, field, bytes(input.take(length)), Life::Never));
        }
    }
    let mut seats = Vec::new();
    let limit = ready(scene.rooms.occupancy(NAME)).map(|occupancy| occupancy.limit);
    for number in 0..3_u32 {
        match ready(scene.rooms.join(NAME, Join::new(&format!("member {number}")))) {
            Ok(Joined::Seated(seat)) => {
                // What counts as a number for the store may be none for a room: negative, or too large.
                if let Ok(limit) = &limit {
                    assert!(number < *limit);
                }
                seats.push(seat.into_lease());
            }
            Ok(Joined::Waiting { ticket, .. }) => drop(ticket.into_lease()),
            Ok(Joined::Full { .. }) => {}
            Err(error) => expected(&error),
        }
    }
    ready(scene.rooms.configure(NAME, RoomConfig::new(7))).expect("a room can be configured anew");
    assert_eq!(ready(scene.rooms.occupancy(NAME)).expect("its numbers are right again").limit, 7);
    let _ = ready(scene.rooms.join(NAME, MEMBER)).expect("and it can be joined");
}

/// An entry of the log: it is told or it is an error, and what follows is told.
fn event(scene: &Scene, raw: bool, mut input: Input<'_>) {
    let (log, records) = (scene.key("e1", Kind::Log), scene.key("i1", Kind::Map));
    let kind = bytes(input.take(1));
    let member = if input.flag() { bytes(scene.member(MEMBER).as_bytes()) } else { bytes(input.take(16)) };
    let context = Context::new(MEMBER_RECORD, records.bytes(), &member);
    let record = stored(scene, &context, raw, input.rest());
    scene.run(Append::new(&log, 1_000).field("k", kind).field("m", member).field("i", record));
    // Listening wants a runtime; nothing here waits for another thread.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
    runtime.block_on(async {
        ready(scene.rooms.configure(NAME, RoomConfig::new(5))).expect("a room can be configured");
        let mut events = scene.rooms.watch(NAME, Since::Oldest).await.expect("a room can be followed");
        let mut told = events.next().await.expect("the store is open");
        if let Err(error) = &told {
            expected(error);
        }
        if !matches!(told, Ok(ref event) if matches!(event.what, What::Changed)) {
            told = events.next().await.expect("the store is open");
        }
        assert!(matches!(told.expect("it is ours").what, What::Changed));
    });
}

/// Foreign members of the indexes: sweeps, lists and pools pass them over.
fn indexes(scene: &Scene, _: bool, mut input: Input<'_>) {
    let pool = scene.rooms.pool("pool", RoomConfig::new(2)).expect("a pool of two");
    let tag =
        space(&scene.world, "c1").hide_name("pool", "pool").expect("the name is neither empty nor long");
    let open = space(&scene.world, "p1").key(Kind::Ranking, tag);
    let whole = space(&scene.world, "c1").hide("rooms", &[]);
    let partition = space(&scene.world, "c1").partition(scene.room);
    for _ in 0..3 {
        let layout = [("d1", 0), ("l1", i64::MAX >> 11)];
        let (layout, score) = input.choose(&layout);
        let length = usize::from(input.byte() % 40);
        let member = bytes(input.take(length));
        let index = space(&scene.world, layout).key_in(partition, Kind::Ranking, whole);
        scene.run(RankPut::new(&index, member.clone(), Score::Is(score)));
        scene.run(RankPut::new(&open, member, Score::Is(i64::from(input.byte() % 4))));
    }
    let swept = ready(scene.rooms.sweep(100)).expect("what is no room is passed over");
    assert_eq!((swept.expired, swept.promoted), (0, 0));
    let mut after = None;
    loop {
        let page = ready(scene.rooms.rooms(after)).expect("what is no room is not listed");
        assert!(page.rooms.is_empty());
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let seat = ready(pool.find_or_create(MEMBER)).expect("a room can be made");
    assert_eq!(ready(scene.rooms.occupancy(seat.room())).expect("and counted").live, 1);
    let _ = seat.into_lease();
}

/// Texts: one that is read is written the same; and whatever page it asks for is a page or a lost cursor.
fn texts(scene: &Scene, _: bool, input: Input<'_>) {
    let Ok(text) = std::str::from_utf8(input.rest()) else { return };
    if let Some(id) = same::<RoomId>(text) {
        ready(scene.rooms.occupancy(id)).expect("an id names a room");
    }
    same::<EventId>(text);
    let lost =
        |error: Error| assert!(matches!(error, Error::Store(roomkey_core::Error::CursorLost)), "{error:?}");
    if let Some(cursor) = same::<MemberCursor>(text) {
        ready(scene.rooms.members(NAME, Some(cursor))).map_or_else(lost, drop);
    }
    if let Some(cursor) = same::<RoomCursor>(text) {
        ready(scene.rooms.rooms(Some(cursor))).map_or_else(lost, drop);
    }
}

/// Sizes that are no numbers: an error, until they are set anew.
fn numbers(scene: &Scene, _: bool, input: Input<'_>) {
    let size = scene.key("c1", Kind::Value);
    scene.run(Op::put(&size, bytes(input.rest()), Life::Never));
    match ready(scene.rooms.size(NAME)) {
        Ok(size) => assert!(size >= 0),
        Err(error) => assert!(matches!(error, Error::Foreign(_)), "{error:?}"),
    }
    scene.seat(scene.member(MEMBER));
    let drift = ready(scene.rooms.reconcile(NAME)).expect("a size can be reconciled");
    assert_eq!(drift.live, 1);
    assert_eq!(ready(scene.rooms.size(NAME)).expect("it is a number again"), 1);
}

fn same<T: FromStr + Display + Debug>(text: &str) -> Option<T> {
    let read = text.parse::<T>().ok()?;
    let written = read.to_string();
    // Numbers may have been written with zeros or a sign before them; what was written by us comes back as it is.
    assert_eq!(written.parse::<T>().ok().map(|again| again.to_string()), Some(written));
    Some(read)
}

fn bytes(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

fn stored(scene: &Scene, context: &Context<'_>, raw: bool, content: &[u8]) -> Bytes {
    if raw {
        return bytes(content);
    }
    space(&scene.world, "i1").seal(context, &[content]).expect("the system has random bytes")
}

/// Asserts that an error is one of what somebody else left there.
fn expected(error: &Error) {
    assert!(matches!(error, Error::Record(_) | Error::Foreign(_)), "{error:?}");
}

//! Programs of tokens and rooms, written as their crates write them.

use std::time::Duration;

use bytes::Bytes;
use redis::Value;
use roomkey_core::{
    Append, BranchId, Check, FieldTest, Key, Kind, Life, Limit, Namespace, Only, Op, OpId, Order, Partition,
    RankPut, Score, Standing, Txn, TxnBuilder, Until,
};

use crate::packed::Packed;

pub(super) fn key(kind: Kind, name: &str) -> Key {
    let mut tag = [0; 16];
    tag[..name.len()].copy_from_slice(name.as_bytes());
    let namespace = Namespace::new("app", "v1", "test").unwrap();
    Key::new(kind, &namespace, Partition::from_slot(7).unwrap(), tag)
}

pub(super) fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

/// The words of a command.
pub(super) fn words(packed: &Packed) -> Vec<Vec<u8>> {
    let mut sent = Vec::new();
    packed.write(&mut sent);
    let Value::Array(words) = redis::parse_redis_value(&sent).unwrap() else { panic!("no command") };
    let word = |word| if let Value::BulkString(word) = word { word } else { panic!("no word of a command") };
    words.into_iter().map(word).collect()
}

pub(super) const fn seconds(seconds: u64) -> Until {
    Until::In(Duration::from_secs(seconds))
}

const HOUR: Life = Life::AtLeast(seconds(3_600));

/// The four token operations, and the room operations that later issues build.
pub(super) fn all() -> Vec<Txn> {
    vec![
        store(),
        store_tracked(),
        revoke(),
        update(5),
        update(-5),
        check_and_increment(100),
        reconcile(),
        leased_join(5),
        join(),
        renew(&["m1", "m2"]),
        leave(&["m1", "m2"]),
        refresh(),
        code_verify(),
    ]
}

/// `when Missing t: Put t B Set(In d)   else: y = Get t`.
fn store() -> Txn {
    let t = key(Kind::Value, "t");
    let mut program = TxnBuilder::new("tokens.store");
    let (free, taken) = program.fork(BranchId::ROOT, [Check::missing(&t)]);
    program.quiet_op(free, Op::put(&t, bytes("sealed"), Life::Set(seconds(1_800))));
    program.op(taken, Op::get(&t));
    program.retry_safe().build().unwrap()
}

fn store_tracked() -> Txn {
    let (t, x) = (key(Kind::Value, "t"), key(Kind::Ranking, "x"));
    let mut program = TxnBuilder::new("tokens.store_tracked");
    let (free, taken) = program.fork(BranchId::ROOT, [Check::missing(&t)]);
    let life = seconds(1_800);
    program.quiet_op(free, Op::put(&t, bytes("sealed"), Life::Set(life)));
    program.quiet_op(free, RankPut::new(&x, bytes("id"), Score::After(life)).life(Life::AtLeast(life)));
    program.quiet_op(free, Op::rank_take(&x, 2));
    program.op(taken, Op::get(&t));
    program.retry_safe().build().unwrap()
}

/// `Delete t; MapRemove s id; RankRemove x id`.
fn revoke() -> Txn {
    let (t, s, x) = (key(Kind::Value, "t"), key(Kind::Map, "s"), key(Kind::Ranking, "x"));
    let id = bytes("id");
    let mut program = TxnBuilder::new("tokens.revoke");
    program.op(BranchId::ROOT, Op::delete(&t));
    program.op(BranchId::ROOT, Op::map_remove(&s, id.clone()));
    program.quiet_op(BranchId::ROOT, Op::rank_remove(&x, id));
    program.retry_safe().build().unwrap()
}

pub(super) fn update(delta: i64) -> Txn {
    let c = key(Kind::Value, "c");
    let mut program = TxnBuilder::new("rooms.update");
    let (positive, rest) = program.fork(BranchId::ROOT, [Check::number(&c, delta, 1..=i64::MAX)]);
    program.op(positive, Op::add(&c, delta, HOUR));
    let (gone, _) = program.fork(rest, [Check::number(&c, delta, i64::MIN..=0)]);
    program.quiet_op(gone, Op::delete(&c));
    program.build().unwrap()
}

/// `when Number(c,+1) in MIN..=L: Add c 1 ↑1h`.
pub(super) fn check_and_increment(limit: i64) -> Txn {
    let c = key(Kind::Value, "c");
    let mut program = TxnBuilder::new("rooms.check_and_increment");
    let (space, _full) = program.fork(BranchId::ROOT, [Check::number(&c, 1, i64::MIN..=limit)]);
    program.quiet_op(space, Op::add(&c, 1, HOUR));
    program.build().unwrap()
}

fn reconcile() -> Txn {
    let (m, c) = (key(Kind::Ranking, "m"), key(Kind::Value, "c"));
    let mut program = TxnBuilder::new("rooms.reconcile");
    let (empty, rest) = program.fork(BranchId::ROOT, [Check::below(&m, 1)]);
    program.op(empty, Op::get(&c));
    program.op(empty, Op::delete(&c));
    program.op(rest, Op::get(&c));
    let live = program.op(rest, Op::rank_count(&m));
    program.op(rest, Op::put(&c, live, HOUR));
    program.retry_safe().build().unwrap()
}

/// The smallest join with a lease: renew, or be admitted below the limit.
pub(super) fn leased_join(limit: i64) -> Txn {
    let m = key(Kind::Ranking, "m");
    let (member, lease) = (bytes("member"), seconds(30));
    let grant = || RankPut::new(&m, member.clone(), Score::After(lease)).life(Life::AtLeast(lease));
    let mut program = TxnBuilder::new("rooms.leased_join");
    let (live, new) = program.fork(BranchId::ROOT, [Check::ranked(&m, member.clone(), Standing::Live)]);
    program.op(live, grant().only(Only::Live));
    let (space, full) = program.fork(new, [Check::below(&m, limit)]);
    program.op(space, grant());
    program.op(full, Op::rank_count(&m));
    program.retry_safe().build().unwrap()
}

/// The keys of a room.
struct Room {
    m: Key,
    i: Key,
    h: Key,
    o: Key,
    w: Key,
    e: Key,
    cfg: Key,
    due: Key,
    reg: Key,
}

impl Room {
    fn new() -> Self {
        let ranking = |name| key(Kind::Ranking, name);
        Self {
            m: ranking("m"),
            i: key(Kind::Map, "i"),
            h: ranking("h"),
            o: ranking("o"),
            w: ranking("w"),
            e: key(Kind::Log, "e"),
            cfg: key(Kind::Map, "cfg"),
            due: ranking("due"),
            reg: ranking("reg"),
        }
    }

    fn limit(&self) -> Limit {
        Limit::Stored { key: self.cfg.clone(), field: bytes("limit"), or: 100 }
    }

    fn event(
        &self,
        what: &'static str,
        who: impl Into<roomkey_core::Args>,
        info: impl Into<roomkey_core::Args>,
    ) -> Append {
        Append::new(&self.e, 1_000)
            .field("k", what)
            .field("m", who)
            .field("i", info)
            .life(Life::AtLeast(seconds(7_200)))
    }

    fn sweep(&self, program: &mut TxnBuilder, count: u32) {
        let dead = program.quiet_op(BranchId::ROOT, Op::rank_take(&self.m, count));
        let info = program.quiet_op(BranchId::ROOT, Op::map_get(&self.i, dead));
        program.quiet_op(BranchId::ROOT, Op::map_remove(&self.i, dead));
        program.quiet_op(BranchId::ROOT, Op::rank_remove(&self.h, dead));
        program.quiet_op(BranchId::ROOT, self.event("expired", dead, info));
    }

    fn index(&self, program: &mut TxnBuilder) {
        let (root, room) = (BranchId::ROOT, bytes("room"));
        let first = program.quiet_op(
            root,
            Op::rank_range(&self.m, roomkey_core::Bound::Open, roomkey_core::Bound::Open, Order::Lowest, 1),
        );
        program.quiet_op(root, RankPut::new(&self.due, room.clone(), Score::From(first)).life(HOUR));
        let (configured, bare) = program.fork(root, [Check::exists(&self.cfg)]);
        let until = program.quiet_op(configured, Op::expire(&self.cfg, HOUR));
        let listed = |score| RankPut::new(&self.reg, room.clone(), score).life(HOUR);
        program.quiet_op(configured, listed(Score::From(until)));
        program.quiet_op(bare, listed(Score::After(seconds(7_200))));
    }

    fn promote(&self, program: &mut TxnBuilder, branch: BranchId) {
        let hold = seconds(15);
        let late = program.op(branch, Op::rank_take(&self.w, 1_000));
        program.op(branch, Op::rank_remove(&self.o, late));
        program.op(branch, Op::map_remove(&self.i, late));
        let open = roomkey_core::Bound::Open;
        let queue = program.op(branch, Op::rank_range(&self.o, open, open, Order::Lowest, 64));
        let seated = program.op(
            branch,
            RankPut::new(&self.m, queue, Score::After(hold))
                .only(Only::NotLive)
                .within(self.limit())
                .life(HOUR),
        );
        program.op(branch, RankPut::new(&self.h, seated, Score::After(hold)).life(HOUR));
        program.op(branch, Op::rank_remove(&self.o, seated));
        program.op(branch, Op::rank_remove(&self.w, seated));
        let info = program.op(branch, Op::map_get(&self.i, seated));
        program.op(branch, self.event("promoted", seated, info));
    }

    fn match_fences(&self, program: &mut TxnBuilder, members: &[&str]) -> OpId {
        let pairs = members.iter().map(|member| (bytes(member), bytes("fence")));
        program.op(BranchId::ROOT, Op::map_match(&self.i, pairs))
    }
}

fn join() -> Txn {
    let room = Room::new();
    let (me, sealed, lease) = (bytes("member"), bytes("fence sealed"), seconds(30));
    let mut program = TxnBuilder::new("rooms.join");
    let root = BranchId::ROOT;

    let (dead, _) = program.fork(root, [Check::ranked(&room.m, me.clone(), Standing::Dead)]);
    let old = program.quiet_op(dead, Op::map_get(&room.i, me.clone()));
    program.quiet_op(dead, Op::rank_remove(&room.m, me.clone()));
    program.quiet_op(dead, room.event("expired", me.clone(), old));

    let (live, new) = program.fork(root, [Check::ranked(&room.m, me.clone(), Standing::Live)]);
    let grant = || RankPut::new(&room.m, me.clone(), Score::After(lease)).life(HOUR);
    program.quiet_op(live, grant().only(Only::Live));
    program.quiet_op(live, Op::map_put(&room.i, me.clone(), sealed.clone(), HOUR));
    let (held, _) = program.fork(live, [Check::ranked(&room.h, me.clone(), Standing::Present)]);
    program.quiet_op(held, Op::rank_remove(&room.h, me.clone()));
    program.quiet_op(held, room.event("joined", me.clone(), sealed.clone()));

    let below = [Check::below(&room.m, room.limit()), Check::below(&room.w, 1)];
    let (space, full) = program.fork(new, below);
    program.quiet_op(space, grant());
    program.quiet_op(space, Op::map_put(&room.i, me.clone(), sealed.clone(), HOUR));
    program.quiet_op(space, room.event("joined", me.clone(), sealed));
    program.op(full, Op::rank_count(&room.m));

    room.sweep(&mut program, 64);
    room.index(&mut program);
    program.retry_safe().build().unwrap()
}

pub(super) fn renew(members: &[&str]) -> Txn {
    let room = Room::new();
    let mut program = TxnBuilder::new("rooms.renew");
    let root = BranchId::ROOT;
    let mine = room.match_fences(&mut program, members);
    program.op(root, RankPut::new(&room.m, mine, Score::After(seconds(30))).only(Only::Live).life(HOUR));
    program.op(root, RankPut::new(&room.w, mine, Score::After(seconds(60))).only(Only::Live).life(HOUR));
    program.op(root, Op::expire(&room.i, HOUR));
    room.index(&mut program);
    program.retry_safe().build().unwrap()
}

fn leave(members: &[&str]) -> Txn {
    let room = Room::new();
    let mut program = TxnBuilder::new("rooms.leave");
    let root = BranchId::ROOT;
    let mine = room.match_fences(&mut program, members);
    let info = program.op(root, Op::map_get(&room.i, mine));
    for ranking in [&room.m, &room.h, &room.w, &room.o] {
        program.op(root, Op::rank_remove(ranking, mine));
    }
    program.op(root, Op::map_remove(&room.i, mine));
    program.op(root, room.event("left", mine, info));
    let (waiting, _) = program.fork(root, [Check::exists(&room.o)]);
    room.promote(&mut program, waiting);
    room.sweep(&mut program, 64);
    room.index(&mut program);
    program.retry_safe().build().unwrap()
}

fn refresh() -> Txn {
    let (f, s, g) = (key(Kind::Map, "f"), key(Kind::Map, "s"), key(Kind::Map, "g"));
    let (n, t) = (key(Kind::Value, "n"), key(Kind::Value, "t"));
    let equals = |key, field, value| Check::field(key, bytes(field), FieldTest::Equals(bytes(value)));
    let mut program = TxnBuilder::new("tokens.refresh");
    let (current, other) = program.fork(
        BranchId::ROOT,
        [equals(&f, "c", "presented"), equals(&s, "e", "generation"), equals(&g, "type", "generation")],
    );
    let cap = roomkey_core::StoreTime::from_millis(2_000_000_000_000);
    let idle = Until::InCapped(Duration::from_secs(3_600), cap);
    program.op(current, Op::put(&n, bytes("successor"), Life::Set(seconds(10))));
    program.op(
        current,
        Op::map_put(&f, [bytes("c"), bytes("p")], [bytes("new"), bytes("presented")], Life::Set(idle)),
    );
    let deadline = program.op(current, Op::put(&t, bytes("access"), Life::Set(idle)));
    program.op(current, Op::map_put(&s, bytes("id"), deadline, HOUR));
    program.op(other, Op::map_get(&f, [bytes("c"), bytes("p")]));
    program.op(other, Op::get(&n));
    program.op(other, Op::map_get(&s, bytes("e")));
    program.retry_safe().build().unwrap()
}

fn code_verify() -> Txn {
    let (k, a) = (key(Kind::Value, "k"), key(Kind::Value, "a"));
    let window = Life::AtLeast(seconds(600));
    let mut program = TxnBuilder::new("tokens.code_verify");
    let (open, _) = program.fork(BranchId::ROOT, [Check::exists(&k), Check::number(&a, 1, i64::MIN..=5)]);
    let (right, wrong) = program.fork(open, [Check::value_starts_with(&k, bytes("mac"))]);
    program.op(right, Op::take(&k));
    program.op(right, Op::delete(&a));
    program.op(wrong, Op::add(&a, 1, window));
    let (last, _) = program.fork(wrong, [Check::number(&a, 1, 5..=i64::MAX)]);
    program.op(last, Op::delete(&k));
    program.build().unwrap()
}

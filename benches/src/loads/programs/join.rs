//! A leased join: the program of a room with seats, records, events and indexes, against a script written by hand.
//!
//! Both sides use the same keys and leave the same data; the parent module sees to that before anything is measured.

use std::time::Duration;

use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use roomkey_core::{
    Append, Bound, BranchId, Check, Life, Only, Op, OpId, Order, RankPut, Score, Standing, Store, Txn,
    TxnBuilder, Until,
};

use super::room::{LIMIT, Phase, Room, STEPS, member, number};
use crate::Result;
use crate::drive::Work;

const LEASE: Duration = Duration::from_secs(30);
/// A room lives on for an hour after its last deadline.
const LIFE: Duration = Duration::from_secs(3_630);
const REGISTERED: Duration = Duration::from_secs(24 * 3_600);
/// As long as a sealed record with a little metadata.
const RECORD: &[u8] = &[0x5a; 128];

/// What became of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Admitted,
    Renewed,
    Full { occupied: i64 },
}

/// Somebody who can join.
pub(crate) trait Joins: Clone + Send + 'static {
    fn join(&mut self, room: &Room, member: Bytes) -> impl Future<Output = Result<Verdict>> + Send;
}

/// Visits one room after the other; each join is one operation.
pub(crate) struct Visits<J> {
    joins: J,
    task: usize,
    room: Option<Room>,
}

impl<J> Visits<J> {
    pub(crate) fn new(joins: J, task: usize) -> Self {
        Self { joins, task, room: None }
    }
}

impl<J: Joins> Work for Visits<J> {
    async fn step(&mut self, n: u64) -> Result {
        if n.is_multiple_of(STEPS) {
            self.room = None;
        }
        let room = match &mut self.room {
            Some(room) => room,
            none => none.insert(Room::new(number(self.task, n))?),
        };
        let (who, wanted) = match Phase::of(n) {
            Phase::Free => (n, Verdict::Admitted),
            Phase::Full => (n, Verdict::Full { occupied: LIMIT }),
            Phase::Known => (n - n % STEPS, Verdict::Renewed),
        };
        let verdict = self.joins.join(room, member(who)).await?;
        if verdict == wanted {
            Ok(())
        } else {
            Err(format!("step {n}: {verdict:?} instead of {wanted:?}").into())
        }
    }
}

/// Through a store: the program is built anew for every call, as rooms do.
#[derive(Clone)]
pub(crate) struct Compiled<S>(pub(crate) S);

impl<S: Store> Joins for Compiled<S> {
    async fn join(&mut self, room: &Room, member: Bytes) -> Result<Verdict> {
        let program = Program::new(room, member)?;
        let outcome = self.0.transact(&program.txn).await?;
        if outcome.took(program.renewed) {
            return Ok(Verdict::Renewed);
        }
        if outcome.took(program.admitted) {
            return Ok(Verdict::Admitted);
        }
        let occupied = outcome.reply(program.occupied).and_then(|reply| reply.number());
        Ok(Verdict::Full { occupied: occupied.ok_or("a full room did not say how full it is")? })
    }
}

struct Program {
    txn: Txn,
    renewed: BranchId,
    admitted: BranchId,
    occupied: OpId,
}

impl Program {
    fn new(room: &Room, member: Bytes) -> Result<Self> {
        let record = Bytes::from_static(RECORD);
        let live = Life::AtLeast(Until::In(LIFE));
        let lease = || RankPut::new(&room.seats, member.clone(), Score::After(Until::In(LEASE))).life(live);
        let stands = |key, is| Check::ranked(key, member.clone(), is);
        let event = |kind: &'static str| Append::new(&room.log, 1_000).life(live).field("k", kind);
        let joined = || event("joined").field("m", member.clone()).field("i", record.clone());
        let remember = || Op::map_put(&room.records, member.clone(), record.clone(), live);

        // Nobody reads what the ops reply, but for one: the branches taken say it all.
        let mut program = TxnBuilder::new("bench.join");
        // Who comes back after their lease has expired is told of as expired, and then joins.
        let (back, _) = program.fork(BranchId::ROOT, [stands(&room.seats, Standing::Dead)]);
        let old = program.quiet_op(back, Op::map_get(&room.records, member.clone()));
        program.quiet_op(back, Op::rank_remove(&room.seats, member.clone()));
        program.quiet_op(back, event("expired").field("m", member.clone()).field("i", old));

        let (renewed, new) = program.fork(BranchId::ROOT, [stands(&room.seats, Standing::Live)]);
        program.quiet_op(renewed, lease().only(Only::Live));
        program.quiet_op(renewed, remember());
        let (confirmed, _) = program.fork(renewed, [stands(&room.held, Standing::Present)]);
        program.quiet_op(confirmed, Op::rank_remove(&room.held, member.clone()));
        program.quiet_op(renewed, joined());

        let (admitted, full) = program.fork(new, [Check::below(&room.seats, LIMIT)]);
        program.quiet_op(admitted, lease());
        program.quiet_op(admitted, remember());
        program.quiet_op(admitted, joined());
        let occupied = program.op(full, Op::rank_count(&room.seats));

        let dead = program.quiet_op(BranchId::ROOT, Op::rank_take(&room.seats, 64));
        let old = program.quiet_op(BranchId::ROOT, Op::map_get(&room.records, dead));
        program.quiet_op(BranchId::ROOT, Op::map_remove(&room.records, dead));
        program.quiet_op(BranchId::ROOT, Op::rank_remove(&room.held, dead));
        program.quiet_op(BranchId::ROOT, event("expired").field("m", dead).field("i", old));

        let first = Op::rank_range(&room.seats, Bound::Open, Bound::Open, Order::Lowest, 1);
        let first = program.quiet_op(BranchId::ROOT, first);
        let index = |key, score| RankPut::new(key, room.tag.clone(), score).life(live);
        program.quiet_op(BranchId::ROOT, index(&room.due, Score::From(first)));
        program.quiet_op(BranchId::ROOT, index(&room.registry, Score::After(Until::In(REGISTERED))));
        program.quiet_op(BranchId::ROOT, Op::expire(&room.settings, live));
        Ok(Self { txn: program.retry_safe().build()?, renewed, admitted, occupied })
    }
}

/// The same steps as one script, called by its hash over one connection.
#[derive(Clone)]
pub(crate) struct ByHand {
    connection: MultiplexedConnection,
    hash: String,
}

/// Makes a script fail before its first write if a key holds another structure than it will write to, as every
/// compiled program does.
const GUARD: &str = "redis.call('HLEN', KEYS[2]) redis.call('ZCARD', KEYS[3]) redis.call('XLEN', KEYS[4]) \
                     redis.call('ZCARD', KEYS[6]) redis.call('ZCARD', KEYS[7])\n";

impl ByHand {
    pub(crate) async fn new(connection: MultiplexedConnection) -> Result<Self> {
        Self::of(connection, include_str!("join.lua")).await
    }

    /// With the kinds of all keys looked at first.
    pub(crate) async fn guarded(connection: MultiplexedConnection) -> Result<Self> {
        Self::of(connection, &[GUARD, include_str!("join.lua")].concat()).await
    }

    async fn of(mut connection: MultiplexedConnection, script: &str) -> Result<Self> {
        let hash = redis::cmd("SCRIPT").arg("LOAD").arg(script).query_async(&mut connection).await?;
        Ok(Self { connection, hash })
    }
}

impl Joins for ByHand {
    async fn join(&mut self, room: &Room, member: Bytes) -> Result<Verdict> {
        let keys = room.keys();
        let mut call = redis::cmd("EVALSHA");
        call.arg(&self.hash).arg(keys.len());
        for key in keys {
            call.arg(&key.bytes()[..]);
        }
        call.arg(&member[..]).arg(RECORD).arg(&room.tag[..]);
        call.arg(LEASE.as_millis() as u64)
            .arg(LIFE.as_millis() as u64)
            .arg(REGISTERED.as_millis() as u64)
            .arg(LIMIT);
        match call.query_async(&mut self.connection).await? {
            (1, 0) => Ok(Verdict::Admitted),
            (2, 0) => Ok(Verdict::Renewed),
            (3, occupied) => Ok(Verdict::Full { occupied }),
            other => Err(format!("join.lua replied {other:?}").into()),
        }
    }
}

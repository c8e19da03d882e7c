//! The steps that many transactions of rooms have in common.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{
    Append, Args, Bound, BranchId, Check, Key, Life, Limit, MAX_LIMIT, Only, Op, OpId, Order, RankPut,
    Result, Score, Standing, Txn, TxnBuilder, Until,
};

use super::Basis;
use crate::event::Kind;
use crate::keys::RoomKeys;
use crate::terms::Terms;

// The fields of a room's configuration.
/// How many seats there are, decimal.
pub(crate) const CAPACITY: Bytes = Bytes::from_static(b"l");
/// How many may wait, decimal.
pub(crate) const QUEUE: Bytes = Bytes::from_static(b"q");
/// How long leases last, see [`Terms`].
pub(crate) const TERMS: Bytes = Bytes::from_static(b"t");
/// The sealed name and metadata.
pub(crate) const METADATA: Bytes = Bytes::from_static(b"m");

/// How many seats that have ended a change of a room clears away beside its own work.
const SWEPT: u32 = 64;

/// How many of those who wait one change seats at most: as many as can become free by it, and some.
const PROMOTED: u32 = 64;

/// How many events of a room are kept at least.
pub(crate) const EVENTS: u32 = 1_000;

/// The limit of a room: what is configured, and `or` where nothing is.
pub(crate) fn stored_limit(room: &RoomKeys, or: i64) -> Limit {
    Limit::Stored { key: room.config.clone(), field: CAPACITY, or }
}

/// A program about one room, as it is being written.
pub(crate) struct Plan<'r> {
    pub(crate) program: TxnBuilder,
    pub(crate) room: &'r RoomKeys,
    pub(crate) terms: Terms,
    /// How many seats the room has if it is not configured.
    pub(crate) limit: i64,
    /// Whether the room is configured, where a [`Guard`](super::Guard) has found out.
    pub(crate) configured: Option<bool>,
}

impl<'r> Plan<'r> {
    pub(crate) fn new(name: &'static str, room: &'r RoomKeys, basis: Basis) -> Self {
        let Basis { terms, limit } = basis;
        Self { program: TxnBuilder::new(name), room, terms, limit, configured: None }
    }

    /// Adds an op whose reply the caller reads.
    pub(crate) fn op(&mut self, branch: BranchId, op: impl Into<Op>) -> OpId {
        self.program.op(branch, op)
    }

    /// Adds an op whose reply is only for other ops.
    pub(crate) fn quiet(&mut self, branch: BranchId, op: impl Into<Op>) -> OpId {
        self.program.quiet_op(branch, op)
    }

    pub(crate) fn fork(
        &mut self,
        branch: BranchId,
        when: impl IntoIterator<Item = Check>,
    ) -> (BranchId, BranchId) {
        self.program.fork(branch, when)
    }

    pub(crate) fn safe(self) -> Result<Txn> {
        self.program.retry_safe().build()
    }

    pub(crate) fn life(&self) -> Life {
        self.terms.life()
    }

    /// Puts members of a ranking of this room, until a time from now.
    pub(crate) fn until(&self, key: &Key, who: impl Into<Args>, duration: Duration) -> RankPut {
        RankPut::new(key, who, Score::After(Until::In(duration))).life(self.life())
    }

    /// Lengthens what lives already: of a member that is there.
    pub(crate) fn extended(&self, key: &Key, who: impl Into<Args>, duration: Duration) -> RankPut {
        self.until(key, who, duration).only(Only::Live)
    }

    /// Writes the records of members.
    pub(crate) fn record(&mut self, branch: BranchId, who: impl Into<Args>, sealed: impl Into<Args>) {
        let op = Op::map_put(&self.room.records, who, sealed, self.life());
        self.quiet(branch, op);
    }

    /// Ends the seat of a member that was not renewed in time and has not been cleared away, so that coming back is told
    /// as an end and a beginning.
    ///
    /// ```text
    /// when Ranked m mt Dead: x = MapGet i mt; RankRemove m mt; RankRemove h mt; MapRemove i mt; EVENT(expired, mt, x)
    /// ```
    pub(crate) fn bury(&mut self, branch: BranchId, who: &Bytes) {
        let room = self.room;
        let (dead, _) = self.fork(branch, [Check::ranked(&room.seats, who.clone(), Standing::Dead)]);
        let record = self.quiet(dead, Op::map_get(&room.records, who.clone()));
        self.quiet(dead, Op::rank_remove(&room.seats, who.clone()));
        self.quiet(dead, Op::rank_remove(&room.held, who.clone()));
        self.quiet(dead, Op::map_remove(&room.records, who.clone()));
        self.event(dead, Kind::Expired, who.clone(), record);
    }

    /// Takes a free seat.
    pub(crate) fn take_seat(&mut self, branch: BranchId, who: &Bytes, sealed: &Bytes) {
        let seat = self.until(&self.room.seats, who.clone(), self.terms.lease);
        self.quiet(branch, seat);
        self.record(branch, who.clone(), sealed.clone());
        self.event(branch, Kind::Joined, who.clone(), sealed.clone());
    }

    /// Keeps the seat of a member that has one, under a new lease. One that was held for it becomes its own.
    ///
    /// ```text
    /// RankPut m mt After(lease) Live ↑; MapPut i mt:B ↑; when Ranked h mt Present: RankRemove h mt; EVENT(joined)
    /// ```
    pub(crate) fn keep_seat(&mut self, branch: BranchId, who: &Bytes, sealed: &Bytes) {
        let room = self.room;
        let renewed = self.extended(&room.seats, who.clone(), self.terms.lease);
        self.quiet(branch, renewed);
        self.record(branch, who.clone(), sealed.clone());
        let (confirmed, _) = self.fork(branch, [Check::ranked(&room.held, who.clone(), Standing::Present)]);
        self.quiet(confirmed, Op::rank_remove(&room.held, who.clone()));
        self.event(confirmed, Kind::Joined, who.clone(), sealed.clone());
    }

    /// Takes a member whose ticket ended out of those who wait.
    ///
    /// ```text
    /// when Ranked w mt Dead: RankRemove w mt; RankRemove o mt; MapRemove i mt
    /// ```
    pub(crate) fn bury_ticket(&mut self, branch: BranchId, who: &Bytes) {
        let room = self.room;
        let (late, _) = self.fork(branch, [Check::ranked(&room.tickets, who.clone(), Standing::Dead)]);
        self.quiet(late, Op::rank_remove(&room.tickets, who.clone()));
        self.quiet(late, Op::rank_remove(&room.queue, who.clone()));
        self.quiet(late, Op::map_remove(&room.records, who.clone()));
    }

    /// Marks a seat as held for somebody who is not there.
    pub(crate) fn hold(&mut self, branch: BranchId, who: &Bytes, hold: Duration, sealed: &Bytes) {
        let held = self.until(&self.room.held, who.clone(), hold);
        self.quiet(branch, held);
        self.record(branch, who.clone(), sealed.clone());
    }

    /// Tells what happened, once for each member.
    pub(crate) fn event(
        &mut self,
        branch: BranchId,
        what: Kind,
        who: impl Into<Args>,
        record: impl Into<Args>,
    ) {
        let event = Append::new(&self.room.events, EVENTS)
            .field("k", what.code())
            .field("m", who)
            .field("i", record)
            .life(self.life());
        self.quiet(branch, event);
    }

    /// Clears away the seats that ended first, and tells of each. Returns the op that replies whose they were.
    ///
    /// ```text
    /// d = RankTake m n; inf = MapGet i d; MapRemove i d; RankRemove h d; EVENT(expired, d, inf)
    /// ```
    pub(crate) fn sweep(&mut self, branch: BranchId, most: u32) -> OpId {
        let dead = self.op(branch, Op::rank_take(&self.room.seats, most));
        self.ended(branch, dead);
        dead
    }

    /// The same beside something else, which nobody asks about, so that no reply travels.
    pub(crate) fn sweep_some(&mut self, branch: BranchId) {
        let dead = self.quiet(branch, Op::rank_take(&self.room.seats, SWEPT));
        self.ended(branch, dead);
    }

    /// Clears away what belongs to seats that were taken out of the ranking.
    fn ended(&mut self, branch: BranchId, dead: OpId) {
        let room = self.room;
        let records = self.quiet(branch, Op::map_get(&room.records, dead));
        self.quiet(branch, Op::map_remove(&room.records, dead));
        self.quiet(branch, Op::rank_remove(&room.held, dead));
        self.event(branch, Kind::Expired, dead, records);
    }

    /// Gives free seats to those who wait longest, to be held until they join. Tickets that ended are cleared away
    /// first, so that nobody waits behind the dead. Returns the op that replies who was promoted.
    ///
    /// ```text
    /// when Exists o:
    ///   d = RankTake w 1000; RankRemove o d; MapRemove i d; Expire i ↑
    ///   q = RankRange o Lowest 64; u = RankPut m q After(hold) NotLive within L; RankPut h u After(hold)
    ///   RankRemove o u; RankRemove w u; inf = MapGet i u; EVENT(promoted, u, inf)
    /// ```
    pub(crate) fn promote(&mut self, branch: BranchId, limit: impl Into<Limit>) -> OpId {
        let (room, hold) = (self.room, self.terms.hold);
        let (waiting, _) = self.fork(branch, [Check::exists(&room.queue)]);
        let late = self.quiet(waiting, Op::rank_take(&room.tickets, MAX_LIMIT));
        self.quiet(waiting, Op::rank_remove(&room.queue, late));
        self.quiet(waiting, Op::map_remove(&room.records, late));
        // A hold may end later than anything that was written when the ticket was last renewed.
        self.keep_records(waiting);
        let first = Op::rank_range(&room.queue, Bound::Open, Bound::Open, Order::Lowest, PROMOTED);
        let first = self.quiet(waiting, first);
        let seat = self.until(&room.seats, first, hold).only(Only::NotLive).within(limit);
        let seated = self.op(waiting, seat);
        let held = self.until(&room.held, seated, hold);
        self.quiet(waiting, held);
        self.quiet(waiting, Op::rank_remove(&room.queue, seated));
        self.quiet(waiting, Op::rank_remove(&room.tickets, seated));
        let records = self.quiet(waiting, Op::map_get(&room.records, seated));
        self.event(waiting, Kind::Promoted, seated, records);
        seated
    }

    /// Lengthens the life of the records.
    pub(crate) fn keep_records(&mut self, branch: BranchId) {
        let life = self.life();
        self.quiet(branch, Op::expire(&self.room.records, life));
    }

    /// The limit by which those who wait are seated: the room's own, whatever others were told.
    pub(crate) fn own_limit(&self) -> Limit {
        stored_limit(self.room, self.limit)
    }

    /// Notes for a room whose last seat may have gone that nothing of it is due but the next ticket, before
    /// [`index`](Self::index) notes what there is.
    ///
    /// ```text
    /// RankRemove due rt; t = RankRange w Lowest 1; RankPut due rt From(t)
    /// ```
    pub(crate) fn settle(&mut self, branch: BranchId) {
        let room = self.room;
        self.quiet(branch, Op::rank_remove(&room.due, room.name.clone()));
        self.due(branch, &room.tickets);
    }

    /// Notes when the first of a ranking of members ends; nothing if it is empty.
    fn due(&mut self, branch: BranchId, of: &Key) {
        let room = self.room;
        let first = self.quiet(branch, Op::rank_range(of, Bound::Open, Bound::Open, Order::Lowest, 1));
        let due = RankPut::new(&room.due, room.name.clone(), Score::From(first)).life(self.life());
        self.quiet(branch, due);
    }

    /// Notes when the next seat ends, until when the room is listed, and in a pool how full it is.
    ///
    /// ```text
    /// f = RankRange m Lowest 1; RankPut due rt From(f)
    /// when Exists cfg: x = Expire cfg ↑kept; RankPut list rt From(x)      else: RankPut list rt After(kept)
    /// [n = RankCount m; RankPut open number From(n); Expire made ↑kept]
    /// ```
    ///
    /// A room is listed for as long as it is configured, whatever somebody with an old lease knows of that. Whether it is
    /// need not be looked at behind a guard.
    pub(crate) fn index(&mut self, branch: BranchId) {
        let (room, kept) = (self.room, self.terms.kept());
        self.due(branch, &room.seats);
        let (configured, bare) = match self.configured {
            Some(true) => (Some(branch), None),
            Some(false) => (None, Some(branch)),
            None => {
                let (configured, bare) = self.fork(branch, [Check::exists(&room.config)]);
                (Some(configured), Some(bare))
            }
        };
        let listed = |score| RankPut::new(&room.list, room.name.clone(), score).life(Life::AtLeast(kept));
        if let Some(configured) = configured {
            let until = self.quiet(configured, Op::expire(&room.config, Life::AtLeast(kept)));
            self.quiet(configured, listed(Score::From(until)));
        }
        if let Some(bare) = bare {
            self.quiet(bare, listed(Score::After(kept)));
        }
        if let Some(pool) = &room.pool {
            let taken = self.quiet(branch, Op::rank_count(&room.seats));
            let open = RankPut::new(&pool.open, room.number.clone(), Score::From(taken)).life(self.life());
            self.quiet(branch, open);
            // While there are rooms, how many were made is not forgotten.
            self.quiet(branch, Op::expire(&pool.made, Life::AtLeast(kept)));
        }
    }

    /// Notes that a seat of a room of a pool may have become free, so that nobody makes another room meanwhile.
    pub(crate) fn freed(&mut self, branch: BranchId) {
        if let Some(pool) = &self.room.pool {
            let life = self.life();
            self.quiet(branch, Op::add(&pool.freed, 1, life));
        }
    }
}

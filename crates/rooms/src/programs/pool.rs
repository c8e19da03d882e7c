//! Finding a room of a pool that has space, or making one.

use bytes::Bytes;
use roomkey_core::{BranchId, Check, Key, Life, Op, Outcome, Result, Standing, Txn};
use roomkey_crypto::Tag;

use super::plan::Plan;
use super::{Basis, CAPACITY, Program, QUEUE, TERMS};
use crate::keys::{PoolKeys, RoomKeys};

/// How many rooms that had space are tried at once, the fullest first.
pub(crate) const CANDIDATES: usize = 3;

/// A room that somebody may get a seat in, and what they would be there.
pub(crate) struct Candidate {
    pub(crate) room: RoomKeys,
    pub(crate) tag: Tag,
    /// The tag, in the one buffer in which the program has it.
    pub(crate) member: Bytes,
    pub(crate) sealed: Bytes,
}

/// What was read of a pool.
pub(crate) struct Seen {
    /// Rooms with space, the fullest first.
    pub(crate) open: Vec<Candidate>,
    /// The room that is made if none of these has space. Where as many were read as are tried at once, others may have.
    pub(crate) next: Option<Candidate>,
    /// How many rooms were made, in digits; none is no such counter.
    pub(crate) made: Option<Bytes>,
    /// How often a seat may have become free.
    pub(crate) freed: Option<Bytes>,
}

impl Seen {
    /// All rooms that are in question.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.open.iter().chain(&self.next)
    }
}

/// Gives a member a seat in one of the rooms that had space, or in a new one.
pub(crate) struct PoolProgram {
    pub(crate) txn: Txn,
    /// By candidate: the branches in which it is the one.
    pub(super) seated: Vec<[BranchId; 2]>,
    pub(super) made: Option<BranchId>,
}

impl PoolProgram {
    /// ```text
    /// when Ranked m1 mt1 Live: (the seat is renewed as in JOIN)
    /// else: when Below m1 L ∧ Below w1 1: (a seat is taken as in JOIN)
    /// else: (the same for the second and third room)
    /// else, if fewer than three had space: when Value made = seen ∧ Value freed = seen:
    ///       when Below m 1 ∧ Below w 1: (a seat is taken as in JOIN)
    ///       Add made 1 ↑kept
    /// where a seat is taken: when Missing cfg: MapPut cfg {l, q, t} ↑kept
    /// ```
    ///
    /// A room is made only if no room that was listed has space, and none was made and no seat freed since they were
    /// read. If somebody is in the next room already, who came there by its id, the one after it is the next. Where no
    /// seat is taken the caller reads again.
    ///
    /// Not safe to repeat: the second time the member could find another room.
    pub(crate) fn new(pool: &PoolKeys, seen: &Seen, basis: Basis) -> Result<Self> {
        let Some(first) = seen.candidates().next() else { return Err(roomkey_core::Invalid::NoKey.into()) };
        let mut plan = Plan::new("rooms.find_or_create", &first.room, basis);
        let (mut branch, mut seated) = (BranchId::ROOT, Vec::with_capacity(seen.open.len()));
        for candidate in &seen.open {
            plan.room = &candidate.room;
            let (here, elsewhere) = plan.admit(branch, candidate);
            seated.push(here);
            branch = elsewhere;
        }
        let mut made = None;
        if let Some(candidate) = &seen.next {
            let unchanged = |key: &Key, seen: &Option<Bytes>| match seen {
                Some(digits) => Check::value_equals(key, digits.clone()),
                None => Check::missing(key),
            };
            let checks = [unchanged(&pool.made, &seen.made), unchanged(&pool.freed, &seen.freed)];
            let (next, _) = plan.fork(branch, checks);
            plan.room = &candidate.room;
            let empty = [Check::below(&plan.room.seats, 1), Check::below(&plan.room.tickets, 1)];
            let (new, _) = plan.fork(next, empty);
            plan.seat(new, candidate);
            plan.quiet(next, Op::add(&pool.made, 1, Life::AtLeast(basis.terms.kept())));
            made = Some(new);
        }
        Ok(Self { txn: plan.program.build()?, seated, made })
    }

    /// Which of the candidates it is, the new room being the one after the last; `None` if the pool has to be read again.
    pub(crate) fn found(&self, outcome: &Outcome) -> Option<usize> {
        let found = self.seated.iter().position(|here| here.iter().any(|branch| outcome.took(*branch)));
        found.or_else(|| self.made.filter(|made| outcome.took(*made)).map(|_| self.seated.len()))
    }
}

impl Program for PoolProgram {
    fn txn(&self) -> &Txn {
        &self.txn
    }

    fn on(&self, txn: Txn) -> Self {
        Self { txn, seated: self.seated.clone(), made: self.made }
    }
}

impl Plan<'_> {
    /// Takes or keeps a seat in a room if there is one: the branches in which that is so, and the one in which it is not.
    fn admit(&mut self, branch: BranchId, candidate: &Candidate) -> ([BranchId; 2], BranchId) {
        let room = self.room;
        let me = &candidate.member;
        let (live, new) = self.fork(branch, [Check::ranked(&room.seats, me.clone(), Standing::Live)]);
        self.keep_seat(live, me, &candidate.sealed);
        self.index(live);
        let limit = self.own_limit();
        let (free, full) = self.fork(new, [Check::below(&room.seats, limit), Check::below(&room.tickets, 1)]);
        self.seat(free, candidate);
        ([live, free], full)
    }

    /// Takes a seat, in a room that is configured as those of the pool are unless it was by itself.
    fn seat(&mut self, branch: BranchId, candidate: &Candidate) {
        let room = self.room;
        let me = &candidate.member;
        self.bury(branch, me);
        self.bury_ticket(branch, me);
        self.take_seat(branch, me, &candidate.sealed);
        // A new one, or one that was left alone for so long that its configuration is gone.
        let (bare, _) = self.fork(branch, [Check::missing(&room.config)]);
        let decimal = |number: i64| Bytes::from(number.to_string());
        let fields = vec![CAPACITY, QUEUE, TERMS];
        let values = vec![decimal(self.limit), decimal(0), self.terms.bytes()];
        self.quiet(bare, Op::map_put(&room.config, fields, values, Life::AtLeast(self.terms.kept())));
        self.sweep_some(branch);
        self.index(branch);
    }
}

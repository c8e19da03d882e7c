//! Beginning a session: what a subject holds, and the transaction that adds to it.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{
    Bound, BranchId, Check, FieldTest, Key, Life, MAX_DURATION, Op, OpId, Order, Outcome, RankPut, Reply,
    Result, Score, Standing, StoreTime, Ttl, Txn, TxnBuilder, Until,
};

use super::{LINGER, SWEPT};
use crate::generations::{GENERATION, Subject, of_types};
use crate::handle::TypeTag;
use crate::keys::Entry;
use crate::tickets::{AllTickets, TICKET, Ticket};

/// How many sessions are read at once.
const PAGE: u32 = 1_000;

/// What a subject holds, at one moment.
pub(crate) struct Held {
    pub(crate) now: StoreTime,
    pub(crate) subject: Subject,
    /// Whether there is anything of the subject.
    pub(crate) exists: bool,
    /// The generations of the types that were asked for.
    pub(crate) types: Vec<Option<Bytes>>,
    pub(crate) counted: Counted,
}

/// What a limit is counted by, if it was asked for.
#[derive(Default)]
pub(crate) struct Counted {
    pub(crate) tickets: AllTickets,
    /// The live sessions of all types, what ends first standing first.
    pub(crate) sessions: Vec<(Bytes, i64)>,
}

impl Counted {
    /// Where the next page of sessions begins, if the last one was full.
    pub(crate) fn next_page(&self) -> Option<Bound> {
        let last = self.sessions.last().filter(|_| self.sessions.len() >= PAGE as usize)?;
        Some(Bound::Is(last.1))
    }
}

/// The reads that tell what a subject holds.
struct HeldReads {
    subject: OpId,
    ttl: OpId,
    types: OpId,
    counted: Option<(OpId, OpId)>,
}

impl HeldReads {
    /// ```text
    /// RankRange s 0..0; Ttl s; MapGet g types; [RankRange s -1..-1; RankRange s from.. Lowest 1000]; now
    /// ```
    fn new(
        program: &mut TxnBuilder,
        branch: BranchId,
        (subject, types): (&Key, &Key),
        wanted: Vec<Bytes>,
        sessions_from: Option<Bound>,
    ) -> Self {
        let sessions = |from| Op::rank_range(subject, from, Bound::Open, Order::Lowest, PAGE);
        Self {
            subject: program.op(branch, Subject::read_op(subject)),
            ttl: program.op(branch, Op::ttl(subject)),
            types: program.op(branch, Op::map_get(types, wanted)),
            counted: sessions_from.map(|from| {
                (program.op(branch, AllTickets::read_op(subject)), program.op(branch, sessions(from)))
            }),
        }
    }

    fn held(&self, mut outcome: Outcome) -> Option<Held> {
        let counted = match self.counted {
            None => Counted::default(),
            Some((tickets, sessions)) => {
                let tickets = AllTickets::read(outcome.take_reply(tickets))?;
                let Some(Reply::Scored(sessions)) = outcome.take_reply(sessions) else { return None };
                Counted { tickets, sessions }
            }
        };
        let exists = match outcome.take_reply(self.ttl)? {
            Reply::Ttl(ttl) => ttl != Ttl::Missing,
            _ => return None,
        };
        Some(Held {
            now: outcome.now()?,
            subject: Subject::read(outcome.take_reply(self.subject))?,
            exists,
            types: of_types(outcome.take_reply(self.types))?,
            counted,
        })
    }
}

/// Reads what a subject holds.
pub(crate) struct HeldProgram {
    pub(crate) txn: Txn,
    reads: HeldReads,
}

impl HeldProgram {
    /// `sessions_from` asks for what a limit is counted by as well, the live sessions from a deadline on: the first page
    /// from `Now`.
    pub(crate) fn new(
        subject: &Key,
        types: &Key,
        wanted: &[TypeTag],
        sessions_from: Option<Bound>,
    ) -> Result<Self> {
        let mut program = TxnBuilder::new("tokens.held").with_now();
        let wanted = wanted.iter().copied().map(TypeTag::bytes).collect();
        let reads = HeldReads::new(&mut program, BranchId::ROOT, (subject, types), wanted, sessions_from);
        Ok(Self { txn: program.retry_safe().build()?, reads })
    }

    /// `None` if the store did not say.
    pub(crate) fn held(&self, outcome: Outcome) -> Option<Held> {
        self.reads.held(outcome)
    }
}

/// What begins a session: everything that was decided outside the store.
pub(crate) struct Begin<'a> {
    pub(crate) subject: &'a Key,
    pub(crate) types: &'a Key,
    /// What is written for the session: a record, or the map of a family, each with where it is kept. The first holds
    /// the session itself.
    pub(crate) writes: Vec<Write>,
    /// What stands for it among the sessions of the subject; `None` for a code, which is no session, and which replaces
    /// the one before it.
    pub(crate) handle: Option<Bytes>,
    pub(crate) generation: Generation,
    /// Generations of types: the tag, and what it was or shall be.
    pub(crate) type_generations: Vec<(Bytes, Generation)>,
    /// For a type with a limit.
    pub(crate) ticket: Option<Ticket>,
    /// Sessions that end, and the keys that hold them.
    pub(crate) evicted: Vec<(Bytes, Vec<Key>)>,
    /// Where the deadline is kept for a cleanup.
    pub(crate) entry: Option<Entry>,
}

/// Something that is written when a session begins.
pub(crate) struct Write {
    pub(crate) key: Key,
    pub(crate) what: Written,
    pub(crate) until: Until,
}

pub(crate) enum Written {
    Record(Bytes),
    Family(Vec<(Bytes, Bytes)>),
}

/// A generation, as it was found or as it shall be.
#[derive(Clone)]
pub(crate) enum Generation {
    Seen(Bytes),
    /// There is none yet: this one.
    New(Bytes),
    /// What holds it is damaged: all of it is replaced.
    Instead(Bytes),
}

impl Generation {
    pub(crate) const fn bytes(&self) -> &Bytes {
        match self {
            Self::Seen(bytes) | Self::New(bytes) | Self::Instead(bytes) => bytes,
        }
    }
}

/// Begins a session, unless what was decided on has changed meanwhile.
pub(crate) struct BeginProgram {
    pub(crate) txn: Txn,
    begun: BranchId,
    found: OpId,
    reads: HeldReads,
    /// What this call wrote first: no two are the same.
    own: Bytes,
}

impl BeginProgram {
    /// ```text
    /// when [Missing t] ∧ (Ranked s e Present | Missing s) ∧ Field g ty = seen|Absent ∧ [Ranked s last ticket Present | mark Absent]:
    ///       dl = Put t record Set(InCapped idle ends)      [or MapPut f …; Expire f; the access token: Put t' …]
    ///       [RankPut s handle From(dl) ↑ | Expire s ↑]; [RankPut s e Is 0 ↑]; [RankPut s mark ticket Is -1 ↑; RankRemove s last ticket]
    ///       [MapPut g ty:new]; [RankRemove s evicted; Delete t_v …]
    ///       d = RankRange s 1..Now Lowest 2; RankRemove s d; [RankRemove x evicted; RankPut x …; RankTake x 2]
    /// else: Get t; what a subject holds, as above
    /// ```
    ///
    /// Who was refused is told what has changed, and so may try again at once, ahead of who has yet to read.
    ///
    /// Safe to repeat: after a first success the second finds its own bytes.
    pub(crate) fn new(begin: Begin<'_>) -> Result<Self> {
        let Begin { subject, types, writes, handle, generation, type_generations, ticket, evicted, entry } =
            begin;
        let first = writes.first().ok_or(roomkey_core::Invalid::Branch)?;
        let mut checks = Vec::new();
        if handle.is_some() {
            checks.push(Check::missing(&first.key));
        }
        match &generation {
            Generation::Seen(seen) => checks.push(Check::ranked(subject, seen.clone(), Standing::Present)),
            Generation::New(_) => checks.push(Check::missing(subject)),
            Generation::Instead(new) => checks.push(Check::ranked(subject, new.clone(), Standing::Absent)),
        }
        checks.extend(type_checks(types, &type_generations));
        if let Some(Ticket { last, first, next: _ }) = &ticket {
            checks.push(match last {
                Some(last) => Check::ranked(subject, last.clone(), Standing::Present),
                None => Check::ranked(subject, first.clone(), Standing::Absent),
            });
        }
        let (own, read_own) = match &first.what {
            Written::Record(record) => (record.clone(), Op::get(&first.key)),
            Written::Family(fields) => {
                let (field, value) = fields.first().cloned().unwrap_or_default();
                (value, Op::map_get(&first.key, field))
            }
        };
        let until = first.until;
        let wanted = type_generations.iter().map(|(tag, _)| tag.clone()).collect();
        let sessions_from = ticket.is_some().then_some(Bound::Now);

        let mut program = TxnBuilder::new("tokens.begin").with_now();
        let (begun, refused) = program.fork(BranchId::ROOT, checks);
        let mut deadline = None;
        for write in writes {
            let ended = write.add(&mut program, begun);
            deadline.get_or_insert(ended);
        }
        if matches!(generation, Generation::Instead(_)) {
            program.quiet_op(begun, Op::delete(subject));
        }
        let deadline = deadline.map_or(Score::After(until), Score::From);
        match handle {
            Some(handle) => {
                let put = RankPut::new(subject, handle, deadline).life(Life::AtLeast(until));
                program.quiet_op(begun, put);
            }
            // A subject that is there lives as long as the code at least.
            None if matches!(generation, Generation::Seen(_)) => {
                program.quiet_op(begun, Op::expire(subject, Life::AtLeast(until)));
            }
            None => {}
        }
        let mut put = |members: Vec<Bytes>, score| {
            let put = RankPut::new(subject, members, Score::Is(score));
            program.quiet_op(begun, put.life(Life::AtLeast(until)));
        };
        if let Generation::New(new) | Generation::Instead(new) = &generation {
            put(vec![new.clone()], GENERATION);
        }
        if let Some(Ticket { last: _, first, next }) = &ticket {
            put(vec![first.clone(), next.clone()], TICKET);
        }
        put_types(&mut program, begun, types, type_generations);
        let mut gone: Vec<Bytes> = ticket.and_then(Ticket::spent).into_iter().collect();
        gone.extend(evicted.iter().map(|(handle, _)| handle.clone()));
        if !gone.is_empty() {
            program.quiet_op(begun, Op::rank_remove(subject, gone));
        }
        for key in evicted.iter().flat_map(|(_, keys)| keys) {
            program.quiet_op(begun, Op::delete(key));
        }
        sweep(&mut program, begun, subject);
        if let Some(entry) = entry.as_ref().filter(|_| !evicted.is_empty()) {
            let gone: Vec<Bytes> = evicted.iter().map(|(handle, _)| entry.member_of(handle)).collect();
            program.quiet_op(begun, Op::rank_remove(&entry.index, gone));
        }
        put_entry(&mut program, begun, entry, deadline, until);
        let found = program.op(refused, read_own);
        let reads = HeldReads::new(&mut program, refused, (subject, types), wanted, sessions_from);
        Ok(Self { txn: program.retry_safe().build()?, begun, found, reads, own })
    }

    /// Whether this call began the session: just now, or in an earlier attempt whose reply was lost.
    pub(crate) fn begun(&self, outcome: &Outcome) -> bool {
        outcome.took(self.begun)
            || match outcome.reply(self.found) {
                Some(Reply::Bytes(Some(found))) => *found == self.own,
                Some(Reply::Optionals(found)) => found.first() == Some(&Some(self.own.clone())),
                _ => false,
            }
    }

    /// Otherwise, what the subject holds instead of what was seen; `None` if the store did not say.
    pub(crate) fn held(&self, outcome: Outcome) -> Option<Held> {
        self.reads.held(outcome)
    }
}

impl Write {
    /// Adds the write; returns the op that replies the deadline.
    pub(super) fn add(self, program: &mut TxnBuilder, branch: BranchId) -> OpId {
        let Self { key, what, until } = self;
        match what {
            Written::Record(record) => program.quiet_op(branch, Op::put(&key, record, Life::Set(until))),
            Written::Family(fields) => {
                let (fields, values): (Vec<_>, Vec<_>) = fields.into_iter().unzip();
                program.quiet_op(branch, Op::map_put(&key, fields, values, Life::Keep));
                program.quiet_op(branch, Op::expire(&key, Life::Set(until)))
            }
        }
    }
}

/// The checks that generations of types are still what they were found to be.
pub(super) fn type_checks(types: &Key, generations: &[(Bytes, Generation)]) -> Vec<Check> {
    let check = |(tag, generation): &(Bytes, Generation)| {
        let is = match generation {
            Generation::Seen(seen) => FieldTest::Equals(seen.clone()),
            Generation::New(_) | Generation::Instead(_) => FieldTest::Absent,
        };
        Check::field(types, tag.clone(), is)
    };
    generations.iter().map(check).collect()
}

/// Writes the generations of types that are new.
pub(super) fn put_types(
    program: &mut TxnBuilder,
    branch: BranchId,
    types: &Key,
    generations: Vec<(Bytes, Generation)>,
) {
    let (fields, values): (Vec<_>, Vec<_>) = generations
        .into_iter()
        .filter(|(_, generation)| !matches!(generation, Generation::Seen(_)))
        .map(|(tag, generation)| (tag, generation.bytes().clone()))
        .unzip();
    if !fields.is_empty() {
        program.quiet_op(branch, Op::map_put(types, fields, values, Life::Keep));
    }
}

/// Removes a few sessions that have ended from those of a subject.
pub(super) fn sweep(program: &mut TxnBuilder, branch: BranchId, subject: &Key) {
    let dead = Op::rank_range(subject, Bound::Is(GENERATION + 1), Bound::Now, Order::Lowest, SWEPT);
    let dead = program.quiet_op(branch, dead);
    program.quiet_op(branch, Op::rank_remove(subject, dead));
}

/// Notes a deadline for a cleanup, if deadlines are noted, and removes a few that have passed.
pub(super) fn put_entry(
    program: &mut TxnBuilder,
    branch: BranchId,
    entry: Option<Entry>,
    deadline: Score,
    until: Until,
) {
    let Some(Entry { index, member }) = entry else { return };
    let put = RankPut::new(&index, member, deadline).life(Life::AtLeast(lingering(until)));
    program.quiet_op(branch, put);
    program.quiet_op(branch, Op::rank_take(&index, SWEPT));
}

/// An index outlives its tokens by a day.
fn lingering(until: Until) -> Until {
    let longer = |duration: Duration| duration.saturating_add(LINGER).min(MAX_DURATION);
    match until {
        Until::In(duration) | Until::InCapped(duration, _) => Until::In(longer(duration)),
        Until::At(time) => Until::At(time.after(LINGER)),
    }
}

#[cfg(test)]
mod tests;

//! Programs that are built once, for all rooms and members that they differ in nothing else for.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use roomkey_core::{Key, Limit, Prepared, Result};

use super::{
    Applicant, Basis, JoinProgram, LeaveProgram, PoolCandidate, PoolProgram, Program, ReserveProgram, Seen,
};
use crate::keys::{PoolKeys, RoomKeys};
use crate::terms::Terms;

/// How many forms of a program are kept. A service that has more, by as many different terms or limits, builds the
/// programs of the others each time.
const MOST: usize = 64;

/// The programs that run for every member who comes and goes.
#[derive(Default)]
pub(crate) struct Forms {
    join: FormsOf<JoinProgram>,
    reserve: FormsOf<ReserveProgram>,
    leave: FormsOf<LeaveProgram>,
    pool: FormsOf<PoolProgram>,
}

impl Forms {
    pub(crate) fn join(&self, applicant: Applicant<'_>) -> Result<JoinProgram> {
        let parts = Parts::of(applicant.room, [&applicant.member, &applicant.sealed]);
        self.join.program(Constants::of(&applicant), parts, || JoinProgram::new(applicant))
    }

    pub(crate) fn reserve(&self, applicant: Applicant<'_>) -> Result<ReserveProgram> {
        let parts = Parts::of(applicant.room, [&applicant.member, &applicant.sealed]);
        self.reserve.program(Constants::of(&applicant), parts, || ReserveProgram::new(applicant))
    }

    pub(crate) fn leave(
        &self,
        room: &RoomKeys,
        basis: Basis,
        (member, fence): (Bytes, Bytes),
    ) -> Result<LeaveProgram> {
        let parts = Parts::of(room, [&member, &fence]);
        self.leave.program(Constants::new(room.pool.is_some(), basis), parts, || {
            LeaveProgram::new(room, basis, (member, fence))
        })
    }

    pub(crate) fn pool(&self, pool: &PoolKeys, seen: &Seen, basis: Basis) -> Result<PoolProgram> {
        let mut parts = Parts::default();
        for candidate in seen.candidates() {
            let PoolCandidate { room, tag: _, member, sealed } = candidate;
            // What the rooms of a pool share is there once.
            if parts.keys.is_empty() {
                parts = Parts::of(room, [member, sealed]);
            } else {
                parts.keys.extend(room.own());
                parts.args.extend([member, sealed].map(Bytes::clone));
                parts.args.extend(room.names());
            }
        }
        // They are compared only where a room may be made.
        let counters = seen.next.as_ref().map(|_| [&seen.made, &seen.freed]);
        parts.args.extend(counters.into_iter().flatten().filter_map(Option::clone));
        let of_pool = Some((seen.open.len(), counters.map(|counters| counters.map(Option::is_some))));
        let constants = Constants { of_pool, ..Constants::new(true, basis) };
        self.pool.program(constants, parts, || PoolProgram::new(pool, seen, basis))
    }
}

/// What a program is bound to.
#[derive(Default)]
struct Parts {
    keys: Vec<Key>,
    args: Vec<Bytes>,
}

impl Parts {
    /// A room, and who is about to change it.
    fn of(room: &RoomKeys, args: [&Bytes; 2]) -> Self {
        Self { keys: room.all(), args: args.into_iter().cloned().chain(room.names()).collect() }
    }
}

/// The forms of one program.
struct FormsOf<P>(RwLock<Vec<Arc<Form<P>>>>);

struct Form<P> {
    constants: Constants,
    prepared: Prepared,
    program: P,
}

impl<P> Default for FormsOf<P> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<P: Program> FormsOf<P> {
    /// The program on these keys and arguments, built only if there is none of this form.
    fn program(
        &self,
        constants: Constants,
        Parts { keys, args }: Parts,
        build: impl FnOnce() -> Result<P>,
    ) -> Result<P> {
        if let Some(form) = self.form(&constants) {
            return Ok(form.program.on(form.prepared.bind(keys, args)?));
        }
        let program = build()?;
        // One that cannot be kept or prepared runs as it was built. Preparing costs more than building, so where it is
        // for nothing it is not done.
        if self.has_room()
            && let Ok(prepared) = Prepared::new(program.txn().clone(), keys, args)
        {
            let form = Form { constants, prepared, program: program.on(program.txn().clone()) };
            self.keep(Arc::new(form));
        }
        Ok(program)
    }

    fn form(&self, constants: &Constants) -> Option<Arc<Form<P>>> {
        // Every change is one step of the list.
        let forms = self.0.read().unwrap_or_else(PoisonError::into_inner);
        forms.iter().find(|form| form.constants == *constants).cloned()
    }

    fn has_room(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len() < MOST
    }

    fn keep(&self, form: Arc<Form<P>>) {
        let mut forms = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if forms.len() < MOST && forms.iter().all(|known| known.constants != form.constants) {
            forms.push(form);
        }
    }
}

/// Everything in a program that is no key and no argument.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Constants {
    pooled: bool,
    basis: Basis,
    configured: Option<Terms>,
    limit: Option<Number>,
    queue: Option<Number>,
    /// How many rooms are tried; and where one may be made, which counters of the pool are there.
    of_pool: Option<(usize, Option<[bool; 2]>)>,
}

/// A limit, but for where it is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Number {
    Given(i64),
    StoredOr(i64),
}

impl Constants {
    const fn new(pooled: bool, basis: Basis) -> Self {
        Self { pooled, basis, configured: None, limit: None, queue: None, of_pool: None }
    }

    fn of(applicant: &Applicant<'_>) -> Self {
        let Applicant { room, configured, basis, member: _, sealed: _, limit, queue } = applicant;
        let number = |limit: &Limit| match limit {
            Limit::Given(number) => Number::Given(*number),
            Limit::Stored { or, .. } => Number::StoredOr(*or),
        };
        Self {
            configured: *configured,
            limit: Some(number(limit)),
            queue: Some(number(queue)),
            ..Self::new(room.pool.is_some(), *basis)
        }
    }
}

#[cfg(test)]
mod tests;

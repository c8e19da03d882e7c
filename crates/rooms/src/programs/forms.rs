//! Programs that are built once, for all rooms and members that they differ in nothing else for.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use roomkey_core::{Limit, Prepared, Result};

use super::{Applicant, Basis, JoinProgram, LeaveProgram, Program, ReserveProgram};
use crate::keys::RoomKeys;
use crate::terms::Terms;

/// How many forms of a program are kept. A service that has more, by as many different terms or limits, builds the
/// programs of the others each time.
const MOST: usize = 64;

/// The programs that run for every member who comes and goes.
#[derive(Default)]
pub(crate) struct Forms {
    join: Known<JoinProgram>,
    reserve: Known<ReserveProgram>,
    leave: Known<LeaveProgram>,
}

impl Forms {
    pub(crate) fn join(&self, applicant: Applicant<'_>) -> Result<JoinProgram> {
        let (room, args) = (applicant.room, vec![applicant.member.clone(), applicant.sealed.clone()]);
        self.join.program(Constants::of(&applicant), room, args, || JoinProgram::new(applicant))
    }

    pub(crate) fn reserve(&self, applicant: Applicant<'_>) -> Result<ReserveProgram> {
        let (room, args) = (applicant.room, vec![applicant.member.clone(), applicant.sealed.clone()]);
        self.reserve.program(Constants::of(&applicant), room, args, || ReserveProgram::new(applicant))
    }

    pub(crate) fn leave(
        &self,
        room: &RoomKeys,
        basis: Basis,
        (member, fence): (Bytes, Bytes),
    ) -> Result<LeaveProgram> {
        let args = vec![member.clone(), fence.clone()];
        self.leave.program(Constants::new(room, basis), room, args, || {
            LeaveProgram::new(room, basis, (member, fence))
        })
    }
}

/// The forms of one program.
struct Known<P>(RwLock<Vec<Arc<Form<P>>>>);

struct Form<P> {
    constants: Constants,
    prepared: Prepared,
    program: P,
}

impl<P> Default for Known<P> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<P: Program> Known<P> {
    /// The program on the keys of a room and some arguments, built only if there is none of this form.
    fn program(
        &self,
        constants: Constants,
        room: &RoomKeys,
        mut args: Vec<Bytes>,
        build: impl FnOnce() -> Result<P>,
    ) -> Result<P> {
        args.extend(room.names());
        if let Some(form) = self.form(&constants) {
            return Ok(form.program.on(form.prepared.bind(room.all(), args)?));
        }
        let program = build()?;
        // One that cannot be kept or prepared runs as it was built. Preparing costs more than building, so where it is
        // for nothing it is not done.
        if self.has_room()
            && let Ok(prepared) = Prepared::new(program.txn().clone(), room.all(), args)
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
}

/// A limit, but for where it is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Number {
    Given(i64),
    StoredOr(i64),
}

impl Constants {
    const fn new(room: &RoomKeys, basis: Basis) -> Self {
        Self { pooled: room.pool.is_some(), basis, configured: None, limit: None, queue: None }
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
            ..Self::new(room, *basis)
        }
    }
}

#[cfg(test)]
mod tests;

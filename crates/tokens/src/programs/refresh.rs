//! Exchanging a refresh token for the next.

use bytes::Bytes;
use roomkey_core::{
    BranchId, Check, FieldTest, Life, Op, OpId, Outcome, RankPut, Reply, Result, Score, Standing, StoreTime,
    Txn, TxnBuilder, Until,
};

use super::issue::{Generation, Write, put_entry, put_types, sweep, type_checks};
use crate::family::{CURRENT, FamilyPlace, PREVIOUS, SEALED};
use crate::generations::{Subject, of_types};
use crate::handle::TypeTag;
use crate::keys::Entry;

/// What is kept of a family and of what it rests on, at one moment.
pub(crate) struct Kept {
    pub(crate) now: StoreTime,
    pub(crate) current: Option<Bytes>,
    pub(crate) previous: Option<Bytes>,
    /// The record.
    pub(crate) sealed: Option<Bytes>,
    /// What `previous` was exchanged for, while that may be told again.
    pub(crate) successors: Option<Bytes>,
    pub(crate) subject: Subject,
    /// The generations of the types that were asked for.
    pub(crate) types: Vec<Option<Bytes>>,
}

/// The reads that tell what is kept of a family.
struct KeptReads {
    family: OpId,
    successors: OpId,
    subject: OpId,
    types: OpId,
}

impl KeptReads {
    /// ```text
    /// MapGet f c p m; Get n; RankRange s 0..0; MapGet g types
    /// ```
    fn new(program: &mut TxnBuilder, branch: BranchId, place: &FamilyPlace, types: &[TypeTag]) -> Self {
        let fields = [CURRENT, PREVIOUS, SEALED].map(|field| Bytes::from_static(field.as_bytes()));
        let types: Vec<Bytes> = types.iter().copied().map(TypeTag::bytes).collect();
        Self {
            family: program.op(branch, Op::map_get(&place.family, fields)),
            successors: program.op(branch, Op::get(&place.successors)),
            subject: program.op(branch, Subject::read_op(&place.subject)),
            types: program.op(branch, Op::map_get(&place.types, types)),
        }
    }

    fn kept(&self, outcome: &mut Outcome) -> Option<Kept> {
        let Some(Reply::Optionals(fields)) = outcome.take_reply(self.family) else { return None };
        let [current, previous, sealed] = fields.try_into().ok()?;
        let Some(Reply::Bytes(successors)) = outcome.take_reply(self.successors) else { return None };
        let subject = Subject::read(outcome.take_reply(self.subject))?;
        let types = of_types(outcome.take_reply(self.types))?;
        Some(Kept { now: outcome.now()?, current, previous, sealed, successors, subject, types })
    }
}

/// Reads what is kept of a family.
pub(crate) struct KeptProgram {
    pub(crate) txn: Txn,
    reads: KeptReads,
}

impl KeptProgram {
    pub(crate) fn new(place: &FamilyPlace, types: &[TypeTag]) -> Result<Self> {
        let mut program = TxnBuilder::new("tokens.family").with_now();
        let reads = KeptReads::new(&mut program, BranchId::ROOT, place, types);
        Ok(Self { txn: program.retry_safe().build()?, reads })
    }

    /// `None` if the store did not say.
    pub(crate) fn kept(&self, mut outcome: Outcome) -> Option<Kept> {
        self.reads.kept(&mut outcome)
    }
}

/// What exchanges a refresh token: everything that was decided outside the store.
pub(crate) struct Rotate<'a> {
    pub(crate) place: &'a FamilyPlace,
    pub(crate) types: Vec<TypeTag>,
    pub(crate) handle: Bytes,
    /// The ids of the token and of the one that follows it.
    pub(crate) presented: Bytes,
    pub(crate) next: Bytes,
    /// The generations that they rest on: of the subject, and of the types.
    pub(crate) generation: Bytes,
    pub(crate) type_generations: Vec<(Bytes, Generation)>,
    /// The sealed successors, and how long they may be told again.
    pub(crate) successors: Bytes,
    pub(crate) grace: Until,
    /// The record as it was seen: what comes with the next token has its claims.
    pub(crate) sealed: Bytes,
    /// The record under the active key, if it is under another one.
    pub(crate) resealed: Option<Bytes>,
    /// How long the family lives if it is not used.
    pub(crate) until: Until,
    /// The access token.
    pub(crate) access: Option<Write>,
    /// Where the deadline is kept for a cleanup.
    pub(crate) entry: Option<Entry>,
}

/// Exchanges a refresh token, unless what was decided on has changed meanwhile.
pub(crate) struct RotateProgram {
    pub(crate) txn: Txn,
    rotated: BranchId,
    reads: KeptReads,
}

impl RotateProgram {
    /// ```text
    /// when Field f c = presented ∧ Field f m = seen ∧ Ranked s e Present ∧ Field g type = seen ∧ Field g access = seen|Absent:
    ///       Put n successors Set(In grace); MapPut f {c:next, p:presented, [m]}; dl = Expire f Set(InCapped idle ends);
    ///       [Put t' access Set(InCapped …)]; RankPut s family From(dl) ↑; [MapPut g access:new]
    ///       d = RankRange s 1..Now Lowest 2; RankRemove s d; [RankPut x …; RankTake x 2]
    /// else: MapGet f c p m; Get n; RankRange s 0..0; MapGet g types
    /// ```
    ///
    /// Safe to repeat: after a first success the second finds the token exchanged for its own successors.
    pub(crate) fn new(rotate: Rotate<'_>) -> Result<Self> {
        let Rotate {
            place, types, handle, presented, next, generation, type_generations, successors, ..
        } = rotate;
        let Rotate { grace, sealed, resealed, until, access, entry, .. } = rotate;
        let name = |field: &'static str| Bytes::from_static(field.as_bytes());
        let mut checks = vec![
            Check::field(&place.family, name(CURRENT), FieldTest::Equals(presented.clone())),
            Check::field(&place.family, name(SEALED), FieldTest::Equals(sealed)),
            Check::ranked(&place.subject, generation, Standing::Present),
        ];
        checks.extend(type_checks(&place.types, &type_generations));

        let mut program = TxnBuilder::new("tokens.rotate").with_now();
        let (rotated, refused) = program.fork(BranchId::ROOT, checks);
        program.quiet_op(rotated, Op::put(&place.successors, successors, Life::Set(grace)));
        let (mut fields, mut values) = (vec![name(CURRENT), name(PREVIOUS)], vec![next, presented]);
        if let Some(resealed) = resealed {
            fields.push(name(SEALED));
            values.push(resealed);
        }
        program.quiet_op(rotated, Op::map_put(&place.family, fields, values, Life::Keep));
        let deadline = program.quiet_op(rotated, Op::expire(&place.family, Life::Set(until)));
        if let Some(access) = access {
            access.add(&mut program, rotated);
        }
        let put = RankPut::new(&place.subject, handle, Score::From(deadline)).life(Life::AtLeast(until));
        program.quiet_op(rotated, put);
        put_types(&mut program, rotated, &place.types, type_generations);
        sweep(&mut program, rotated, &place.subject);
        put_entry(&mut program, rotated, entry, Score::From(deadline), until);
        let reads = KeptReads::new(&mut program, refused, place, &types);
        Ok(Self { txn: program.retry_safe().build()?, rotated, reads })
    }

    /// Whether the token was exchanged.
    pub(crate) fn rotated(&self, outcome: &Outcome) -> bool {
        outcome.took(self.rotated)
    }

    /// Otherwise, what is kept instead of what was seen; `None` if the store did not say.
    pub(crate) fn kept(&self, mut outcome: Outcome) -> Option<Kept> {
        self.reads.kept(&mut outcome)
    }
}

#[cfg(test)]
mod tests;

//! Drawing batches and programs.

use std::collections::{BTreeMap, BTreeSet};

use roomkey_core::{
    Batch, BranchId, Check, FieldTest, Key, Kind, Life, Limit, Op, OpId, Result, Score, Standing, StoreTime,
    Txn, TxnBuilder,
};

use super::choices::Choices;
use super::names::{key_and_kind, usual_kind};
use super::ops::{self, Referent};
use super::{SLOTS, arguments, key_in};

/// A batch of ops without references.
pub(super) fn batch(choices: &mut Choices<'_>) -> Batch {
    let mut dated = BTreeSet::new();
    let ops = (0..=choices.below(8)).map(|_| {
        let slot = choices.one(&SLOTS);
        let (number, kind) = key_and_kind(choices);
        let limit = limit(choices, number, |number, kind| key_in(slot, kind, number));
        let op = ops::draw(choices, number, key_in(slot, kind, number), limit, &[]);
        // Each op of a batch has its own time. Deadlines given by two of them may be equal on one store and a
        // millisecond apart on the other, which is another order.
        let gives_deadlines = matches!(&op, Op::RankPut(put) if matches!(put.score, Score::After(_)));
        let again = gives_deadlines && !dated.insert((slot, number));
        if again { Op::ttl(op.key()) } else { op }
    });
    let ops: Vec<Op> = ops.collect();
    Batch::new(ops).unwrap_or_else(|e| panic!("no rule of batches is broken: {e}"))
}

/// A program with references.
pub(super) fn program(choices: &mut Choices<'_>) -> Result<Txn> {
    let mut drawing =
        Drawing { program: TxnBuilder::new("random"), kinds: BTreeMap::new(), written: Vec::new() };
    drawing.branch(choices, BranchId::ROOT, &mut Vec::new(), 0);
    let program = if choices.chance(20) { drawing.program.with_now() } else { drawing.program };
    program.build()
}

/// What the rules ask of a program while it is drawn.
struct Drawing {
    program: TxnBuilder,
    /// The kind with which the program uses each of its keys.
    kinds: BTreeMap<u8, Kind>,
    /// The keys that some op has written: no `Add` may follow, except behind an `Expire` that cannot remove
    /// the key.
    written: Vec<u8>,
}

impl Drawing {
    /// Draws the steps of a branch. What its ops reply is seen in the branches inside of it, and not after
    /// it.
    fn branch(
        &mut self,
        choices: &mut Choices<'_>,
        branch: BranchId,
        visible: &mut Vec<Referent>,
        depth: usize,
    ) {
        let outside = visible.len();
        for _ in 0..=choices.below(5) {
            if depth < 4 && choices.chance(30) {
                let checks: Vec<Check> = (0..choices.below(3)).map(|_| self.check(choices)).collect();
                let (then, otherwise) = self.program.fork(branch, checks);
                self.branch(choices, then, visible, depth + 1);
                if choices.chance(60) {
                    self.branch(choices, otherwise, visible, depth + 1);
                }
            } else {
                self.op(choices, branch, visible);
            }
        }
        visible.truncate(outside);
    }

    fn op(&mut self, choices: &mut Choices<'_>, branch: BranchId, visible: &mut Vec<Referent>) {
        let (number, key) = self.key(choices);
        let limit = limit(choices, number, |number, kind| self.use_key(number, kind));
        let mut op = ops::draw(choices, number, key, limit, visible);
        if matches!(op, Op::Add { .. }) && self.written.contains(&number) {
            op = Op::get(op.key());
        }
        let keeps_number = matches!(op, Op::Expire { life: Life::Keep | Life::Never | Life::AtLeast(_), .. });
        if op.writes() && !keeps_number {
            self.written.push(number);
        }
        let (shape, timed) = (op.shape(), ops::tells_time(number, &op, visible));
        let (sorted, values_only) = (!matches!(op, Op::Walk { .. }), matches!(op, Op::MapGet { .. }));
        let id: OpId =
            if choices.chance(40) { self.program.quiet_op(branch, op) } else { self.program.op(branch, op) };
        visible.push(Referent { id, shape, timed, sorted, values_only });
    }

    fn check(&mut self, choices: &mut Choices<'_>) -> Check {
        let (number, key) = self.key(choices);
        let own = |choices: &mut Choices<'_>| match key.kind() {
            Kind::Value => match choices.below(3) {
                0 => Check::number(
                    &key,
                    arguments::number(choices),
                    arguments::number(choices)..=arguments::number(choices),
                ),
                1 => Check::value_equals(&key, arguments::value(choices)),
                _ => Check::value_starts_with(&key, arguments::value(choices)),
            },
            Kind::Map if choices.chance(70) => {
                let value = arguments::value(choices);
                let tests = [
                    FieldTest::Present,
                    FieldTest::Absent,
                    FieldTest::Equals(value.clone()),
                    FieldTest::StartsWith(value),
                ];
                Check::field(&key, arguments::name(choices), choices.one(&tests))
            }
            Kind::Ranking if choices.chance(70) => {
                let standings = [Standing::Present, Standing::Absent, Standing::Live, Standing::Dead];
                Check::ranked(&key, arguments::name(choices), choices.one(&standings))
            }
            _ => Check::size(&key, choices.one(&[0, 1, 2])..=choices.one(&[1, 3, 1_000, 0])),
        };
        match choices.below(10) {
            0 => Check::exists(&key),
            1 => Check::missing(&key),
            2 => Check::Before(choices.one(&[StoreTime::MAX, StoreTime::from_millis(5)])),
            3 | 4 if key.kind() == Kind::Ranking => {
                Check::below(&key, limit(choices, number, |number, kind| self.use_key(number, kind)))
            }
            _ => own(choices),
        }
    }

    /// A key, with the kind that the program has used it with so far.
    fn key(&mut self, choices: &mut Choices<'_>) -> (u8, Key) {
        let (number, kind) = key_and_kind(choices);
        (number, self.use_key(number, kind))
    }

    fn use_key(&mut self, number: u8, kind: Kind) -> Key {
        key_in(SLOTS[0], *self.kinds.entry(number).or_insert(kind), number)
    }
}

/// A limit for the ranking of this number, given or stored. The key is made only if it is needed: making it
/// fixes its kind.
fn limit(choices: &mut Choices<'_>, ranking: u8, make_key: impl FnOnce(u8, Kind) -> Key) -> Limit {
    const MAP: u8 = 2;
    // One key cannot be the ranking and the map of its limit.
    if ranking == MAP || !choices.chance(20) {
        return Limit::Given(arguments::limit(choices));
    }
    match make_key(MAP, usual_kind(MAP)) {
        key if key.kind() == Kind::Map => {
            Limit::Stored { key, field: arguments::name(choices), or: arguments::limit(choices) }
        }
        _ => Limit::Given(arguments::limit(choices)),
    }
}

//! What must be looked at before the first write, so that nothing fails after it.
//!
//! Redis itself refuses a command on a key of the wrong kind. That is early enough while nothing has been written, for a
//! command that is sure to be sent, and unless a full server would refuse it for its memory first. Everywhere else the
//! kind is asked for, once per key, unless a check has found it.
//!
//! Where an op has a number to validate, everything is asked for in the order of the program: a wrong kind behind a text
//! that is no number must not be found before it. Before a fork, though, comes what either branch, or what follows it,
//! asks for ahead of any number, and need not be asked for again.

use super::decide::size_command;
use super::{Emitter, Facts, Var, bit};
use crate::compile::plan::{Fork, Limit, List, Op, RankPut, Step, Sum, What};

/// What is known on the path so far.
#[derive(Clone, Copy)]
struct Path {
    facts: Facts,
    /// Whether something may have been written.
    wrote: bool,
}

impl<'p> Emitter<'p> {
    /// Validates the ops of a block.
    pub(super) fn validate(&mut self, steps: &'p [Step], facts: Facts) {
        self.validate_steps(steps, Path { facts, wrote: false }, has_numbers(steps));
    }

    fn validate_steps(&mut self, steps: &'p [Step], mut path: Path, numbers: bool) -> Facts {
        path.facts = path.facts.or(Facts::of_forks(steps));
        if numbers {
            for (index, step) in steps.iter().enumerate() {
                match step {
                    Step::Op(op) => self.validate_op(op, &mut path, true),
                    Step::Fork(fork) => {
                        let sure = ahead_of_numbers(&steps[index..], path.facts, 0);
                        self.ask_kinds(&fork.then, sure, &mut path.facts);
                        self.ask_kinds(&fork.otherwise, sure, &mut path.facts);
                        let facts = self.validate_fork(fork, path, true);
                        path.facts = path.facts.or(facts);
                        path.wrote |= writes(&fork.then) || writes(&fork.otherwise);
                    }
                }
            }
            return path.facts;
        }
        // The order does not show, so what is looked at in any case comes first and need not be looked at again.
        let mut forks = Vec::new();
        for step in steps {
            match step {
                Step::Op(op) => self.validate_op(op, &mut path, false),
                Step::Fork(fork) => {
                    forks.push((fork, path.wrote));
                    path.wrote |= writes(&fork.then) || writes(&fork.otherwise);
                }
            }
        }
        for (fork, wrote) in forks {
            let facts = self.validate_fork(fork, Path { wrote, ..path }, false);
            path.facts = path.facts.or(facts);
        }
        path.facts
    }

    /// Validates both branches; returns what is known behind either.
    fn validate_fork(&mut self, fork: &'p Fork, path: Path, numbers: bool) -> Facts {
        let enter = |facts| Path { facts: path.facts.or(facts), ..path };
        let (mut by_then, mut by_otherwise) = (path.facts, path.facts);
        let then = self.piece(1, |emitter| {
            by_then = emitter.validate_steps(&fork.then, enter(Facts::if_held(&fork.when)), numbers);
        });
        let otherwise = self.piece(1, |emitter| {
            by_otherwise = emitter.validate_steps(&fork.otherwise, enter(Facts::if_not(&fork.when)), numbers);
        });
        self.either(fork, &then, &otherwise);
        by_then.and(by_otherwise)
    }

    /// Asks for the kinds of those keys of some steps that are `sure` to be asked for.
    fn ask_kinds(&mut self, steps: &[Step], sure: u64, facts: &mut Facts) {
        for step in steps {
            match step {
                Step::Op(Op { key, kind: Some(kind), .. }) if sure & !facts.kinds & bit(*key) != 0 => {
                    self.line(format_args!("call('{}', {key})", size_command(*kind)));
                    facts.kinds |= bit(*key);
                }
                Step::Op(_) => {}
                Step::Fork(fork) => {
                    self.ask_kinds(&fork.then, sure, facts);
                    self.ask_kinds(&fork.otherwise, sure, facts);
                }
            }
        }
    }

    fn validate_op(&mut self, op: &'p Op, path: &mut Path, numbers: bool) {
        let known = path.facts.kinds & bit(op.key) != 0;
        if let What::Add { sum, .. } = op.what {
            self.validate_sum(op, sum, path.facts.numbers & bit(op.key) != 0);
            path.facts.numbers |= bit(op.key);
        } else if let Some(kind) = op.kind
            && !known
        {
            let in_passing = !path.wrote && !numbers && !op.what.grows() && !self.may_skip(op);
            if !in_passing {
                self.line(format_args!("call('{}', {})", size_command(kind), op.key));
            }
        }
        if op.kind.is_some() {
            path.facts.kinds |= bit(op.key);
        }
        if let What::RankPut(RankPut { within: Some(limit @ Limit::Stored { key, .. }), .. }) = &op.what {
            let name = self.name(Var::Limit(op.at));
            self.stored_limit(limit, Some(name));
            path.facts.kinds |= bit(*key);
        }
        path.wrote |= op.what.grows() || op.what.frees();
    }

    fn validate_sum(&mut self, op: &'p Op, sum: Sum, is_number: bool) {
        match sum {
            Sum::Proven => {}
            Sum::Fits if is_number => {}
            Sum::Fits => {
                self.counter(op.key);
            }
            Sum::AtMost(bound) => {
                let number = self.counter(op.key);
                self.line(format_args!("if not at_most({number}, {bound}) then return 'Overflow' end"));
                self.comparisons = true;
            }
            Sum::AtLeast(bound) => {
                let number = self.counter(op.key);
                self.line(format_args!("if not at_most({bound}, {number}) then return 'Overflow' end"));
                self.comparisons = true;
            }
        }
    }

    /// Whether the op may turn out to do nothing, for want of a referenced element.
    pub(super) fn may_skip(&self, op: &Op) -> bool {
        let by_list = op.what.lists().any(|list| match list {
            List::Reply(at) => !self.always_replies(at),
            List::One(_) | List::Many(_) => false,
        });
        by_list || op.what.number().is_some_and(|at| !self.always_replies(at))
    }

    /// Whether an op always replies a number.
    pub(super) fn always_replies(&self, at: u16) -> bool {
        matches!(self.ops[usize::from(at)].0, Some(Op { what: What::Add { .. } | What::RankCount, .. }))
    }
}

impl Facts {
    /// What is known where forks were decided: the first check of each was evaluated.
    fn of_forks(steps: &[Step]) -> Self {
        let first = |step| match step {
            &Step::Fork(Fork { ref when, .. }) => when.first(),
            Step::Op(_) => None,
        };
        steps.iter().filter_map(first).map(Self::looked_at).fold(Self::default(), Self::or)
    }
}

/// The keys whose kinds are asked for on every path through steps and on to `behind`, ahead of anything that could turn
/// out to be no number.
fn ahead_of_numbers(steps: &[Step], facts: Facts, behind: u64) -> u64 {
    let facts = facts.or(Facts::of_forks(steps));
    steps.iter().rev().fold(behind, |behind, step| match step {
        Step::Op(op) => {
            // That of an Add shows when its number is read.
            let asks = op.kind.is_some() && !matches!(op.what, What::Add { .. });
            let own = if asks { bit(op.key) & !facts.kinds } else { 0 };
            // The kind of a key comes before the number of the op.
            if has_numbers(std::slice::from_ref(step)) { own } else { own | behind }
        }
        Step::Fork(Fork { when, then, otherwise, .. }) => {
            let [then, otherwise] = [(then, Facts::if_held(when)), (otherwise, Facts::if_not(when))]
                .map(|(branch, known)| ahead_of_numbers(branch, facts.or(known), behind));
            then & otherwise
        }
    })
}

/// Whether validating finds texts that are no numbers, or sums that are too large.
fn has_numbers(steps: &[Step]) -> bool {
    steps.iter().any(|step| match step {
        Step::Op(op) => match &op.what {
            What::Add { sum, .. } => *sum != Sum::Proven,
            What::RankPut(put) => matches!(put.within, Some(Limit::Stored { .. })),
            _ => false,
        },
        Step::Fork(fork) => has_numbers(&fork.then) || has_numbers(&fork.otherwise),
    })
}

/// Whether steps hold an op that may write.
fn writes(steps: &[Step]) -> bool {
    steps.iter().any(|step| match step {
        Step::Op(op) => op.what.grows() || op.what.frees(),
        Step::Fork(fork) => writes(&fork.then) || writes(&fork.otherwise),
    })
}

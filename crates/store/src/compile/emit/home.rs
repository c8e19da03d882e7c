//! Where the variables of a script live.

use super::Emitter;
use crate::compile::plan::{Fork, List, RankPut, Step, What};

/// Lua allows a function 200 local variables.
const MOST_LOCALS: usize = 180;

/// Where the variables of a script live, which depends on how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// All are local where they are first set.
    Plain,
    /// What only one template uses ends with it, in `do … end`. What others read is declared before.
    Scoped,
    /// Those of ops and forks, too, are too many to be local; they stand in tables, which take longer to look into.
    Tables,
}

/// The variables of a fork: its own, and what its first check reads. What others read stands inside an `if`.
const CONDITION: usize = 3;

impl Emitter<'_> {
    /// The first home in which there is room.
    pub(super) fn find_home(&self) -> Home {
        let fits = |home: &Home| self.locals(&self.plan.steps, *home) <= MOST_LOCALS;
        [Home::Plain, Home::Scoped].into_iter().find(fits).unwrap_or(Home::Tables)
    }

    /// At most how many local variables a branch needs at once.
    fn locals(&self, steps: &[Step], home: Home) -> usize {
        match steps {
            [Step::Fork(fork)] => {
                CONDITION + self.locals(&fork.then, home).max(self.locals(&fork.otherwise, home))
            }
            steps => {
                let (shared, own, most) = self.locals_of_block(steps);
                shared + if home == Home::Plain { own } else { most }
            }
        }
    }

    /// The variables that templates share, those of their own, and the most that one of them has of its own.
    fn locals_of_block(&self, steps: &[Step]) -> (usize, usize, usize) {
        let mut locals = (0, 0, 0);
        let mut add = |shared, own, most: usize| {
            locals = (locals.0 + shared, locals.1 + own, locals.2.max(most));
        };
        for step in steps {
            match step {
                Step::Op(op) => {
                    let own = own_variables(&op.what);
                    // And what validating reads.
                    let limit = usize::from(self.limit_of(op).is_some());
                    add(1 + limit + self.variables_of_op(op).count(), own, own);
                }
                Step::Fork(Fork { then, otherwise, .. }) => {
                    add(CONDITION, 0, 0);
                    for branch in [then, otherwise] {
                        let (shared, own, most) = self.locals_of_block(branch);
                        add(shared, own, most);
                    }
                }
            }
        }
        locals
    }
}

/// At most how many variables a template declares for itself.
fn own_variables(what: &What) -> usize {
    match what {
        What::RankPut(RankPut { members: List::One(_), .. }) => 7,
        What::RankPut(_) => 14,
        What::Append { fields, .. } => 3 + fields.len(),
        _ => 5,
    }
}

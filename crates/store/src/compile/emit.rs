//! The script of a plan: decide, validate, act.
//!
//! A branch whose only step is a fork becomes `if … else … end`, with everything else inside. Any other branch is a
//! *block*: first the checks of all its forks at every depth, so that they see the state at the start; then what must be
//! looked at before the first write; then the ops; then one `return`.

mod act;
mod args;
mod decide;
mod home;
mod lengthen;
mod life;
mod log;
mod map;
mod rank;
mod rank_put;
mod validate;
mod value;

use std::fmt;

use home::Home;

use super::lua::{self, Lua};
use super::plan::{Arg, Fork, KeyAt, Op, Plan, Step, What};

/// The Lua source of a plan.
pub(super) fn script(plan: &Plan) -> String {
    let mut emitter = Emitter::new(plan);
    if emitter.home == Home::Tables {
        emitter.line(format_args!("local fork, r, list, num, limit = {{}}, {{}}, {{}}, {{}}, {{}}"));
    }
    emitter.branch(&plan.steps, Facts::default(), &[]);
    let mut script = format!("-- {}\n{}", readable(plan.name), lua::CALL);
    for (used, helper) in [(emitter.comparisons, lua::AT_MOST), (emitter.clock || plan.reports_now, lua::NOW)]
    {
        if used {
            script.push_str(helper);
        }
    }
    script.push_str(&emitter.lua.into_text());
    script
}

/// A name of a program in a comment: constants of the program's author, but nothing that ends a line.
fn readable(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '?' }).collect()
}

/// Lines of declarations are broken after so many names.
const NAMES_PER_LINE: usize = 10;

/// A script while it is written.
struct Emitter<'p> {
    plan: &'p Plan,
    lua: Lua,
    /// By position of an op: the op, and in which forms later ops refer to its reply.
    ops: Vec<(Option<&'p Op>, References)>,
    /// What the checks have read so far, and the variables that hold it, as far as they are in scope.
    reads: Vec<(Read, String)>,
    /// Numbers the variables of checks.
    variables: usize,
    home: Home,
    /// Whether the ops written now declare their variables themselves.
    declares: bool,
    /// Whether the variables of the op written now hold already what they hold if it is skipped.
    prepared: bool,
    /// The keys that may have been written on the path so far: one bit each.
    written: u64,
    /// Which helpers the script needs.
    comparisons: bool,
    clock: bool,
}

/// In which forms later ops take the reply of an op.
#[derive(Clone, Copy, Debug, Default)]
struct References {
    list: bool,
    number: bool,
}

/// What a check reads: the command, the key, and the field or member.
type Read = (&'static str, KeyAt, Option<Arg>);

/// What is known of the state at the start, by key: one bit each.
#[derive(Clone, Copy, Debug, Default)]
struct Facts {
    /// The key has the kind that the program uses it with, or is missing.
    kinds: u64,
    /// It holds a canonical integer, or is missing.
    numbers: u64,
}

impl Facts {
    const fn and(self, other: Self) -> Self {
        Self { kinds: self.kinds & other.kinds, numbers: self.numbers & other.numbers }
    }

    const fn or(self, other: Self) -> Self {
        Self { kinds: self.kinds | other.kinds, numbers: self.numbers | other.numbers }
    }
}

const fn bit(key: KeyAt) -> u64 {
    // Keys are counted from 1 to 64.
    1 << (key.0 - 1)
}

/// A variable of an op or fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Var {
    /// Which branch a fork takes.
    Fork(u16),
    /// The reply of an op, as it is returned.
    Reply(u16),
    /// Its reply as a list.
    List(u16),
    /// Its reply as a number; false or nil if there is none.
    Number(u16),
    /// The stored limit of a `RankPut`.
    Limit(u16),
}

impl<'p> Emitter<'p> {
    fn new(plan: &'p Plan) -> Self {
        let mut emitter = Self {
            plan,
            lua: Lua::default(),
            ops: vec![(None, References::default()); plan.ops.into()],
            reads: Vec::new(),
            variables: 0,
            home: Home::Plain,
            declares: true,
            prepared: false,
            written: 0,
            comparisons: false,
            clock: false,
        };
        emitter.note(&plan.steps);
        emitter.home = emitter.find_home();
        emitter
    }

    /// Notes every op and who refers to it.
    fn note(&mut self, steps: &'p [Step]) {
        for step in steps {
            match step {
                Step::Op(op) => {
                    self.ops[usize::from(op.at)].0 = Some(op);
                    for list in op.what.lists() {
                        if let super::plan::List::Reply(at) = list {
                            self.ops[usize::from(at)].1.list = true;
                        }
                    }
                    if let Some(at) = op.what.number() {
                        self.ops[usize::from(at)].1.number = true;
                    }
                }
                Step::Fork(fork) => {
                    self.note(&fork.then);
                    self.note(&fork.otherwise);
                }
            }
        }
    }

    /// Writes a branch to its end. `answer` is what the answer begins with there.
    fn branch(&mut self, steps: &'p [Step], facts: Facts, answer: &[&str]) {
        let [Step::Fork(fork)] = steps else {
            return self.block(steps, facts, answer);
        };
        let (then, otherwise) = (facts.or(Facts::if_held(&fork.when)), facts.or(Facts::if_not(&fork.when)));
        let holds = self.condition(fork, self.home != Home::Tables);
        let scope = self.reads.len();
        self.lua.open(format_args!("if {holds} then"));
        self.branch(&fork.then, then, &[answer, &["1"]].concat());
        self.reads.truncate(scope);
        self.lua.middle("else");
        self.branch(&fork.otherwise, otherwise, &[answer, &["0"]].concat());
        self.reads.truncate(scope);
        self.lua.close();
    }

    fn block(&mut self, steps: &'p [Step], facts: Facts, answer: &[&str]) {
        self.written = 0;
        self.declare_inner(steps);
        self.decide(steps, true);
        self.validate(steps, facts);
        self.act(steps, true, act::Sent::NEVER, false);
        let now = self.plan.reports_now.then_some("now");
        let mut values: Vec<String> =
            now.into_iter().chain(answer.iter().copied()).map(str::to_owned).collect();
        self.answers(steps, true, &mut values);
        match values.as_slice() {
            // By itself, for an array costs as much as a command.
            [only] if only == "1" || only == "0" => self.line(format_args!("return {only}")),
            values => self.line(format_args!("return {{{}}}", values.join(", "))),
        }
    }

    /// Declares the variables that are set inside a scope of a block and read behind it.
    fn declare_inner(&mut self, steps: &'p [Step]) {
        if self.home == Home::Tables {
            return;
        }
        let mut names = Vec::new();
        for step in steps {
            match step {
                Step::Op(_) if self.home == Home::Scoped => {
                    self.variables_of(std::slice::from_ref(step), &mut names);
                }
                Step::Op(op) => names.extend(self.limit_of(op)),
                Step::Fork(fork) => {
                    self.variables_of(&fork.then, &mut names);
                    self.variables_of(&fork.otherwise, &mut names);
                }
            }
        }
        for names in names.chunks(NAMES_PER_LINE) {
            self.line(format_args!("local {}", names.join(", ")));
        }
    }

    fn variables_of(&self, steps: &'p [Step], names: &mut Vec<String>) {
        for step in steps {
            match step {
                Step::Op(op) => {
                    names.extend(self.limit_of(op));
                    names.extend(self.variables_of_op(op).map(|var| self.name(var)));
                }
                Step::Fork(fork) => {
                    names.push(self.name(Var::Fork(fork.at)));
                    self.variables_of(&fork.then, names);
                    self.variables_of(&fork.otherwise, names);
                }
            }
        }
    }

    /// The variables that the template of an op sets.
    fn variables_of_op(&self, op: &Op) -> impl Iterator<Item = Var> {
        let reply = !matches!(op.what, What::Nothing) && !self.answers_one(op) && self.keeps(op);
        [
            reply.then_some(Var::Reply(op.at)),
            self.lists(op).then_some(Var::List(op.at)),
            self.numbers(op).then_some(Var::Number(op.at)),
        ]
        .into_iter()
        .flatten()
    }

    /// The variable of a stored limit, which is set before the op.
    fn limit_of(&self, op: &Op) -> Option<String> {
        match &op.what {
            What::RankPut(put) if matches!(put.within, Some(super::plan::Limit::Stored { .. })) => {
                Some(self.name(Var::Limit(op.at)))
            }
            _ => None,
        }
    }

    /// What the steps of a block answer, in their order.
    fn answers(&self, steps: &[Step], outer: bool, values: &mut Vec<String>) {
        for step in steps {
            match step {
                Step::Op(op) if op.quiet || matches!(op.what, What::Nothing) => {}
                Step::Op(op) if self.answers_one(op) => values.push("1".to_owned()),
                Step::Op(op) if outer => values.push(self.name(Var::Reply(op.at))),
                // Nil would cut the answer off.
                Step::Op(op) => values.push(format!("{} or false", self.name(Var::Reply(op.at)))),
                Step::Fork(Fork { at, then, otherwise, .. }) => {
                    values.push(format!("{} and 1 or 0", self.name(Var::Fork(*at))));
                    self.answers(then, false, values);
                    self.answers(otherwise, false, values);
                }
            }
        }
    }

    /// Whether the op answers 1 whatever happens: a `Put` that is not skipped.
    fn answers_one(&self, op: &Op) -> bool {
        matches!(op.what, What::Put(..)) && !self.may_skip(op)
    }

    fn name(&self, var: Var) -> String {
        let (name, at) = match var {
            Var::Fork(at) => ("fork", at),
            Var::Reply(at) => ("r", at),
            Var::List(at) => ("list", at),
            Var::Number(at) => ("num", at),
            Var::Limit(at) => ("limit", at),
        };
        if self.home == Home::Tables { format!("{name}[{at}]") } else { format!("{name}{at}") }
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        self.lua.line(line);
    }

    /// Writes what `write` writes into a piece of its own.
    fn piece(&mut self, deeper: usize, write: impl FnOnce(&mut Self)) -> Lua {
        let piece = self.lua.piece(deeper);
        let whole = std::mem::replace(&mut self.lua, piece);
        let scope = self.reads.len();
        write(self);
        self.reads.truncate(scope);
        std::mem::replace(&mut self.lua, whole)
    }

    /// Writes both branches of a decided fork, leaving out what is empty.
    fn either(&mut self, fork: &Fork, then: &Lua, otherwise: &Lua) {
        let taken = self.name(Var::Fork(fork.at));
        match (then.is_empty(), otherwise.is_empty()) {
            (true, true) => return,
            (false, _) => self.line(format_args!("if {taken} then")),
            (true, false) => self.line(format_args!("if not {taken} then")),
        }
        self.lua.append(then);
        if !then.is_empty() && !otherwise.is_empty() {
            self.line(format_args!("else"));
        }
        self.lua.append(otherwise);
        self.line(format_args!("end"));
    }
}

impl fmt::Display for KeyAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KEYS[{}]", self.0)
    }
}

impl fmt::Display for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ARGV[{}]", self.0)
    }
}

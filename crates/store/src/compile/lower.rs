//! Splitting a program into its shape and its arguments, in one walk.

mod check;
mod op;

use std::sync::Arc;

use bytes::Bytes;
use roomkey_core::{Key, Prepared, Step, Txn};

use super::Script;
use super::plan::{self, Arg, KeyAt, Plan};
use super::template::Template;
use crate::packed::Packed;

/// The shape of one op of a batch, and its arguments.
pub(super) fn op(op: &roomkey_core::Op) -> (Plan, Arguments<'_>) {
    let mut lowering = Lowering::new(1);
    let lowered = lowering.op(0, op, false);
    let plan = Plan {
        name: lowered.what.name(),
        reports_now: false,
        steps: vec![plan::Step::Op(lowered)],
        ops: 1,
        forks: 0,
    };
    (plan, lowering.arguments)
}

/// The shape of a transaction, and its arguments.
pub(super) fn txn(txn: &Txn) -> (Plan, Arguments<'_>) {
    let mut lowering = Lowering::new(txn.ops());
    let steps = lowering.steps(txn, txn.steps());
    let plan = Plan {
        name: txn.name(),
        reports_now: txn.reports_now(),
        steps,
        ops: lowering.ops,
        forks: lowering.forks,
    };
    (plan, lowering.arguments)
}

/// The walk over a program.
struct Lowering<'a> {
    arguments: Arguments<'a>,
    ops: u16,
    forks: u16,
    /// Positions in the order of the program, by id.
    positions: Vec<u16>,
    /// The counters whose sum with a number was checked to lie within `i64`, on the path so far.
    sums: Vec<(KeyAt, i64)>,
}

impl<'a> Lowering<'a> {
    fn new(ops: usize) -> Self {
        // Most programs need no more.
        let arguments = Arguments {
            keys: Vec::with_capacity(8),
            singles: Vec::with_capacity(8 + 2 * ops),
            lists: Vec::new(),
        };
        Self { arguments, ops: 0, forks: 0, positions: vec![0; ops], sums: Vec::new() }
    }

    fn steps(&mut self, txn: &Txn, steps: &'a [Step]) -> Vec<plan::Step> {
        steps
            .iter()
            .map(|step| match step {
                Step::Op(id, op) => plan::Step::Op(self.op(id.index(), op, !txn.reports(*id))),
                Step::Fork(fork) => plan::Step::Fork(self.fork(txn, fork)),
            })
            .collect()
    }

    fn fork(&mut self, txn: &Txn, fork: &'a roomkey_core::Fork) -> plan::Fork {
        let at = self.forks;
        self.forks += 1;
        let known = self.sums.len();
        let when = fork.when.iter().map(|check| self.check(check)).collect();
        let then = self.steps(txn, &fork.then);
        self.sums.truncate(known);
        let otherwise = self.steps(txn, &fork.otherwise);
        plan::Fork { at, when, then, otherwise }
    }
}

/// The keys and arguments of a program, as `KEYS` and `ARGV` hold them: first what always takes one place, then the lists.
pub(super) struct Arguments<'a> {
    keys: Vec<&'a Key>,
    singles: Vec<Single<'a>>,
    lists: Vec<Elements<'a>>,
}

/// An argument that takes one place.
enum Single<'a> {
    Bytes(&'a Bytes),
    Signed(i64),
    Unsigned(u64),
    /// A number that the author of the program wrote, and what it is.
    Constant(Constant),
    Text(String),
    /// The position of the first element of a list.
    First(usize),
    /// The position of its last element.
    Last(usize),
}

/// A number that no data decides.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Constant {
    Millis(u64),
    Count(u32),
}

/// The elements of a list.
enum Elements<'a> {
    List(&'a [Bytes]),
    /// Fields and values in turns.
    Pairs(&'a [Bytes], &'a [Bytes]),
}

/// So many arguments are looked through for one that was given before: more than any program that is written by hand
/// has, and few enough that the longest generated one stays linear.
const LOOKED_THROUGH: usize = 64;

impl<'a> Arguments<'a> {
    fn key(&mut self, key: &'a Key) -> KeyAt {
        let known = self.keys.iter().position(|known| known.bytes() == key.bytes());
        let at = known.unwrap_or_else(|| {
            self.keys.push(key);
            self.keys.len() - 1
        });
        // A program names at most 64 keys.
        KeyAt(at as u8 + 1)
    }

    fn single(&mut self, single: Single<'a>) -> Arg {
        self.singles.push(single);
        self.last()
    }

    fn last(&self) -> Arg {
        Arg(self.singles.len() as u32)
    }

    /// An argument that is sent once, though it may be given often. `same` tells which ones are it.
    fn shared(&mut self, single: Single<'a>, same: impl Fn(&Single<'a>) -> bool) -> Arg {
        match self.singles.iter().take(LOOKED_THROUGH).position(same) {
            Some(at) => Arg(at as u32 + 1),
            None => self.single(single),
        }
    }

    /// Bytes; clones of one buffer are one argument. Never by content: then the shape would depend on the data.
    fn bytes(&mut self, bytes: &'a Bytes) -> Arg {
        self.shared(Single::Bytes(bytes), |single| match single {
            Single::Bytes(known) => {
                !bytes.is_empty() && known.as_ptr() == bytes.as_ptr() && known.len() == bytes.len()
            }
            _ => false,
        })
    }

    /// How long something lasts; equal durations are one argument.
    fn duration(&mut self, millis: u64) -> Arg {
        self.constant(Constant::Millis(millis))
    }

    /// At most or at least how many; equal counts are one argument.
    fn count(&mut self, count: u32) -> Arg {
        self.constant(Constant::Count(count))
    }

    /// By value, for a program has few constants and few ways to have the same one twice. What is no constant of the
    /// program, as a score, a bound or a moment, goes by itself even if it is equal.
    fn constant(&mut self, constant: Constant) -> Arg {
        self.shared(
            Single::Constant(constant),
            |single| matches!(single, Single::Constant(known) if *known == constant),
        )
    }

    fn signed(&mut self, number: i64) -> Arg {
        self.single(Single::Signed(number))
    }

    fn unsigned(&mut self, number: u64) -> Arg {
        self.single(Single::Unsigned(number))
    }

    fn text(&mut self, text: String) -> Arg {
        self.single(Single::Text(text))
    }

    /// A list of two or more: the place of its first position, with that of its last behind it.
    fn list(&mut self, elements: Elements<'a>) -> Arg {
        let first = self.first_of(elements);
        self.single(Single::Last(self.lists.len() - 1));
        first
    }

    /// A list whose length is known otherwise: the place of its first position.
    fn first_of(&mut self, elements: Elements<'a>) -> Arg {
        self.lists.push(elements);
        self.single(Single::First(self.lists.len() - 1))
    }

    /// The call of a script with these keys and arguments.
    pub(super) fn evalsha(&self, script: &Script) -> Packed {
        let elements: usize = self.lists.iter().map(Elements::len).sum();
        let bytes = self.keys.iter().map(|key| key.bytes().len()).sum::<usize>()
            + self.singles.iter().map(Single::bytes).sum::<usize>()
            + self.lists.iter().map(Elements::bytes).sum::<usize>();
        let mut cmd = Packed::new("EVALSHA", 2 + self.keys.len() + self.singles.len() + elements, 60 + bytes);
        cmd.arg(&script.sha).unsigned(self.keys.len() as u64);
        self.each(|word| {
            match word {
                Word::Key(key) => cmd.arg(key.bytes()),
                Word::Bytes(bytes) => cmd.arg(bytes),
                Word::Signed(number) => cmd.signed(number),
                Word::Unsigned(number) => cmd.unsigned(number),
                Word::Text(text) => cmd.arg(text),
            };
        });
        cmd
    }

    /// The same for a prepared transaction, whose sample these keys and arguments are of.
    pub(super) fn template(&self, script: Arc<Script>, prepared: &Prepared) -> Template {
        let mut template = Template::new(script, self.keys.len());
        self.each(|word| match word {
            Word::Key(key) => match prepared.key_at(key) {
                Some(at) => template.key(at),
                None => template.constant(|cmd| cmd.arg(key.bytes())),
            },
            Word::Bytes(bytes) => match prepared.arg_at(bytes) {
                Some(at) => template.arg(at),
                None => template.constant(|cmd| cmd.arg(bytes)),
            },
            Word::Signed(number) => template.constant(|cmd| cmd.signed(number)),
            Word::Unsigned(number) => template.constant(|cmd| cmd.unsigned(number)),
            Word::Text(text) => template.constant(|cmd| cmd.arg(text)),
        });
        template
    }

    /// Every word behind the number of keys.
    fn each(&self, mut word: impl FnMut(Word<'_>)) {
        for key in &self.keys {
            word(Word::Key(key));
        }
        for single in &self.singles {
            word(match single {
                Single::Bytes(bytes) => Word::Bytes(bytes),
                Single::Signed(number) => Word::Signed(*number),
                Single::Unsigned(number) | Single::Constant(Constant::Millis(number)) => {
                    Word::Unsigned(*number)
                }
                Single::Constant(Constant::Count(count)) => Word::Unsigned((*count).into()),
                Single::Text(text) => Word::Text(text),
                Single::First(list) => Word::Unsigned(self.first_position(*list) as u64),
                Single::Last(list) => {
                    Word::Unsigned((self.first_position(*list) + self.lists[*list].len() - 1) as u64)
                }
            });
        }
        for elements in &self.lists {
            match elements {
                Elements::List(list) => list.iter().for_each(|bytes| word(Word::Bytes(bytes))),
                Elements::Pairs(fields, values) => fields.iter().zip(*values).for_each(|(field, value)| {
                    word(Word::Bytes(field));
                    word(Word::Bytes(value));
                }),
            }
        }
    }

    fn first_position(&self, list: usize) -> usize {
        1 + self.singles.len() + self.lists[..list].iter().map(Elements::len).sum::<usize>()
    }
}

/// A word of a call.
enum Word<'a> {
    Key(&'a Key),
    Bytes(&'a Bytes),
    Signed(i64),
    Unsigned(u64),
    Text(&'a str),
}

impl Single<'_> {
    /// About how many bytes it takes.
    fn bytes(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Text(text) => text.len(),
            Self::Signed(_) | Self::Unsigned(_) | Self::Constant(_) => 16,
            Self::First(_) | Self::Last(_) => 4,
        }
    }
}

impl Elements<'_> {
    fn len(&self) -> usize {
        match self {
            Self::List(list) => list.len(),
            Self::Pairs(fields, values) => 2 * fields.len().min(values.len()),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::List(list) => list.iter().map(Bytes::len).sum(),
            Self::Pairs(fields, values) => fields.iter().zip(*values).map(|(f, v)| f.len() + v.len()).sum(),
        }
    }
}

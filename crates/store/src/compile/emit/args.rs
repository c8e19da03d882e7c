//! Arguments of ops: where they come from, and whether there are any.

use super::{Emitter, Var};
use crate::compile::plan::{Arg, Life, List, Op, What};

/// Where the elements of a list come from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// One that is there.
    One(String),
    /// One, if the variable that is named first is neither false nor nil.
    Maybe(String, String),
    /// Positions in `ARGV`, two or more and at most 1 000.
    Slice(Arg),
    /// A table, maybe empty.
    Table {
        name: String,
        /// Whether it surely holds no more than `unpack` takes.
        short: bool,
    },
}

impl Source {
    /// What tells whether there are elements; `None` if there surely are.
    pub(super) fn guard(&self) -> Option<String> {
        match self {
            Self::One(_) | Self::Slice(_) => None,
            Self::Maybe(variable, _) => Some(variable.clone()),
            Self::Table { name, .. } => Some(format!("#{name} > 0")),
        }
    }

    /// The only element, if there is at most one.
    pub(super) fn single(&self) -> Option<&str> {
        match self {
            Self::One(value) | Self::Maybe(_, value) => Some(value),
            Self::Slice(_) | Self::Table { .. } => None,
        }
    }

    /// The first element.
    pub(super) fn first(&self) -> String {
        match self {
            Self::One(value) | Self::Maybe(_, value) => value.clone(),
            Self::Slice(first) => format!("ARGV[{first} + 0]"),
            Self::Table { name, .. } => format!("{name}[1]"),
        }
    }

    /// The element at the variable `i`, behind [`Emitter::begin_loop`].
    pub(super) fn element(&self) -> String {
        match self {
            Self::One(value) | Self::Maybe(_, value) => value.clone(),
            Self::Slice(first) => format!("ARGV[{} + i]", before(*first)),
            Self::Table { name, .. } => format!("{name}[i]"),
        }
    }

    /// How many elements there are.
    pub(super) fn len(&self) -> String {
        match self {
            Self::One(_) | Self::Maybe(..) => "1".to_owned(),
            Self::Slice(first) => format!("{} - {first} + 1", last(*first)),
            Self::Table { name, .. } => format!("#{name}"),
        }
    }

    /// All elements as arguments of one call.
    fn unpacked(&self) -> String {
        match self {
            Self::One(value) | Self::Maybe(_, value) => value.clone(),
            Self::Slice(first) => format!("unpack(ARGV, {first}, {})", last(*first)),
            Self::Table { name, .. } => format!("unpack({name})"),
        }
    }
}

/// The place of a slice's last position.
pub(super) const fn last(first: Arg) -> Arg {
    Arg(first.0 + 1)
}

/// The variable that holds the position before a slice.
fn before(first: Arg) -> String {
    format!("before{}", first.0)
}

/// What the replies of several calls for one list become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sum {
    /// Their sum.
    Total,
    /// The last one.
    Last,
    /// One array.
    Joined,
}

impl Emitter<'_> {
    /// Where the elements of a list come from.
    pub(super) fn source(&self, list: List) -> Source {
        let at = match list {
            List::One(arg) => return Source::One(arg.to_string()),
            List::Many(first) => return Source::Slice(first),
            List::Reply(at) => at,
        };
        let (reply, number) = (self.name(Var::Reply(at)), self.name(Var::Number(at)));
        match self.ops[usize::from(at)].0.map(|op| &op.what) {
            Some(What::Get | What::Take) => Source::Maybe(reply.clone(), reply),
            // The template of an Add that is referred to makes its reply text.
            Some(What::Add { .. }) => Source::One(reply),
            Some(What::RankCount) => Source::One(format!("string.format('%.0f', {reply})")),
            Some(What::Put(..) | What::Expire(_)) => {
                let text = format!("string.format('%.0f', {number})");
                Source::Maybe(number, text)
            }
            Some(What::Pop(..) | What::RankTake(_)) => Source::Table { name: reply, short: true },
            Some(What::Range(..)) => Source::Table { name: reply, short: false },
            _ => Source::Table { name: self.name(Var::List(at)), short: self.is_short(at) },
        }
    }

    /// Prepares a loop over sources: positions are texts, which would be read for every element.
    pub(super) fn begin_loop<'s>(&mut self, sources: impl IntoIterator<Item = &'s Source>) {
        for source in sources {
            if let Source::Slice(first) = source {
                self.line(format_args!("local {} = {first} - 1", before(*first)));
            }
        }
    }

    /// Whether no element of a list can be there twice.
    pub(super) fn is_unique(&self, list: List) -> bool {
        match list {
            List::One(_) => true,
            List::Many(_) => false,
            List::Reply(at) => match self.ops[usize::from(at)].0.map(|op| &op.what) {
                Some(What::RankRange { .. } | What::RankTake(_)) => true,
                Some(What::RankPut(put)) => self.is_unique(put.members),
                _ => false,
            },
        }
    }

    /// Whether the list of an op surely holds at most 1 000 elements.
    fn is_short(&self, at: u16) -> bool {
        let of = |list: &List| match list {
            List::One(_) | List::Many(_) => true,
            List::Reply(at) => self.is_short(*at),
        };
        match self.ops[usize::from(at)].0.map(|op| &op.what) {
            Some(What::MapGet(list)) => of(list),
            Some(What::RankPut(put)) => of(&put.members),
            Some(What::Range(..) | What::Walk { .. }) => false,
            _ => true,
        }
    }

    /// The number that an op replied: text, a number, or nothing.
    pub(super) fn number_of(&self, at: u16) -> String {
        match self.ops[usize::from(at)].0.map(|op| &op.what) {
            Some(What::Add { .. } | What::RankCount) => self.name(Var::Reply(at)),
            Some(What::RankRange { .. }) => format!("{}[2]", self.name(Var::Reply(at))),
            _ => self.name(Var::Number(at)),
        }
    }

    /// Whether the template of an op has to keep its reply as a list beside it.
    pub(super) fn lists(&self, op: &Op) -> bool {
        self.ops[usize::from(op.at)].1.list
            && matches!(
                op.what,
                What::Nothing
                    | What::MapGet(_)
                    | What::MapMatch(..)
                    | What::RankPut(_)
                    | What::RankRange { .. }
                    | What::Walk { .. }
            )
    }

    /// Whether the template of an op has to keep its number beside its reply.
    pub(super) fn numbers(&self, op: &Op) -> bool {
        let refers = self.ops[usize::from(op.at)].1;
        match op.what {
            What::Put(..) | What::Expire(_) => refers.list || refers.number,
            What::Nothing | What::RankPut(_) => refers.number,
            _ => false,
        }
    }

    /// Whether anybody takes the reply of an op: the outcome, a later op, or the template itself.
    pub(super) fn keeps(&self, op: &Op) -> bool {
        let refers = self.ops[usize::from(op.at)].1;
        !op.quiet
            || match &op.what {
                // What is referred to stands in other variables.
                What::Nothing | What::Put(..) | What::RankPut(_) | What::Expire(Life::AtLeast(_)) => false,
                What::RankTake(_) | What::MapMatch(..) => true,
                _ => refers.list || refers.number,
            }
    }

    /// Sends a command for all elements of a list and keeps the reply in `variable`, if there is one. A list that may be
    /// longer than what `unpack` takes goes in several calls.
    pub(super) fn variadic(
        &mut self,
        variable: Option<&str>,
        local: &str,
        call: &str,
        source: &Source,
        sum: Sum,
    ) {
        let Source::Table { name, short: false } = source else {
            let keep = variable.map(|variable| format!("{local}{variable} = ")).unwrap_or_default();
            self.line(format_args!("{keep}call({call}, {})", source.unpacked()));
            return;
        };
        let part = format!("call({call}, unpack({name}, i, math.min(i + 999, #{name})))");
        let Some(variable) = variable else {
            self.line(format_args!("for i = 1, #{name}, 1000 do {part} end"));
            return;
        };
        self.line(format_args!("{local}{variable} = {}", if sum == Sum::Joined { "{}" } else { "0" }));
        self.lua.open(format_args!("for i = 1, #{name}, 1000 do"));
        match sum {
            Sum::Total => self.line(format_args!("{variable} = {variable} + {part}")),
            Sum::Last => self.line(format_args!("{variable} = {part}")),
            Sum::Joined => self.line(format_args!(
                "for _, value in ipairs({part}) do {variable}[#{variable} + 1] = value end"
            )),
        }
        self.lua.close();
    }
}

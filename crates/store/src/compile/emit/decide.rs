//! Checks: conditions, and what has to be read before them.

use roomkey_core::{Kind, Standing};

use super::{Emitter, Facts, Home, Read, Var, bit};
use crate::compile::plan::{Arg, Check, Edge, Fork, KeyAt, Limit, Step, Test};

impl<'p> Emitter<'p> {
    /// Decides all forks of a block, before any of its ops. `outer` forks declare their variable themselves.
    pub(super) fn decide(&mut self, steps: &'p [Step], outer: bool) {
        for step in steps {
            let Step::Fork(fork) = step else { continue };
            self.decide_one(fork, outer);
            let then = self.piece(1, |emitter| emitter.decide(&fork.then, false));
            let otherwise = self.piece(1, |emitter| emitter.decide(&fork.otherwise, false));
            self.either(fork, &then, &otherwise);
        }
    }

    fn decide_one(&mut self, fork: &'p Fork, outer: bool) {
        let name = self.name(Var::Fork(fork.at));
        if self.home == Home::Tables {
            // Variables of a long program end with the decision, lest they become too many.
            let scope = self.reads.len();
            self.lua.open(format_args!("do"));
            let holds = self.condition(fork, false);
            self.line(format_args!("{name} = {holds}"));
            self.lua.close();
            self.reads.truncate(scope);
            return;
        }
        let holds = self.condition(fork, outer);
        if holds != name {
            self.line(format_args!("{}{name} = {holds}", if outer { "local " } else { "" }));
        }
    }

    /// Writes what the condition of a fork needs, and returns the condition.
    ///
    /// A check is looked at only if those before it hold. Most are expressions, which `and` joins; one that has to read
    /// something first stands inside an `if`. `declare` tells whether the fork's variable needs declaring for that.
    pub(super) fn condition(&mut self, fork: &'p Fork, mut declare: bool) -> String {
        let name = self.name(Var::Fork(fork.at));
        let mut holds = String::new();
        for (index, check) in fork.when.iter().enumerate() {
            if index == 0 {
                holds = self.check(check);
            } else if !self.reads_first(check) {
                holds = format!("{holds} and {}", self.check(check));
            } else {
                if holds != name {
                    self.line(format_args!("{}{name} = {holds}", if declare { "local " } else { "" }));
                    declare = false;
                }
                let inner = self.piece(1, |emitter| {
                    let holds = emitter.check(check);
                    emitter.line(format_args!("{name} = {holds}"));
                });
                self.line(format_args!("if {name} then"));
                self.lua.append(&inner);
                self.line(format_args!("end"));
                holds.clone_from(&name);
            }
        }
        if holds.is_empty() { "true".to_owned() } else { holds }
    }

    /// Whether a check needs lines before its expression.
    fn reads_first(&self, check: &Check) -> bool {
        let read = match check {
            Check::Value(key, Test::StartsWith(_)) => ("GET", *key, None),
            Check::Field(key, field, Test::StartsWith(_)) => ("HGET", *key, Some(*field)),
            Check::Number(..) | Check::Below(_, Limit::Stored { .. }) => return true,
            Check::Ranked(key, member, Standing::Live | Standing::Dead) => ("ZSCORE", *key, Some(*member)),
            Check::Size(key, kind, ..) => (size_command(*kind), *key, None),
            _ => return false,
        };
        !self.reads.iter().any(|(known, _)| *known == read)
    }

    /// Writes the lines before a check, and returns its expression.
    fn check(&mut self, check: &'p Check) -> String {
        match check {
            Check::Exists(key) => format!("call('EXISTS', {key}) == 1"),
            Check::Missing(key) => format!("call('EXISTS', {key}) == 0"),
            Check::Value(key, test) => self.test(("GET", *key, None), *test),
            Check::Field(key, field, test) => self.test(("HGET", *key, Some(*field)), *test),
            Check::Number(key, low, high) => self.number(*key, *low, *high),
            Check::Ranked(key, member, is) => self.standing(*key, *member, *is),
            Check::Below(key, limit) => {
                self.clock = true;
                let live = format!("call('ZCOUNT', {key}, '(' .. ms, '+inf')");
                match limit {
                    Limit::Given(limit) => format!("{live} < tonumber({limit})"),
                    Limit::Stored { .. } => {
                        let count = self.variable("count", &live);
                        let limit = self.stored_limit(limit, None);
                        format!("{count} < tonumber({limit})")
                    }
                }
            }
            Check::Size(key, kind, min, max) => {
                let size = self.read((size_command(*kind), *key, None), "size");
                format!("{size} >= tonumber({min}) and {size} <= tonumber({max})")
            }
            Check::Before(time) => {
                self.clock = true;
                format!("now < tonumber({time})")
            }
        }
    }

    fn test(&mut self, read: Read, test: Test) -> String {
        match test {
            Test::Equals(bytes) => match self.known(read) {
                Some(value) => format!("{value} == {bytes}"),
                None => format!("{} == {bytes}", call(read)),
            },
            Test::StartsWith(bytes) => {
                let value = self.read(read, "value");
                format!("{value} and string.sub({value}, 1, #{bytes}) == {bytes}")
            }
            Test::Present => format!("{} == 1", call(("HEXISTS", read.1, read.2))),
            Test::Absent => format!("{} == 0", call(("HEXISTS", read.1, read.2))),
        }
    }

    fn number(&mut self, key: KeyAt, low: Option<Edge>, high: Option<Edge>) -> String {
        let number = self.counter(key);
        self.comparisons |= [low, high].into_iter().any(|edge| matches!(edge, Some(Edge::Large(_))));
        let low = low.map(|low| match low {
            Edge::Small(low) => format!("tonumber({number}) >= tonumber({low})"),
            Edge::Large(low) => format!("at_most({low}, {number})"),
        });
        let high = high.map(|high| match high {
            Edge::Small(high) => format!("tonumber({number}) <= tonumber({high})"),
            Edge::Large(high) => format!("at_most({number}, {high})"),
        });
        let bounds: Vec<String> = low.into_iter().chain(high).collect();
        if bounds.is_empty() { "true".to_owned() } else { bounds.join(" and ") }
    }

    /// Reads a counter and makes sure that it is one; returns the variable that holds its text.
    pub(super) fn counter(&mut self, key: KeyAt) -> String {
        if let Some(known) = self.known(("INCRBY", key, None)) {
            return known;
        }
        let number = self.variable("number", &format!("call('GET', {key}) or '0'"));
        self.require_integer(&number);
        // Not under GET: a missing counter is 0 here, and no value there.
        self.reads.push((("INCRBY", key, None), number.clone()));
        number
    }

    /// Reads a stored limit and makes sure that it is a number; returns the variable that holds its text.
    pub(super) fn stored_limit(&mut self, limit: &Limit, into: Option<String>) -> String {
        let Limit::Stored { key, field, or } = limit else {
            return String::new();
        };
        let value = format!("call('HGET', {key}, {field}) or {or}");
        let name = match into {
            Some(name) => {
                self.line(format_args!("{name} = {value}"));
                name
            }
            None => self.variable("bound", &value),
        };
        self.require_integer(&name);
        name
    }

    /// Ends the script unless a text is a canonical `i64`: what `INCRBY` takes.
    fn require_integer(&mut self, s: &str) {
        // Written out, for making a function costs as much as calling it. Texts of digits compare as the numbers do if
        // they have one length; the sign is looked at by itself, for where it stands in the order of texts depends on the
        // server's locale.
        let negative = format!("string.byte({s}) == 45");
        let (most, least) = (i64::MAX, i64::MIN);
        self.line(format_args!("if {s} ~= '0' and not (string.find({s}, '^%-?[1-9]%d*$') and (#{s} < 19"));
        self.line(format_args!("  or #{s} == 19 and ({negative} or {s} <= '{most}')"));
        self.line(format_args!("  or #{s} == 20 and {negative} and {s} <= '{least}')) then"));
        self.line(format_args!("  return 'NotANumber'"));
        self.line(format_args!("end"));
    }

    fn standing(&mut self, key: KeyAt, member: Arg, is: Standing) -> String {
        let read = ("ZSCORE", key, Some(member));
        let compared = match is {
            Standing::Live => ">",
            Standing::Dead => "<=",
            Standing::Present | Standing::Absent => {
                let score = self.known(read).unwrap_or_else(|| call(read));
                return if is == Standing::Absent {
                    format!("not {score}")
                } else {
                    format!("{score} ~= false")
                };
            }
        };
        self.clock = true;
        let score = self.read(read, "score");
        format!("{score} and tonumber({score}) {compared} now")
    }

    /// The variable that holds what a check has read, if it is in scope.
    pub(super) fn known(&self, read: Read) -> Option<String> {
        self.reads.iter().find(|(known, _)| *known == read).map(|(_, name)| name.clone())
    }

    /// The variable that holds what is read, unless it was read before.
    fn read(&mut self, read: Read, name: &str) -> String {
        if let Some(known) = self.known(read) {
            return known;
        }
        let name = self.variable(name, &call(read));
        self.reads.push((read, name.clone()));
        name
    }

    /// Declares a variable of its own.
    fn variable(&mut self, name: &str, value: &str) -> String {
        self.variables += 1;
        let name = format!("{name}{}", self.variables);
        self.line(format_args!("local {name} = {value}"));
        name
    }
}

impl Facts {
    /// What is known once all checks hold.
    pub(super) fn if_held(checks: &[Check]) -> Self {
        checks
            .iter()
            .map(|check| Self::looked_at(check).or(Self::missing(check, true)))
            .fold(Self::default(), Self::or)
    }

    /// What is known once one does not hold, whichever it was.
    pub(super) fn if_not(checks: &[Check]) -> Self {
        match checks {
            [only] => Self::looked_at(only).or(Self::missing(only, false)),
            [first, ..] => Self::looked_at(first),
            [] => Self::default(),
        }
    }

    /// What is known once a check was evaluated.
    pub(super) fn looked_at(check: &Check) -> Self {
        match check {
            Check::Exists(_) | Check::Missing(_) | Check::Before(_) => Self::default(),
            Check::Number(key, ..) => Self { kinds: bit(*key), numbers: bit(*key) },
            Check::Below(key, Limit::Stored { key: map, .. }) => {
                Self { kinds: bit(*key) | bit(*map), numbers: 0 }
            }
            Check::Value(key, _)
            | Check::Field(key, ..)
            | Check::Ranked(key, ..)
            | Check::Below(key, _)
            | Check::Size(key, ..) => Self { kinds: bit(*key), numbers: 0 },
        }
    }

    /// A key that is missing has no wrong kind.
    fn missing(check: &Check, held: bool) -> Self {
        match (check, held) {
            (Check::Missing(key), true) | (Check::Exists(key), false) => {
                Self { kinds: bit(*key), numbers: bit(*key) }
            }
            _ => Self::default(),
        }
    }
}

fn call((command, key, arg): Read) -> String {
    match arg {
        Some(arg) => format!("call('{command}', {key}, {arg})"),
        None => format!("call('{command}', {key})"),
    }
}

/// The command that tells the size of a structure, and fails on any other.
pub(super) const fn size_command(kind: Kind) -> &'static str {
    match kind {
        Kind::Value => "STRLEN",
        Kind::Map => "HLEN",
        Kind::List => "LLEN",
        Kind::Ranking => "ZCARD",
        Kind::Log => "XLEN",
    }
}

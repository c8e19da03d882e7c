//! Ops: one template each.
//!
//! A template writes the lines that run its op and leave its reply in the variable that [`Var::Reply`] names. It may ask
//! for what the op's arguments need; nothing in it can fail once something was written.

use super::args::Sum;
use super::{Emitter, Home, Var, bit};
use crate::compile::plan::{List, Op, RankPut, Score, Step, Until, What};
use roomkey_core::{End, Kind, Order};

impl<'p> Emitter<'p> {
    /// Runs the ops of a block. `sent` tells whether a write was sent before, `later` whether steps behind these ones
    /// grow; returns whether a write was sent at the end.
    ///
    /// A full server refuses to grow only until a script has sent its first write.
    pub(super) fn act(&mut self, steps: &'p [Step], outer: bool, mut sent: Sent, later: bool) -> Sent {
        for (index, step) in steps.iter().enumerate() {
            let later = later || grows(&steps[index + 1..]);
            match step {
                Step::Op(op) => {
                    self.declares = outer && self.home == Home::Plain;
                    self.op(op, &mut sent, later);
                }
                Step::Fork(fork) => {
                    let (mut by_then, mut by_otherwise) = (sent.clone(), sent.clone());
                    let written = self.written;
                    let then = self.piece(1, |emitter| {
                        by_then = emitter.act(&fork.then, false, sent.clone(), later);
                    });
                    let written_by_then = std::mem::replace(&mut self.written, written);
                    let otherwise = self.piece(1, |emitter| {
                        by_otherwise = emitter.act(&fork.otherwise, false, sent.clone(), later);
                    });
                    self.written |= written_by_then;
                    self.either(fork, &then, &otherwise);
                    sent = sent.behind(&self.name(Var::Fork(fork.at)), by_then, by_otherwise);
                }
            }
        }
        sent
    }

    fn op(&mut self, op: &'p Op, sent: &mut Sent, later: bool) {
        if matches!(op.what, What::Nothing) && !self.lists(op) && !self.numbers(op) {
            return;
        }
        self.line(format_args!("-- {} {}", op.at, op.what.name()));
        let scoped = self.home != Home::Plain;
        if scoped {
            self.lua.open(format_args!("do"));
        }
        let surely_sent = self.surely_writes(op);
        if op.what.frees() {
            let holds = matches!(op.what, What::RankPut(_));
            if holds || (later && !surely_sent) {
                self.write_nothing(op, sent);
            }
            *sent = Sent::Always;
        }
        self.template(op, *sent == Sent::Always);
        if op.what.grows() || op.what.frees() {
            self.written |= bit(op.key);
        }
        if op.what.grows() && surely_sent {
            *sent = Sent::Always;
        }
        if scoped {
            self.lua.close();
        }
    }

    /// A write that changes nothing, unless one was sent before: from here on a full server refuses nothing.
    fn write_nothing(&mut self, op: &Op, sent: &Sent) {
        let key = op.key;
        let write = if op.kind == Some(Kind::Ranking) {
            format!("call('ZREMRANGEBYRANK', {key}, 1, 0)")
        } else {
            // Of every kind; on a missing key it fails, and counts all the same.
            format!("redis.pcall('RENAMENX', {key}, {key})")
        };
        match sent {
            Sent::Always => {}
            Sent::If(conditions) if conditions.is_empty() => self.line(format_args!("{write}")),
            Sent::If(conditions) => match conditions.join(" or ") {
                one if !one.contains(' ') => self.line(format_args!("if not {one} then {write} end")),
                any => self.line(format_args!("if not ({any}) then {write} end")),
            },
        }
    }

    /// Whether the op sends at least one command that writes, whatever the state.
    fn surely_writes(&self, op: &Op) -> bool {
        use crate::compile::plan::Life;
        match &op.what {
            What::Expire(life) => matches!(life, Life::Set(_) | Life::Never),
            // It only looks, when nobody is dead.
            What::RankTake(_) => false,
            what => (what.grows() || what.frees()) && !self.may_skip(op),
        }
    }

    fn template(&mut self, op: &'p Op, wrote: bool) {
        let key = op.key;
        match &op.what {
            What::Nothing => self.nothing(op),
            What::Ttl => self.reply(op, format_args!("call('PTTL', {key})")),
            What::Expire(life) => self.expire(op, *life),
            What::Delete => self.reply(op, format_args!("call('UNLINK', {key})")),
            What::Get => self.reply(op, format_args!("call('GET', {key})")),
            What::Put(value, life) => self.put(op, *value, *life),
            What::Take => self.reply(op, format_args!("call('GETDEL', {key})")),
            What::Add { by, life, .. } => self.add(op, *by, *life),
            What::MapGet(fields) => self.map_get(op, *fields),
            What::MapAll => self.reply(op, format_args!("call('HGETALL', {key})")),
            What::MapPut(pairs, life) => self.map_put(op, *pairs, *life),
            What::MapRemove(fields) => self.of_list(op, *fields, &format!("'HDEL', {key}"), Sum::Total),
            What::MapMatch(fields, prefixes) => self.map_match(op, *fields, *prefixes),
            What::Push(end, values, life) => {
                let name = if *end == End::Front { "LPUSH" } else { "RPUSH" };
                let life = *life;
                self.guarded(op, &[*values], |emitter, local| {
                    emitter.before_write(life, op);
                    let source = emitter.source(*values);
                    let reply = emitter.kept(op);
                    emitter.variadic(
                        reply.as_deref(),
                        local,
                        &format!("'{name}', {key}"),
                        &source,
                        Sum::Last,
                    );
                    emitter.after_write(life, op);
                });
            }
            What::Pop(end, count) => {
                let name = if *end == End::Front { "LPOP" } else { "RPOP" };
                let none = if self.keeps(op) { " or {}" } else { "" };
                self.reply(op, format_args!("call('{name}', {key}, {count}){none}"));
            }
            What::Range(from, to) => self.reply(op, format_args!("call('LRANGE', {key}, {from}, {to})")),
            What::RankPut(put) => self.rank_put(op, put, wrote),
            What::RankRemove(members) => self.of_list(op, *members, &format!("'ZREM', {key}"), Sum::Total),
            What::RankTake(limit) => self.rank_take(op, *limit),
            What::RankRange { min, max, order, limit } => self.rank_range(op, *min, *max, *order, *limit),
            What::RankCount => {
                self.clock = true;
                self.reply(op, format_args!("call('ZCOUNT', {key}, '(' .. ms, '+inf')"));
            }
            What::RankScores(members) => {
                self.of_list(op, *members, &format!("'ZMSCORE', {key}"), Sum::Joined)
            }
            What::RankPlace(member) => self.reply(op, format_args!("call('ZRANK', {key}, {member})")),
            What::Append { fields, keep, life } => self.append(op, fields, *keep, *life),
            What::LogRange { from, to, order, limit } => {
                let (name, from, to) = match order {
                    Order::Lowest => ("XRANGE", from, to),
                    Order::Highest => ("XREVRANGE", to, from),
                };
                self.reply(op, format_args!("call('{name}', {key}, {from}, {to}, 'COUNT', {limit})"));
            }
            What::Walk { kind, cursor, count } => self.walk(op, *kind, *cursor, *count),
        }
    }

    /// The op was given an empty list; what refers to it finds nothing.
    fn nothing(&mut self, op: &Op) {
        let local = self.local();
        if self.lists(op) {
            self.line(format_args!("{local}{} = {{}}", self.name(Var::List(op.at))));
        }
        if self.numbers(op) {
            self.line(format_args!("{local}{} = false", self.name(Var::Number(op.at))));
        }
    }

    /// Makes a call whose result is the reply of an op, and keeps it if anybody takes it.
    pub(super) fn reply(&mut self, op: &Op, call: std::fmt::Arguments<'_>) {
        match self.kept(op) {
            Some(r) => self.line(format_args!("{}{r} = {call}", self.local())),
            None => self.line(call),
        }
    }

    /// The variable of an op's reply, if anybody takes it.
    pub(super) fn kept(&self, op: &Op) -> Option<String> {
        self.keeps(op).then(|| self.name(Var::Reply(op.at)))
    }

    /// What declares the variables of an op where they are first set.
    pub(super) const fn local(&self) -> &'static str {
        if self.declares { "local " } else { "" }
    }

    /// A command whose arguments are one list, and whose reply is the op's.
    fn of_list(&mut self, op: &'p Op, list: List, call: &str, sum: Sum) {
        self.guarded(op, &[list], |emitter, local| {
            let source = emitter.source(list);
            let reply = emitter.kept(op);
            emitter.variadic(reply.as_deref(), local, call, &source, sum);
        });
    }

    /// Runs a template only if no list that it takes is empty and the number that it takes is there. The template is told
    /// how to declare its variables.
    pub(super) fn guarded(
        &mut self,
        op: &'p Op,
        lists: &[List],
        template: impl FnOnce(&mut Self, &'static str),
    ) {
        let mut guards: Vec<String> = lists.iter().filter_map(|list| self.source(*list).guard()).collect();
        guards.dedup();
        if let What::RankPut(RankPut { score: Score::From(at), .. }) = op.what
            && !self.always_replies(at)
        {
            guards.push(self.number_of(at));
        }
        let local = self.local();
        if guards.is_empty() {
            return template(self, local);
        }
        for var in self.variables_of_op(op).collect::<Vec<_>>() {
            let value = if matches!(var, Var::List(_)) { "{}" } else { "false" };
            self.line(format_args!("{local}{} = {value}", self.name(var)));
        }
        self.prepared = true;
        let body = self.piece(1, |emitter| template(emitter, ""));
        self.prepared = false;
        let guard = guards.join(" and ");
        match body.only_line() {
            Some(line) => self.line(format_args!("if {guard} then {line} end")),
            None => {
                self.line(format_args!("if {guard} then"));
                self.lua.append(&body);
                self.line(format_args!("end"));
            }
        }
    }

    /// Begins the list that later ops refer to.
    pub(super) fn begin_list(&mut self, op: &Op) {
        if !self.prepared {
            self.line(format_args!("{}{} = {{}}", self.local(), self.name(Var::List(op.at))));
        }
    }

    /// A moment as a number.
    pub(super) fn moment(&mut self, until: Until) -> String {
        self.clock |= !matches!(until, Until::At(_));
        match until {
            Until::In(duration) => format!("now + {duration}"),
            Until::At(time) => format!("tonumber({time})"),
            Until::InCapped(duration, time) => {
                format!("math.min(now + {duration}, tonumber({time}))")
            }
        }
    }

    /// The name of a variable that only one template uses.
    pub(super) fn own(&self, name: &str, op: &Op) -> String {
        format!("{name}{}", op.at)
    }
}

/// Whether a script has sent a write at some place, as far as that shows before it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Always,
    /// Surely on the paths on which one of these conditions holds. Variables of forks that were not reached are nil.
    If(Vec<String>),
}

/// More conditions are not told apart: a write that changes nothing is cheaper than asking.
const MOST_CONDITIONS: usize = 6;

impl Sent {
    pub(super) const NEVER: Self = Self::If(Vec::new());

    /// What is known behind a fork, from what is known before it and at the ends of its branches.
    fn behind(self, fork: &str, then: Self, otherwise: Self) -> Self {
        let Self::If(mut conditions) = self else {
            return Self::Always;
        };
        if then == Self::Always && otherwise == Self::Always {
            return Self::Always;
        }
        let before = conditions.len();
        for (branch, sent) in [(fork.to_owned(), then), (format!("not {fork}"), otherwise)] {
            match sent {
                Self::Always => conditions.push(branch),
                Self::If(inner) => conditions.extend(inner.into_iter().skip(before).map(|condition| {
                    // A fork that was not reached does not say that its other branch was taken.
                    if condition.starts_with("not ") {
                        format!("{branch} and {condition}")
                    } else {
                        condition
                    }
                })),
            }
        }
        conditions.truncate(MOST_CONDITIONS);
        Self::If(conditions)
    }
}

/// Whether steps hold an op that a full server would refuse.
fn grows(steps: &[Step]) -> bool {
    steps.iter().any(|step| match step {
        Step::Op(op) => op.what.grows() || matches!(op.what, What::RankPut(_)),
        Step::Fork(fork) => grows(&fork.then) || grows(&fork.otherwise),
    })
}

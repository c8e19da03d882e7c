//! The template of `RankPut`: who is admitted.
//!
//! It replies the score if all given members were written, empty text if none was, and else the score and the members.

use roomkey_core::Only;

use super::args::Source;
use super::{Emitter, Var, bit};
use crate::compile::plan::{Limit, List, Op, RankPut, Score, What};

impl<'p> Emitter<'p> {
    /// `wrote` tells whether a write was surely sent before. If not, a full server has to refuse the op also when it
    /// admits nobody.
    pub(super) fn rank_put(&mut self, op: &'p Op, put: &'p RankPut, wrote: bool) {
        self.guarded(op, &[put.members], |emitter, local| match emitter.source(put.members) {
            source @ (Source::One(_) | Source::Maybe(..)) => emitter.put_one(op, put, &source, local, wrote),
            source => emitter.put_many(op, put, &source, local, wrote),
        });
    }

    fn put_one(&mut self, op: &'p Op, put: &'p RankPut, member: &Source, local: &'static str, wrote: bool) {
        let (key, m) = (op.key, member.first());
        let (r, score) = (self.name(Var::Reply(op.at)), self.own("rank", op));
        let value = self.score(op, put);
        self.line(format_args!("local {score} = {value}"));
        // The member is known to who reads the reply only if it was given.
        let written = if member.is_sure() && matches!(put.members, List::One(_)) {
            score.clone()
        } else {
            format!("{{{score}, {m}}}")
        };
        let admits_all = put.only == Only::Any && put.within.is_none();
        if admits_all {
            self.before_write(put.life, op);
            self.line(format_args!("call('ZADD', {key}, {score}, {m})"));
            if self.keeps(op) {
                self.line(format_args!("{local}{r} = {written}"));
            }
            self.after_write(put.life, op);
            self.put_references(op, local, &score, &format!("{{{m}}}"));
            return;
        }
        let (old, live) = (self.own("old", op), self.own("live", op));
        let old = match (put.members, self.written & bit(key)) {
            // What a check has read still stands.
            (List::One(member), 0) => self.known(("ZSCORE", key, Some(member))),
            _ => None,
        }
        .unwrap_or_else(|| {
            self.line(format_args!("local {old} = call('ZSCORE', {key}, {m})"));
            old
        });
        if put.only != Only::New {
            self.clock = true;
            self.line(format_args!("local {live} = {old} and tonumber({old}) > now"));
        }
        let space = put.within.as_ref().map(|limit| {
            let limit = self.limit(op, limit);
            self.clock = true;
            format!("call('ZCOUNT', {key}, '(' .. ms, '+inf') < tonumber({limit})")
        });
        let admitted = match (put.only, space) {
            (Only::Any, Some(space)) => format!("{live} or {space}"),
            (Only::New, Some(space)) => format!("not {old} and {space}"),
            (Only::NotLive, Some(space)) => format!("not {live} and {space}"),
            (Only::New, None) => format!("not {old}"),
            (Only::NotLive, None) => format!("not {live}"),
            // The live are never refused.
            (Only::Live, _) | (Only::Any, None) => live,
        };
        self.declare_none(op, local);
        self.lua.open(format_args!("if {admitted} then"));
        self.before_write(put.life, op);
        self.line(format_args!("call('ZADD', {key}, {score}, {m})"));
        if self.keeps(op) {
            self.line(format_args!("{r} = {written}"));
        }
        self.after_write(put.life, op);
        self.put_references(op, "", &score, &format!("{{{m}}}"));
        if !wrote {
            self.lua.middle("else");
            self.ask_for_memory(op, &old, &m);
        }
        self.lua.close();
    }

    fn put_many(&mut self, op: &'p Op, put: &'p RankPut, members: &Source, local: &'static str, wrote: bool) {
        let key = op.key;
        let (r, list) = (self.name(Var::Reply(op.at)), self.name(Var::List(op.at)));
        let (score, args) = (self.own("rank", op), self.own("args", op));
        let value = self.score(op, put);
        self.line(format_args!("local {score} = {value}"));
        let chosen = put.only != Only::Any || put.within.is_some();
        let (old, done, space) = (self.own("old", op), self.own("done", op), self.own("space", op));
        if chosen {
            self.clock = true;
            self.variadic(
                Some(&old),
                "local ",
                &format!("'ZMSCORE', {key}"),
                members,
                super::args::Sum::Joined,
            );
            if let Some(limit) = &put.within {
                let limit = self.limit(op, limit);
                self.line(format_args!(
                    "local {space} = tonumber({limit}) - call('ZCOUNT', {key}, '(' .. ms, '+inf')"
                ));
            }
        }
        self.declare_none(op, local);
        self.line(format_args!("local {args}, written = {{}}, {{{score}}}"));
        if chosen {
            self.line(format_args!("local {done} = {{}}"));
        }
        self.lua.open(format_args!("for i = 1, {} do", members.len()));
        self.line(format_args!("local member = {}", members.element()));
        if chosen {
            // A member that is named twice finds what was written of it before.
            self.line(format_args!("local old = {done}[member] or {old}[i]"));
            if put.only != Only::New || put.within.is_some() {
                self.line(format_args!("local live = old and tonumber(old) > now"));
            }
            let eligible = match put.only {
                Only::Any => None,
                Only::New => Some("not old"),
                Only::NotLive => Some("not live"),
                Only::Live => Some("live"),
            };
            let space = put.within.is_some().then(|| format!("(live or {space} > 0)"));
            let admitted: Vec<&str> = eligible.into_iter().chain(space.as_deref()).collect();
            self.lua.open(format_args!("if {} then", admitted.join(" and ")));
            if put.within.is_some() {
                let space = self.own("space", op);
                self.line(format_args!("if live then {space} = {space} + 1 end"));
                self.line(format_args!("if {score} > now then {space} = {space} - 1 end"));
            }
            self.line(format_args!("{done}[member] = {score}"));
        }
        self.line(format_args!("{args}[#{args} + 1], {args}[#{args} + 2] = {score}, member"));
        self.line(format_args!("written[#written + 1] = member"));
        if chosen {
            self.lua.close();
        }
        self.lua.close();
        if chosen {
            self.lua.open(format_args!("if #{args} > 0 then"));
        }
        self.before_write(put.life, op);
        self.lua.open(format_args!("for i = 1, #{args}, 1000 do"));
        self.line(format_args!("call('ZADD', {key}, unpack({args}, i, math.min(i + 999, #{args})))"));
        self.lua.close();
        if self.keeps(op) {
            self.line(format_args!("{r} = written"));
        }
        self.after_write(put.life, op);
        if self.lists(op) {
            self.line(format_args!("for i = 2, #written do {list}[i - 1] = written[i] end"));
        }
        if self.numbers(op) {
            self.line(format_args!("{} = {score}", self.name(Var::Number(op.at))));
        }
        if chosen && !wrote {
            self.lua.middle("else");
            self.ask_for_memory(op, &format!("{old}[1]"), &members.first());
        }
        if chosen {
            self.lua.close();
        }
    }

    /// Begins with what is replied when nobody is admitted.
    fn declare_none(&mut self, op: &'p Op, local: &'static str) {
        if self.keeps(op) {
            self.line(format_args!("{local}{} = ''", self.name(Var::Reply(op.at))));
        }
        if self.lists(op) {
            self.begin_list(op);
        }
        if self.numbers(op) && !self.prepared {
            self.line(format_args!("{local}{} = false", self.name(Var::Number(op.at))));
        }
    }

    fn put_references(&mut self, op: &'p Op, local: &'static str, score: &str, members: &str) {
        if self.lists(op) {
            self.line(format_args!("{local}{} = {members}", self.name(Var::List(op.at))));
        }
        if self.numbers(op) {
            self.line(format_args!("{local}{} = {score}", self.name(Var::Number(op.at))));
        }
    }

    /// A command that a full server refuses and that otherwise changes nothing: `NX` leaves a member that is there as it
    /// is, and `XX` adds none.
    fn ask_for_memory(&mut self, op: &Op, old: &str, member: &str) {
        self.line(format_args!("call('ZADD', {}, {old} and 'NX' or 'XX', 0, {member})", op.key));
    }

    /// Whether the number of an op is the score of a ranking.
    fn is_score(&self, at: u16) -> bool {
        matches!(self.ops[usize::from(at)].0, Some(Op { what: What::RankRange { .. }, .. }))
    }

    fn limit(&self, op: &Op, limit: &Limit) -> String {
        match limit {
            Limit::Given(limit) => limit.to_string(),
            Limit::Stored { .. } => self.name(Var::Limit(op.at)),
        }
    }

    /// The score, as a number within ±2^53.
    fn score(&mut self, op: &Op, put: &RankPut) -> String {
        match put.score {
            Score::After(until) => self.moment(until),
            Score::Is(score) => format!("tonumber({score})"),
            // A score that nobody calculates with goes back as the text in which it came.
            Score::From(at)
                if self.is_score(at) && put.within.is_none() && !self.keeps(op) && !self.numbers(op) =>
            {
                self.number_of(at)
            }
            Score::From(at) => format!("math.max(-2^53, math.min(2^53, tonumber({})))", self.number_of(at)),
            Score::Last => {
                let top = self.own("top", op);
                self.line(format_args!(
                    "local {top} = call('ZREVRANGEBYSCORE', {}, '+inf', '-inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]",
                    op.key
                ));
                format!("{top} and math.min({top} + 1, 2^53) or 1")
            }
        }
    }
}

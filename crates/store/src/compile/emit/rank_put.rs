//! The template of `RankPut`: who is admitted.
//!
//! It replies the score if all given members were written, empty text if none was, and else the score and the members.

use roomkey_core::Only;

use super::args::Source;
use super::lengthen::stays_live;
use super::{Emitter, Var, bit};
use crate::compile::plan::{Limit, List, Op, RankPut, Score, What};

/// The limit of a `RankPut`, unless it admits only those that no limit refuses.
fn limit_of(put: &RankPut) -> Option<&Limit> {
    put.within.as_ref().filter(|_| put.only != Only::Live)
}

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
        let printed = self.printed(put, &score).unwrap_or_else(|| score.clone());
        // The member is known to who reads the reply only if it was given.
        let written = if member.is_sure() && matches!(put.members, List::One(_)) {
            score.clone()
        } else {
            format!("{{{score}, {m}}}")
        };
        let admits_all = put.only == Only::Any && put.within.is_none();
        if admits_all {
            self.before_write(put.life, op);
            self.line(format_args!("call('ZADD', {key}, {printed}, {m})"));
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
        let space = limit_of(put).map(|limit| {
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
        self.line(format_args!("call('ZADD', {key}, {printed}, {m})"));
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
        let score = self.own("rank", op);
        let value = self.score(op, put);
        self.line(format_args!("local {score} = {value}"));
        let text = self.own("text", op);
        let value = self.printed(put, &score).unwrap_or_else(|| format!("string.format('%.0f', {score})"));
        self.line(format_args!("local {text} = {value}"));
        self.declare_none(op, local);
        self.begin_loop([members]);
        if !stays_live(put) {
            return self.put_chosen(op, put, members, wrote);
        }
        let lengthened = self.lengthen(op, put, members);
        let all = self.piece(1, |emitter| emitter.lengthened_all(op, put, members));
        let chosen = self.piece(1, |emitter| emitter.put_chosen(op, put, members, wrote));
        self.line(format_args!("if {lengthened} then"));
        self.lua.append(&all);
        self.line(format_args!("else"));
        self.lua.append(&chosen);
        self.line(format_args!("end"));
    }

    /// Puts those of the members who are admitted.
    fn put_chosen(&mut self, op: &'p Op, put: &'p RankPut, members: &Source, wrote: bool) {
        let key = op.key;
        let (r, list) = (self.name(Var::Reply(op.at)), self.name(Var::List(op.at)));
        let (score, text) = (self.own("rank", op), self.own("text", op));
        let (args, count) = (self.own("args", op), self.own("count", op));
        let chosen = put.only != Only::Any || put.within.is_some();
        let (old, space) = (self.own("old", op), self.own("space", op));
        if chosen {
            self.clock = true;
            self.variadic(
                Some(&old),
                "local ",
                &format!("'ZMSCORE', {key}"),
                members,
                super::args::Sum::Joined,
            );
            if let Some(limit) = limit_of(put) {
                let limit = self.limit(op, limit);
                self.line(format_args!(
                    "local {space} = tonumber({limit}) - call('ZCOUNT', {key}, '(' .. ms, '+inf')"
                ));
            }
        }
        let (keeps, lists) = (self.keeps(op), self.lists(op));
        self.line(format_args!("local {args}, {count} = {{}}, 0"));
        if chosen && self.repeats(put) {
            self.line(format_args!("local {} = {{}}", self.own("done", op)));
        }
        if keeps {
            self.line(format_args!("local written = {{{score}}}"));
        }
        self.lua.open(format_args!("for i = 1, {} do", members.len()));
        self.line(format_args!("local member = {}", members.element()));
        if chosen {
            self.open_admission(op, put, &score);
        }
        self.line(format_args!("{count} = {count} + 1"));
        self.line(format_args!("{args}[2 * {count} - 1], {args}[2 * {count}] = {text}, member"));
        if keeps {
            self.line(format_args!("written[{count} + 1] = member"));
        }
        if lists {
            self.line(format_args!("{list}[{count}] = member"));
        }
        if chosen {
            self.lua.close();
        }
        self.lua.close();
        if chosen {
            self.lua.open(format_args!("if {count} > 0 then"));
        }
        self.before_write(put.life, op);
        self.lua.open(format_args!("for i = 1, 2 * {count}, 1000 do"));
        self.line(format_args!("call('ZADD', {key}, unpack({args}, i, math.min(i + 999, 2 * {count})))"));
        self.lua.close();
        if keeps {
            self.line(format_args!("{r} = written"));
        }
        self.after_write(put.life, op);
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

    /// Whether it matters that a member may be named twice: not if it lives before and after.
    fn repeats(&self, put: &RankPut) -> bool {
        !stays_live(put) && !self.is_unique(put.members)
    }

    /// Begins what is done with the `member` at `i` if it is admitted.
    fn open_admission(&mut self, op: &Op, put: &RankPut, score: &str) {
        let (old, done, space) = (self.own("old", op), self.own("done", op), self.own("space", op));
        let repeats = self.repeats(put);
        if repeats {
            // It finds what was written before.
            self.line(format_args!("local old = {done}[member] or {old}[i]"));
        } else {
            self.line(format_args!("local old = {old}[i]"));
        }
        let within = limit_of(put).is_some();
        let live = "old and old + 0 > now";
        let admitted = match (put.only, within) {
            (Only::Live, _) => live.to_owned(),
            (Only::New, false) => "not old".to_owned(),
            (Only::New, true) => format!("not old and {space} > 0"),
            (Only::NotLive, false) => format!("not ({live})"),
            (Only::NotLive, true) => format!("{space} > 0 and not ({live})"),
            (Only::Any, _) => {
                self.line(format_args!("local live = {live}"));
                format!("live or {space} > 0")
            }
        };
        self.lua.open(format_args!("if {admitted} then"));
        if within {
            if put.only == Only::Any {
                self.line(format_args!("if live then {space} = {space} + 1 end"));
            }
            self.line(format_args!("if {score} > now then {space} = {space} - 1 end"));
        }
        if repeats {
            self.line(format_args!("{done}[member] = {score}"));
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

    /// The text of a score, where that takes less than to have Redis print the number.
    fn printed(&self, put: &RankPut, score: &str) -> Option<String> {
        match put.score {
            // No moment is negative, and either half of it fits into the integers of any server.
            Score::After(_) => Some(format!("string.format('%d%07d', {score} / 1e7, {score} % 1e7)")),
            Score::Is(score) => Some(score.to_string()),
            Score::From(_) | Score::Last => None,
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

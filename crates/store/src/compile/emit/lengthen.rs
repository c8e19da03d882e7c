//! Lengthening many leases without looking at each.
//!
//! Who lives is found by their scores, which takes as long as writing them. If nobody in a ranking is dead, though, whoever
//! is in it lives, and `XX` writes them alone. How many that were is known then, but not who: all of them, as a rule.

use roomkey_core::Only;

use super::args::Source;
use super::{Emitter, Var};
use crate::compile::plan::{List, Op, RankPut, Score, Until, What};

/// Whether it writes who lives, and who lives on then.
pub(super) const fn stays_live(put: &RankPut) -> bool {
    matches!((put.only, put.score), (Only::Live, Score::After(Until::In(_))))
}

impl<'p> Emitter<'p> {
    /// Lengthens the leases of those who are there, if nobody is dead; returns whether that were all members given.
    ///
    /// If not, some are not there, are named twice or have that deadline already. Or nothing was written: somebody is
    /// dead, or there are not so many. Whoever was written is found alive afterwards, and may be written again.
    pub(super) fn lengthen(&mut self, op: &'p Op, put: &'p RankPut, members: &Source) -> String {
        debug_assert!(stays_live(put));
        let (key, text, args) = (op.key, self.own("text", op), self.own("args", op));
        let (all, count) = (self.own("all", op), self.own("count", op));
        self.clock = true;
        self.line(format_args!("local {all}, {args}, {count} = {}, {{}}, 0", members.len()));
        let nobody_dead = format!("call('ZCOUNT', {key}, '-inf', ms) == 0");
        self.lua.open(format_args!("if call('ZCARD', {key}) >= {all} and {nobody_dead} then"));
        let member = members.element();
        self.line(format_args!(
            "for i = 1, {all} do {args}[2 * i - 1], {args}[2 * i] = {text}, {member} end"
        ));
        self.lua.open(format_args!("for i = 1, 2 * {all}, 1000 do"));
        let part = format!("unpack({args}, i, math.min(i + 999, 2 * {all}))");
        self.line(format_args!("{count} = {count} + call('ZADD', {key}, 'XX', 'CH', {part})"));
        self.lua.close();
        self.lua.close();
        format!("{count} == {all}")
    }

    /// What follows where the leases of all members given were lengthened.
    pub(super) fn lengthened_all(&mut self, op: &'p Op, put: &'p RankPut, members: &Source) {
        let (all, score, member) = (self.own("all", op), self.own("rank", op), members.element());
        if self.keeps(op) && self.is_told(put.members) {
            self.line(format_args!("{} = {score}", self.name(Var::Reply(op.at))));
        } else if self.keeps(op) {
            self.line(format_args!("local written = {{{score}}}"));
            self.line(format_args!("for i = 1, {all} do written[i + 1] = {member} end"));
            self.line(format_args!("{} = written", self.name(Var::Reply(op.at))));
        }
        if self.lists(op) {
            let list = self.name(Var::List(op.at));
            match members {
                // Nothing is ever added to a list that is complete.
                Source::Table { name, .. } => self.line(format_args!("{list} = {name}")),
                _ => self.line(format_args!("for i = 1, {all} do {list}[i] = {member} end")),
            }
        }
        if self.numbers(op) {
            self.line(format_args!("{} = {score}", self.name(Var::Number(op.at))));
        }
        // The ranking was there before, so writing has not changed what it has left.
        self.before_write(put.life, op);
        self.after_write(put.life, op);
    }

    /// Whether the answer says already, by the reply of a `MapMatch`, what the elements of a list are.
    fn is_told(&self, list: List) -> bool {
        let List::Reply(at) = list else { return false };
        matches!(self.ops[usize::from(at)].0, Some(Op { what: What::MapMatch(..), quiet: false, .. }))
    }
}

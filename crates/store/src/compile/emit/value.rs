//! Templates of values.

use super::args::Source;
use super::{Emitter, Var};
use crate::compile::plan::{Arg, Life, List, Op};

impl<'p> Emitter<'p> {
    /// `Put`: 1.
    pub(super) fn put(&mut self, op: &'p Op, value: List, life: Life) {
        let key = op.key;
        self.guarded(op, &[value], |emitter, local| {
            let value = emitter.source(value).first();
            match life {
                Life::Keep => emitter.line(format_args!("call('SET', {key}, {value}, 'KEEPTTL')")),
                Life::Never => emitter.line(format_args!("call('SET', {key}, {value})")),
                Life::Set(until) => {
                    let expiry = emitter.expiry_of_set(until, op);
                    emitter.line(format_args!("call('SET', {key}, {value}, {expiry})"));
                }
                Life::AtLeast(_) => {
                    emitter.before_write(life, op);
                    emitter.line(format_args!("call('SET', {key}, {value}, 'KEEPTTL')"));
                    emitter.after_write(life, op);
                }
            }
            if emitter.keeps(op) && !emitter.answers_one(op) {
                emitter.line(format_args!("{local}{} = 1", emitter.name(Var::Reply(op.at))));
            }
            if emitter.numbers(op) {
                emitter.deadline(op, life, "");
            }
        });
    }

    /// `Add`: the sum, as text where a double would not hold it.
    pub(super) fn add(&mut self, op: &'p Op, by: Arg, life: Life) {
        let (key, r) = (op.key, self.name(Var::Reply(op.at)));
        self.before_write(life, op);
        self.reply(op, format_args!("call('INCRBY', {key}, {by})"));
        if !self.keeps(op) {
            return self.after_write(life, op);
        }
        let inexact = format!("if {r} >= 2^53 or {r} <= -2^53 then {r} = call('GET', {key})");
        if self.ops[usize::from(op.at)].1.list {
            self.line(format_args!("{inexact} else {r} = string.format('%.0f', {r}) end"));
        } else {
            self.line(format_args!("{inexact} end"));
        }
        self.after_write(life, op);
    }
}

impl Source {
    /// Whether it is one that is there.
    pub(super) const fn is_sure(&self) -> bool {
        matches!(self, Self::One(_))
    }
}

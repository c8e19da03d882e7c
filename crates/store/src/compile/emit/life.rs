//! Expiry: what is asked before a write, and set after it.

use super::{Emitter, Var};
use crate::compile::plan::{Life, Op, Until};

impl<'p> Emitter<'p> {
    /// What has to be known before a write: afterwards a new key and one that never expires look alike.
    pub(super) fn before_write(&mut self, life: Life, op: &Op) {
        if let Life::AtLeast(_) = life {
            let ttl = self.own("ttl", op);
            self.line(format_args!("local {ttl} = redis.call('PTTL', {})", op.key));
        }
    }

    /// Gives a key that was written its expiry.
    pub(super) fn after_write(&mut self, life: Life, op: &Op) {
        let key = op.key;
        match life {
            Life::Keep => {}
            Life::Never => self.line(format_args!("redis.call('PERSIST', {key})")),
            Life::Set(until) => {
                let moment = self.moment(until);
                self.expire_at(key, &moment);
            }
            Life::AtLeast(until) => {
                let (short, moment) = self.too_short(until, op);
                self.line(format_args!("if {short} then redis.call('PEXPIREAT', {key}, {moment}) end"));
            }
        }
    }

    /// Whether a key that had the time `ttl` left is new or ends before a moment; and the moment.
    fn too_short(&mut self, until: Until, op: &Op) -> (String, String) {
        let ttl = self.own("ttl", op);
        let moment = self.moment(until);
        self.clock = true;
        match until {
            // A missing key has -2, one that never expires -1.
            Until::In(duration) => (format!("{ttl} ~= -1 and {ttl} < tonumber({duration})"), moment),
            Until::At(_) | Until::InCapped(..) => {
                let at = self.own("at", op);
                self.line(format_args!("local {at} = {moment}"));
                (format!("{ttl} == -2 or ({ttl} >= 0 and now + {ttl} < {at})"), at)
            }
        }
    }

    /// `Expire`: 1 if the key is there, else 0.
    pub(super) fn expire(&mut self, op: &Op, life: Life) {
        let key = op.key;
        let (r, local) = (self.name(Var::Reply(op.at)), self.local());
        match life {
            Life::Keep => self.reply(op, format_args!("redis.call('EXISTS', {key})")),
            Life::Never => {
                self.reply(op, format_args!("redis.call('EXISTS', {key})"));
                self.line(format_args!("redis.call('PERSIST', {key})"));
            }
            Life::Set(until) => {
                let moment = self.moment_once(until, op);
                self.reply(op, format_args!("redis.call('PEXPIREAT', {key}, {moment})"));
            }
            Life::AtLeast(until) => {
                let ttl = self.own("ttl", op);
                self.line(format_args!("local {ttl} = redis.call('PTTL', {key})"));
                self.line(format_args!("{local}{r} = {ttl} == -2 and 0 or 1"));
                let (short, moment) = self.too_short(until, op);
                self.line(format_args!(
                    "if {r} == 1 and ({short}) then redis.call('PEXPIREAT', {key}, {moment}) end"
                ));
            }
        }
        if self.numbers(op) {
            let there = format!("{r} == 1 and ");
            self.deadline(op, life, &there);
        }
    }

    /// A moment as a number, in a variable if the op's number is going to be the same.
    pub(super) fn moment_once(&mut self, until: Until, op: &Op) -> String {
        let moment = self.moment(until);
        if !self.numbers(op) {
            return moment;
        }
        let at = self.own("at", op);
        self.line(format_args!("local {at} = {moment}"));
        at
    }

    /// Keeps the deadline of a key, if it has one, as the number of the op that set it.
    pub(super) fn deadline(&mut self, op: &Op, life: Life, there: &str) {
        let (local, num) = (if self.prepared { "" } else { self.local() }, self.name(Var::Number(op.at)));
        match life {
            Life::Never => self.line(format_args!("{local}{num} = false")),
            Life::Set(_) => {
                self.clock = true;
                let at = self.own("at", op);
                self.line(format_args!("{local}{num} = {there}{at} >= now and {at}"));
            }
            Life::Keep | Life::AtLeast(_) => {
                self.clock = true;
                let left = self.own("left", op);
                self.line(format_args!("local {left} = redis.call('PTTL', {})", op.key));
                self.line(format_args!("{local}{num} = {left} >= 0 and now + {left}"));
            }
        }
    }
}

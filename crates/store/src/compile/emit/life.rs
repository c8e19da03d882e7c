//! Expiry: what is asked before a write, and set after it.

use super::{Emitter, Var};
use crate::compile::plan::{Life, Op, Until, What};

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
        let (r, num) = (self.name(Var::Reply(op.at)), self.name(Var::Number(op.at)));
        let (local, numbers) = (self.local(), self.numbers(op));
        match life {
            Life::Keep => self.reply(op, format_args!("redis.call('EXISTS', {key})")),
            Life::Never => {
                self.reply(op, format_args!("redis.call('EXISTS', {key})"));
                self.line(format_args!("redis.call('PERSIST', {key})"));
            }
            Life::Set(until) => {
                let moment = self.moment(until);
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
        if numbers {
            self.line(format_args!("{local}{num} = false"));
            self.deadline(op, life);
        }
    }

    /// Keeps the deadline of a key, if it has one, as the number of the op that set it.
    pub(super) fn deadline(&mut self, op: &Op, life: Life) {
        self.clock = true;
        let (num, left) = (self.name(Var::Number(op.at)), self.own("left", op));
        if let Life::Never = life {
            return;
        }
        if let Life::Set(until) = life {
            let moment = self.moment(until);
            let there = if matches!(op.what, What::Expire(_)) {
                format!("{} == 1 and ", self.name(Var::Reply(op.at)))
            } else {
                String::new()
            };
            self.line(format_args!("if {there}{moment} >= now then {num} = {moment} end"));
            return;
        }
        self.line(format_args!("local {left} = redis.call('PTTL', {})", op.key));
        self.line(format_args!("if {left} >= 0 then {num} = now + {left} end"));
    }
}

//! Expiry: what is asked before a write, and set after it.

use super::{Emitter, Var};
use crate::compile::plan::{Life, Op, Until, What};

/// What it takes that a key lives until a moment at the least.
struct Least {
    /// The moment.
    at: String,
    /// Whether a key that expires does so before it.
    short: String,
    /// The call that changes that.
    expire: String,
}

impl<'p> Emitter<'p> {
    /// What has to be known before a write: afterwards a new key and one that never expires look alike.
    pub(super) fn before_write(&mut self, life: Life, op: &Op) {
        if let Life::AtLeast(_) = life {
            let ttl = self.own("ttl", op);
            self.line(format_args!("local {ttl} = call('PTTL', {})", op.key));
        }
    }

    /// Gives a key that was written its expiry.
    pub(super) fn after_write(&mut self, life: Life, op: &Op) {
        let key = op.key;
        match life {
            Life::Keep => {}
            Life::Never => self.line(format_args!("call('PERSIST', {key})")),
            Life::Set(until) => {
                let expire = self.expiry(until, op);
                self.line(format_args!("{expire}"));
            }
            Life::AtLeast(until) => {
                let ttl = self.own("ttl", op);
                let Least { short, expire, .. } = self.least(until, op);
                // A missing key has -2, one that never expires -1.
                match until {
                    Until::In(_) => self.line(format_args!("if {ttl} ~= -1 and {short} then {expire} end")),
                    Until::At(_) | Until::InCapped(..) => self
                        .line(format_args!("if {ttl} == -2 or ({ttl} >= 0 and {short}) then {expire} end")),
                }
            }
        }
    }

    /// The call that sets an expiry.
    ///
    /// Where the time is read anyway, all deadlines of a program count from it; elsewhere a duration needs no clock.
    fn expiry(&mut self, until: Until, op: &Op) -> String {
        match until {
            Until::In(duration) if !self.plan.reports_now && !self.numbers(op) => {
                format!("call('PEXPIRE', {}, {duration})", op.key)
            }
            until => format!("call('PEXPIREAT', {}, {})", op.key, self.moment_once(until, op)),
        }
    }

    /// What it takes that a key, which had the time `ttl` left, lives until a moment at the least.
    fn least(&mut self, until: Until, op: &Op) -> Least {
        let (key, ttl) = (op.key, self.own("ttl", op));
        match until {
            // From its own time on a duration ends no sooner than from the time that was read before, and texts need no
            // printing.
            Until::In(duration) => Least {
                at: format!("now + {duration}"),
                short: format!("{ttl} < tonumber({duration})"),
                expire: format!("call('PEXPIRE', {key}, {duration})"),
            },
            Until::At(_) | Until::InCapped(..) => {
                let (at, moment) = (self.own("at", op), self.moment(until));
                self.clock = true;
                self.line(format_args!("local {at} = {moment}"));
                let short = format!("now + {ttl} < {at}");
                Least { short, expire: format!("call('PEXPIREAT', {key}, {at})"), at }
            }
        }
    }

    /// `Expire`: 1 if the key is there, else 0.
    pub(super) fn expire(&mut self, op: &Op, life: Life) {
        let key = op.key;
        let r = self.name(Var::Reply(op.at));
        if matches!(life, Life::Keep | Life::Never) && self.keeps(op) {
            self.reply(op, format_args!("call('EXISTS', {key})"));
        }
        match life {
            Life::Keep => {}
            Life::Never => {
                self.line(format_args!("call('PERSIST', {key})"));
            }
            Life::Set(until) => {
                let expire = self.expiry(until, op);
                self.reply(op, format_args!("{expire}"));
            }
            Life::AtLeast(until) => return self.expire_at_least(op, until),
        }
        if self.numbers(op) {
            let there = format!("{r} == 1 and ");
            self.deadline(op, life, &there);
        }
    }

    fn expire_at_least(&mut self, op: &Op, until: Until) {
        let (key, local, ttl) = (op.key, self.local(), self.own("ttl", op));
        self.line(format_args!("local {ttl} = call('PTTL', {key})"));
        if self.keeps(op) {
            self.line(format_args!("{local}{} = {ttl} == -2 and 0 or 1", self.name(Var::Reply(op.at))));
        }
        let Least { at, short, expire } = self.least(until, op);
        if !self.numbers(op) {
            return self.line(format_args!("if {ttl} >= 0 and {short} then {expire} end"));
        }
        // What was set is known without asking again.
        self.clock = true;
        let num = self.name(Var::Number(op.at));
        self.line(format_args!("{local}{num} = {ttl} >= 0 and now + {ttl}"));
        self.lua.open(format_args!("if {ttl} >= 0 and {short} then"));
        self.line(format_args!("{expire}"));
        self.line(format_args!("{num} = {at}"));
        self.lua.close();
    }

    /// A moment as a number, in a variable if the number that the op replies is going to be the same.
    fn moment_once(&mut self, until: Until, op: &Op) -> String {
        let moment = self.moment(until);
        if !self.numbers(op) || matches!(op.what, What::RankPut(_)) {
            return moment;
        }
        let at = self.own("at", op);
        self.line(format_args!("local {at} = {moment}"));
        at
    }

    /// The options of a `SET` that gives its key an expiry.
    pub(super) fn expiry_of_set(&mut self, until: Until, op: &Op) -> String {
        match until {
            Until::In(duration) if !self.plan.reports_now && !self.numbers(op) => format!("'PX', {duration}"),
            until => format!("'PXAT', {}", self.moment_once(until, op)),
        }
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
                self.line(format_args!("local {left} = call('PTTL', {})", op.key));
                self.line(format_args!("{local}{num} = {left} >= 0 and now + {left}"));
            }
        }
    }
}

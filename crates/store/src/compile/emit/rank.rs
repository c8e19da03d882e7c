//! Templates of rankings, but for `RankPut`.

use roomkey_core::Order;

use super::{Emitter, Var};
use crate::compile::plan::{Arg, Bound, Op};

impl<'p> Emitter<'p> {
    /// `RankTake`: the earliest dead members.
    pub(super) fn rank_take(&mut self, op: &'p Op, limit: Arg) {
        let (key, r) = (op.key, self.name(Var::Reply(op.at)));
        self.clock = true;
        self.reply(op, format_args!("call('ZRANGEBYSCORE', {key}, '-inf', ms, 'LIMIT', 0, {limit})"));
        self.line(format_args!("if #{r} > 0 then call('ZREM', {key}, unpack({r})) end"));
    }

    /// `RankRange`: members and scores in turns.
    pub(super) fn rank_range(&mut self, op: &'p Op, min: Bound, max: Bound, order: Order, limit: Arg) {
        let (min, max) = (self.bound(min, "'-inf'"), self.bound(max, "'+inf'"));
        let (name, from, to) = match order {
            Order::Lowest => ("ZRANGEBYSCORE", min, max),
            Order::Highest => ("ZREVRANGEBYSCORE", max, min),
        };
        self.reply(
            op,
            format_args!("call('{name}', {}, {from}, {to}, 'WITHSCORES', 'LIMIT', 0, {limit})", op.key),
        );
        if self.lists(op) {
            let r = self.name(Var::Reply(op.at));
            self.every_other(op, &r);
        }
    }

    fn bound(&mut self, bound: Bound, open: &str) -> String {
        match bound {
            Bound::Open => open.to_owned(),
            Bound::Is(score) => score.to_string(),
            Bound::Now => {
                self.clock = true;
                "ms".to_owned()
            }
        }
    }
}

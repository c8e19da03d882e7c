//! Ops to their shape.

use roomkey_core::{Append, Args, Bound, Life, Op, RankPut, Score, StoreTime, Until};

use super::{Elements, Lowering};
use crate::compile::cursor;
use crate::compile::plain::{millis, moment};
use crate::compile::plan::{self, KeyAt, List, Pairs, Sum, What};

impl<'a> Lowering<'a> {
    pub(super) fn op(&mut self, id: usize, op: &'a Op, quiet: bool) -> plan::Op {
        let at = self.ops;
        self.ops += 1;
        self.positions[id] = at;
        let key = self.arguments.key(op.key());
        let (kind, what) =
            if op.is_empty() { (None, What::Nothing) } else { (op.stored_kind(), self.what(key, op)) };
        plan::Op { at, key, kind, quiet, what }
    }

    fn what(&mut self, key: KeyAt, op: &'a Op) -> What {
        match op {
            Op::Ttl { .. } => What::Ttl,
            Op::Expire { life, .. } => What::Expire(self.life(*life)),
            Op::Delete { .. } => What::Delete,
            Op::Get { .. } => What::Get,
            Op::Put { value, life, .. } => {
                let value = match value {
                    // Of a longer list the first.
                    Args::Given(list) => List::One(self.arguments.bytes(&list[0])),
                    Args::From(_) => self.list(value),
                };
                What::Put(value, self.life(*life))
            }
            Op::Take { .. } => What::Take,
            Op::Add { by, life, .. } => {
                What::Add { by: self.arguments.signed(*by), sum: self.sum(key, *by), life: self.life(*life) }
            }
            Op::MapGet { fields, .. } => What::MapGet(self.list(fields)),
            Op::MapAll { .. } => What::MapAll,
            Op::MapPut { fields, values, life, .. } => {
                What::MapPut(self.pairs(fields, values), self.life(*life))
            }
            Op::MapRemove { fields, .. } => What::MapRemove(self.list(fields)),
            Op::MapMatch { fields, prefixes, .. } => match (fields.as_slice(), prefixes.as_slice()) {
                ([field], [prefix]) => {
                    What::MapMatch(List::One(self.arguments.bytes(field)), self.arguments.bytes(prefix))
                }
                (fields, prefixes) => What::MapMatch(
                    List::Many(self.arguments.list(Elements::List(fields))),
                    self.arguments.first_of(Elements::List(prefixes)),
                ),
            },
            Op::Push { end, values, life, .. } => What::Push(*end, self.list(values), self.life(*life)),
            Op::Pop { end, count, .. } => What::Pop(*end, self.arguments.count(*count)),
            Op::Range { from, to, .. } => {
                What::Range(self.arguments.signed(*from), self.arguments.signed(*to))
            }
            Op::RankPut(put) => What::RankPut(self.rank_put(put)),
            Op::RankRemove { members, .. } => What::RankRemove(self.list(members)),
            Op::RankTake { limit, .. } => What::RankTake(self.arguments.count(*limit)),
            Op::RankRange { min, max, order, limit, .. } => What::RankRange {
                min: self.bound(*min),
                max: self.bound(*max),
                order: *order,
                limit: self.arguments.count(*limit),
            },
            Op::RankCount { .. } => What::RankCount,
            Op::RankScores { members, .. } => What::RankScores(self.list(members)),
            Op::RankPlace { member, .. } => What::RankPlace(self.arguments.bytes(member)),
            Op::Append(append) => self.append(append),
            Op::LogRange { from, to, order, limit, .. } => What::LogRange {
                from: self.arguments.text(from.to_string()),
                to: self.arguments.text(to.to_string()),
                order: *order,
                limit: self.arguments.count(*limit),
            },
            Op::Walk { key, cursor: at, count } => {
                // One that this store never wrote was refused before.
                let at = at.as_ref().and_then(|at| cursor::read(at).ok()).map_or(0, |(_, at)| at);
                What::Walk {
                    kind: key.kind(),
                    cursor: self.arguments.unsigned(at),
                    count: self.arguments.count(*count),
                }
            }
        }
    }

    fn list(&mut self, args: &'a Args) -> List {
        match args {
            Args::Given(list) if list.len() == 1 => List::One(self.arguments.bytes(&list[0])),
            Args::Given(list) => List::Many(self.arguments.list(Elements::List(list))),
            Args::From(op) => List::Reply(self.positions[op.index()]),
        }
    }

    fn pairs(&mut self, fields: &'a Args, values: &'a Args) -> Pairs {
        match (fields, values) {
            (Args::Given(fields), Args::Given(values)) if values.len() > 1 => {
                if fields.len() == 1 {
                    let (field, value) = (self.arguments.bytes(&fields[0]), self.arguments.bytes(&values[0]));
                    Pairs::Lists(List::One(field), List::One(value))
                } else {
                    Pairs::Interleaved(self.arguments.list(Elements::Pairs(fields, values)))
                }
            }
            _ => Pairs::Lists(self.list(fields), self.list(values)),
        }
    }

    fn sum(&mut self, key: KeyAt, by: i64) -> Sum {
        if self.sums.contains(&(key, by)) {
            Sum::Proven
        } else if by > 0 {
            Sum::AtMost(self.arguments.signed(i64::MAX - by))
        } else if by < 0 {
            Sum::AtLeast(self.arguments.signed(i64::MIN - by))
        } else {
            Sum::Fits
        }
    }

    fn rank_put(&mut self, put: &'a RankPut) -> plan::RankPut {
        plan::RankPut {
            members: self.list(&put.members),
            score: match put.score {
                Score::After(until) => plan::Score::After(self.until(until, StoreTime::as_millis)),
                Score::Is(score) => plan::Score::Is(self.arguments.signed(score)),
                Score::From(op) => plan::Score::From(self.positions[op.index()]),
                Score::Last => plan::Score::Last,
            },
            only: put.only,
            within: put.within.as_ref().map(|limit| self.limit(limit)),
            life: self.life(put.life),
        }
    }

    fn append(&mut self, append: &'a Append) -> What {
        What::Append {
            fields: append.fields.iter().map(|(name, args)| (*name, self.list(args))).collect(),
            keep: self.arguments.count(append.keep),
            life: self.life(append.life),
        }
    }

    fn bound(&mut self, bound: Bound) -> plan::Bound {
        match bound {
            Bound::Open => plan::Bound::Open,
            Bound::Is(score) => plan::Bound::Is(self.arguments.signed(score)),
            Bound::Now => plan::Bound::Now,
        }
    }

    fn life(&mut self, life: Life) -> plan::Life {
        match life {
            Life::Keep => plan::Life::Keep,
            Life::Never => plan::Life::Never,
            Life::Set(until) => plan::Life::Set(self.until(until, moment)),
            Life::AtLeast(until) => plan::Life::AtLeast(self.until(until, moment)),
        }
    }

    /// `moment` tells what a time is there: Redis takes any as a score, and not every one as a deadline of a key.
    fn until(&mut self, until: Until, moment: fn(StoreTime) -> u64) -> plan::Until {
        let arguments = &mut self.arguments;
        match until {
            Until::In(duration) => plan::Until::In(arguments.duration(millis(duration))),
            Until::At(time) => plan::Until::At(arguments.unsigned(moment(time))),
            Until::InCapped(duration, time) => {
                let duration = arguments.duration(millis(duration));
                plan::Until::InCapped(duration, arguments.unsigned(moment(time)))
            }
        }
    }
}

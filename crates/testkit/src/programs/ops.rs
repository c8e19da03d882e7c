//! Drawing ops.

use bytes::Bytes;
use roomkey_core::{Append, Args, End, Key, Kind, Limit, Only, Op, OpId, RankPut, ReplyShape, Score};

use super::arguments::{self, several};
use super::choices::Choices;
use super::names::{COUNTER, QUEUE};

/// An op whose reply may be referred to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Referent {
    pub(super) id: OpId,
    pub(super) shape: ReplyShape,
    /// Its number may be a moment.
    pub(super) timed: bool,
    /// Its list has an order that every store gives it.
    pub(super) sorted: bool,
    /// Its list may hold stand-ins for missing bytes, which are good as values only.
    pub(super) values_only: bool,
}

/// An op on a key of this number.
pub(super) fn draw(
    choices: &mut Choices<'_>,
    number: u8,
    key: Key,
    limit: Limit,
    visible: &[Referent],
) -> Op {
    match choices.below(20) {
        0 => return Op::ttl(&key),
        1 => return Op::expire(&key, arguments::life(choices)),
        2 => return Op::delete(&key),
        _ => {}
    }
    match key.kind() {
        Kind::Value => on_value(choices, number, &key, visible),
        Kind::Map => on_map(choices, &key, visible),
        Kind::List => on_list(choices, &key, visible),
        Kind::Ranking => on_ranking(choices, number, &key, limit, visible),
        Kind::Log => on_log(choices, &key, visible),
    }
}

/// Whether the number that an op replies may be a moment, or come from one.
pub(super) fn tells_time(number: u8, op: &Op, visible: &[Referent]) -> bool {
    match op {
        Op::Put { .. } | Op::Expire { .. } => true,
        Op::RankPut(put) => match put.score {
            Score::From(op) => visible.iter().any(|referent| referent.id == op && referent.timed),
            Score::After(_) => true,
            Score::Is(_) | Score::Last => false,
        },
        Op::RankRange { .. } => number != QUEUE,
        _ => false,
    }
}

fn on_value(choices: &mut Choices<'_>, number: u8, key: &Key, visible: &[Referent]) -> Op {
    let counter = number == COUNTER;
    match choices.below(8) {
        0 => Op::get(key),
        1 => Op::take(key),
        2 | 3 if counter => Op::add(key, arguments::summand(choices), arguments::life(choices)),
        4 | 5 if counter => Op::put(key, arguments::value(choices), arguments::life(choices)),
        _ if counter => {
            let number = Bytes::from(arguments::summand(choices).to_string());
            Op::put(key, number, arguments::life(choices))
        }
        _ => Op::put(key, values(choices, visible), arguments::life(choices)),
    }
}

fn on_map(choices: &mut Choices<'_>, key: &Key, visible: &[Referent]) -> Op {
    match choices.below(8) {
        0 => Op::map_all(key),
        1 => Op::map_get(key, names(choices, visible)),
        2 => Op::map_remove(key, unordered_names(choices, visible)),
        3 => {
            let pairs = several(choices, arguments::name).into_iter();
            let pairs: Vec<_> = pairs.map(|field| (field, arguments::value(choices))).collect();
            Op::map_match(key, pairs)
        }
        4 => Op::walk(key, None, 1_000),
        _ => Op::map_put(key, names(choices, visible), values(choices, visible), arguments::life(choices)),
    }
}

fn on_list(choices: &mut Choices<'_>, key: &Key, visible: &[Referent]) -> Op {
    let end = choices.one(&[End::Back, End::Front]);
    match choices.below(4) {
        0 => Op::range(key, arguments::position(choices), arguments::position(choices)),
        1 => Op::pop(key, end, arguments::count(choices)),
        _ => Op::push(key, end, values(choices, visible), arguments::life(choices)),
    }
}

fn on_ranking(choices: &mut Choices<'_>, number: u8, key: &Key, limit: Limit, visible: &[Referent]) -> Op {
    match choices.below(14) {
        0 => Op::rank_count(key),
        1 => Op::rank_remove(key, unordered_names(choices, visible)),
        2 | 3 => Op::rank_take(key, arguments::count(choices)),
        4 | 5 => {
            let (min, max) = (arguments::bound(choices), arguments::bound(choices));
            Op::rank_range(key, min, max, arguments::order(choices), arguments::count(choices))
        }
        6 => Op::rank_scores(key, names(choices, visible)),
        7 => Op::rank_place(key, arguments::name(choices)),
        8 => Op::walk(key, None, 1_000),
        _ => {
            let score = score(choices, number, visible);
            let only = choices.one(&[Only::Any, Only::New, Only::NotLive, Only::Live]);
            let put =
                RankPut::new(key, names(choices, visible), score).only(only).life(arguments::life(choices));
            if choices.chance(50) { put.within(limit).into() } else { put.into() }
        }
    }
}

fn on_log(choices: &mut Choices<'_>, key: &Key, visible: &[Referent]) -> Op {
    if choices.chance(35) {
        let (from, to) = (arguments::log_id(choices), arguments::log_id(choices));
        return Op::log_range(key, from, to, arguments::order(choices), arguments::count(choices));
    }
    // Far more than is ever appended: what a store keeps beyond this number is its own business.
    let mut append = Append::new(key, 1_000_000).field("kind", values(choices, visible));
    for name in ["who", "what"] {
        if choices.chance(50) {
            append = append.field(name, values(choices, visible));
        }
    }
    append.life(arguments::life(choices)).into()
}

fn score(choices: &mut Choices<'_>, number: u8, visible: &[Referent]) -> Score {
    let usable = |referent: &&Referent| referent.shape.has_number() && !(number == QUEUE && referent.timed);
    let usable: Vec<OpId> = visible.iter().filter(usable).map(|referent| referent.id).collect();
    match choices.below(10) {
        0..=2 => Score::Is(arguments::score(choices)),
        3..=5 if !usable.is_empty() => Score::From(choices.one(&usable)),
        _ if number == QUEUE => Score::Last,
        _ => Score::After(arguments::until(choices)),
    }
}

fn values(choices: &mut Choices<'_>, visible: &[Referent]) -> Args {
    given_or(choices, arguments::value, visible, |referent| referent.sorted)
}

fn names(choices: &mut Choices<'_>, visible: &[Referent]) -> Args {
    given_or(choices, arguments::name, visible, |referent| referent.sorted && !referent.values_only)
}

/// Names for an op that does the same whatever their order.
fn unordered_names(choices: &mut Choices<'_>, visible: &[Referent]) -> Args {
    given_or(choices, arguments::name, visible, |referent| !referent.values_only)
}

/// A given list, or a reference where one is possible.
fn given_or(
    choices: &mut Choices<'_>,
    one: fn(&mut Choices<'_>) -> Bytes,
    visible: &[Referent],
    usable: impl Fn(&Referent) -> bool,
) -> Args {
    let usable = visible.iter().filter(|referent| referent.shape.has_list() && usable(referent));
    let usable: Vec<OpId> = usable.map(|referent| referent.id).collect();
    if !usable.is_empty() && choices.chance(40) {
        return Args::From(choices.one(&usable));
    }
    // One alone is a single value, which is something else than a list, and the most common.
    if choices.chance(60) { Args::Given(several(choices, one)) } else { Args::from(one(choices)) }
}

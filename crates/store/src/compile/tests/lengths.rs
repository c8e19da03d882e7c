//! The variables of a script, of which Lua allows 200: for a program of any length there is room.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{
    Append, Bound, BranchId, Check, Kind, Life, Limit, Only, Op, Order, RankPut, Score, StoreTime,
    TxnBuilder, Until,
};

use super::programs::{bytes, key, seconds};
use super::server::Redis;

/// What takes the most variables of its own, be it in one template or in the checks of one fork.
#[derive(Clone, Copy, Debug)]
enum Greedy {
    RankPut,
    Lengthen,
    Append,
    Maps,
    Checks,
    Expire,
}

/// Adds steps whose lists and numbers later ones take, so that as many variables as can be are kept.
fn add(greedy: Greedy, program: &mut TxnBuilder, branch: BranchId) {
    let (ranking, map, log) = (key(Kind::Ranking, "z"), key(Kind::Map, "h"), key(Kind::Log, "x"));
    let two = || [bytes("a"), bytes("b")];
    let life = Life::AtLeast(Until::InCapped(Duration::from_secs(60), StoreTime::MAX));
    match greedy {
        Greedy::RankPut => {
            let last = RankPut::new(&ranking, two(), Score::Last).within(stored()).life(life);
            let last = program.op(branch, last);
            program.op(branch, RankPut::new(&ranking, last, Score::From(last)).within(stored()).life(life));
        }
        Greedy::Lengthen => {
            let lengthened = RankPut::new(&ranking, two(), Score::After(seconds(60))).only(Only::Live);
            let lengthened = program.op(branch, lengthened.life(life));
            program.op(branch, Op::rank_remove(&ranking, lengthened));
        }
        Greedy::Append => {
            let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"];
            let entry = names.into_iter().fold(Append::new(&log, 5), |entry, name| entry.field(name, two()));
            program.op(branch, entry.life(life));
        }
        Greedy::Maps => {
            let fields = program.op(branch, Op::map_match(&map, two().map(|field| (field, Bytes::new()))));
            let values = program.op(branch, Op::map_get(&map, two()));
            program.op(branch, Op::map_put(&map, fields, values, life));
        }
        Greedy::Checks => {
            let number = Check::number(&key(Kind::Value, "c"), 1, 0..=i64::MAX);
            let (then, otherwise) = program.fork(branch, [Check::below(&ranking, stored()), number]);
            program.op(then, Op::rank_range(&ranking, Bound::Open, Bound::Now, Order::Lowest, 5));
            program.op(otherwise, Op::rank_take(&ranking, 5));
        }
        Greedy::Expire => {
            let until = program.op(branch, Op::expire(&map, life));
            program.op(branch, RankPut::new(&ranking, two(), Score::From(until)).within(stored()));
        }
    }
}

fn stored() -> Limit {
    Limit::Stored { key: key(Kind::Map, "limits"), field: bytes("limit"), or: 5 }
}

#[test]
fn a_program_of_any_length_finds_room_for_its_variables() {
    let redis = Redis::start();
    let all =
        [Greedy::RankPut, Greedy::Lengthen, Greedy::Append, Greedy::Maps, Greedy::Checks, Greedy::Expire];
    for greedy in all {
        // By itself, and inside of forks that keep what they have read.
        for depth in [0, roomkey_core::MAX_DEPTH - 1] {
            for length in 1..=24 {
                let (mut program, mut branch) = (TxnBuilder::new("length"), BranchId::ROOT);
                for _ in 0..depth {
                    branch = program.fork(branch, [Check::below(&key(Kind::Ranking, "z"), stored())]).0;
                }
                (0..length).for_each(|_| add(greedy, &mut program, branch));
                let outcome = redis.transact(&program.build().unwrap());
                assert!(outcome.is_ok(), "{length} times {greedy:?} at a depth of {depth}: {outcome:?}");
            }
        }
    }
}

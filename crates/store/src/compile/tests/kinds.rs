//! When a script asks for the kinds of keys: once on a path, and never before a number that fails first.

use roomkey_core::{BranchId, Check, Error, Kind, Life, Limit, Op, RankPut, Score, Txn, TxnBuilder};

use super::programs::{bytes, key};
use super::server::Redis;
use crate::compile::Compiler;

/// Where the branch with a limit writes to the log besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Log {
    Before,
    After,
    Behind,
}

/// ```text
/// when Exists flag: [MapPut log]; RankPut z m within cfg.limit; [MapPut log]      else: [MapPut log]
/// MapPut log
/// ```
fn program(log: Log) -> Txn {
    let (flag, z) = (key(Kind::Value, "flag"), key(Kind::Ranking, "z"));
    let limit = Limit::Stored { key: key(Kind::Map, "cfg"), field: bytes("limit"), or: 9 };
    let write = || Op::map_put(&key(Kind::Map, "log"), bytes("f"), bytes("v"), Life::Keep);
    let mut program = TxnBuilder::new("kinds");
    let (then, otherwise) = program.fork(BranchId::ROOT, [Check::exists(&flag)]);
    if log == Log::Before {
        program.op(then, write());
    }
    program.op(then, RankPut::new(&z, bytes("m"), Score::Is(1)).within(limit));
    if log == Log::After {
        program.op(then, write());
    }
    if log != Log::Behind {
        program.op(otherwise, write());
    }
    program.op(BranchId::ROOT, write());
    program.build().unwrap()
}

#[test]
fn a_kind_that_every_path_needs_first_is_asked_for_once() {
    let asked = |log| {
        let source = Compiler::default().exact_txn(&program(log)).unwrap().script.unwrap().source.clone();
        source.matches("call('HLEN', ").count()
    };
    assert_eq!(asked(Log::Before), 1);
    // In either branch, one behind the number.
    assert_eq!(asked(Log::After), 2);
    assert_eq!(asked(Log::Behind), 1);
}

#[test]
fn a_wrong_kind_behind_no_number_is_not_found_before_it() {
    let redis = Redis::start();
    let fails = |log| redis.transact(&program(log)).unwrap_err();
    redis.plain(&Op::map_put(&key(Kind::Map, "cfg"), bytes("limit"), bytes("many"), Life::Keep)).unwrap();
    let log = String::from_utf8(key(Kind::Map, "log").bytes().to_vec()).unwrap();
    redis.server.command(&["SET", &log, "no map"]);
    for log in [Log::Before, Log::After, Log::Behind] {
        assert!(matches!(fails(log), Error::WrongType), "nothing is limited: {log:?}");
    }
    redis.plain(&Op::put(&key(Kind::Value, "flag"), bytes(""), Life::Keep)).unwrap();
    assert!(matches!(fails(Log::Before), Error::WrongType));
    assert!(matches!(fails(Log::After), Error::NotANumber));
    assert!(matches!(fails(Log::Behind), Error::NotANumber));
}

//! What scripts do on a real server, where the conformance suite does not look: limits of Lua, and that a script and the
//! plain command for the same op are one.

use std::time::Duration;

use bytes::Bytes;
use redis::Value;
use roomkey_core::{
    Append, Args, BranchId, Check, End, Error, ErrorKind, Key, Kind, Life, Limit, LogId, Only, Op, Order,
    Outcome, RankPut, Reply, Result, Score, Ttl, Txn, TxnBuilder, Until,
};
use roomkey_testkit::RedisServer;

use super::programs::{bytes, key, seconds, words};
use crate::compile::{Call, Compiler};

const RUN: &str = "run";

pub(super) struct Redis {
    pub(super) server: RedisServer,
    compiler: Compiler,
}

impl Redis {
    pub(super) fn start() -> Self {
        Self { server: RedisServer::start(), compiler: Compiler::default() }
    }

    fn send(&self, call: &Call) -> Value {
        let mut args: Vec<Vec<u8>> = words(call.cmd.as_ref().unwrap());
        if let Some(script) = &call.script {
            args[0] = b"EVAL".to_vec();
            args[1] = script.source.as_bytes().to_vec();
        }
        match self.server.try_command(&args) {
            Ok(reply) => value(reply),
            Err(error) => redis::parse_redis_value(format!("-{error}\r\n").as_bytes()).unwrap(),
        }
    }

    pub(super) fn plain(&self, op: &Op) -> Result<Reply> {
        let call = self.compiler.op(op).unwrap();
        assert!(call.script.is_none(), "{op:?} has a plain command");
        call.reply(op, self.send(&call), RUN)
    }

    pub(super) fn exact(&self, op: &Op) -> Result<Reply> {
        let call = self.compiler.exact_op(op).unwrap();
        call.reply(op, self.send(&call), RUN)
    }

    pub(super) fn transact(&self, txn: &Txn) -> Result<Outcome> {
        let call = self.compiler.txn(txn).unwrap();
        call.outcome(txn, self.send(&call), RUN)
    }

    fn number_holds(&self, plus: i64, min: i64, max: i64) -> bool {
        let mut program = TxnBuilder::new("number");
        let (holds, _) =
            program.fork(BranchId::ROOT, [Check::number(&key(Kind::Value, "n"), plus, min..=max)]);
        self.transact(&program.build().unwrap()).unwrap().took(holds)
    }
}

fn value(resp: roomkey_testkit::server::Resp) -> Value {
    use roomkey_testkit::server::Resp;
    match resp {
        Resp::Nil => Value::Nil,
        Resp::Int(number) => Value::Int(number),
        Resp::Bytes(bytes) if bytes == b"OK" => Value::Okay,
        Resp::Bytes(bytes) => Value::BulkString(bytes),
        Resp::Array(items) => Value::Array(items.into_iter().map(value).collect()),
        other => panic!("{other:?}"),
    }
}

/// Every op that one plain command says.
fn plain_ops() -> Vec<Op> {
    let (v, h, l) = (key(Kind::Value, "v"), key(Kind::Map, "h"), key(Kind::List, "l"));
    let (z, x) = (key(Kind::Ranking, "z"), key(Kind::Log, "x"));
    let (one, two) = (bytes("a"), [bytes("a"), bytes("nope")]);
    let (open, seventeen) = (roomkey_core::Bound::Open, roomkey_core::Bound::Is(17));
    let day = Until::In(Duration::from_secs(86_400));
    vec![
        Op::ttl(&v),
        Op::expire(&h, Life::Keep),
        Op::expire(&h, Life::Set(day)),
        Op::expire(&h, Life::Set(Until::At(roomkey_core::StoreTime::from_millis(0)))),
        Op::delete(&l),
        Op::get(&v),
        Op::put(&v, one.clone(), Life::Keep),
        Op::put(&v, one.clone(), Life::Never),
        Op::put(&v, one.clone(), Life::Set(day)),
        Op::put(&h, one.clone(), Life::Set(Until::At(roomkey_core::StoreTime::MAX))),
        Op::take(&v),
        Op::add(&v, i64::MIN, Life::Keep),
        Op::add(&v, 5, Life::Keep),
        Op::map_get(&h, two.clone()),
        Op::map_get(&h, one.clone()),
        Op::map_get(&h, bytes("missing")),
        Op::map_all(&h),
        Op::map_put(&h, two.clone(), one.clone(), Life::Keep),
        Op::map_put(&h, two.clone(), [bytes("1"), bytes("2"), bytes("3")], Life::Keep),
        Op::map_put(&h, one.clone(), two.clone(), Life::Keep),
        Op::map_remove(&h, two.clone()),
        Op::push(&l, End::Front, two.clone(), Life::Keep),
        Op::push(&l, End::Back, one.clone(), Life::Keep),
        Op::pop(&l, End::Front, 2),
        Op::pop(&l, End::Back, 1_000),
        Op::range(&l, -2, -1),
        Op::rank_remove(&z, two.clone()),
        Op::rank_range(&z, open, open, Order::Highest, 10),
        Op::rank_range(&z, roomkey_core::Bound::Is(-5), open, Order::Lowest, 1),
        Op::rank_range(&z, seventeen, seventeen, Order::Lowest, 10),
        Op::rank_range(&z, seventeen, seventeen, Order::Highest, 10),
        Op::rank_range(&z, roomkey_core::Bound::Is(18), roomkey_core::Bound::Is(18), Order::Lowest, 10),
        Op::rank_scores(&z, two),
        Op::rank_place(&z, one),
        Op::log_range(&x, LogId::MIN, LogId::MAX, Order::Lowest, 10),
        Op::log_range(&x, LogId::new(2, 0), LogId::MAX, Order::Highest, 1),
        Op::walk(&h, None, 10),
        Op::walk(&z, None, 10),
    ]
    .into_iter()
    .filter(|op| op.kind().is_none_or(|kind| kind == op.key().kind()))
    .collect()
}

#[test]
fn a_script_and_the_plain_command_are_one() {
    let redis = Redis::start();
    let command = |args: &[&str]| redis.server.command(args);
    let names: Vec<String> = ["v", "h", "l", "z", "x"].map(|name| key(Kind::Value, name).to_string()).into();
    let [v, h, l, z, x] = &names[..] else { panic!() };
    let state = || -> Vec<_> {
        let mut state: Vec<Value> = Vec::new();
        for name in &names {
            state.push(value(command(&["EXISTS", name])));
            if command(&["EXISTS", name]).int() == 1 {
                // DUMP holds the value without its expiry.
                state.push(value(command(&["DUMP", name])));
                state.push(Value::Int((command(&["PTTL", name]).int() + 5_000) / 10_000));
            }
        }
        state
    };
    type Fill<'a> = Box<dyn Fn() + 'a>;
    let fills: [(&str, Fill<'_>); 3] = [
        ("empty", Box::new(|| {})),
        (
            "filled",
            Box::new(|| {
                command(&["SET", v, "9007199254740993", "EX", "500"]);
                command(&["HSET", h, "a", "1", "b", "2"]);
                command(&["RPUSH", l, "a", "b", "c"]);
                command(&["ZADD", z, "9007199254740992", "a", "-9007199254740992", "b", "17", "c"]);
                command(&["XADD", x, "1-1", "f", "v"]);
                command(&["XADD", x, "2-0", "f", "v", "g", ""]);
            }),
        ),
        (
            "wrong",
            Box::new(|| {
                command(&["SET", h, "text"]);
                command(&["SET", l, "text"]);
                command(&["SET", z, "text"]);
                command(&["SET", x, "text"]);
                command(&["SET", v, " 1"]);
            }),
        ),
    ];
    for (name, fill) in fills {
        for op in plain_ops() {
            let mut seen = Vec::new();
            for exact in [false, true] {
                command(&["FLUSHALL"]);
                fill();
                let mut reply = if exact { redis.exact(&op) } else { redis.plain(&op) };
                if let Ok(Reply::Ttl(Ttl::After(left))) = &mut reply {
                    *left = Duration::from_secs(left.as_millis().div_ceil(10_000) as u64);
                }
                seen.push((reply.map_err(|error| error.kind()), state()));
            }
            assert_eq!(seen[0], seen[1], "{op:?} on {name} keys");
        }
    }
}

#[test]
fn counters_compare_exactly_over_all_of_i64() {
    let redis = Redis::start();
    let edges = [
        i64::MIN,
        i64::MIN + 1,
        -(1 << 53) - 1,
        -(1 << 53),
        -100_000_000_000_000_000,
        -99_999_999_999_999_999,
        -1,
        0,
        1,
        99_999_999_999_999_999,
        100_000_000_000_000_000,
        (1 << 53) - 1,
        1 << 53,
        (1 << 53) + 1,
        i64::MAX - 1,
        i64::MAX,
    ];
    for number in edges {
        redis.plain(&Op::put(&key(Kind::Value, "n"), bytes(&number.to_string()), Life::Never)).unwrap();
        for plus in [0, 1, -1, i64::MAX, i64::MIN] {
            for bound in edges {
                let sum = i128::from(number) + i128::from(plus);
                let fits = i64::try_from(sum).is_ok();
                let at_most = redis.number_holds(plus, i64::MIN, bound);
                assert_eq!(at_most, fits && sum <= bound.into(), "{number} + {plus} <= {bound}");
                let at_least = redis.number_holds(plus, bound, i64::MAX);
                assert_eq!(at_least, fits && sum >= bound.into(), "{number} + {plus} >= {bound}");
            }
        }
        for by in [1, -1, i64::MAX, i64::MIN, 0] {
            let sum = redis.exact(&Op::add(&key(Kind::Value, "n"), by, Life::Keep));
            match number.checked_add(by) {
                None => assert_eq!(sum.unwrap_err().kind(), ErrorKind::Overflow, "{number} + {by}"),
                Some(exact) => {
                    assert_eq!(sum.unwrap(), Reply::Number(exact));
                    redis
                        .plain(&Op::put(&key(Kind::Value, "n"), bytes(&number.to_string()), Life::Never))
                        .unwrap();
                }
            }
        }
    }
}

#[test]
fn references_may_be_longer_than_lua_unpacks() {
    const LONG: usize = 20_000;
    let redis = Redis::start();
    let list = key(Kind::List, "l");
    for chunk in 0..LONG / 1_000 {
        let part: Vec<Bytes> =
            (0..1_000).map(|i| bytes(&format!("element-{:05}", chunk * 1_000 + i))).collect();
        redis.plain(&Op::push(&list, End::Back, part, Life::Keep)).unwrap();
    }
    let (map, copy, z, x) =
        (key(Kind::Map, "h"), key(Kind::List, "copy"), key(Kind::Ranking, "z"), key(Kind::Log, "x"));
    let root = BranchId::ROOT;
    let mut program = TxnBuilder::new("long");
    let all = program.op(root, Op::range(&list, 0, -1));
    let fields = program.op(root, Op::map_put(&map, all, all, Life::Keep));
    let values = program.op(root, Op::map_get(&map, all));
    let pushed = program.op(root, Op::push(&copy, End::Back, values, Life::Keep));
    let ranked = program.op(root, RankPut::new(&z, all, Score::Is(7)).only(Only::New));
    let scores = program.op(root, Op::rank_scores(&z, ranked));
    let appended = program.op(root, Append::new(&x, 100_000).field("m", ranked));
    let removed = program.op(root, Op::rank_remove(&z, ranked));
    let gone = program.op(root, Op::map_remove(&map, values));
    let outcome = redis.transact(&program.build().unwrap()).unwrap();
    let count = Reply::Number(LONG as i64);
    for op in [fields, pushed, removed, gone] {
        assert_eq!(outcome.reply(op), Some(&count));
    }
    assert_eq!(outcome.reply(scores), Some(&Reply::Scores(vec![Some(7); LONG])));
    assert!(matches!(outcome.reply(appended), Some(Reply::Ids(ids)) if ids.len() == LONG));
    let Some(Reply::Ranked { members, score: Some(7) }) = outcome.reply(ranked) else { panic!() };
    assert_eq!(members.len(), LONG);
}

#[test]
fn the_longest_and_deepest_programs_run() {
    let redis = Redis::start();
    let (c, z) = (key(Kind::Value, "c"), key(Kind::Ranking, "z"));
    // Forks that none of them ends: few, many, and as many as fit with all their ops.
    for (rounds, scoped, tables) in [(4, false, false), (12, true, false), (128, true, true)] {
        let (mut program, mut taken) = (TxnBuilder::new("longest"), Vec::new());
        for index in 0..rounds {
            let check = Check::number(&c, index, 0..=i64::MAX);
            let (then, otherwise) = program.fork(BranchId::ROOT, [Check::exists(&z), check]);
            let member = bytes(&format!("m{index}"));
            program.op(then, RankPut::new(&z, member.clone(), Score::Last).only(Only::New).within(1_000));
            program.op(otherwise, RankPut::new(&z, member, Score::Is(index)).only(Only::NotLive));
            taken.push(program.op(BranchId::ROOT, Op::rank_take(&z, 1)));
            program.op(BranchId::ROOT, Op::rank_count(&z));
        }
        let txn = program.build().unwrap();
        assert_eq!(txn.ops() == roomkey_core::MAX_OPS, rounds == 128);
        // What only one template uses ends with it before what others read is looked up in tables.
        let source = redis.compiler.exact_txn(&txn).unwrap().script.unwrap().source.clone();
        assert_eq!((source.contains("\ndo\n"), source.contains("r[0]")), (scoped, tables), "{rounds}");
        let outcome = redis.transact(&txn).unwrap();
        for (index, take) in taken.into_iter().enumerate() {
            let member = Reply::Items(vec![bytes(&format!("m{index}"))]);
            assert_eq!(outcome.reply(take), Some(&member), "it was written, and its time is over");
        }
    }

    // As deep as a program may be, once with each fork alone in its branch and once with an op before it.
    for with_ops in [false, true] {
        let mut program = TxnBuilder::new("deepest");
        let mut branch = BranchId::ROOT;
        for depth in 0..roomkey_core::MAX_DEPTH {
            if with_ops {
                program.op(branch, Op::get(&c));
            }
            let checks = [Check::missing(&c), Check::number(&c, depth as i64, 0..=100)];
            branch = program.fork(branch, checks).0;
        }
        let last = program.op(branch, Op::add(&c, 0, Life::Keep));
        let outcome = redis.transact(&program.build().unwrap()).unwrap();
        assert_eq!(outcome.reply(last), Some(&Reply::Number(0)));
        redis.plain(&Op::delete(&c)).unwrap();
    }
}

#[test]
fn what_keeps_a_full_server_from_refusing_changes_nothing() {
    let redis = Redis::start();
    let (map, z, x) = (key(Kind::Map, "h"), key(Kind::Ranking, "z"), key(Kind::Log, "x"));
    // Empty fields and members are as good as any.
    redis.plain(&Op::map_put(&map, Bytes::new(), bytes("kept"), Life::Keep)).unwrap();
    redis.exact(&RankPut::new(&z, Bytes::new(), Score::Is(i64::from(u32::MAX))).into()).unwrap();
    let freeing = |nothing| -> [Op; 4] {
        [
            Op::map_remove(&map, nothing),
            Op::rank_remove(&z, nothing),
            Op::expire(&map, Life::Keep),
            RankPut::new(&z, nothing, Score::After(seconds(9))).only(Only::Live).into(),
        ]
    };
    redis.server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    for which in 0..4 {
        let mut program = TxnBuilder::new("free_first");
        let nothing = program.op(BranchId::ROOT, Op::pop(&key(Kind::List, "missing"), End::Front, 1));
        program.op(BranchId::ROOT, freeing(nothing)[which].clone());
        program.op(BranchId::ROOT, Append::new(&x, 5).field("k", "event"));
        redis.transact(&program.build().unwrap()).unwrap();
    }
    // Nobody is admitted, and yet it grows: refused. So is a Put that finds its key taken, but not for its memory.
    let nobody = RankPut::new(&z, Bytes::new(), Score::Is(1)).only(Only::New).within(0);
    assert_eq!(redis.exact(&nobody.into()).unwrap_err().kind(), ErrorKind::Full);
    redis.server.command(&["CONFIG", "SET", "maxmemory", "0"]);

    assert_eq!(redis.plain(&Op::map_all(&map)).unwrap(), Reply::Fields(vec![(Bytes::new(), bytes("kept"))]));
    let kept = Reply::Scores(vec![Some(u32::MAX.into())]);
    assert_eq!(redis.plain(&Op::rank_scores(&z, Bytes::new())).unwrap(), kept);
}

#[test]
fn stored_limits_are_read_before_the_first_write() {
    let redis = Redis::start();
    let (cfg, z) = (key(Kind::Map, "cfg"), key(Kind::Ranking, "z"));
    let limit = || Limit::Stored { key: cfg.clone(), field: bytes("limit"), or: 1 };
    let program = |value: &str| {
        let mut program = TxnBuilder::new("limit");
        program.op(BranchId::ROOT, Op::map_put(&cfg, bytes("limit"), bytes(value), Life::Keep));
        let members = Args::Given(vec![bytes("a"), bytes("b")]);
        let put = RankPut::new(&z, members, Score::After(seconds(60))).within(limit());
        let put = program.op(BranchId::ROOT, put);
        (program.build().unwrap(), put)
    };
    let (txn, put) = program("not a number");
    let outcome = redis.transact(&txn).unwrap();
    assert!(matches!(outcome.reply(put), Some(Reply::Ranked { members, .. }) if *members == [bytes("a")]));
    let (txn, _) = program("2");
    assert!(matches!(redis.transact(&txn), Err(Error::NotANumber)));
    let kept: Key = cfg;
    assert_eq!(
        redis.plain(&Op::map_all(&kept)).unwrap(),
        Reply::Fields(vec![(bytes("limit"), bytes("not a number"))])
    );
}

//! What is sent for prepared transactions: what would be sent for those that were built.

use bytes::Bytes;
use redis::Value;
use roomkey_core::{
    Append, BranchId, Cursor, Key, Kind, Life, Namespace, Op, Partition, Prepared, RankPut, Reply, Score,
    Step, Txn, TxnBuilder,
};

use super::programs::{self, bytes, key, seconds, words};
use crate::compile::{Call, Compiler, MOST_SHAPES};

const ROOT: BranchId = BranchId::ROOT;

fn keys_of(steps: &[Step], keys: &mut Vec<Key>) {
    for step in steps {
        match step {
            Step::Op(_, op) => {
                keys.push(op.key().clone());
                if let Some(roomkey_core::Limit::Stored { key, .. }) = op.limit() {
                    keys.push(key.clone());
                }
            }
            Step::Fork(fork) => {
                keys.extend(fork.when.iter().filter_map(|check| check.key().cloned()));
                keys_of(&fork.then, keys);
                keys_of(&fork.otherwise, keys);
            }
        }
    }
}

fn distinct_keys(txn: &Txn) -> Vec<Key> {
    let mut keys = Vec::new();
    keys_of(txn.steps(), &mut keys);
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Members of a ranking, and what is written into a log, on two keys.
fn program(ranking: &Key, log: &Key, members: [&Bytes; 2], text: &Bytes) -> TxnBuilder {
    let mut program = TxnBuilder::new("test.prepared");
    let members = members.map(Bytes::clone);
    program.op(ROOT, RankPut::new(ranking, members, Score::Is(5)).life(Life::AtLeast(seconds(60))));
    let entry = Append::new(log, 5).field("constant", "text").field("given", text.clone());
    program.op(ROOT, entry.life(Life::AtLeast(seconds(60))));
    program
}

fn prepared() -> (Prepared, [Key; 2], [Bytes; 3]) {
    let keys = [key(Kind::Ranking, "z"), key(Kind::Log, "l")];
    let args = [bytes("one"), bytes("two"), bytes("three")];
    let [one, two, three] = &args;
    let sample = program(&keys[0], &keys[1], [one, two], three).build().unwrap();
    (Prepared::new(sample, keys.clone(), args.clone()).unwrap(), keys, args)
}

fn sent(call: &Call) -> Vec<Vec<u8>> {
    words(call.cmd.as_ref().unwrap())
}

#[test]
fn the_call_is_that_of_the_program_that_would_have_been_built() {
    let compiler = Compiler::default();
    let namespace = Namespace::new("other", "v2", "names").unwrap();
    for txn in programs::all() {
        let keys = distinct_keys(&txn);
        let other = |(at, key): (usize, &Key)| {
            Key::new(key.kind(), &namespace, Partition::from_slot(99).unwrap(), [at as u8; 16])
        };
        let others: Vec<Key> = keys.iter().enumerate().map(other).collect();
        let prepared = Prepared::new(txn.clone(), keys.clone(), []).unwrap();
        let bound = prepared.bind(others.clone(), vec![]).unwrap();
        let call = compiler.txn(&bound).unwrap();
        // The words are those of the sample, but for the keys.
        let mut expected = sent(&compiler.txn(&txn).unwrap());
        for word in &mut expected {
            if let Some(at) = keys.iter().position(|key| key.bytes() == word) {
                *word = others[at].bytes().to_vec();
            }
        }
        assert_eq!(sent(&call), expected, "{}", txn.name());
        assert_eq!(call.script, compiler.txn(&txn).unwrap().script, "{}", txn.name());
    }
}

#[test]
fn arguments_go_where_they_stand_in_the_sample() {
    let compiler = Compiler::default();
    let (prepared, keys, args) = prepared();
    for texts in [["a", "b", "c"], ["", "\r\n$5\r\n", "a longer text"], ["same", "same", "same"]] {
        let [one, two, three] = texts.map(bytes);
        let bound = prepared.bind(keys.to_vec(), vec![one.clone(), two.clone(), three.clone()]).unwrap();
        let mut expected = sent(&compiler.txn(prepared.sample()).unwrap());
        for word in &mut expected[3..] {
            if let Some(at) = args.iter().position(|arg| arg == word) {
                *word = [&one, &two, &three][at].to_vec();
            }
        }
        assert_eq!(sent(&compiler.txn(&bound).unwrap()), expected, "{texts:?}");
    }
    assert_eq!((compiler.shapes(), compiler.templates()), (1, 1));
}

#[test]
fn the_answer_names_what_was_bound() {
    let compiler = Compiler::default();
    let (prepared, keys, _) = prepared();
    let bound = prepared.bind(keys.to_vec(), ["a", "b", "c"].map(bytes).to_vec()).unwrap();
    let call = compiler.txn(&bound).unwrap();
    let answer = Value::Array(vec![Value::Int(5), Value::BulkString(b"7-1".to_vec())]);
    let outcome = call.outcome(&bound, answer, "run").unwrap();
    let Step::Op(put, _) = &bound.steps()[0] else { panic!("the first step is an op") };
    let members = vec![bytes("a"), bytes("b")];
    assert_eq!(outcome.reply(*put), Some(&Reply::Ranked { members, score: Some(5) }));
}

#[test]
fn what_one_command_says_stays_one_command() {
    let compiler = Compiler::default();
    let value = key(Kind::Value, "v");
    let mut program = TxnBuilder::new("test");
    program.op(ROOT, Op::get(&value));
    let prepared = Prepared::new(program.build().unwrap(), [value.clone()], []).unwrap();
    let call = compiler.txn(&prepared.bind(vec![value.clone()], vec![]).unwrap()).unwrap();
    assert!(call.script.is_none());
    assert_eq!(sent(&call), [b"GET".to_vec(), value.bytes().to_vec()]);
}

#[test]
fn a_walk_goes_on_where_its_server_runs() {
    let compiler = Compiler::default();
    let map = key(Kind::Map, "m");
    let page = crate::compile::cursor::write("run", "17").unwrap();
    let walk = |cursor: Cursor| {
        let mut program = TxnBuilder::new("test");
        program.op(ROOT, Op::walk(&map, Some(cursor), 5));
        program.op(ROOT, Op::ttl(&map));
        Prepared::new(program.build().unwrap(), [map.clone()], []).unwrap()
    };
    let call = compiler.txn(&walk(page).bind(vec![map.clone()], vec![]).unwrap()).unwrap();
    assert_eq!(call.run.as_deref(), Some("run"));
}

#[test]
fn as_many_are_remembered_as_can_be_a_finite_list() {
    let compiler = Compiler::default();
    let map = key(Kind::Map, "m");
    let mut program = TxnBuilder::new("test");
    program.op(ROOT, Op::map_get(&map, "f"));
    program.op(ROOT, Op::ttl(&map));
    let txn = program.build().unwrap();
    for _ in 0..MOST_SHAPES + 5 {
        let prepared = Prepared::new(txn.clone(), [map.clone()], []).unwrap();
        compiler.txn(&prepared.bind(vec![map.clone()], vec![]).unwrap()).unwrap();
    }
    assert_eq!((compiler.shapes(), compiler.templates()), (1, 5));
}

//! Any transaction as one that was prepared.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use bytes::Bytes;
use roomkey_core::{
    Args, Check, FieldTest, Fork, Key, Limit, Namespace, Op, Partition, Prepared, Step, Txn, ValueTest,
};

/// The same transaction, bound from one that was prepared on other keys and arguments, in another partition.
pub(crate) fn prepared(txn: &Txn) -> Txn {
    let mut parts = Parts::default();
    parts.of_steps(txn.steps());
    let Parts { keys, bytes } = parts;
    // Those that stand in one buffer each; others are constants, for they cannot be told from one.
    let is_one = |arg: &&Bytes| bytes.iter().all(|other| other != *arg || other.as_ptr() == arg.as_ptr());
    let mut args: Vec<Bytes> = Vec::new();
    for arg in bytes.iter().filter(|arg| !arg.is_empty()).filter(is_one) {
        if !args.contains(arg) {
            args.push(arg.clone());
        }
    }
    let namespace = Namespace::new("testkit", "v1", "prepared").unwrap();
    let partition = Partition::from_slot((txn.partition().slot() + 1) % roomkey_core::SLOTS).unwrap();
    let other = |(at, key): (usize, &Key)| Key::new(key.kind(), &namespace, partition, [at as u8; 16]);
    let other_keys: Vec<Key> = keys.iter().enumerate().map(other).collect();
    let other_args: Vec<Bytes> = (0..args.len()).map(|at| Bytes::from(format!("argument {at}"))).collect();

    let there = Prepared::new(txn.clone(), keys.clone(), args.clone()).unwrap();
    let sample = there.bind(other_keys.clone(), other_args.clone()).unwrap();
    Prepared::new(sample, other_keys, other_args).unwrap().bind(keys, args).unwrap()
}

/// The keys of a transaction, each once, and all bytes in it.
#[derive(Default)]
struct Parts {
    keys: Vec<Key>,
    bytes: Vec<Bytes>,
}

impl Parts {
    fn of_steps(&mut self, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Op(_, op) => self.of_op(op),
                Step::Fork(Fork { when, then, otherwise, .. }) => {
                    when.iter().for_each(|check| self.of_check(check));
                    self.of_steps(then);
                    self.of_steps(otherwise);
                }
            }
        }
    }

    fn of_op(&mut self, op: &Op) {
        self.key(op.key());
        op.limit().into_iter().for_each(|limit| self.of_limit(limit));
        for args in op.args() {
            if let Args::Given(list) = args {
                self.bytes.extend_from_slice(list);
            }
        }
        match op {
            Op::MapMatch { fields, prefixes, .. } => {
                self.bytes.extend(fields.iter().chain(prefixes).cloned())
            }
            Op::RankPlace { member, .. } => self.bytes.push(member.clone()),
            _ => {}
        }
    }

    fn of_check(&mut self, check: &Check) {
        check.key().into_iter().for_each(|key| self.key(key));
        match check {
            Check::Value { is: ValueTest::Equals(bytes) | ValueTest::StartsWith(bytes), .. } => {
                self.bytes.push(bytes.clone());
            }
            Check::Field { field, is, .. } => {
                self.bytes.push(field.clone());
                if let FieldTest::Equals(bytes) | FieldTest::StartsWith(bytes) = is {
                    self.bytes.push(bytes.clone());
                }
            }
            Check::Ranked { member, .. } => self.bytes.push(member.clone()),
            Check::Below { limit, .. } => self.of_limit(limit),
            _ => {}
        }
    }

    fn of_limit(&mut self, limit: &Limit) {
        if let Limit::Stored { key, field, .. } = limit {
            self.key(key);
            self.bytes.push(field.clone());
        }
    }

    fn key(&mut self, key: &Key) {
        if !self.keys.contains(key) {
            self.keys.push(key.clone());
        }
    }
}

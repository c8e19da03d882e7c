//! Whether random programs reach everything that there is to reach.

use std::collections::BTreeMap;
use std::mem::discriminant;

use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use roomkey_core::{ErrorKind, Op, Reply, Store as _};
use roomkey_memory::MemoryStore;

use super::*;
use crate::state::{checks_of, ops_of};

/// Counts by name, to say in the end what was never seen.
#[derive(Default)]
struct Seen(BTreeMap<String, usize>);

impl Seen {
    fn note(&mut self, what: &impl std::fmt::Debug) {
        let text = format!("{what:?}");
        let name: String = text.chars().take_while(|c| c.is_alphanumeric()).collect();
        *self.0.entry(name).or_default() += 1;
    }

    fn count(&self, name: &str) -> usize {
        self.0.get(name).copied().unwrap_or_default()
    }
}

#[tokio::test]
async fn everything_is_reached() {
    let mut runner = TestRunner::deterministic();
    let strategy = sequences(12);
    let (mut ops, mut checks, mut replies, mut errors) =
        (Seen::default(), Seen::default(), Seen::default(), Seen::default());
    let (mut then, mut otherwise, mut references) = (0, 0, 0);
    for _ in 0..2_500 {
        let steps = strategy.new_tree(&mut runner).unwrap().current();
        let store = MemoryStore::new();
        for step in steps {
            match step {
                Step::LimitMemory(at_limit) => store.set_capacity(at_limit.then_some(0)),
                Step::Run(batch) => {
                    for (op, reply) in batch.ops().iter().zip(store.run(batch.clone()).await.unwrap()) {
                        note(&mut ops, &mut replies, &mut errors, op, reply.map_err(|e| e.kind()));
                    }
                }
                Step::Transact(txn) => {
                    references +=
                        ops_of(&txn).iter().map(|(_, op)| op.list_references().count()).sum::<usize>();
                    checks_of(&txn).iter().for_each(|check| checks.note(check));
                    match store.transact(&txn).await {
                        Err(error) => errors.note(&error.kind()),
                        Ok(outcome) => {
                            for (id, op) in ops_of(&txn) {
                                if let Some(reply) = outcome.reply(id) {
                                    note(&mut ops, &mut replies, &mut errors, op, Ok(reply.clone()));
                                }
                            }
                            let taken =
                                outcome.path().iter().skip(1).enumerate().filter(|(_, taken)| **taken);
                            for (branch, _) in taken {
                                if branch % 2 == 0 { then += 1 } else { otherwise += 1 }
                            }
                        }
                    }
                }
            }
        }
    }
    let expected_ops = [
        "Ttl",
        "Expire",
        "Delete",
        "Get",
        "Put",
        "Take",
        "Add",
        "MapGet",
        "MapAll",
        "MapPut",
        "MapRemove",
        "MapMatch",
        "Push",
        "Pop",
        "Range",
        "RankPut",
        "RankRemove",
        "RankTake",
        "RankRange",
        "RankCount",
        "RankScores",
        "RankPlace",
        "Append",
        "LogRange",
        "Walk",
    ];
    let expected_checks =
        ["Exists", "Missing", "Value", "Field", "Number", "Ranked", "Below", "Size", "Before"];
    let expected_replies = [
        "Skipped",
        "Ttl",
        "Written",
        "Flag",
        "Bytes",
        "Number",
        "Optionals",
        "Fields",
        "Matches",
        "Items",
        "Ranked",
        "Scored",
        "Scores",
        "Place",
        "Ids",
        "Entries",
        "Page",
    ];
    let expected_errors = ["WrongType", "NotANumber", "Overflow", "Full"];
    for (seen, expected) in [
        (&ops, &expected_ops[..]),
        (&checks, &expected_checks),
        (&replies, &expected_replies),
        (&errors, &expected_errors),
    ] {
        for name in expected {
            assert!(seen.count(name) >= 30, "{name} was reached {} times only", seen.count(name));
        }
        assert_eq!(seen.0.len(), expected.len(), "{:?}", seen.0);
    }
    assert!(then > 300 && otherwise > 300, "{then} and {otherwise} branches");
    assert!(references > 1_000, "{references} references");
}

fn note(ops: &mut Seen, replies: &mut Seen, errors: &mut Seen, op: &Op, reply: Result<Reply, ErrorKind>) {
    match reply {
        Err(error) => errors.note(&error),
        Ok(reply) => {
            // An op that was skipped has not been reached.
            if discriminant(&reply) != discriminant(&Reply::Skipped) {
                ops.note(op);
            }
            replies.note(&reply);
        }
    }
}

#[test]
fn few_programs_break_a_rule() {
    let mut runner = TestRunner::deterministic();
    let numbers = vec(any::<u16>(), 200);
    let broken = (0..2_000).filter(|_| {
        let numbers = numbers.new_tree(&mut runner).unwrap().current();
        draw::program(&mut Choices::new(&numbers)).is_err()
    });
    assert!(broken.count() < 100);
}

#[test]
fn without_numbers_everything_is_simple() {
    let Ok(txn) = draw::program(&mut Choices::new(&[])) else {
        panic!("the simplest program keeps all rules")
    };
    assert_eq!((txn.ops(), txn.branches()), (1, 1));
    assert_eq!(draw::batch(&mut Choices::new(&[])).ops().len(), 1);
}

//! Outcomes of scripts: the array of the time, the branches taken and the replies.

use std::borrow::Cow;
use std::vec;

use bytes::Bytes;
use redis::Value;
use roomkey_core::{
    Args, Error, Fork, Match, Op, OpId, Outcome, RankPut, Reply, Result, Step, StoreTime, Txn,
};

use super::reply;
use crate::error::{Refusal, refusal, unexpected_answer};

/// Reads the answer of a script that runs one op.
pub(in crate::compile) fn only_reply(op: &Op, answer: Value, run: &str) -> Result<Reply> {
    reply(op, values(answer)?.next().ok_or_else(unexpected_answer)?, run)
}

/// Reads the answer of a script that runs a transaction.
///
/// It is one flat array in the order of the program: the time, if the transaction reports it; for each op its reply, if
/// it has one to report and was not given an empty list; for each fork 1 or 0. A fork that is the only step of its branch is followed by what
/// the branch taken says. Any other is followed by what both branches say, that of the one not taken without meaning.
pub(in crate::compile) fn outcome(txn: &Txn, answer: Value, run: &str) -> Result<Outcome> {
    let mut values = values(answer)?;
    let now = if txn.reports_now() { Some(time(values.next())?) } else { None };
    // What a prepared transaction answers is read by the steps of its sample, which no call has to make again.
    let steps = txn.binding().map_or(txn, |binding| binding.prepared().sample()).steps();
    let mut reader = Reader { txn, steps, values, run, outcome: Outcome::new(txn, now) };
    reader.branch(steps)?;
    match reader.values.next() {
        None => Ok(reader.outcome),
        Some(_) => Err(unexpected_answer()),
    }
}

/// Reads the answer to `SET NX`.
pub(in crate::compile) fn put_if_missing(txn: &Txn, fork: &Fork, answer: Value) -> Result<Outcome> {
    let mut outcome = Outcome::new(txn, None);
    match (refused(answer)?, fork.then.as_slice()) {
        (Value::Okay, [Step::Op(id, _)]) => {
            outcome.take_branch(fork.then_id);
            if txn.reports(*id) {
                outcome.set_reply(*id, Reply::Written);
            }
        }
        (Value::Nil, _) => outcome.take_branch(fork.otherwise_id),
        _ => return Err(unexpected_answer()),
    }
    Ok(outcome)
}

/// Lets through what is no error.
pub(in crate::compile) fn refused(answer: Value) -> Result<Value> {
    match answer {
        Value::ServerError(error) => Err(match refusal(&error) {
            Refusal::Error(error) => error,
            Refusal::NoScript => unexpected_answer(),
        }),
        answer => Ok(answer),
    }
}

/// The array of a script, of which an only 1 or 0 comes by itself; or the error that it returns by name.
fn values(answer: Value) -> Result<vec::IntoIter<Value>> {
    let answer = refused(answer)?;
    match answer {
        Value::Array(values) => Ok(values.into_iter()),
        Value::Int(1 | 0) => Ok(vec![answer].into_iter()),
        Value::BulkString(name) => Err(match name.as_slice() {
            b"WrongType" => Error::WrongType,
            b"NotANumber" => Error::NotANumber,
            b"Overflow" => Error::Overflow,
            _ => unexpected_answer(),
        }),
        _ => Err(unexpected_answer()),
    }
}

fn time(value: Option<Value>) -> Result<StoreTime> {
    match value {
        Some(Value::Int(millis)) if millis >= 0 => Ok(StoreTime::from_millis(millis.cast_unsigned())),
        _ => Err(unexpected_answer()),
    }
}

/// Whether a reply is read by what the op was given, beside its form.
const fn replies_arguments(op: &Op) -> bool {
    matches!(op, Op::RankPut(RankPut { members: Args::Given(_), .. }))
}

/// The op of an id.
fn op_of(steps: &[Step], id: OpId) -> Option<&Op> {
    steps.iter().find_map(|step| match step {
        Step::Op(at, op) => (*at == id).then_some(op),
        Step::Fork(fork) => op_of(&fork.then, id).or_else(|| op_of(&fork.otherwise, id)),
    })
}

struct Reader<'a> {
    txn: &'a Txn,
    /// Those by which it is read.
    steps: &'a [Step],
    values: vec::IntoIter<Value>,
    run: &'a str,
    outcome: Outcome,
}

impl Reader<'_> {
    /// Reads what a branch taken says.
    fn branch(&mut self, steps: &[Step]) -> Result<()> {
        if let [Step::Fork(fork)] = steps {
            let then = self.decision(fork, true)?;
            return self.branch(if then { &fork.then } else { &fork.otherwise });
        }
        self.steps(steps, true)
    }

    fn steps(&mut self, steps: &[Step], taken: bool) -> Result<()> {
        for step in steps {
            match step {
                Step::Op(id, _) if !self.txn.reports(*id) => {}
                Step::Op(id, op) => {
                    let answer = if op.is_empty() { Value::Nil } else { self.next()? };
                    if taken {
                        let reply = self.reply(op, answer)?;
                        self.outcome.set_reply(*id, reply);
                    }
                }
                Step::Fork(fork) => {
                    let then = self.decision(fork, taken)?;
                    self.steps(&fork.then, taken && then)?;
                    self.steps(&fork.otherwise, taken && !then)?;
                }
            }
        }
        Ok(())
    }

    fn reply(&self, op: &Op, answer: Value) -> Result<Reply> {
        match (op, &answer) {
            (Op::RankPut(RankPut { members: Args::From(matched), .. }), Value::Int(score)) => {
                let members = self.matched(*matched).ok_or_else(unexpected_answer)?;
                Ok(Reply::Ranked { members, score: Some(*score) })
            }
            _ if replies_arguments(op) => reply(&self.own(op), answer, self.run),
            _ => reply(op, answer, self.run),
        }
    }

    /// The fields that matched in a `MapMatch` before.
    fn matched(&self, id: OpId) -> Option<Vec<Bytes>> {
        let Reply::Matches(matches) = self.outcome.reply(id)? else { return None };
        let Op::MapMatch { fields, .. } = &*self.own(op_of(self.steps, id)?) else { return None };
        let matched = fields.iter().zip(matches).filter(|(_, found)| **found == Match::Match);
        Some(matched.map(|(field, _)| field.clone()).collect())
    }

    /// An op with the arguments that it was given.
    fn own<'o>(&self, op: &'o Op) -> Cow<'o, Op> {
        self.txn.binding().map_or(Cow::Borrowed(op), |binding| Cow::Owned(binding.op(op)))
    }

    fn decision(&mut self, fork: &Fork, taken: bool) -> Result<bool> {
        let then = match self.next()? {
            Value::Int(1) => true,
            Value::Int(0) => false,
            _ => return Err(unexpected_answer()),
        };
        if taken {
            self.outcome.take_branch(if then { fork.then_id } else { fork.otherwise_id });
        }
        Ok(then)
    }

    fn next(&mut self) -> Result<Value> {
        self.values.next().ok_or_else(unexpected_answer)
    }
}

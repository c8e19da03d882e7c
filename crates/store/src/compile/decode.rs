//! Answers to replies and outcomes.
//!
//! A script replies to an op what the plain command would have replied, with two forms of its own: none for an op that
//! was skipped, and for `RankPut` what [`rank_put`] reads.

mod outcome;

use std::str::{self, FromStr};
use std::time::Duration;

use bytes::Bytes;
use redis::Value;
use roomkey_core::{
    Append, Args, Entry, Kind, LogId, Match, Op, RankPut, Reply, Result, Ttl, WalkItems, WalkPage,
};

use super::cursor;
use crate::error::unexpected_answer;

pub(super) use outcome::{only_reply, outcome, put_if_missing, refused};

/// Reads the answer to one op.
pub(super) fn reply(op: &Op, answer: Value, run: &str) -> Result<Reply> {
    let answer = refused(answer)?;
    read(op, answer, run).ok_or_else(unexpected_answer)
}

fn read(op: &Op, answer: Value, run: &str) -> Option<Reply> {
    if op.is_empty() {
        return Some(Reply::Skipped);
    }
    let takes_a_list = op.args().next().is_some();
    if answer == Value::Nil && takes_a_list {
        return Some(Reply::Skipped);
    }
    Some(match op {
        Op::Ttl { .. } => Reply::Ttl(match number(&answer)? {
            -2 => Ttl::Missing,
            -1 => Ttl::Never,
            millis => Ttl::After(Duration::from_millis(u64::try_from(millis).ok()?)),
        }),
        Op::Expire { .. } => match answer {
            Value::Int(1) => Reply::Written,
            Value::Int(0) | Value::Nil => Reply::Skipped,
            _ => return None,
        },
        Op::Delete { .. } => Reply::Flag(number(&answer)? > 0),
        Op::Get { .. } | Op::Take { .. } => Reply::Bytes(optional(answer)?),
        Op::Put { .. } => match answer {
            Value::Okay | Value::Int(1) => Reply::Written,
            _ => return None,
        },
        Op::Add { .. }
        | Op::MapPut { .. }
        | Op::MapRemove { .. }
        | Op::Push { .. }
        | Op::RankRemove { .. }
        | Op::RankCount { .. } => Reply::Number(number(&answer)?),
        Op::MapGet { .. } => Reply::Optionals(each(answer, optional)?),
        Op::MapAll { .. } => Reply::Fields(pairs(answer, bytes)?),
        Op::MapMatch { .. } => Reply::Matches(each(answer, |found| match found {
            Value::Int(1) => Some(Match::Match),
            Value::Int(0) => Some(Match::Differs),
            Value::Nil => Some(Match::Absent),
            _ => None,
        })?),
        // Before Redis 7 a list that is missing is popped as none, not as an empty array.
        Op::Pop { .. } if answer == Value::Nil => Reply::Items(Vec::new()),
        Op::Pop { .. } | Op::Range { .. } | Op::RankTake { .. } => Reply::Items(each(answer, bytes)?),
        Op::RankPut(put) => rank_put(put, answer)?,
        Op::RankRange { .. } => Reply::Scored(pairs(answer, score)?),
        Op::RankScores { .. } => Reply::Scores(each(answer, |value| match value {
            Value::Nil => Some(None),
            value => score(value).map(Some),
        })?),
        Op::RankPlace { .. } => Reply::Place(match answer {
            Value::Nil => None,
            place => Some(u64::try_from(number(&place)?).ok()?),
        }),
        Op::Append(append) => Reply::Ids(ids(append, answer)?),
        Op::LogRange { .. } => Reply::Entries(each(answer, entry)?),
        Op::Walk { key, .. } => Reply::Page(page(key.kind(), answer, run)?),
    })
}

/// Reads what a script says of a `RankPut`: the score if all given members were written, empty text if none was, or
/// else the score followed by the members. It may say the score alone of members that a `MapMatch` has told before, too,
/// which is read where that is known.
fn rank_put(put: &RankPut, answer: Value) -> Option<Reply> {
    let (members, score) = match answer {
        Value::Int(score) => match &put.members {
            Args::Given(members) => (members.clone(), Some(score)),
            Args::From(_) => return None,
        },
        Value::BulkString(text) if text.is_empty() => (Vec::new(), None),
        Value::Array(values) => {
            let mut values = values.into_iter();
            let score = number(&values.next()?)?;
            (values.map(bytes).collect::<Option<_>>()?, Some(score))
        }
        _ => return None,
    };
    Some(Reply::Ranked { members, score })
}

/// Reads the ids of entries: one text if there can only be one entry.
fn ids(append: &Append, answer: Value) -> Option<Vec<LogId>> {
    match answer {
        Value::BulkString(_) => Some(vec![log_id(answer)?]),
        answer => each(answer, log_id),
    }
    .filter(|ids| !append.fields.is_empty() && !ids.is_empty())
}

fn entry(answer: Value) -> Option<Entry> {
    let [id, fields] = parts(answer)?;
    Some(Entry { id: log_id(id)?, fields: pairs(fields, bytes)? })
}

fn log_id(answer: Value) -> Option<LogId> {
    text(&answer)
}

fn page(kind: Kind, answer: Value, run: &str) -> Option<WalkPage> {
    let [at, items] = parts(answer)?;
    let items = match kind {
        Kind::Ranking => WalkItems::Members(pairs(items, score)?),
        _ => WalkItems::Fields(pairs(items, bytes)?),
    };
    let Value::BulkString(at) = at else {
        return None;
    };
    Some(WalkPage { items, next: cursor::write(run, str::from_utf8(&at).ok()?) })
}

/// A score is text, and whole within ±2^53, where Redis writes it without an exponent.
pub(super) fn score(answer: Value) -> Option<i64> {
    text(&answer)
}

/// A number of Redis is an integer, or text where a script had to keep it exact.
fn number(answer: &Value) -> Option<i64> {
    match answer {
        Value::Int(number) => Some(*number),
        text_of_it => text(text_of_it),
    }
}

fn text<T: FromStr>(answer: &Value) -> Option<T> {
    match answer {
        Value::BulkString(text) => str::from_utf8(text).ok()?.parse().ok(),
        _ => None,
    }
}

pub(super) fn bytes(answer: Value) -> Option<Bytes> {
    match answer {
        Value::BulkString(bytes) => Some(bytes.into()),
        _ => None,
    }
}

pub(super) fn optional(answer: Value) -> Option<Option<Bytes>> {
    match answer {
        Value::Nil => Some(None),
        answer => bytes(answer).map(Some),
    }
}

pub(super) fn each<T>(answer: Value, read: impl Fn(Value) -> Option<T>) -> Option<Vec<T>> {
    match answer {
        Value::Array(values) => values.into_iter().map(read).collect(),
        _ => None,
    }
}

pub(super) fn pairs<T>(answer: Value, second: impl Fn(Value) -> Option<T>) -> Option<Vec<(Bytes, T)>> {
    let Value::Array(values) = answer else {
        return None;
    };
    let mut pairs = Vec::with_capacity(values.len() / 2);
    let mut values = values.into_iter();
    while let Some(value) = values.next() {
        pairs.push((bytes(value)?, second(values.next()?)?));
    }
    Some(pairs)
}

fn parts(answer: Value) -> Option<[Value; 2]> {
    match answer {
        Value::Array(values) => values.try_into().ok(),
        _ => None,
    }
}

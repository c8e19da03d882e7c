//! Ops and transactions that one plain command says whole, and what it answers.

use std::time::Duration;

use bytes::Bytes;
use redis::Value;
use roomkey_core::{
    Args, Bound, Check, End, Fork, Key, Kind, Life, Op, Order, Reply, Result, Step, StoreTime, Until,
};

use super::{cursor, decode};
use crate::error::unexpected_answer;
use crate::packed::Packed;

/// The command of an op, if there is one. The op has no reference and is not empty.
pub(super) fn op(op: &Op) -> Result<Option<Packed>> {
    Ok(Some(match op {
        Op::Ttl { key } => command("PTTL", key, 0, 0),
        Op::Expire { key, life } => return Ok(expire(key, *life)),
        Op::Delete { key } => command("UNLINK", key, 0, 0),
        Op::Get { key } => command("GET", key, 0, 0),
        Op::Put { key, value: Args::Given(value), life } => return Ok(put(key, &value[0], *life, false)),
        Op::Take { key } => command("GETDEL", key, 0, 0),
        Op::Add { key, by, life: Life::Keep } => {
            let mut cmd = command("INCRBY", key, 1, DIGITS);
            cmd.signed(*by);
            cmd
        }
        Op::MapGet { key, fields: Args::Given(fields) } if fields.len() == 1 => list("HGET", key, fields),
        Op::MapGet { key, fields: Args::Given(fields) } => list("HMGET", key, fields),
        Op::MapAll { key } => command("HGETALL", key, 0, 0),
        Op::MapPut { key, fields: Args::Given(fields), values: Args::Given(values), life: Life::Keep } => {
            let repeated = if values.len() == 1 { fields.len() } else { 1 };
            let pairs = || fields.iter().zip(values.iter().cycle().take(values.len() * repeated));
            let mut cmd =
                command("HSET", key, 2 * fields.len(), pairs().map(|(f, v)| f.len() + v.len()).sum());
            for (field, value) in pairs() {
                cmd.arg(field).arg(value);
            }
            cmd
        }
        Op::MapRemove { key, fields: Args::Given(fields) } => list("HDEL", key, fields),
        Op::Push { key, end, values: Args::Given(values), life: Life::Keep } => {
            list(if *end == End::Front { "LPUSH" } else { "RPUSH" }, key, values)
        }
        Op::Pop { key, end, count } => {
            let mut cmd = command(if *end == End::Front { "LPOP" } else { "RPOP" }, key, 1, DIGITS);
            cmd.unsigned((*count).into());
            cmd
        }
        Op::Range { key, from, to } => {
            let mut cmd = command("LRANGE", key, 2, 2 * DIGITS);
            cmd.signed(*from).signed(*to);
            cmd
        }
        Op::RankRemove { key, members: Args::Given(members) } => list("ZREM", key, members),
        Op::RankRange { key, min, max, order, limit } => {
            return Ok(rank_range(key, *min, *max, *order, *limit));
        }
        Op::RankScores { key, members: Args::Given(members) } => list("ZMSCORE", key, members),
        Op::RankPlace { key, member } => {
            let mut cmd = command("ZRANK", key, 1, member.len());
            cmd.arg(member);
            cmd
        }
        Op::LogRange { key, from, to, order, limit } => {
            let (name, from, to) = match order {
                Order::Lowest => ("XRANGE", from, to),
                Order::Highest => ("XREVRANGE", to, from),
            };
            let mut cmd = command(name, key, 4, 6 * DIGITS);
            cmd.arg(from.to_string()).arg(to.to_string()).arg("COUNT").unsigned((*limit).into());
            cmd
        }
        Op::Walk { key, cursor: at, count } => {
            let at = at.as_ref().map_or(Ok(0), |at| cursor::read(at).map(|(_, at)| at))?;
            let mut cmd =
                command(if key.kind() == Kind::Map { "HSCAN" } else { "ZSCAN" }, key, 3, 3 * DIGITS);
            cmd.unsigned(at).arg("COUNT").unsigned((*count).into());
            cmd
        }
        _ => return Ok(None),
    }))
}

/// `when Missing: Put` of one key and nothing otherwise, as `SET NX`.
pub(super) fn put_if_missing(fork: &Fork) -> Option<Packed> {
    match (fork.when.as_slice(), fork.then.as_slice(), fork.otherwise.as_slice()) {
        ([Check::Missing(missing)], [Step::Op(_, Op::Put { key, value: Args::Given(value), life })], [])
            if missing == key =>
        {
            put(key, value.first()?, *life, true)
        }
        _ => None,
    }
}

/// The reply to an op that was sent as [`op`] says. It may be shorter than that of a script: what the op says already is
/// not sent back.
pub(super) fn reply(op: &Op, answer: Value, run: &str) -> Result<Reply> {
    let answer = decode::refused(answer)?;
    let reply = match op {
        Op::MapGet { fields: Args::Given(fields), .. } if fields.len() == 1 => {
            decode::optional(answer).map(|found| Reply::Optionals(vec![found]))
        }
        Op::RankRange { min, max, .. } => match only_score(*min, *max) {
            Some(score) => decode::each(answer, |member| Some((decode::bytes(member)?, score))),
            None => decode::pairs(answer, decode::score),
        }
        .map(Reply::Scored),
        op => return decode::reply(op, answer, run),
    };
    reply.ok_or_else(unexpected_answer)
}

/// The only score within bounds.
fn only_score(min: Bound, max: Bound) -> Option<i64> {
    match (min, max) {
        (Bound::Is(min), Bound::Is(max)) if min == max => Some(min),
        _ => None,
    }
}

/// A duration in whole milliseconds, rounded up as everywhere in the contract.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// A moment as Redis takes it: it refuses the moment 0, and the first millisecond of 1970 is as long ago.
pub(super) fn moment(time: StoreTime) -> u64 {
    time.as_millis().max(1)
}

/// As many bytes as a 64-bit number takes.
const DIGITS: usize = 20;

/// A command with its key and room for arguments.
fn command(name: &str, key: &Key, args: usize, bytes: usize) -> Packed {
    let mut cmd = Packed::new(name, 1 + args, key.bytes().len() + bytes);
    cmd.arg(key.bytes());
    cmd
}

fn list(name: &str, key: &Key, list: &[Bytes]) -> Packed {
    let mut cmd = command(name, key, list.len(), list.iter().map(Bytes::len).sum());
    for arg in list {
        cmd.arg(arg);
    }
    cmd
}

fn put(key: &Key, value: &Bytes, life: Life, if_missing: bool) -> Option<Packed> {
    let (option, time) = match life {
        // A key that is missing has no expiry to keep.
        Life::Keep if if_missing => (None, None),
        Life::Keep => (Some("KEEPTTL"), None),
        Life::Never => (None, None),
        Life::Set(Until::In(duration)) => (Some("PX"), Some(millis(duration))),
        Life::Set(Until::At(time)) => (Some("PXAT"), Some(moment(time))),
        Life::Set(Until::InCapped(..)) | Life::AtLeast(_) => return None,
    };
    let mut cmd = command("SET", key, 4, value.len() + DIGITS + 10);
    cmd.arg(value);
    if if_missing {
        cmd.arg("NX");
    }
    if let Some(option) = option {
        cmd.arg(option);
    }
    if let Some(time) = time {
        cmd.unsigned(time);
    }
    Some(cmd)
}

fn expire(key: &Key, life: Life) -> Option<Packed> {
    let (name, time) = match life {
        Life::Keep => return Some(command("EXISTS", key, 0, 0)),
        Life::Set(Until::In(duration)) => ("PEXPIRE", millis(duration)),
        Life::Set(Until::At(time)) => ("PEXPIREAT", moment(time)),
        // PERSIST does not tell a missing key from one that never expires.
        Life::Never | Life::Set(Until::InCapped(..)) | Life::AtLeast(_) => return None,
    };
    let mut cmd = command(name, key, 1, DIGITS);
    cmd.unsigned(time);
    Some(cmd)
}

fn rank_range(key: &Key, min: Bound, max: Bound, order: Order, limit: u32) -> Option<Packed> {
    let (name, first, last) = match order {
        Order::Lowest => ("ZRANGEBYSCORE", (min, "-inf"), (max, "+inf")),
        Order::Highest => ("ZREVRANGEBYSCORE", (max, "+inf"), (min, "-inf")),
    };
    let mut cmd = command(name, key, 6, 3 * DIGITS + 20);
    for (bound, open) in [first, last] {
        match bound {
            Bound::Open => cmd.arg(open),
            Bound::Is(score) => cmd.signed(score),
            Bound::Now => return None,
        };
    }
    if only_score(min, max).is_none() {
        cmd.arg("WITHSCORES");
    }
    cmd.arg("LIMIT").unsigned(0).unsigned(limit.into());
    Some(cmd)
}

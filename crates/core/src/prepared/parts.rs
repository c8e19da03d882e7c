//! The keys and bytes of steps, to be exchanged.

use bytes::Bytes;

use crate::{Args, Check, FieldTest, Fork, Key, Limit, Op, Step, ValueTest};

pub(super) fn of_steps(
    steps: &mut [Step],
    key: &mut impl FnMut(&mut Key),
    bytes: &mut impl FnMut(&mut Bytes),
) {
    for step in steps {
        match step {
            Step::Op(_, op) => of_op(op, key, bytes),
            Step::Fork(Fork { when, then, otherwise, .. }) => {
                for check in when {
                    of_check(check, key, bytes);
                }
                of_steps(then, key, bytes);
                of_steps(otherwise, key, bytes);
            }
        }
    }
}

pub(super) fn of_op(op: &mut Op, key: &mut impl FnMut(&mut Key), bytes: &mut impl FnMut(&mut Bytes)) {
    match op {
        Op::Ttl { key: it }
        | Op::Expire { key: it, .. }
        | Op::Delete { key: it }
        | Op::Get { key: it }
        | Op::Take { key: it }
        | Op::Add { key: it, .. }
        | Op::MapAll { key: it }
        | Op::Pop { key: it, .. }
        | Op::Range { key: it, .. }
        | Op::RankTake { key: it, .. }
        | Op::RankRange { key: it, .. }
        | Op::RankCount { key: it }
        | Op::LogRange { key: it, .. }
        | Op::Walk { key: it, .. } => key(it),
        Op::Put { key: it, value: list, .. }
        | Op::MapGet { key: it, fields: list }
        | Op::MapRemove { key: it, fields: list }
        | Op::Push { key: it, values: list, .. }
        | Op::RankRemove { key: it, members: list }
        | Op::RankScores { key: it, members: list } => {
            key(it);
            of_args(list, bytes);
        }
        Op::MapPut { key: it, fields, values, .. } => {
            key(it);
            of_args(fields, bytes);
            of_args(values, bytes);
        }
        Op::MapMatch { key: it, fields, prefixes } => {
            key(it);
            fields.iter_mut().for_each(&mut *bytes);
            prefixes.iter_mut().for_each(bytes);
        }
        Op::RankPut(put) => {
            key(&mut put.key);
            of_args(&mut put.members, bytes);
            if let Some(limit) = &mut put.within {
                of_limit(limit, key, bytes);
            }
        }
        Op::RankPlace { key: it, member } => {
            key(it);
            bytes(member);
        }
        Op::Append(append) => {
            key(&mut append.key);
            append.fields.iter_mut().for_each(|(_, args)| of_args(args, bytes));
        }
    }
}

fn of_check(check: &mut Check, key: &mut impl FnMut(&mut Key), bytes: &mut impl FnMut(&mut Bytes)) {
    match check {
        Check::Exists(it)
        | Check::Missing(it)
        | Check::Number { key: it, .. }
        | Check::Size { key: it, .. } => key(it),
        Check::Value { key: it, is: ValueTest::Equals(compared) | ValueTest::StartsWith(compared) } => {
            key(it);
            bytes(compared);
        }
        Check::Field { key: it, field, is } => {
            key(it);
            bytes(field);
            if let FieldTest::Equals(compared) | FieldTest::StartsWith(compared) = is {
                bytes(compared);
            }
        }
        Check::Ranked { key: it, member, .. } => {
            key(it);
            bytes(member);
        }
        Check::Below { key: it, limit } => {
            key(it);
            of_limit(limit, key, bytes);
        }
        Check::Before(_) => {}
    }
}

fn of_args(args: &mut Args, bytes: &mut impl FnMut(&mut Bytes)) {
    if let Args::Given(list) = args {
        list.iter_mut().for_each(bytes);
    }
}

fn of_limit(limit: &mut Limit, key: &mut impl FnMut(&mut Key), bytes: &mut impl FnMut(&mut Bytes)) {
    if let Limit::Stored { key: it, field, .. } = limit {
        key(it);
        bytes(field);
    }
}

//! Arguments: given by the caller, or taken from the reply of an earlier op of the path.

use std::borrow::Cow;

use bytes::Bytes;
use roomkey_core::{Args, MAX_SCORE, Match, Op, OpId, Reply, WalkItems};

use super::Planned;
use super::act::Done;
use crate::integer;
use crate::structures::ranking_score;

/// A list of arguments.
pub(super) struct List<'a> {
    pub(super) items: Cow<'a, [Bytes]>,
    /// Whether it is a single argument, which is repeated beside longer lists.
    pub(super) single: bool,
}

/// The arguments of an op as a list.
pub(super) fn list<'a>(args: &'a Args, earlier: &[Planned<'_>]) -> List<'a> {
    match args {
        Args::Given(items) => List { items: Cow::Borrowed(items), single: items.len() == 1 },
        Args::From(id) => match find(*id, earlier) {
            Some((op, done)) => List { items: Cow::Owned(as_list(op, done)), single: op.shape().is_single() },
            // The builder lets a reference point only to what comes earlier on every path that it stands on.
            None => List { items: Cow::Borrowed(&[]), single: false },
        },
    }
}

/// The number that an earlier op replied, as a score.
pub(super) fn score(id: OpId, earlier: &[Planned<'_>]) -> Option<i64> {
    find(id, earlier).and_then(|(_, done)| as_number(done)).map(|score| score.clamp(-MAX_SCORE, MAX_SCORE))
}

/// Whether the op does nothing, because a list of its arguments is empty or its number does not exist.
pub(super) fn is_skipped(op: &Op, earlier: &[Planned<'_>]) -> bool {
    op.is_empty()
        || op.args().any(|args| list(args, earlier).items.is_empty())
        || op.number_reference().is_some_and(|id| score(id, earlier).is_none())
}

fn find<'p>(id: OpId, earlier: &'p [Planned<'_>]) -> Option<(&'p Op, &'p Done)> {
    let planned = earlier.iter().rev().find(|planned| planned.id == id)?;
    Some((planned.op, planned.done.as_ref()?))
}

fn as_number(done: &Done) -> Option<i64> {
    match &done.reply {
        Reply::Number(number) => Some(*number),
        Reply::Written => done.deadline.map(ranking_score),
        Reply::Ranked { score, .. } => *score,
        Reply::Scored(members) => members.first().map(|(_, score)| *score),
        _ => None,
    }
}

fn as_list(op: &Op, done: &Done) -> Vec<Bytes> {
    match &done.reply {
        Reply::Bytes(value) => value.iter().cloned().collect(),
        Reply::Number(_) | Reply::Written => as_number(done).map(integer::text).into_iter().collect(),
        // An absent field is empty bytes, so that lists stay in step.
        Reply::Optionals(values) => values.iter().map(|value| value.clone().unwrap_or_default()).collect(),
        Reply::Items(items) => items.clone(),
        Reply::Ranked { members, .. } => members.clone(),
        Reply::Scored(members) => members.iter().map(|(member, _)| member.clone()).collect(),
        Reply::Matches(matches) => match op {
            Op::MapMatch { fields, .. } => {
                let matching = fields.iter().zip(matches).filter(|(_, found)| **found == Match::Match);
                matching.map(|(field, _)| field.clone()).collect()
            }
            _ => Vec::new(),
        },
        Reply::Page(page) => match &page.items {
            WalkItems::Fields(fields) => fields.iter().map(|(field, _)| field.clone()).collect(),
            WalkItems::Members(members) => members.iter().map(|(member, _)| member.clone()).collect(),
        },
        // Skipped: emptiness goes on. The others have no list, and the builder rejects a reference to them.
        Reply::Skipped
        | Reply::Ttl(_)
        | Reply::Flag(_)
        | Reply::Fields(_)
        | Reply::Scores(_)
        | Reply::Place(_)
        | Reply::Ids(_)
        | Reply::Entries(_) => Vec::new(),
    }
}

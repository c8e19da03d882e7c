//! Stores that do one thing at a time.

use std::collections::BTreeSet;

use crate::linear::{Call, Model};

/// A value that is 0 at first.
pub(super) struct Register;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Word {
    Read,
    Write(u8),
    /// Writes the second if the first is there.
    Swap(u8, u8),
    // The answers.
    Value(u8),
    Done(bool),
}

impl Model for Register {
    type Op = Word;
    type Answer = Word;
    type State = u8;

    fn start(&self) -> u8 {
        0
    }

    fn step(&self, state: &u8, call: &Call<Word, Word>) -> Vec<u8> {
        let (next, answer) = match *call.op() {
            Word::Read => (*state, Word::Value(*state)),
            Word::Write(value) => (value, Word::Done(true)),
            Word::Swap(from, to) if from == *state => (to, Word::Done(true)),
            Word::Swap(..) => (*state, Word::Done(false)),
            answer => panic!("{answer:?} is nothing to ask"),
        };
        if call.answer().is_none_or(|given| *given == answer) { vec![next] } else { vec![] }
    }
}

/// Tells the next number.
pub(super) struct Counter;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Told {
    Next,
}

impl Model for Counter {
    type Op = Told;
    type Answer = u64;
    type State = u64;

    fn start(&self) -> u64 {
        0
    }

    fn step(&self, state: &u64, call: &Call<Told, u64>) -> Vec<u64> {
        if call.answer().is_none_or(|answer| *answer == state + 1) { vec![state + 1] } else { vec![] }
    }
}

/// A set of members that may not be more than the limit.
pub(super) struct Seats {
    pub(super) limit: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Deed {
    Join(u8),
    Leave(u8),
    Size,
}

/// Does one thing, and answers with a number: how many there are, or whether it was done.
pub(super) fn act(members: &mut BTreeSet<u8>, limit: usize, op: Deed) -> usize {
    match op {
        Deed::Join(member) if members.contains(&member) || members.len() < limit => {
            members.insert(member);
            1
        }
        Deed::Join(_) => 0,
        Deed::Leave(member) => members.remove(&member).into(),
        Deed::Size => members.len(),
    }
}

impl Model for Seats {
    type Op = Deed;
    type Answer = usize;
    type State = BTreeSet<u8>;

    fn start(&self) -> Self::State {
        BTreeSet::new()
    }

    fn step(&self, state: &Self::State, call: &Call<Deed, usize>) -> Vec<Self::State> {
        let mut next = state.clone();
        let answer = act(&mut next, self.limit, *call.op());
        if call.answer().is_none_or(|given| *given == answer) { vec![next] } else { vec![] }
    }
}

/// Seats of which the op names the room.
pub(super) struct Rooms(pub(super) Seats);

impl Model for Rooms {
    type Op = (char, Deed);
    type Answer = usize;
    type State = BTreeSet<u8>;

    fn start(&self) -> Self::State {
        self.0.start()
    }

    fn step(&self, state: &Self::State, call: &Call<(char, Deed), usize>) -> Vec<Self::State> {
        let mut inner = Call::new(call.caller(), call.op().1, call.began());
        if let (Some(answer), Some(ended)) = (call.answer(), call.ended()) {
            inner = inner.answered(*answer, ended);
        }
        self.0.step(state, &inner)
    }
}

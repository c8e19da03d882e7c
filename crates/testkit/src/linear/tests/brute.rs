//! The search against every order there is, on random histories of few calls.

use proptest::collection::vec;
use proptest::prelude::*;

use super::models::Register;
use super::models::Word::{self, Done, Read, Swap, Value, Write};
use super::{call, linearizable};
use crate::Cases;
use crate::linear::{Call, Model};

type Calls = Vec<Call<Word, Word>>;

/// Calls of which most could be true, each with its times; some have the same.
fn history() -> impl Strategy<Value = Calls> {
    let op = prop_oneof![
        3 => (0..3_u8).prop_map(|value| (Read, Value(value))),
        2 => (1..3_u8).prop_map(|value| (Write(value), Done(true))),
        2 => (0..3_u8, 1..3_u8, any::<bool>()).prop_map(|(from, to, done)| (Swap(from, to), Done(done))),
    ];
    let times = (1..14_u64, 1..12_u64, 0..3_u8);
    let call = (op, times).prop_map(|((op, answer), (began, length, lost))| {
        call(op, answer, began, if lost == 0 { 0 } else { began + length })
    });
    vec(call, 0..9)
}

/// Whether any order of what is left explains it, tried one by one.
fn explained(state: u8, left: &Calls) -> bool {
    if left.iter().all(|call| call.answer().is_none()) {
        return true;
    }
    let ends = |call: &Call<_, _>| call.ended().map_or(u64::MAX, |end| end.tick);
    (0..left.len()).any(|next| {
        let overtakes = left.iter().any(|other| ends(other) < left[next].began().tick);
        let mut rest = left.clone();
        let call = rest.remove(next);
        // That it never happens is what `left` says of those without an answer that stay.
        !overtakes && Register.step(&state, &call).into_iter().any(|state| explained(state, &rest))
    })
}

#[test]
fn the_search_finds_an_order_exactly_if_there_is_one() {
    Cases::new(4_000, 100_000).check(&history(), |calls| {
        match (linearizable(&Register, &calls), explained(0, &calls)) {
            (found, there_is) if found == there_is => Ok(()),
            (true, _) => Err("the search found an order where there is none".to_owned()),
            (false, _) => Err("the search found no order where there is one".to_owned()),
        }
    });
}

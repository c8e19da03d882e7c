//! Histories of many callers, drawn from a seed: of a store that is right, and of some that are not.

use std::collections::BTreeSet;

use super::models::Deed::{self, Join, Leave, Size};
use super::models::{Seats, act};
use crate::linear::{Call, Checker, Moment, Verdict};

const CALLERS: usize = 8;
const CALLS: usize = 200;
const LIMIT: usize = 4;

/// Numbers from a seed (SplitMix64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// How the simulated store works.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Store {
    Right,
    /// Looks whether there is room, and joins later.
    Naive,
    /// Does a leave once more before it answers.
    Doubling,
    /// Answers how many there are from a moment ago.
    Stale,
}

/// Where a call has come to.
enum Stage {
    Asked,
    /// The naive store has seen room.
    HasRoom,
    Done(usize),
}

struct Under {
    caller: usize,
    number: usize,
    stage: Stage,
    /// Nobody waits for the answer any more.
    lost: bool,
}

/// Lets callers act in turns that the seed decides, and loses so many of 100 answers: before the store got to it, never to
/// get there or only later, or after.
fn simulate(store: Store, seed: u64, lost: usize) -> Vec<Call<Deed, usize>> {
    let mut draw = Draw(seed);
    let (mut calls, mut under_way): (Vec<Call<Deed, usize>>, Vec<Under>) = (Vec::new(), Vec::new());
    let (mut members, mut old, mut tick) = (BTreeSet::new(), 0, 0);
    let mut left = [CALLS; CALLERS];
    loop {
        let idle = |caller: &usize| !under_way.iter().any(|under| under.caller == *caller && !under.lost);
        let ready: Vec<usize> = (0..CALLERS).filter(|caller| left[*caller] > 0).filter(idle).collect();
        let turns = ready.len() + under_way.len();
        if turns == 0 {
            return calls;
        }
        let turn = draw.below(turns);
        tick += 1;
        let now = Moment { tick, at: std::time::Duration::from_millis(tick) };
        if let Some(caller) = ready.get(turn).copied() {
            left[caller] -= 1;
            let member = draw.below(CALLERS) as u8;
            let op = [Join(member), Join(member), Leave(member), Size][draw.below(4)];
            calls.push(Call::new(caller, op, now));
            under_way.push(Under { caller, number: calls.len() - 1, stage: Stage::Asked, lost: false });
            continue;
        }
        let index = turn - ready.len();
        let under = &mut under_way[index];
        let op = *calls[under.number].op();
        if !under.lost && draw.percent(lost) {
            under.lost = true;
            if draw.percent(50) {
                under_way.swap_remove(index);
            }
            continue;
        }
        let size = members.len();
        under.stage = match under.stage {
            Stage::Asked => match op {
                Join(_) if store == Store::Naive && size < LIMIT => Stage::HasRoom,
                Size if store == Store::Stale => Stage::Done(old),
                op => Stage::Done(act(&mut members, LIMIT, op)),
            },
            Stage::HasRoom => Stage::Done(act(&mut members, usize::MAX, op)),
            Stage::Done(answer) => {
                if let (Store::Doubling, Leave(_)) = (store, op) {
                    act(&mut members, LIMIT, op);
                }
                let under = under_way.swap_remove(index);
                if !under.lost {
                    let call = &mut calls[under.number];
                    *call = call.clone().answered(answer, now);
                }
                continue;
            }
        };
        old = size;
    }
}

fn check(store: Store, seed: u64, lost: usize) -> Verdict {
    Checker::new(&Seats { limit: LIMIT }).check(&simulate(store, seed, lost))
}

#[test]
fn a_store_that_is_right_is_explained_whatever_is_lost() {
    for (lost, seeds) in [(0, 8), (1, 4), (5, 2)] {
        for seed in 0..seeds {
            check(Store::Right, seed, lost).assert_linearizable(format_args!("seed {seed}, {lost} % lost"));
        }
    }
}

#[test]
fn a_store_that_is_wrong_is_not_explained() {
    for (store, lost) in [(Store::Naive, 0), (Store::Naive, 1), (Store::Stale, 0), (Store::Doubling, 0)] {
        for seed in 0..4 {
            let verdict = check(store, seed, lost);
            assert!(
                matches!(verdict, Verdict::Broken(_)),
                "{store:?}, seed {seed}, {lost} % lost: {verdict}"
            );
        }
    }
}

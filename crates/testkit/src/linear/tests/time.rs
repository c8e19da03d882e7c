//! Leases: a model in which time passes, between bounds.

use std::collections::BTreeMap;
use std::time::Duration;

use super::linearizable;
use crate::linear::{Call, Model, Moment};

/// One seat for whoever takes it, for a while.
struct Leases {
    lease: Duration,
}

/// Between which times the lease of a member ends.
type Ends = BTreeMap<u8, (Duration, Duration)>;

impl Model for Leases {
    /// Who wants the seat.
    type Op = u8;
    /// Whether it is theirs.
    type Answer = bool;
    type State = Ends;

    fn start(&self) -> Ends {
        Ends::new()
    }

    fn step(&self, state: &Ends, call: &Call<u8, bool>) -> Vec<Ends> {
        let (member, earliest) = (*call.op(), call.began().at);
        let latest = call.ended().map_or(Duration::MAX, |ended| ended.at);
        let mut next = Vec::new();
        let mut take = |mut ends: Ends| {
            if call.answer() != Some(&false) {
                ends.insert(member, (earliest + self.lease, latest.saturating_add(self.lease)));
                next.push(ends);
            }
        };
        match state.iter().find(|(holder, _)| **holder != member).map(|(_, ends)| *ends) {
            None => take(state.clone()),
            Some((first, last)) => {
                if latest >= first {
                    take(Ends::new());
                }
                if earliest < last && call.answer() != Some(&true) {
                    next.push(state.clone());
                }
            }
        }
        next
    }
}

fn ask(member: u8, had: bool, began: u64, ended: u64) -> Call<u8, bool> {
    let moment = |tick| Moment { tick, at: Duration::from_millis(tick) };
    Call::new(0, member, moment(began)).answered(had, moment(ended))
}

#[test]
fn a_lease_ends_between_its_bounds_and_not_outside() {
    let leases = Leases { lease: Duration::from_millis(100) };
    // Taken at some time from 10 to 20, so it ends at some time from 110 to 120.
    let second =
        |had, began, ended| linearizable(&leases, &[ask(1, true, 10, 20), ask(2, had, began, ended)]);
    assert!(second(false, 30, 109) && !second(true, 30, 109), "taken while it was held");
    assert!(second(false, 105, 111) && second(true, 105, 111));
    assert!(second(false, 119, 130) && second(true, 119, 130));
    assert!(second(true, 120, 130) && !second(false, 120, 130), "a ghost");
    // Which of both it was shows in what follows.
    let third = |had, member| {
        linearizable(&leases, &[ask(1, true, 10, 20), ask(2, true, 112, 114), ask(member, had, 115, 116)])
    };
    assert!(third(true, 2) && third(false, 1) && !third(true, 1) && !third(false, 2));
    // A holder goes on, and its lease with it.
    let renewed = |had| {
        let calls = [ask(1, true, 10, 20), ask(1, true, 90, 95), ask(2, had, 150, 160)];
        linearizable(&leases, &calls)
    };
    assert!(renewed(false) && !renewed(true));
}

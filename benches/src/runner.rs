//! Measuring in turns.

use std::time::Duration;

use crate::Result;
use crate::comparison::{Comparison, Sample};
use crate::report::{Row, Side};
use crate::stats::Spread;

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    /// How long a contender runs in one round.
    pub(crate) turn: Duration,
}

/// Measures a comparison: one row per peer, and one more for the control.
///
/// A ratio is the median of the rounds' own ratios, because the two sides of a round stand closest in time.
pub(crate) fn run(comparison: &mut Comparison, plan: &Plan) -> Result<Vec<Row>> {
    eprintln!("{}, concurrency {}", comparison.name, comparison.concurrency);
    let samples = measure(comparison, plan)?;
    let (ours, peers) = (&samples[0], &samples[1..=comparison.peers.len()]);
    let mut rows: Vec<Row> = comparison
        .peers
        .iter()
        .zip(peers)
        .map(|((peer, target), theirs)| row(comparison, peer.name, ours, theirs).target(*target))
        .collect();
    if comparison.control {
        let (first, again) = (&peers[0], &samples[samples.len() - 1]);
        rows.push(row(comparison, comparison.peers[0].0.name, again, first).control());
    }
    Ok(rows)
}

/// The samples of every slot, round by round: ours, each peer, and the control's second turn of the first peer.
fn measure(comparison: &mut Comparison, plan: &Plan) -> Result<Vec<Vec<Sample>>> {
    let contenders = 1 + comparison.peers.len();
    let slots = contenders + usize::from(comparison.control);
    let mut turn = |slot: usize, time| match slot {
        0 => comparison.ours.turn(time),
        _ => comparison.peers[if slot < contenders { slot - 1 } else { 0 }].0.turn(time),
    };
    for slot in 0..contenders {
        // Fills caches and connections; its rate is not used.
        turn(slot, plan.turn / 2)?;
    }
    let mut samples = vec![Vec::with_capacity(plan.rounds); slots];
    for round in 0..plan.rounds {
        for slot in order(round, slots) {
            samples[slot].push(turn(slot, plan.turn)?);
        }
    }
    Ok(samples)
}

/// Who has the first turn rotates, and every other round goes backwards, so that nobody always follows the same
/// neighbour.
pub(crate) fn order(round: usize, slots: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..slots).collect();
    order.rotate_left(round / 2 % slots);
    if round % 2 == 1 {
        order.reverse();
    }
    order
}

fn row(comparison: &Comparison, peer: &'static str, ours: &[Sample], theirs: &[Sample]) -> Row {
    let ratios = ours.iter().zip(theirs).map(|(ours, theirs)| ours.per_s / theirs.per_s);
    Row::new(
        &comparison.name,
        comparison.concurrency,
        peer,
        Side::of(ours),
        Side::of(theirs),
        Spread::of(ratios),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::{Contender, Target};

    #[test]
    fn everybody_has_every_place_and_both_neighbours() {
        let rounds: Vec<_> = (0..6).map(|round| order(round, 3)).collect();
        assert_eq!(rounds[..4], [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]]);
        for place in 0..3 {
            let mut seen: Vec<_> = rounds.iter().map(|order| order[place]).collect();
            seen.sort_unstable();
            assert_eq!(seen, [0, 0, 1, 1, 2, 2]);
        }
    }

    #[test]
    fn a_ratio_is_that_of_turns_of_the_same_round() {
        // The machine is ten times slower in the second half; the ratio does not see it.
        let slowing = |rates: [f64; 5]| {
            let mut rates = rates.into_iter();
            // The first rate goes to the warm-up.
            move |_| Ok(Sample { per_s: rates.next().unwrap_or(f64::NAN), cpu: None })
        };
        let ours = Contender::new("ours", slowing([0.0, 50.0, 50.0, 5.0, 5.0]));
        let peer = Contender::new("peer", slowing([0.0, 100.0, 100.0, 10.0, 10.0]));
        let mut comparison = Comparison::new("a/load", 1, ours).peer(peer, Some(Target::Ratio(0.85)));
        let plan = Plan { rounds: 4, turn: Duration::ZERO };
        let Ok(rows) = run(&mut comparison, &plan) else { panic!("no rows") };
        assert_eq!((rows.len(), rows[0].ratio, rows[0].met), (1, 0.5, Some(false)));
    }
}

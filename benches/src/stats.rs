//! The median and the quartiles of a few samples.

use serde::Serialize;

/// The middle of the samples, and the middle half around it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) q1: f64,
    pub(crate) median: f64,
    pub(crate) q3: f64,
}

impl Spread {
    /// The spread of at least one sample. Between two samples it lies on the straight line, as R's type 7.
    pub(crate) fn of(samples: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = samples.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = share * (sorted.len() - 1) as f64;
            let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
            below + (above - below) * place.fract()
        };
        Self { q1: at(0.25), median: at(0.5), q3: at(0.75) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_samples() {
        assert_eq!(Spread::of([4.0, 1.0, 3.0, 2.0]), Spread { q1: 1.75, median: 2.5, q3: 3.25 });
        assert_eq!(Spread::of([7.0]), Spread { q1: 7.0, median: 7.0, q3: 7.0 });
    }

    #[test]
    fn one_outlier_does_not_move_the_median() {
        assert_eq!(Spread::of([1.0, 1.0, 1000.0]).median, 1.0);
    }
}

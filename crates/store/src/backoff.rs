//! How long to wait before trying again.

use std::time::Duration;

/// Full jitter: a random share of a bound that doubles with every failure, so that clients that failed together do not
/// come back together. (Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog.)
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    bound: Duration,
    first: Duration,
    longest: Duration,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self { bound: first, first, longest }
    }

    /// For the retries of one call, which live within its deadline.
    pub(crate) const fn of_a_call() -> Self {
        Self::new(Duration::from_millis(5), Duration::from_millis(250))
    }

    /// For opening a connection again. The longest is what a server that is back may have to wait for us.
    pub(crate) const fn of_a_lane() -> Self {
        Self::new(Duration::from_millis(50), Duration::from_millis(800))
    }

    pub(crate) fn pause(&mut self) -> Duration {
        let bound = self.bound;
        self.bound = (bound * 2).min(self.longest);
        bound.mul_f64(random_share())
    }

    pub(crate) fn reset(&mut self) {
        self.bound = self.first;
    }
}

/// A time around the given one, so that many clients do not come at once.
pub(crate) fn jittered(around: Duration) -> Duration {
    around.mul_f64(0.9 + 0.2 * random_share())
}

/// Uniform in 0..1. Where the system has no randomness, clients lose their jitter and nothing else.
pub(crate) fn random_share() -> f64 {
    getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_below_a_bound_that_doubles_up_to_the_longest() {
        let (first, longest) = (Duration::from_millis(50), Duration::from_millis(300));
        let mut backoff = Backoff::new(first, longest);
        for bound in [50, 100, 200, 300, 300] {
            assert!(backoff.pause() <= Duration::from_millis(bound));
        }
        backoff.reset();
        assert!(backoff.pause() <= first);
    }

    #[test]
    fn pauses_differ() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(1));
        let pauses: Vec<_> = (0..20).map(|_| backoff.pause()).collect();
        assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{pauses:?}");
    }
}

//! How much lost work a store may repeat.
//!
//! A repeat is a load that the caller did not ask for. While one call in a thousand gets lost, nobody notices; when a
//! server loses most of what it is sent, repeats are what keeps it from recovering. So repeats are paid from a budget
//! that answers fill: at most one call in ten is a repeat, over any length of time, beside a small income that lets a quiet
//! store repeat at all. (The retry budget of Finagle and of gRPC, A6.)

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

/// What one repeat costs.
const REPEAT: u64 = 1_000;
/// What one answer brings.
const ANSWER: u64 = REPEAT / 10;
/// What a millisecond brings: 50 repeats a second.
const MILLISECOND: u64 = 50 * REPEAT / 1_000;
/// The most that can be saved, and what a store begins with: a server that restarts loses everything that is under way at once.
const MOST: u64 = 500 * REPEAT;

/// A budget for repeats that all calls of a store share, without a lock.
#[derive(Debug)]
pub(crate) struct Budget {
    saved: AtomicU64,
    start: Instant,
    /// Up to when the income has been added, in milliseconds from the start.
    paid: AtomicU64,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { saved: AtomicU64::new(MOST), start: Instant::now(), paid: AtomicU64::new(0) }
    }

    /// Adds what an answered call brings. In good times, when all is saved that can be, this is one read.
    pub(crate) fn answered(&self) {
        if self.saved.load(Ordering::Relaxed) < MOST {
            self.add(ANSWER);
        }
    }

    /// Pays for one repeat, if there is enough.
    pub(crate) fn pays_a_repeat(&self) -> bool {
        self.add_income();
        let pay = |saved: u64| saved.checked_sub(REPEAT);
        self.saved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay).is_ok()
    }

    fn add_income(&self) {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        // Each millisecond is added by exactly one of those who see that it has passed.
        let before = self.paid.fetch_max(now, Ordering::Relaxed);
        self.add(now.saturating_sub(before).saturating_mul(MILLISECOND));
    }

    fn add(&self, more: u64) {
        let add = |saved: u64| Some(saved.saturating_add(more).min(MOST));
        // The closure never refuses.
        let _ = self.saved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    fn repeats(budget: &Budget) -> usize {
        std::iter::from_fn(|| budget.pays_a_repeat().then_some(())).count()
    }

    #[tokio::test(start_paused = true)]
    async fn begins_with_all_that_it_can_hold_and_runs_out() {
        let budget = Budget::new();
        budget.answered();
        assert_eq!(repeats(&budget), 500);
        assert!(!budget.pays_a_repeat());
    }

    #[tokio::test(start_paused = true)]
    async fn ten_answers_pay_a_repeat() {
        let budget = Budget::new();
        repeats(&budget);
        for _ in 0..9 {
            budget.answered();
        }
        assert!(!budget.pays_a_repeat());
        budget.answered();
        assert_eq!(repeats(&budget), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn time_pays_too_but_saves_no_more_than_fits() {
        let budget = Budget::new();
        repeats(&budget);
        advance(Duration::from_millis(100)).await;
        assert_eq!(repeats(&budget), 5);
        advance(Duration::from_secs(3600)).await;
        assert_eq!(repeats(&budget), 500);
    }
}

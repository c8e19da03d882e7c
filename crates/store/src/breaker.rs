//! Whether a server has been silent for so long that waiting for it is pointless.
//!
//! The breaker opens when for two deadlines of a call, and at least a second, nothing was heard of the server on any
//! connection while something went unanswered: a call, a ping, an attempt to connect. One deadline would do so for every
//! hiccup that a call just does not survive; after two, the second generation of calls has waited in vain as well.
//!
//! It has no half-open state and tries nothing by itself: the lanes go on pinging and reconnecting whatever it says, and
//! the first sign of life that they get closes it. A lane that rests asks as soon as a silence begins, so that one call
//! without an answer, after which nobody called, is no silence of the server.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use metrics::Gauge;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Deadlines of silence that open it.
const DEADLINES: u32 = 2;
/// A silence that is shorter is a hiccup, however short the deadlines are: a fork, a slow command, a paused client.
const HICCUP: Duration = Duration::from_secs(1);

/// The silence of one node.
#[derive(Debug)]
pub(crate) struct Breaker {
    start: Instant,
    /// When something first went unanswered since the last sign of life, in milliseconds from the start, plus one; or 0.
    silent: AtomicU64,
    /// Wakes those who wait for a silence.
    falls: Notify,
    patience: u64,
    /// Whether it has been seen open, and who counts those that are.
    seen_open: AtomicBool,
    open: Gauge,
}

impl Breaker {
    pub(crate) fn new(deadline: Duration, open: Gauge) -> Self {
        let patience = deadline.saturating_mul(DEADLINES).max(HICCUP);
        Self {
            start: Instant::now(),
            silent: AtomicU64::new(0),
            falls: Notify::new(),
            patience: milliseconds(patience),
            seen_open: AtomicBool::new(false),
            open,
        }
    }

    /// Something came from the server. In good times this is one read.
    pub(crate) fn heard(&self) {
        if self.silent.load(Ordering::Relaxed) != 0 && self.silent.swap(0, Ordering::SeqCst) != 0 {
            tracing::debug!("the server answers again");
            self.is_seen_closed();
        }
    }

    /// Something went unanswered.
    pub(crate) fn unheard(&self) {
        if self.silent.load(Ordering::Relaxed) == 0 {
            // Of two that come at once, either may set it.
            let now = milliseconds(self.start.elapsed()) + 1;
            if self.silent.compare_exchange(0, now, Ordering::SeqCst, Ordering::Relaxed).is_ok() {
                self.falls.notify_waiters();
            }
        }
    }

    /// Completes while something has gone unanswered and nothing was heard since.
    pub(crate) async fn silence(&self) {
        loop {
            let falls = self.falls.notified();
            tokio::pin!(falls);
            // From here on no silence is missed.
            falls.as_mut().enable();
            if self.silent.load(Ordering::SeqCst) != 0 {
                return;
            }
            falls.await;
        }
    }

    /// Whether calls are to fail at once.
    pub(crate) fn is_open(&self) -> bool {
        let since = self.silent.load(Ordering::Relaxed);
        let open =
            since != 0 && (milliseconds(self.start.elapsed()) + 1).saturating_sub(since) >= self.patience;
        if open {
            self.is_seen_open();
        }
        open
    }

    fn is_seen_open(&self) {
        if self.seen_open.load(Ordering::Relaxed) || self.seen_open.swap(true, Ordering::SeqCst) {
            return;
        }
        self.open.increment(1);
        tracing::warn!("the server does not answer, and until it does calls fail at once");
        // A sign of life that came just now may have looked before there was anything to take back.
        if self.silent.load(Ordering::SeqCst) == 0 {
            self.is_seen_closed();
        }
    }

    fn is_seen_closed(&self) {
        if self.seen_open.swap(false, Ordering::SeqCst) {
            self.open.decrement(1);
        }
    }
}

impl Drop for Breaker {
    fn drop(&mut self) {
        self.is_seen_closed();
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).map_or(u64::MAX - 1, |milliseconds| milliseconds.min(u64::MAX - 1))
}

#[cfg(test)]
mod tests {
    use tokio::task::yield_now;
    use tokio::time::{advance, timeout};

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(2);

    #[tokio::test(start_paused = true)]
    async fn opens_after_two_deadlines_of_silence_and_closes_with_the_first_sign() {
        let breaker = Breaker::new(DEADLINE, Gauge::noop());
        breaker.unheard();
        advance(DEADLINE).await;
        breaker.unheard();
        assert!(!breaker.is_open());
        advance(DEADLINE).await;
        assert!(breaker.is_open());
        breaker.heard();
        assert!(!breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_a_silence_sees_it_as_long_as_it_lasts() {
        let breaker = Breaker::new(DEADLINE, Gauge::noop());
        let seen = || async { timeout(DEADLINE, breaker.silence()).await.is_ok() };
        assert!(!seen().await);
        let falls = async {
            yield_now().await;
            breaker.unheard();
        };
        assert!(tokio::join!(seen(), falls).0);
        assert!(seen().await);
        breaker.heard();
        assert!(!seen().await);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_while_nobody_asks_is_none() {
        let breaker = Breaker::new(DEADLINE, Gauge::noop());
        advance(Duration::from_secs(3600)).await;
        breaker.unheard();
        assert!(!breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn any_answer_in_between_begins_anew() {
        let breaker = Breaker::new(DEADLINE, Gauge::noop());
        for _ in 0..10 {
            breaker.unheard();
            advance(DEADLINE).await;
            breaker.heard();
            breaker.unheard();
            advance(DEADLINE / 2).await;
            assert!(!breaker.is_open());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_of_less_than_a_second_is_a_hiccup_to_the_hastiest() {
        let breaker = Breaker::new(Duration::from_millis(50), Gauge::noop());
        breaker.unheard();
        advance(Duration::from_millis(900)).await;
        assert!(!breaker.is_open());
        advance(Duration::from_millis(100)).await;
        assert!(breaker.is_open());
    }
}

//! The calls of one connection: how many are under way, and whether a write may still run that nobody waits for any more.
//!
//! A server runs the commands of one connection in the order in which they were handed to it. So a call that began after
//! another was given up, and was answered, proves that the other has run or never will.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

/// Counts of calls. Where an order between two of them matters, all accesses of both are `SeqCst`.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    begun: AtomicU64,
    ended: AtomicU64,
    /// Ended with an answer, which is a sign of life.
    answered: AtomicU64,
    /// Writes under way.
    writing: AtomicU64,
    /// Writes that ended without an answer, and how many of them are known to be past.
    lost: AtomicU64,
    past: AtomicU64,
    /// Whether somebody sleeps until a call begins.
    resting: AtomicBool,
    begins: Notify,
}

/// One call under way, for [`Tally::end`].
#[derive(Debug)]
pub(crate) struct Entry {
    writes: bool,
    /// The writes lost before it, which an answer to it proves past.
    lost: u64,
}

impl Tally {
    /// Counts a call that is about to be sent.
    pub(crate) fn begin(&self, writes: bool) -> Entry {
        self.begun.fetch_add(1, Ordering::SeqCst);
        if writes {
            self.writing.fetch_add(1, Ordering::SeqCst);
        }
        if self.resting.load(Ordering::SeqCst) && self.resting.swap(false, Ordering::SeqCst) {
            self.begins.notify_one();
        }
        Entry { writes, lost: self.lost.load(Ordering::SeqCst) }
    }

    /// Counts the end of a call.
    pub(crate) fn end(&self, entry: &Entry, answered: bool) {
        if answered {
            self.answered.fetch_add(1, Ordering::Relaxed);
            if entry.lost > self.past.load(Ordering::SeqCst) {
                self.past.fetch_max(entry.lost, Ordering::SeqCst);
            }
        } else if entry.writes {
            self.lost.fetch_add(1, Ordering::SeqCst);
        }
        if entry.writes {
            // After it was counted as lost, so that at no moment it is in neither count.
            self.writing.fetch_sub(1, Ordering::SeqCst);
        }
        self.ended.fetch_add(1, Ordering::SeqCst);
    }

    /// Takes back the count of a call for which nothing was sent: it is no sign of life, and proves nothing of others.
    pub(crate) fn withdraw(&self, entry: &Entry) {
        if entry.writes {
            self.writing.fetch_sub(1, Ordering::SeqCst);
        }
        self.begun.fetch_sub(1, Ordering::SeqCst);
    }

    /// Calls under way.
    pub(crate) fn load(&self) -> u64 {
        self.begun.load(Ordering::SeqCst).saturating_sub(self.ended.load(Ordering::SeqCst))
    }

    /// Calls that ended with an answer.
    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Calls that ended without.
    pub(crate) fn unanswered(&self) -> u64 {
        self.ended.load(Ordering::SeqCst).saturating_sub(self.answered())
    }

    /// Whether a write that nobody waits for any more may still run.
    pub(crate) fn haunted(&self) -> bool {
        self.lost.load(Ordering::SeqCst) > self.past.load(Ordering::SeqCst)
    }

    /// Whether any write may still run.
    pub(crate) fn may_write(&self) -> bool {
        self.writing.load(Ordering::SeqCst) > 0 || self.haunted()
    }

    /// Completes when a call is under way. Only one may wait at a time.
    pub(crate) async fn begins(&self) {
        self.resting.store(true, Ordering::SeqCst);
        // A call that began before it could see the flag is seen here.
        if self.load() == 0 {
            self.begins.notified().await;
        }
        self.resting.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn a_lost_write_haunts_until_a_later_call_is_answered() {
        let tally = Tally::default();
        let (write, beside) = (tally.begin(true), tally.begin(true));
        assert!(tally.may_write() && !tally.haunted());
        tally.end(&write, false);
        assert!(tally.haunted());
        // It began before the other was given up, and may have been handed over before it.
        tally.end(&beside, true);
        assert!(tally.haunted());
        let later = tally.begin(false);
        tally.end(&later, true);
        assert!(!tally.haunted() && !tally.may_write());
    }

    #[test]
    fn an_unanswered_call_proves_nothing_and_an_answer_only_what_was_before() {
        let tally = Tally::default();
        tally.end(&tally.begin(true), false);
        let later = tally.begin(false);
        tally.end(&tally.begin(true), false);
        tally.end(&tally.begin(false), false);
        tally.end(&later, true);
        assert!(tally.haunted());
        tally.end(&tally.begin(false), true);
        assert!(!tally.haunted());
        assert_eq!((tally.load(), tally.answered(), tally.unanswered()), (0, 2, 3));
    }

    #[test]
    fn a_lost_read_haunts_nobody() {
        let tally = Tally::default();
        tally.end(&tally.begin(false), false);
        assert!(!tally.may_write());
    }

    #[test]
    fn a_call_for_which_nothing_was_sent_proves_nothing_and_haunts_nobody() {
        let tally = Tally::default();
        tally.withdraw(&tally.begin(true));
        assert!(!tally.may_write());
        tally.end(&tally.begin(true), false);
        tally.withdraw(&tally.begin(false));
        assert!(tally.haunted());
        assert_eq!((tally.load(), tally.answered(), tally.unanswered()), (0, 0, 1));
    }

    #[test]
    fn whoever_rests_is_woken_by_a_call_once() {
        let tally = Tally::default();
        let mut cx = Context::from_waker(Waker::noop());
        {
            let mut begins = pin!(tally.begins());
            assert_eq!(begins.as_mut().poll(&mut cx), Poll::Pending);
            let call = tally.begin(false);
            assert_eq!(begins.as_mut().poll(&mut cx), Poll::Ready(()));
            // Nobody rests now, so nobody is woken.
            tally.end(&tally.begin(false), true);
            tally.end(&call, true);
        }
        assert_eq!(pin!(tally.begins()).poll(&mut cx), Poll::Pending);
        // A call that is under way already is one.
        let _call = tally.begin(false);
        assert_eq!(pin!(tally.begins()).poll(&mut cx), Poll::Ready(()));
    }
}

//! When to look at a connection, and when to ask it for a sign of life.
//!
//! A peer that vanished without a word leaves a connection on which every call runs into its deadline, for as long as the
//! kernel keeps sending again. So after a beat without an answer that somebody waits for, or waited for, the server is
//! asked. A connection without calls is not looked at, but asked now and then, below the idle limits of servers and of load
//! balancers, which begin at 60 seconds.

use std::time::Duration;

use crate::backoff::random_share;
use crate::tally::Tally;

/// How often a connection in use is looked at.
pub(crate) const BEAT: Duration = Duration::from_secs(1);
/// How long a connection rests before it is asked: between once and twice as long, so that clients that were started
/// together do not ask together.
const REST: Duration = Duration::from_secs(15);

/// What was seen of one connection so far.
#[derive(Debug)]
pub(crate) struct Watch {
    answered: u64,
    unanswered: u64,
    rests: bool,
}

/// What a look at the connection says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Answers come, or nobody waits for any.
    Fine,
    /// The server is to be asked for a sign of life.
    Ask,
}

impl Watch {
    pub(crate) fn new(tally: &Tally) -> Self {
        Self { answered: tally.answered(), unanswered: tally.unanswered(), rests: true }
    }

    /// Whether there is nothing to look at until a call begins.
    pub(crate) fn rests(&self) -> bool {
        self.rests
    }

    /// A call has begun.
    pub(crate) fn wake(&mut self) {
        self.rests = false;
    }

    /// How long until the next look.
    pub(crate) fn pause(&self) -> Duration {
        if self.rests { REST.mul_f64(1.0 + random_share()) } else { BEAT }
    }

    /// Looks, after a pause.
    pub(crate) fn look(&mut self, tally: &Tally) -> Look {
        let (answered, unanswered) = (tally.answered(), tally.unanswered());
        let heard = answered != self.answered;
        let unheard = unanswered != self.unanswered || tally.load() > 0;
        (self.answered, self.unanswered) = (answered, unanswered);
        match (heard, unheard) {
            (true, _) => {
                self.rests = false;
                Look::Fine
            }
            (false, true) => {
                self.rests = false;
                Look::Ask
            }
            (false, false) if self.rests => Look::Ask,
            (false, false) => {
                self.rests = true;
                Look::Fine
            }
        }
    }

    /// Whether anything was heard since the last look.
    pub(crate) fn heard(&self, tally: &Tally) -> bool {
        tally.answered() != self.answered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An idle connection wakes nobody up but for the sign of life.
    #[test]
    fn without_calls_the_only_alarm_is_that_for_a_sign_of_life() {
        let tally = Tally::default();
        let mut watch = Watch::new(&tally);
        for _ in 0..100 {
            assert!(watch.rests());
            assert!((REST..=REST * 2).contains(&watch.pause()));
            assert_eq!(watch.look(&tally), Look::Ask);
        }
    }

    #[test]
    fn a_call_is_watched_by_the_beat_until_all_is_quiet() {
        let tally = Tally::default();
        let mut watch = Watch::new(&tally);
        tally.end(&tally.begin(false), true);
        watch.wake();
        assert_eq!(watch.pause(), BEAT);
        assert_eq!(watch.look(&tally), Look::Fine);
        assert!(!watch.rests());
        assert_eq!(watch.look(&tally), Look::Fine);
        assert!(watch.rests());
    }

    #[test]
    fn a_beat_without_an_answer_that_somebody_waits_for_asks() {
        let tally = Tally::default();
        let mut watch = Watch::new(&tally);
        let call = tally.begin(false);
        watch.wake();
        assert_eq!(watch.look(&tally), Look::Ask);
        // Others are answered meanwhile, which is a sign of life.
        tally.end(&tally.begin(false), true);
        assert!(watch.heard(&tally));
        assert_eq!(watch.look(&tally), Look::Fine);
        // Given up: nobody waits any more, but nobody knows either.
        tally.end(&call, false);
        assert_eq!(watch.look(&tally), Look::Ask);
        assert_eq!(watch.look(&tally), Look::Fine);
        assert!(watch.rests());
    }
}

//! Which of several answers counts.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use super::*;

fn sentinels(count: usize) -> Sentinels {
    let endpoints = (0..count).map(|at| server(26000 + u16::try_from(at).unwrap())).collect();
    let config = RedisConfig::builder().build().unwrap();
    Sentinels::new(&config, Dialer::new(None), endpoints, "main".into())
}

fn server(port: u16) -> Endpoint {
    Endpoint::Tcp { host: "127.0.0.1".into(), port }
}

fn says(port: u16, epoch: impl Into<Option<u64>>) -> Option<Answer> {
    Some(Answer { endpoint: server(port), epoch: epoch.into() })
}

#[test]
fn the_answer_of_the_newest_epoch_counts() {
    let sentinels = sentinels(3);
    assert!(!sentinels.learn(0, says(1, 4)), "the first that is heard of is no change");
    assert!(sentinels.learn(1, says(2, 5)));
    // Cut off since before the failover, and asked again and again.
    for _ in 0..3 {
        assert!(!sentinels.learn(0, says(1, 4)));
        assert!(sentinels.still_name(&server(2)) && !sentinels.still_name(&server(1)));
    }
    // It rejoins, and one that had slept wakes up.
    assert!(!sentinels.learn(0, says(2, 5)));
    assert!(!sentinels.learn(2, says(1, 4)));
    assert!(sentinels.still_name(&server(2)));
}

#[test]
fn sentinels_that_start_anew_are_believed_when_nobody_knows_better() {
    let sentinels = sentinels(2);
    sentinels.learn(0, says(1, 9));
    sentinels.learn(1, says(1, 9));
    // Both were set up anew, with another master, and count from 0.
    assert!(!sentinels.learn(0, says(2, 0)));
    assert!(sentinels.learn(1, says(2, 0)));
    assert!(sentinels.still_name(&server(2)));
}

#[test]
fn a_sentinel_that_is_gone_holds_nobody_back() {
    let sentinels = sentinels(2);
    sentinels.learn(0, says(1, 9));
    assert!(!sentinels.learn(1, says(2, 3)));
    assert!(sentinels.learn(0, None));
    assert!(sentinels.still_name(&server(2)));
    // Nobody says anything any more: what was known last is as good as anything.
    assert!(!sentinels.learn(1, None));
    assert!(sentinels.still_name(&server(2)));
}

#[test]
fn without_epochs_the_last_change_of_mind_counts() {
    let sentinels = sentinels(2);
    sentinels.learn(0, says(1, None));
    sentinels.learn(1, says(1, None));
    assert!(sentinels.learn(1, says(2, None)));
    // That the other repeats itself is no news.
    assert!(!sentinels.learn(0, says(1, None)));
    assert!(sentinels.still_name(&server(2)));
}

#[test]
fn those_that_answered_last_are_asked_first() {
    let sentinels = sentinels(3);
    sentinels.learn(2, says(1, 1));
    sentinels.learn(1, says(1, 1));
    sentinels.learn(0, None);
    assert_eq!(sentinels.known().order, [1, 2, 0]);
}

//! What is sent again, in which form, and what is given up to keep the order.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use roomkey_core::ErrorKind;

use super::*;

fn item(partition: u16, script: Option<&str>) -> Item {
    let command = match script {
        Some(source) => Command::script(redis::cmd("EVALSHA").arg(source).arg(0).clone(), source.into()),
        None => Command::plain(redis::cmd("GET").arg("k").clone()),
    };
    Item::new(command, Partition::from_slot(partition).unwrap(), true, true)
}

fn done(mut item: Item) -> Item {
    item.fail(Error::WrongType);
    item
}

fn open(mut item: Item, last: Error) -> Item {
    item.state = State::Open(Some(last));
    item
}

fn open_after_keeping_order(mut items: Vec<Item>) -> Vec<bool> {
    keep_order(&mut items);
    items.iter().map(Item::is_open).collect()
}

fn loading() -> Error {
    Error::not_executed("loading")
}

#[test]
fn what_was_overtaken_is_not_sent_again() {
    // The same partition: a later one is done, so the earlier would come out of order.
    let items = vec![open(item(1, None), loading()), done(item(1, None)), open(item(1, None), loading())];
    assert_eq!(open_after_keeping_order(items), [false, false, true]);
    // Another partition has nothing to do with it.
    let items = vec![open(item(1, None), loading()), done(item(2, None))];
    assert_eq!(open_after_keeping_order(items), [true, false]);
    // All of a partition together stay in order.
    let items = vec![open(item(1, None), loading()), open(item(1, None), loading())];
    assert_eq!(open_after_keeping_order(items), [true, true]);
}

#[test]
fn what_was_overtaken_keeps_its_error() {
    let mut items = vec![open(item(1, None), loading()), done(item(1, None))];
    keep_order(&mut items);
    let kinds: Vec<_> =
        items.into_iter().map(|item| item.conclude(None, false).unwrap_err().kind()).collect();
    assert_eq!(kinds, [ErrorKind::NotExecuted, ErrorKind::WrongType]);
}

#[test]
fn a_missing_script_is_sent_again_at_once_and_anything_else_later() {
    let mut missing = item(1, Some("a"));
    missing.refuse(Refusal::NoScript);
    assert!(missing.is_open() && missing.by_source);
    let mut items = vec![missing];
    assert!(matches!(keep_order(&mut items), Again::AtOnce));
    items.push(open(item(2, None), loading()));
    assert!(matches!(keep_order(&mut items), Again::Later));
    assert!(matches!(keep_order(&mut [done(item(1, None))]), Again::No));
}

#[test]
fn a_script_that_something_waits_behind_goes_by_source_once() {
    let items = [
        item(1, Some("a")), // Something of its partition is behind it.
        item(2, Some("a")), // Known from the first on.
        item(1, None),
        item(2, Some("b")), // Nothing is behind it.
        item(3, Some("c")),
        item(3, Some("c")), // Known from the one before.
        item(3, Some("c")),
    ];
    assert_eq!(by_source(&items), [true, false, false, false, true, false, false]);
    // Behind it is only what is done already.
    assert_eq!(by_source(&[item(1, Some("a")), done(item(1, None))]), [false, false]);
}

#[test]
fn after_a_lost_attempt_no_write_is_said_to_have_failed() {
    let mut lost = item(1, None);
    lost.doubt = true;
    lost.fail(Error::Full);
    assert_eq!(lost.conclude(None, false).unwrap_err().kind(), ErrorKind::Ambiguous);

    let mut read = item(1, None);
    (read.doubt, read.writes) = (true, false);
    read.fail(Error::WrongType);
    assert_eq!(read.conclude(None, false).unwrap_err().kind(), ErrorKind::WrongType);
}

#[test]
fn a_deadline_before_the_next_attempt_says_that_nothing_ran() {
    let waiting = open(item(1, None), loading());
    assert_eq!(waiting.conclude(Some(&Error::Closed), true).unwrap_err().kind(), ErrorKind::NotExecuted);
    let mut lost = open(item(1, None), Error::ambiguous("lost"));
    lost.doubt = true;
    assert_eq!(lost.conclude(None, true).unwrap_err().kind(), ErrorKind::Ambiguous);
    let closed = item(1, None);
    assert_eq!(closed.conclude(Some(&Error::Closed), false).unwrap_err().kind(), ErrorKind::Closed);
}

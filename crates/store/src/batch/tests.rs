//! What is sent again, in which form, and what is given up to keep the order.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use roomkey_core::ErrorKind;

use super::*;

fn item(partition: u16, script: Option<&str>) -> Item {
    let command = match script {
        Some(source) => {
            let evalsha = redis::cmd("EVALSHA").arg(source).arg(0).clone();
            Command::script(Packed::from(&evalsha), source.into())
        }
        None => Command::plain(Packed::from(redis::cmd("GET").arg("k") as &_)),
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

fn read(mut item: Item) -> Item {
    item.writes = false;
    item
}

fn order(items: &mut [Item]) -> Again {
    keep_order(&mut items.iter_mut().collect::<Vec<_>>())
}

fn open_after_keeping_order(mut items: Vec<Item>) -> Vec<bool> {
    order(&mut items);
    items.iter().map(Item::is_open).collect()
}

fn conclude(item: Item) -> ErrorKind {
    item.conclude(|_| Error::Closed).unwrap_err().kind()
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
    order(&mut items);
    let kinds: Vec<_> = items.into_iter().map(conclude).collect();
    assert_eq!(kinds, [ErrorKind::NotExecuted, ErrorKind::WrongType]);
}

#[test]
fn a_missing_script_is_sent_again_at_once_and_anything_else_later() {
    let mut missing = item(1, Some("a"));
    missing.refuse(Refusal::NoScript);
    assert!(missing.is_open() && missing.by_source);
    let mut items = vec![missing];
    assert!(matches!(order(&mut items), Again::AtOnce));
    items.push(open(item(2, None), loading()));
    assert!(matches!(order(&mut items), Again::Later));
    assert!(matches!(order(&mut [done(item(1, None))]), Again::No));
}

#[test]
fn a_script_that_something_waits_behind_goes_by_source_once() {
    let mut items = [
        item(1, Some("a")), // Something of its partition is behind it.
        item(2, Some("a")), // Known from the first on.
        item(1, None),
        item(2, Some("b")), // Nothing is behind it.
        item(3, Some("c")),
        item(3, Some("c")), // Known from the one before.
        item(3, Some("c")),
    ];
    let source =
        |items: &mut [Item], in_cluster| by_source(&items.iter_mut().collect::<Vec<_>>(), in_cluster);
    assert_eq!(source(&mut items, false), [true, false, false, false, true, false, false]);
    // Behind it is only what is done already.
    assert_eq!(source(&mut [item(1, Some("a")), done(item(1, None))], false), [false, false]);
    // A node may refuse one partition and then not know the script for the next.
    let mut two = [item(1, Some("a")), item(1, None), item(2, Some("a")), item(2, None)];
    assert_eq!(source(&mut two, false), [true, false, false, false]);
    assert_eq!(source(&mut two, true), [true, false, true, false]);
}

#[test]
fn after_a_lost_attempt_no_write_is_said_to_have_failed() {
    let mut lost = item(1, None);
    lost.doubt = true;
    lost.fail(Error::Full);
    assert_eq!(conclude(lost), ErrorKind::Ambiguous);

    let mut read = item(1, None);
    (read.doubt, read.writes) = (true, false);
    read.fail(Error::WrongType);
    assert_eq!(conclude(read), ErrorKind::WrongType);
}

#[test]
fn a_deadline_before_the_next_attempt_says_that_nothing_ran() {
    assert_eq!(conclude(open(item(1, None), loading())), ErrorKind::NotExecuted);
    let mut lost = open(item(1, None), Error::ambiguous("lost"));
    lost.doubt = true;
    assert_eq!(conclude(lost), ErrorKind::Ambiguous);
    // Never sent: what keeps it waiting.
    assert_eq!(conclude(item(1, None)), ErrorKind::Closed);
}

#[test]
fn a_read_may_follow_reads() {
    let waiting = || open(item(1, None), loading());
    assert_eq!(open_after_keeping_order(vec![read(waiting()), read(done(item(1, None)))]), [true, false]);
    // But not a write; and no write follows anything.
    assert_eq!(open_after_keeping_order(vec![read(waiting()), done(item(1, None))]), [false, false]);
    assert_eq!(open_after_keeping_order(vec![waiting(), read(done(item(1, None)))]), [false, false]);
    // A write that is given up may have happened.
    let items = vec![read(waiting()), waiting(), read(done(item(1, None)))];
    assert_eq!(open_after_keeping_order(items), [false, false, false]);
}

#[test]
fn a_redirect_is_followed_at_once_and_then_with_pauses() {
    let refusal = || Refusal::Error(Error::not_executed("moved"));
    let mut moved = item(1, None);
    for _ in 0..MOST_DETOURS {
        moved.divert(Detour::Owner, refusal());
        assert!(matches!(moved.state, State::Open(None)) && moved.heard);
    }
    moved.divert(Detour::Owner, refusal());
    assert!(matches!(moved.state, State::Open(Some(_))));
}

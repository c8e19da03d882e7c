//! Logs.

use bytes::Bytes;
use roomkey_core::{Append, Entry, ErrorKind, Life, LogId, Op, Order, Reply, StoreTime, Ttl, Until};

use super::values::one_of_each_kind;
use super::*;

pub async fn a_missing_log_is_empty<F: Fixture>(t: &Harness<F>) {
    assert_eq!(t.run(whole(1)).await, Ok(Reply::Entries(vec![])));
    assert_eq!(t.ttl(&log(1)).await, Ttl::Missing);
}

pub async fn entries_are_read_back_as_they_were_appended<F: Fixture>(t: &Harness<F>) {
    let odd = Bytes::from_static(b"\0\r\n\xff");
    let entry = append(1).field("kind", "joined").field("who", odd.clone()).field("empty", "");
    let id = one_id(t.run(entry).await);
    let fields = vec![(bytes("kind"), bytes("joined")), (bytes("who"), odd), (bytes("empty"), bytes(""))];
    assert_eq!(t.run(whole(1)).await, Ok(Reply::Entries(vec![Entry { id, fields }])));
}

pub async fn ids_grow<F: Fixture>(t: &Harness<F>) {
    let mut last = LogId::MIN;
    for _ in 0..50 {
        let id = one_id(t.run(append(1).field("f", "v")).await);
        assert!(id > last, "{id} after {last}");
        last = id;
    }
}

pub async fn a_list_makes_one_entry_each<F: Fixture>(t: &Harness<F>) {
    let entries = append(1).field("kind", "left").field("who", many(["a", "b", "c"]));
    let ids = ids(t.run(entries).await);
    assert!(ids.len() == 3 && ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    let read = entries_of(t.run(whole(1)).await);
    assert_eq!(read.iter().map(|entry| entry.id).collect::<Vec<_>>(), ids);
    let who: Vec<_> = read.iter().map(|entry| entry.field("who").cloned().unwrap()).collect();
    assert_eq!(who, many(["a", "b", "c"]));
    assert!(
        read.iter().all(|entry| entry.field("kind") == Some(&bytes("left"))),
        "a single value is repeated"
    );
}

pub async fn lists_run_in_step_to_the_shortest<F: Fixture>(t: &Harness<F>) {
    let entries = append(1).field("x", many(["1", "2", "3"])).field("y", many(["a", "b"]));
    assert_eq!(ids(t.run(entries).await).len(), 2);
    let read = entries_of(t.run(whole(1)).await);
    let pairs: Vec<_> = read.into_iter().map(|entry| entry.fields).collect();
    let pair = |x, y| vec![(bytes("x"), bytes(x)), (bytes("y"), bytes(y))];
    assert_eq!(pairs, [pair("1", "a"), pair("2", "b")]);
}

pub async fn range_has_inclusive_ends_an_order_and_a_limit<F: Fixture>(t: &Harness<F>) {
    let ids = ids(t.run(append(1).field("n", many(["0", "1", "2", "3", "4"]))).await);
    let numbers = |reply| -> Vec<Bytes> {
        entries_of(reply).iter().map(|entry| entry.field("n").cloned().unwrap()).collect()
    };
    let range = |from, to, order, limit| t.run(Op::log_range(&log(1), from, to, order, limit));
    assert_eq!(numbers(range(ids[1], ids[3], Order::Lowest, 10).await), many(["1", "2", "3"]));
    assert_eq!(numbers(range(ids[1], ids[3], Order::Highest, 10).await), many(["3", "2", "1"]));
    assert_eq!(numbers(range(LogId::MIN, LogId::MAX, Order::Lowest, 2).await), many(["0", "1"]));
    assert_eq!(numbers(range(LogId::MIN, LogId::MAX, Order::Highest, 2).await), many(["4", "3"]));
    assert_eq!(numbers(range(ids[2], ids[2], Order::Lowest, 10).await), many(["2"]));
    assert_eq!(numbers(range(ids[3], ids[1], Order::Lowest, 10).await), many([]));
    assert_eq!(numbers(range(LogId::MIN, LogId::MIN, Order::Lowest, 10).await), many([]));
    assert_eq!(numbers(range(LogId::MAX, LogId::MAX, Order::Highest, 10).await), many([]));
}

pub async fn the_newest_entries_are_kept<F: Fixture>(t: &Harness<F>) {
    const KEEP: usize = 10;
    // One stream node of 100 entries is what a store may keep beyond.
    const BEYOND: usize = 100;
    let hundred: Vec<Bytes> = (0..100).map(|n| Bytes::from(n.to_string())).collect();
    let mut all = Vec::new();
    for _ in 0..5 {
        let append = Append::new(&log(1), u32::try_from(KEEP).unwrap()).field("n", hundred.clone());
        all.extend(ids(t.run(append).await));
        let kept: Vec<LogId> = entries_of(t.run(whole(1)).await).iter().map(|entry| entry.id).collect();
        assert!((KEEP..=KEEP + BEYOND).contains(&kept.len()), "{} entries were kept", kept.len());
        assert!(all.ends_with(&kept), "the newest stay, without a gap");
    }
}

pub async fn a_log_lives_as_append_says<F: Fixture>(t: &Harness<F>) {
    let at_least = |duration| Life::AtLeast(Until::In(duration));
    for (life, after) in [
        (Life::Keep, None),
        (at_least(LONG), None),
        (Life::Set(Until::In(LONG)), Some(LONG)),
        (Life::Keep, Some(LONG)),
        (at_least(LONG * 10), Some(LONG * 10)),
        (at_least(LONG), Some(LONG * 10)),
        (Life::Never, None),
    ] {
        t.run(append(1).field("f", "v").life(life)).await.unwrap();
        let ttl = t.ttl(&log(1)).await;
        assert!(after.map_or(ttl == Ttl::Never, |whole| runs(ttl, whole)), "{life:?}: {ttl:?}");
    }
    t.run(append(2).field("f", "v").life(at_least(LONG))).await.unwrap();
    assert!(runs(t.ttl(&log(2)).await, LONG), "a new key gets the lifetime");
}

pub async fn a_deadline_in_the_past_removes_the_log<F: Fixture>(t: &Harness<F>) {
    let past = Life::Set(Until::At(StoreTime::from_millis(1)));
    t.given([append(1).field("f", "v").into()]).await;
    assert_eq!(ids(t.run(append(1).field("f", "v").life(past)).await).len(), 1);
    assert_eq!(t.ttl(&log(1)).await, Ttl::Missing);
}

pub async fn no_entries_is_skipped<F: Fixture>(t: &Harness<F>) {
    t.given([Op::put(&value(1), bytes("v"), Life::Never)]).await;
    for number in [1, 2] {
        let none = append(number).field("a", "v").field("b", Vec::new()).life(Life::Set(Until::In(LONG)));
        assert_eq!(t.run(none).await, Ok(Reply::Skipped));
    }
    assert_eq!((t.ttl(&log(1)).await, t.ttl(&log(2)).await), (Ttl::Never, Ttl::Missing));
}

pub async fn other_kinds_are_no_logs<F: Fixture>(t: &Harness<F>) {
    t.given(one_of_each_kind()).await;
    for number in 1..=4 {
        assert_eq!(t.run(append(number).field("f", "v")).await, Err(ErrorKind::WrongType));
        assert_eq!(t.run(whole(number)).await, Err(ErrorKind::WrongType));
    }
}

pub(super) fn append(number: u8) -> Append {
    Append::new(&log(number), 1_000)
}

/// Reads a whole log, from the oldest entry.
pub(super) fn whole(number: u8) -> Op {
    Op::log_range(&log(number), LogId::MIN, LogId::MAX, Order::Lowest, 1_000)
}

pub(super) fn ids(reply: Result<Reply, ErrorKind>) -> Vec<LogId> {
    match reply {
        Ok(Reply::Ids(ids)) => ids,
        other => panic!("ids were expected, not {other:?}"),
    }
}

fn one_id(reply: Result<Reply, ErrorKind>) -> LogId {
    let ids = ids(reply);
    assert_eq!(ids.len(), 1, "single values make one entry");
    ids[0]
}

pub(super) fn entries_of(reply: Result<Reply, ErrorKind>) -> Vec<Entry> {
    match reply {
        Ok(Reply::Entries(entries)) => entries,
        other => panic!("entries were expected, not {other:?}"),
    }
}

//! Walking over keys, fields and members.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{
    Cursor, ErrorKind, Key, Kind, Life, Namespace, Op, Partition, Reply, Scan, Store as _, WalkItems,
};

use crate::MemoryStore;
use crate::testing::{key, key_in, list, namespace, one, set};

async fn scan_all(store: &MemoryStore, count: u32) -> Vec<Bytes> {
    let (mut keys, mut cursor) = (Vec::new(), None);
    loop {
        let scan = Scan::new(namespace()).count(count).unwrap().after(cursor);
        let page = store.scan(scan).await.unwrap();
        assert!(page.keys.len() <= count as usize);
        keys.extend(page.keys);
        cursor = page.next;
        if cursor.is_none() {
            return keys;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_scan_sees_every_key_of_its_namespace_once() {
    let store = MemoryStore::new();
    let mut expected = BTreeSet::new();
    let other = Namespace::new("app", "t1", "other").unwrap();
    for n in 0..2_000u16 {
        let slot = n % 1_000 * 16;
        let mine = key_in(slot, Kind::Value, (n / 1_000) as u8);
        one(&store, Op::put(&mine, "v", Life::Keep)).await.unwrap();
        expected.insert(mine.bytes().clone());
        let theirs = Key::new(Kind::Value, &other, Partition::from_slot(slot).unwrap(), [n as u8; 16]);
        one(&store, Op::put(&theirs, "v", Life::Keep)).await.unwrap();
    }
    one(&store, Op::put(&key(Kind::Value, 77), "expired", set(1))).await.unwrap();
    tokio::time::advance(Duration::from_millis(2)).await;
    for count in [1, 7, 100, 1_000] {
        let seen = scan_all(&store, count).await;
        assert_eq!(seen.len(), expected.len(), "{count} a page");
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected);
    }
}

#[tokio::test]
async fn a_scan_misses_no_key_that_stays_while_others_come_and_go() {
    let store = MemoryStore::new();
    let stay = |n: u8| key_in(5, Kind::Value, n);
    let comes_and_goes = |n: u8| key_in(6, Kind::Value, n);
    for n in 0..100 {
        one(&store, Op::put(&comes_and_goes(n), "v", Life::Keep)).await.unwrap();
        one(&store, Op::put(&stay(n), "v", Life::Keep)).await.unwrap();
    }
    let (mut seen, mut cursor, mut round) = (BTreeSet::new(), None, 0u8);
    loop {
        let page = store.scan(Scan::new(namespace()).count(5).unwrap().after(cursor)).await.unwrap();
        seen.extend(page.keys);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
        for n in 0..100 {
            let op = if (n ^ round) & 1 == 0 {
                Op::delete(&comes_and_goes(n))
            } else {
                Op::put(&comes_and_goes(n), "v", Life::Keep)
            };
            one(&store, op).await.unwrap();
            one(&store, Op::put(&stay(n), "again", Life::Keep)).await.unwrap();
        }
        round = round.wrapping_add(1);
    }
    for n in 0..100 {
        assert!(seen.contains(stay(n).bytes()), "{n}");
    }
    store.inner.assert_consistent();
}

#[tokio::test]
async fn the_cursors_of_another_store_are_lost() {
    let (here, there) = (MemoryStore::new(), MemoryStore::new());
    let map = key(Kind::Map, 0);
    for store in [&here, &there] {
        for n in 0..3 {
            one(store, Op::put(&key(Kind::Value, n + 1), "v", Life::Keep)).await.unwrap();
        }
        one(store, Op::map_put(&map, list(["a", "b", "c"]), "v", Life::Keep)).await.unwrap();
    }
    let first = there.scan(Scan::new(namespace()).count(1).unwrap()).await.unwrap().next;
    let walked = match one(&there, Op::walk(&map, None, 1)).await.unwrap() {
        Reply::Page(page) => page.next,
        other => panic!("{other:?}"),
    };
    let garbage = Some(Cursor::from_bytes(Bytes::from_static(b"garbage")));
    for cursor in [first.clone(), walked.clone(), garbage] {
        let scanned = here.scan(Scan::new(namespace()).after(cursor.clone())).await;
        assert_eq!(scanned.unwrap_err().kind(), ErrorKind::CursorLost);
        let walked = one(&here, Op::walk(&map, cursor, 1)).await;
        assert_eq!(walked.unwrap_err().kind(), ErrorKind::CursorLost);
    }
    // Neither is a cursor of the one kind a cursor of the other.
    assert_eq!(one(&there, Op::walk(&map, first, 1)).await.unwrap_err().kind(), ErrorKind::CursorLost);
    let scanned = there.scan(Scan::new(namespace()).after(walked)).await;
    assert_eq!(scanned.unwrap_err().kind(), ErrorKind::CursorLost);
}

#[tokio::test]
async fn a_walk_goes_on_after_the_last_field_though_it_is_gone() {
    let store = MemoryStore::new();
    let map = key(Kind::Map, 0);
    one(&store, Op::map_put(&map, list(["a", "b", "c", "d"]), "v", Life::Keep)).await.unwrap();
    let Reply::Page(page) = one(&store, Op::walk(&map, None, 2)).await.unwrap() else { panic!() };
    one(&store, Op::map_remove(&map, list(["a", "b"]))).await.unwrap();
    let Reply::Page(rest) = one(&store, Op::walk(&map, page.next, 2)).await.unwrap() else { panic!() };
    let WalkItems::Fields(fields) = rest.items else { panic!() };
    assert_eq!(fields.into_iter().map(|(field, _)| field).collect::<Vec<_>>(), list(["c", "d"]));
    assert_eq!(rest.next, None);
}

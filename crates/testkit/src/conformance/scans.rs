//! Scans over the keys of a namespace.

use std::collections::BTreeSet;

use bytes::Bytes;
use roomkey_core::{Cursor, ErrorKind, Life, Op, Scan, Store as _};

use super::values::one_of_each_kind;
use super::*;

pub async fn an_empty_namespace_has_no_keys<F: Fixture>(t: &Harness<F>) {
    assert_eq!(walk(t, "suite", async || {}).await, BTreeSet::new());
}

pub async fn a_scan_finds_every_kind<F: Fixture>(t: &Harness<F>) {
    t.given(one_of_each_kind()).await;
    let expected = (1..=5).map(|number| value(number).bytes().clone()).collect();
    assert_eq!(walk(t, "suite", async || {}).await, expected);
}

pub async fn a_scan_finds_the_keys_of_all_partitions<F: Fixture>(t: &Harness<F>) {
    let keys: Vec<Key> = (0..3_000).map(|i| in_namespace("suite", i)).collect();
    t.given(keys.iter().map(|key| Op::put(key, bytes("v"), Life::Never))).await;
    let found = walk(t, "suite", async || {}).await;
    assert_eq!(found, keys.iter().map(|key| key.bytes().clone()).collect());
    for bytes in found {
        assert!(keys.contains(&Key::parse(Kind::Value, bytes).unwrap()));
    }
}

pub async fn a_scan_keeps_to_its_namespace<F: Fixture>(t: &Harness<F>) {
    let names = ["suite", "suite2", "suit", "suite.x", "Suite", "s"];
    for name in names {
        t.given((0..50).map(|i| Op::put(&in_namespace(name, i), bytes("v"), Life::Never))).await;
    }
    for name in names {
        let expected = (0..50).map(|i| in_namespace(name, i).bytes().clone()).collect();
        assert_eq!(walk(t, name, async || {}).await, expected, "{name}");
    }
    assert_eq!(walk(t, "suiteXx", async || {}).await, BTreeSet::new(), "a dot stands for itself");
}

pub async fn what_stays_is_found_while_others_come_and_go<F: Fixture>(t: &Harness<F>) {
    let stay: Vec<Key> = (0..1_000).map(|i| in_namespace("suite", i)).collect();
    let passing: Vec<Key> = (1_000..3_000).map(|i| in_namespace("suite", i)).collect();
    let put = |key: &Key| Op::put(key, bytes("v"), Life::Never);
    t.given(stay.iter().chain(&passing[..1_000]).map(put)).await;
    let page = std::cell::Cell::new(0);
    let changes = async || {
        let (out, into) = (page.get() % 1_000, 1_000 + page.get() % 1_000);
        page.set(page.get() + 50);
        t.given(passing[out..out + 50].iter().map(Op::delete)).await;
        t.given(passing[into..into + 50].iter().map(put)).await;
    };
    let found = walk(t, "suite", changes).await;
    assert!(stay.iter().all(|key| found.contains(key.bytes())), "what stays is found");
    let known: BTreeSet<&Bytes> = stay.iter().chain(&passing).map(Key::bytes).collect();
    assert!(found.iter().all(|key| known.contains(key)), "what never was is not");
}

pub async fn a_foreign_cursor_is_lost<F: Fixture>(t: &Harness<F>) {
    t.given(one_of_each_kind()).await;
    for foreign in [&b""[..], b"nonsense", &[0xff; 40]] {
        let scan = Scan::new(namespace("suite")).after(Cursor::from_bytes(Bytes::from_static(foreign)));
        let error = t.store().scan(scan).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CursorLost, "{foreign:?}");
    }
}

/// Scans a namespace to its end, letting something happen between pages.
async fn walk<F: Fixture>(t: &Harness<F>, name: &str, between: impl AsyncFn()) -> BTreeSet<Bytes> {
    let mut found = BTreeSet::new();
    let mut cursor = None;
    // No scan of a few thousand keys takes so many pages; one that turns in circles ends here.
    for _ in 0..50_000 {
        let scan = Scan::new(namespace(name)).count(40).unwrap().after(cursor);
        let page = t.store().scan(scan).await.unwrap();
        found.extend(page.keys);
        cursor = page.next;
        if cursor.is_none() {
            return found;
        }
        between().await;
    }
    panic!("the scan of {name} does not end")
}

fn in_namespace(name: &str, number: u16) -> Key {
    let [high, low] = number.to_be_bytes();
    let mut tag = [0; 16];
    tag[..2].copy_from_slice(&[high, low]);
    let partition = Partition::from_slot(number % 100 * 163).unwrap_or_else(|| panic!("a slot below 16 384"));
    Key::new(Kind::Value, &namespace(name), partition, tag)
}

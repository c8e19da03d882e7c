//! Walks over maps and rankings, page by page.

use std::collections::BTreeMap;

use bytes::Bytes;
use roomkey_core::{Cursor, ErrorKind, Life, Op, RankPut, Reply, Score, WalkItems, WalkPage};

use super::values::one_of_each_kind;
use super::*;

pub async fn a_missing_key_is_an_empty_page<F: Fixture>(t: &Harness<F>) {
    for (key, items) in [(map(1), WalkItems::Fields(vec![])), (ranking(1), WalkItems::Members(vec![]))] {
        assert_eq!(t.run(Op::walk(&key, None, 10)).await, Ok(Reply::Page(WalkPage { items, next: None })));
    }
}

pub async fn a_walk_over_a_map_sees_every_field<F: Fixture>(t: &Harness<F>) {
    for size in [1, 10, 3_000] {
        let names = numbered("field", size);
        for part in names.chunks(1_000) {
            t.given([Op::map_put(&map(1), part.to_vec(), part.to_vec(), Life::Never)]).await;
        }
        let seen = walk(t, &map(1), async || {}).await;
        assert_eq!(seen, names.iter().map(|name| (name.clone(), name.clone())).collect());
    }
}

pub async fn a_walk_over_a_ranking_sees_every_member<F: Fixture>(t: &Harness<F>) {
    for size in [1, 10, 3_000] {
        let names = numbered("member", size);
        for part in names.chunks(1_000) {
            t.given([RankPut::new(&ranking(1), part.to_vec(), Score::Is(-7)).into()]).await;
        }
        let seen = walk(t, &ranking(1), async || {}).await;
        assert_eq!(seen, names.iter().map(|name| (name.clone(), bytes("-7"))).collect());
    }
}

pub async fn what_stays_is_seen_while_others_come_and_go<F: Fixture>(t: &Harness<F>) {
    let (stay, go, come) = (numbered("stay", 500), numbered("go", 1_000), numbered("come", 1_000));
    for part in [&stay, &go] {
        t.given([Op::map_put(&map(1), part.clone(), "v", Life::Never)]).await;
        t.given([RankPut::new(&ranking(2), part.clone(), Score::Is(1)).into()]).await;
    }
    for key in [map(1), ranking(2)] {
        let page = std::cell::Cell::new(0);
        let changes = async || {
            let batch = (page.get() * 50).min(950)..(page.get() * 50 + 50).min(1_000);
            page.set(page.get() + 1);
            let (out, into) = (go[batch.clone()].to_vec(), come[batch].to_vec());
            if key.kind() == Kind::Map {
                t.given([Op::map_remove(&key, out), Op::map_put(&key, into, "v", Life::Never)]).await;
            } else {
                t.given([Op::rank_remove(&key, out), RankPut::new(&key, into, Score::Is(0)).into()]).await;
            }
        };
        let seen = walk(t, &key, changes).await;
        assert!(stay.iter().all(|name| seen.contains_key(name)), "{key:?}: what stays is seen");
        let known = |name: &Bytes| [&stay, &go, &come].iter().any(|names| names.contains(name));
        assert!(seen.keys().all(known), "{key:?}: what never was is not");
    }
}

pub async fn a_foreign_cursor_is_lost<F: Fixture>(t: &Harness<F>) {
    for part in numbered("f", 3_000).chunks(1_000) {
        t.given([Op::map_put(&map(1), part.to_vec(), "v", Life::Never)]).await;
    }
    for foreign in [&b""[..], b"nonsense", &[0xff; 40]] {
        let cursor = Cursor::from_bytes(Bytes::from_static(foreign));
        assert_eq!(
            t.run(Op::walk(&map(1), Some(cursor), 10)).await,
            Err(ErrorKind::CursorLost),
            "{foreign:?}"
        );
    }
}

pub async fn other_kinds_cannot_be_walked<F: Fixture>(t: &Harness<F>) {
    t.given(one_of_each_kind()).await;
    for number in [1, 3, 4, 5] {
        assert_eq!(t.run(Op::walk(&map(number), None, 10)).await, Err(ErrorKind::WrongType));
    }
    for number in [1, 2, 3, 5] {
        assert_eq!(t.run(Op::walk(&ranking(number), None, 10)).await, Err(ErrorKind::WrongType));
    }
}

/// Walks to the end, letting something happen between pages; values and scores as bytes.
async fn walk<F: Fixture>(t: &Harness<F>, key: &Key, between: impl AsyncFn()) -> BTreeMap<Bytes, Bytes> {
    let mut seen = BTreeMap::new();
    let mut cursor = None;
    // No walk over a few thousand elements takes so many pages; one that turns in circles ends here.
    for _ in 0..10_000 {
        let page = match t.run(Op::walk(key, cursor, 20)).await {
            Ok(Reply::Page(page)) => page,
            other => panic!("Walk replied {other:?}"),
        };
        match page.items {
            WalkItems::Fields(fields) => seen.extend(fields),
            WalkItems::Members(members) => {
                seen.extend(
                    members.into_iter().map(|(member, score)| (member, Bytes::from(score.to_string()))),
                );
            }
        }
        cursor = page.next;
        if cursor.is_none() {
            return seen;
        }
        between().await;
    }
    panic!("the walk over {key:?} does not end")
}

fn numbered(name: &str, size: usize) -> Vec<Bytes> {
    (0..size).map(|i| Bytes::from(format!("{name}{i}"))).collect()
}

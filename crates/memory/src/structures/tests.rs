//! Each structure against a naive one.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use roomkey_core::{End, Entry, LogId, Order, StoreTime};

use super::*;

/// Few different names, so that operations meet.
fn name() -> impl Strategy<Value = Bytes> {
    (0u8..40).prop_map(|n| Bytes::from(vec![n; usize::from(n % 4)]))
}

#[derive(Clone, Debug)]
enum Change {
    Put(Bytes, i64),
    Remove(Bytes),
    TakeDead(u64, usize),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (name(), -20i64..20).prop_map(|(member, score)| Change::Put(member, score)),
        2 => name().prop_map(Change::Remove),
        1 => (0u64..10, 1usize..6).prop_map(|(now, limit)| Change::TakeDead(now, limit)),
    ]
}

/// Members by score, ties by their bytes.
fn sorted(model: &BTreeMap<Bytes, i64>) -> Vec<(Bytes, i64)> {
    let mut all: Vec<_> = model.iter().map(|(member, score)| (member.clone(), *score)).collect();
    all.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
    all
}

proptest! {
    #[test]
    fn a_ranking_is_a_sorted_list(changes in vec(change(), 0..200), min in -25i64..25, width in -2i64..30, limit in 1usize..20) {
        let mut ranking = Ranking::default();
        let mut model = BTreeMap::new();
        for change in changes {
            match change {
                Change::Put(member, score) => {
                    ranking.put(member.clone(), score);
                    model.insert(member, score);
                }
                Change::Remove(member) => {
                    prop_assert_eq!(ranking.remove(&member), model.remove(&member).is_some());
                }
                Change::TakeDead(now, limit) => {
                    let dead = sorted(&model).into_iter().filter(|(_, score)| *score <= now as i64);
                    let expected: Vec<_> = dead.take(limit).map(|(member, _)| member).collect();
                    prop_assert_eq!(ranking.take_dead(StoreTime::from_millis(now), limit), expected.clone());
                    model.retain(|member, _| !expected.contains(member));
                }
            }
            prop_assert_eq!(ranking.len(), model.len());
        }
        let all = sorted(&model);
        let mut within: Vec<_> =
            all.iter().filter(|(_, score)| (min..=min + width).contains(score)).cloned().collect();
        let lowest: Vec<_> = within.iter().take(limit).cloned().collect();
        prop_assert_eq!(ranking.range(min, min + width, Order::Lowest, limit), lowest);
        within.reverse();
        within.truncate(limit);
        prop_assert_eq!(ranking.range(min, min + width, Order::Highest, limit), within);
        prop_assert_eq!(ranking.highest(), all.last().map(|(_, score)| *score));
        for now in 0..20 {
            let live = all.iter().filter(|(_, score)| *score > now).count();
            prop_assert_eq!(ranking.live(StoreTime::from_millis(now as u64)), live);
        }
        for (place, (member, score)) in all.iter().enumerate() {
            prop_assert_eq!(ranking.place(member), Some(place));
            prop_assert_eq!(ranking.score(member), Some(*score));
        }
        let bytes: usize = model.keys().map(|member| ELEMENT_OVERHEAD + member.len()).sum();
        prop_assert_eq!(ranking.bytes(), bytes);
    }

    #[test]
    fn a_map_is_a_map_and_a_walk_sees_all_of_it(
        changes in vec((name(), proptest::option::of(name())), 0..120),
        page in 1usize..10,
    ) {
        let mut map = Map::default();
        let mut model = BTreeMap::new();
        for (field, value) in changes {
            match value {
                Some(value) => {
                    prop_assert_eq!(map.put(field.clone(), value.clone()), model.insert(field, value).is_none());
                }
                None => prop_assert_eq!(map.remove(&field), model.remove(&field).is_some()),
            }
        }
        let all: Vec<_> = model.iter().map(|(field, value)| (field.clone(), value.clone())).collect();
        let mut seen: Vec<(Bytes, Bytes)> = Vec::new();
        loop {
            let last = seen.last().map(|(field, _)| field.clone());
            let walked = map.walk(last.as_ref(), page);
            seen.extend(walked.items);
            if !walked.more {
                break;
            }
        }
        prop_assert_eq!(seen, all);
        prop_assert_eq!(map.len(), model.len());
        let bytes: usize = model.iter().map(|(f, v)| ELEMENT_OVERHEAD + f.len() + v.len()).sum();
        prop_assert_eq!(map.bytes(), bytes);
    }

    #[test]
    fn a_list_is_a_list(
        changes in vec((any::<bool>(), proptest::option::of(name()), 1usize..4), 0..120),
        from in -12i64..12,
        to in -12i64..12,
    ) {
        let mut list = List::default();
        let mut model: Vec<Bytes> = Vec::new();
        for (front, value, count) in changes {
            let end = if front { End::Front } else { End::Back };
            match value {
                Some(value) => {
                    list.push(end, value.clone());
                    model.insert(if front { 0 } else { model.len() }, value);
                }
                None => {
                    let mut expected = Vec::new();
                    while expected.len() < count && !model.is_empty() {
                        expected.push(model.remove(if front { 0 } else { model.len() - 1 }));
                    }
                    prop_assert_eq!(list.pop(end, count), expected);
                }
            }
        }
        let len = model.len() as i64;
        let inside = |position: i64| {
            let first = if from < 0 { from + len } else { from };
            let last = if to < 0 { to + len } else { to };
            first <= position && position <= last
        };
        let expected: Vec<_> = (0..len).filter(|at| inside(*at)).map(|at| model[at as usize].clone()).collect();
        prop_assert_eq!(list.range(from, to), expected);
        prop_assert_eq!(list.bytes(), model.iter().map(|value| ELEMENT_OVERHEAD + value.len()).sum::<usize>());
    }

    #[test]
    fn ids_of_a_log_grow_also_when_the_clock_steps_back(
        times in vec(5u64..12, 1..60),
        keep in 1usize..20,
        limit in 1usize..10,
        from in (4u64..13, 0u64..4),
        to in (4u64..13, 0u64..4),
    ) {
        let mut log = Log::default();
        let mut model: Vec<Entry> = Vec::new();
        for now in times {
            let fields = vec![(Bytes::from_static(b"f"), Bytes::from(now.to_string()))];
            let id = log.append(StoreTime::from_millis(now), fields.clone());
            prop_assert!(model.last().is_none_or(|last| last.id < id));
            prop_assert!(id.ms() >= now);
            model.push(Entry { id, fields });
            log.trim(keep);
            model.drain(..model.len().saturating_sub(keep));
        }
        let (from, to) = (LogId::new(from.0, from.1), LogId::new(to.0, to.1));
        let mut within: Vec<_> = model.iter().filter(|e| from <= e.id && e.id <= to).cloned().collect();
        let oldest: Vec<_> = within.iter().take(limit).cloned().collect();
        prop_assert_eq!(log.range(from, to, Order::Lowest, limit), oldest);
        within.reverse();
        within.truncate(limit);
        prop_assert_eq!(log.range(from, to, Order::Highest, limit), within);
        prop_assert_eq!((log.len(), log.last()), (model.len(), model.last().map(|entry| entry.id)));
        prop_assert_eq!(log.bytes(), model.iter().map(|e| ELEMENT_OVERHEAD + e.fields[0].1.len()).sum::<usize>());
    }
}

#[test]
fn positions_at_the_ends_of_the_range_do_not_overflow() {
    let mut list = List::default();
    list.push(End::Back, Bytes::from_static(b"only"));
    assert_eq!(list.range(i64::MIN, i64::MAX).len(), 1);
    assert_eq!(list.range(i64::MAX, i64::MIN).len(), 0);
}

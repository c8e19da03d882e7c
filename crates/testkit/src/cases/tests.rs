//! Whether all cases run, a failure is cut down, and the same seed draws the same cases.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

fn numbers() -> impl Strategy<Value = Vec<u64>> {
    proptest::collection::vec(0..1_000_000_u64, 1..8)
}

fn drawn(cases: &Cases) -> Vec<Vec<u64>> {
    let drawn = Mutex::new(Vec::new());
    cases.check(&numbers(), |case| {
        drawn.lock().unwrap().push(case);
        Ok(())
    });
    drawn.into_inner().unwrap()
}

#[test]
fn a_seed_repeats_its_cases() {
    let cases = Cases::fixed(50, 7);
    assert_eq!(drawn(&cases).len(), 50);
    assert_eq!(drawn(&cases), drawn(&cases));
    assert_ne!(drawn(&cases), drawn(&Cases::fixed(50, 8)));
    assert_eq!(drawn(&cases.sampled(20)).len(), 3);
}

#[test]
fn threads_divide_the_cases_and_draw_different_ones() {
    let (count, different) = (AtomicU32::new(0), Mutex::new(BTreeSet::new()));
    Cases::fixed(64, 7).check_in_threads(4, numbers, |case| {
        count.fetch_add(1, Ordering::Relaxed);
        different.lock().unwrap().insert(case);
        Ok(())
    });
    assert_eq!(count.into_inner(), 64);
    assert!(different.into_inner().unwrap().len() > 60);
}

#[test]
fn a_failure_is_cut_down_and_names_its_seed() {
    let big = |case: Vec<u64>| {
        if case.iter().any(|&number| number >= 1_000) { Err("a number is big".into()) } else { Ok(()) }
    };
    let alone = panic::catch_unwind(|| Cases::fixed(100, 7).check(&numbers(), big)).unwrap_err();
    let divided = panic::catch_unwind(|| Cases::fixed(100, 7).check_in_threads(3, numbers, big)).unwrap_err();
    for failed in [alone, divided] {
        let message = failed.downcast::<String>().unwrap();
        assert!(message.contains("a number is big"), "{message}");
        assert!(message.contains("PROPTEST_RNG_SEED=7 to repeat it, with 100 cases"), "{message}");
        assert!(message.contains("case [\n    1000,\n]"), "{message}");
    }
}

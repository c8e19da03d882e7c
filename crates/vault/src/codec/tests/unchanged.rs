//! Tests of the comparison: what comes back changed is refused, and what only looks changed is not.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, DefaultHasher};

use serde::{Deserialize, Deserializer, Serialize};

use super::super::sealed::{Decode as _, Encode as _};
use super::*;

const CHANGED: &str = "it comes back as something else";

#[track_caller]
fn refused<T: Encode + ?Sized>(value: &T, why: &str) {
    match encode(value) {
        Err(Error::NotRoundTrip { reason, .. }) => assert_eq!(reason, why),
        other => panic!("{other:?}"),
    }
}

#[test]
fn json_of_another_variant_is_refused() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Shape {
        Circle { r: u8 },
        Ring { r: u8, inner: u8 },
    }
    comes_back(&Json(Shape::Circle { r: 3 }));
    refused(&Json(Shape::Ring { r: 3, inner: 1 }), CHANGED);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Number {
        F(f64),
        I(i64),
    }
    comes_back(&Json(Number::F(0.1)));
    refused(&Json(Number::I((1 << 53) + 1)), CHANGED);
}

#[test]
fn json_of_another_default_is_refused() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Limits {
        #[serde(default = "five", skip_serializing_if = "is_zero")]
        seats: u8,
    }
    const fn five() -> u8 {
        5
    }
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    const fn is_zero(seats: &u8) -> bool {
        *seats == 0
    }
    comes_back(&Json(Limits { seats: 7 }));
    refused(&Json(Limits { seats: 0 }), CHANGED);
}

#[test]
fn json_of_an_option_in_an_option_is_refused_where_it_is_ambiguous() {
    comes_back(&Json(None::<Option<u8>>));
    comes_back(&Json(Some(Some(1u8))));
    refused(&Json(Some(None::<u8>)), CHANGED);
    // bincode tells them apart.
    comes_back(&Some(None::<u8>));
}

#[test]
fn json_of_two_keys_that_are_one_is_refused() {
    #[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[serde(into = "String", from = "String")]
    struct Lowered(String);
    impl Clone for Lowered {
        fn clone(&self) -> Self {
            Self(self.0.to_lowercase())
        }
    }
    impl From<Lowered> for String {
        fn from(lowered: Lowered) -> Self {
            lowered.0
        }
    }
    impl From<String> for Lowered {
        fn from(text: String) -> Self {
            Self(text)
        }
    }
    let key = |text: &str| Lowered(text.into());
    comes_back(&Json(HashMap::from([(key("a"), 1), (key("b"), 2)])));
    refused(&Json(HashMap::from([(key("a"), 1), (key("A"), 2)])), CHANGED);
}

#[test]
fn json_of_a_number_that_is_not_finite_is_refused() {
    #[track_caller]
    fn not_finite<T: Serialize + DeserializeOwned + Sync + 'static>(value: T) {
        let trusting = Policy { trusted: HashSet::from([TypeId::of::<T>()]), ..policy() };
        let value = Json(value);
        for result in [value.encode(&policy()), value.encode(&trusting)] {
            let Err(Error::Encode { reason, .. }) = result else { panic!("{result:?}") };
            assert!(reason.contains("not finite"), "{reason}");
        }
    }
    not_finite(f64::NAN);
    not_finite(Some(f64::NAN));
    not_finite(vec![1.0, f64::INFINITY]);
    not_finite((f32::NEG_INFINITY,));
    comes_back(&Json(vec![f64::MAX, -0.0, f64::MIN_POSITIVE]));
    comes_back(&vec![f64::INFINITY]);
}

#[test]
fn the_smallest_sets_come_back_in_either_codec() {
    for n in 0..500u32 {
        comes_back(&HashSet::from([n, n + 1]));
        comes_back(&Json(vec![HashSet::from([n, n + 1]), HashSet::from([n + 2, n])]));
    }
}

#[test]
fn sets_without_a_random_key_come_back() {
    type Fixed = HashSet<u32, BuildHasherDefault<DefaultHasher>>;
    for size in (0..300).chain([4_000, 10_000]) {
        // Another capacity and another history than the set that is read has, so another order.
        let mut set = Fixed::with_capacity_and_hasher(100_000, BuildHasherDefault::default());
        set.extend((0..size).rev());
        comes_back(&set);
        comes_back(&Json(set));
    }
}

#[test]
fn the_order_of_a_list_is_not_compared_but_what_it_holds_is() {
    #[derive(Debug, Serialize)]
    struct Stack(Vec<u32>);
    impl<'de> Deserialize<'de> for Stack {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let mut items = Vec::deserialize(deserializer)?;
            items.reverse();
            items.iter_mut().filter(|item| **item == 7).for_each(|item| *item = 8);
            Ok(Self(items))
        }
    }
    // The limit that `Encode` states.
    assert!(encode(&Stack(vec![1, 2, 3])).is_ok());
    refused(&Stack(vec![1, 2, 7]), CHANGED);
    refused(&Json(Stack(vec![1, 2, 7])), CHANGED);
}

#[test]
fn elements_that_trade_places_between_lists_are_refused() {
    #[derive(Debug, Serialize)]
    struct Pair(Vec<u32>, Vec<u32>);
    impl<'de> Deserialize<'de> for Pair {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            <(Vec<u32>, Vec<u32>)>::deserialize(deserializer).map(|(a, b)| Self(b, a))
        }
    }
    refused(&Pair(vec![1], vec![2]), CHANGED);
    assert!(encode(&Pair(vec![1], vec![1])).is_ok());
}

#[test]
fn a_small_map_in_a_large_value_does_not_make_it_dear() {
    let policy = Policy { limit: 16 << 20, ..policy() };
    let map: HashMap<u32, u32> = (0..100).map(|n| (n, n)).collect();
    let value = (vec![7u8; 15 << 20], map);
    let payload = value.encode(&policy).unwrap();
    assert!(<(Vec<u8>, HashMap<u32, u32>)>::decode(&payload).unwrap() == value);
}

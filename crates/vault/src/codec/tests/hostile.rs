//! Tests of the codecs: what bytes and values cannot do, however large, long or deep they claim to be.

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::super::sealed::{Decode as _, Encode as _};
use super::*;

#[test]
fn nine_bytes_that_claim_a_huge_text_are_an_error() {
    // A length of 2^63 - 1 in bincode's longest form, and nothing after it.
    let mut evil = vec![Codec::Bincode as u8, 253];
    evil.extend_from_slice(&(u64::MAX >> 1).to_le_bytes());
    assert!(matches!(String::decode(&evil), Err(Error::Decode { .. })));
    assert!(matches!(Vec::<u8>::decode(&evil), Err(Error::Decode { .. })));
    assert!(matches!(HashMap::<String, String>::decode(&evil), Err(Error::Decode { .. })));
    // One that is within the limit, and still longer than what there is.
    let mut evil = vec![Codec::Bincode as u8, 252];
    evil.extend_from_slice(&(1u32 << 20).to_le_bytes());
    assert!(matches!(String::decode(&evil), Err(Error::Decode { reason: "it ends too early", .. })));
}

#[test]
fn nine_bytes_that_claim_a_billion_nothings_are_an_error() {
    let mut evil = vec![Codec::Bincode as u8, 252];
    evil.extend_from_slice(&(1u32 << 30).to_le_bytes());
    let too_many = "it has more than 16 777 216 elements";
    assert!(matches!(Vec::<()>::decode(&evil), Err(Error::Decode { reason, .. }) if reason == too_many));
    assert!(matches!(encode(&vec![(); 1 << 25]), Err(Error::Encode { reason, .. }) if reason == too_many));
    comes_back(&vec![(); 1_000]);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Chain(Option<Box<Self>>);

fn chain(links: usize) -> Chain {
    (0..links).fold(Chain(None), |chain, _| Chain(Some(Box::new(chain))))
}

#[test]
fn deep_nesting_is_an_error_both_ways() {
    // A million times "there is another one", and the end.
    let mut evil = vec![1; 1_000_000];
    evil[0] = Codec::Bincode as u8;
    evil.push(0);
    assert!(matches!(Chain::decode(&evil), Err(Error::Decode { reason: "it nests deeper than 127", .. })));

    // A link is a newtype and an option.
    comes_back(&chain(63));
    let deep = chain(64);
    assert!(matches!(encode(&deep), Err(Error::Encode { reason: "it nests deeper than 127", .. })));
    assert!(encode(&Json(deep)).is_err());
}

#[test]
fn everything_that_is_written_can_be_read_at_any_depth() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Tree {
        Leaf,
        Wrapped(Box<Self>),
        Listed(Vec<Self>),
        Paired(Box<Self>, u8),
        Named { inner: Box<Self> },
        Mapped(BTreeMap<u8, Self>),
    }
    let wraps: [fn(Tree) -> Tree; 5] = [
        |inner| Tree::Wrapped(Box::new(inner)),
        |inner| Tree::Listed(vec![inner]),
        |inner| Tree::Paired(Box::new(inner), 1),
        |inner| Tree::Named { inner: Box::new(inner) },
        |inner| Tree::Mapped(BTreeMap::from([(1, inner)])),
    ];
    // Trusted, so that nothing but the guard stands between a value and a loss.
    let trusted = HashSet::from([TypeId::of::<Tree>()]);
    let trusting = Policy { trusted, ..policy() };
    for wrap in wraps {
        for depth in 30..140 {
            let tree = (0..depth).fold(Tree::Leaf, |inner, _| wrap(inner));
            let too_deep =
                |error| assert!(matches!(error, Error::Encode { reason: "it nests deeper than 127", .. }));
            match tree.encode(&trusting) {
                Ok(payload) => assert_eq!(Tree::decode(&payload).unwrap(), tree),
                Err(error) => too_deep(error),
            }
            let json = Json(tree);
            match json.encode(&trusting) {
                Ok(payload) => assert_eq!(Json::<Tree>::decode(&payload).unwrap(), json),
                Err(error) => too_deep(error),
            }
        }
    }
}

#[test]
fn everything_that_is_written_can_be_read_up_to_the_last_element() {
    // A vault's own limit: with so many elements, whoever counts fields too counts more than there may be.
    const MOST: usize = 16 << 20;
    let trusted =
        HashSet::from([TypeId::of::<Pairs>(), TypeId::of::<Vec<Unit>>(), TypeId::of::<Vec<[u8; 3]>>()]);
    let policy = Policy { limit: MOST, trusted };
    #[derive(Debug, PartialEq, Clone, Copy, Serialize, Deserialize)]
    struct Pair {
        a: u8,
        b: u8,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Pairs(Vec<Pair>);
    let pairs = Pairs(vec![Pair { a: 1, b: 2 }; 5_700_000]);
    assert!(Pairs::decode(&pairs.encode(&policy).unwrap()).unwrap() == pairs);
    let pixels = vec![[1u8, 2, 3]; 5_000_000];
    assert!(Vec::<[u8; 3]>::decode(&pixels.encode(&policy).unwrap()).unwrap() == pixels);

    // Elements that take no bytes, up to the last one and no further.
    #[derive(Debug, PartialEq, Clone, Copy, Serialize, Deserialize)]
    struct Unit {}
    let units = vec![Unit {}; MOST];
    assert_eq!(Vec::<Unit>::decode(&units.encode(&policy).unwrap()).unwrap().len(), MOST);
    let units = vec![Unit {}; MOST + 1];
    assert!(matches!(units.encode(&policy), Err(Error::Encode { .. })));
}

#[test]
fn a_type_that_nests_deeper_when_it_is_read_is_not_called_misread() {
    /// Writes itself as bytes and reads itself as a chain of options.
    #[derive(Debug, Serialize)]
    struct Deeper(#[serde(serialize_with = "ones")] Chain);
    fn ones<S: serde::Serializer>(_: &Chain, serializer: S) -> Result<S::Ok, S::Error> {
        [[1u8; 32]; 5].serialize(serializer)
    }
    impl<'de> Deserialize<'de> for Deeper {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Chain::deserialize(deserializer).map(Self)
        }
    }
    assert!(matches!(
        encode(&Deeper(chain(0))),
        Err(Error::Encode { reason: "it nests deeper than 127", .. })
    ));
}

#[test]
fn a_type_is_not_told_to_expect_more_than_thousands() {
    #[derive(Debug)]
    struct Hint(usize);
    impl<'de> Deserialize<'de> for Hint {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Look;
            impl<'de> serde::de::Visitor<'de> for Look {
                type Value = Hint;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("a sequence")
                }
                fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Hint, A::Error> {
                    let hint = seq.size_hint().unwrap();
                    while seq.next_element::<u8>()?.is_some() {}
                    Ok(Hint(hint))
                }
            }
            deserializer.deserialize_seq(Look)
        }
    }
    for (len, told) in [(7, 7), (4_096, 4_096), (100_000, 4_096)] {
        assert_eq!(Hint::decode(&encode(&vec![1u8; len]).unwrap()).unwrap().0, told);
    }
}

#[test]
fn values_over_the_limit_are_refused() {
    let policy = Policy { limit: 10, ..policy() };
    assert!("123456789".encode(&policy).is_ok());
    assert!(matches!("1234567890".encode(&policy), Err(Error::TooLarge { limit: 10 })));
    assert!(vec![0u8; 9].encode(&policy).is_ok());
    assert!(matches!(vec![0u8; 10].encode(&policy), Err(Error::TooLarge { limit: 10 })));
    assert!(Json("12345678".to_owned()).encode(&policy).is_ok());
    assert!(matches!(Json("123456789".to_owned()).encode(&policy), Err(Error::TooLarge { limit: 10 })));
}

#[test]
fn small_integers_do_not_meet_the_limit_of_what_is_read() {
    // bincode counts each as its full width against its limit: here 16 bytes for one.
    let numbers = vec![7u128; MAX_NUMBERS];
    let payload = binary::encode(&numbers, MAX_NUMBERS + 16).unwrap();
    assert_eq!(Vec::<u128>::decode(&payload).unwrap(), numbers);
}

/// So many that their widths together are twice what a value may take.
const MAX_NUMBERS: usize = 2 << 20;

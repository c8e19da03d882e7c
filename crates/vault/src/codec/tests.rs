//! Tests of the codecs: what comes back, and what is refused because it would not.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod hostile;
mod unchanged;

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Debug;

use proptest::collection::{btree_map, hash_map, hash_set, vec};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::sealed::{Decode as _, Encode as _};
use super::*;

fn policy() -> Policy {
    Policy { limit: 1 << 20, trusted: HashSet::new() }
}

fn encode<T: Encode + ?Sized>(value: &T) -> Result<Vec<u8>> {
    value.encode(&policy()).map(|payload| payload.to_vec())
}

#[track_caller]
fn comes_back<T: Encode + Decode + PartialEq + Debug>(value: &T) {
    assert_eq!(&T::decode(&encode(value).unwrap()).unwrap(), value);
}

/// What bincode would misread or could not read is refused, with the type named; JSON takes it.
#[track_caller]
fn only_json_takes<T>(value: T)
where
    T: Serialize + DeserializeOwned + Send + Sync + PartialEq + Debug + 'static,
{
    match encode(&value) {
        Err(error @ Error::NotRoundTrip { type_name, .. }) => {
            assert_eq!(type_name, std::any::type_name::<T>());
            assert!(error.to_string().contains(type_name), "{error}");
        }
        other => panic!("{other:?}"),
    }
    comes_back(&Json(value));
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Session {
    user: u64,
    name: String,
    roles: Vec<Role>,
    seen: Option<i64>,
    tags: HashMap<String, HashSet<u32>>,
    pair: (bool, char),
    nothing: (),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Role {
    Guest,
    Named(String),
    Rated(f64, i8),
    Until { day: u16, next: Option<Box<Self>> },
}

fn role() -> impl Strategy<Value = Role> {
    let leaf = prop_oneof![
        Just(Role::Guest),
        any::<String>().prop_map(Role::Named),
        (-1e9..1e9, any::<i8>()).prop_map(|(a, b)| Role::Rated(a, b)),
    ];
    leaf.prop_recursive(4, 8, 1, |inner| {
        (any::<u16>(), inner).prop_map(|(day, next)| Role::Until { day, next: Some(Box::new(next)) })
    })
}

fn session() -> impl Strategy<Value = Session> {
    let tags = hash_map(any::<String>(), hash_set(any::<u32>(), 0..9), 0..5);
    (any::<u64>(), any::<String>(), vec(role(), 0..4), any::<Option<i64>>(), tags, any::<(bool, char)>())
        .prop_map(|(user, name, roles, seen, tags, pair)| Session {
            user,
            name,
            roles,
            seen,
            tags,
            pair,
            nothing: (),
        })
}

proptest! {
    #[test]
    fn structs_enums_and_collections_come_back(value in session()) {
        comes_back(&value);
        comes_back(&Json(value));
    }

    #[test]
    fn what_the_guard_lets_pass_is_plain_bincode(value in session()) {
        let plain = bincode::serde::encode_to_vec(&value, bincode::config::standard()).unwrap();
        prop_assert_eq!(&encode(&value).unwrap()[1..], plain);
    }

    #[test]
    fn bytes_at_once_are_bytes_one_by_one(bytes in vec(any::<u8>(), 0..400)) {
        let plain = bincode::serde::encode_to_vec(&bytes, bincode::config::standard()).unwrap();
        prop_assert_eq!(&encode(&bytes).unwrap()[1..], &plain);
        prop_assert_eq!(&encode(bytes.as_slice()).unwrap()[1..], &plain);
        prop_assert_eq!(&binary::encode(&bytes, 1_000).unwrap()[1..], &plain);
        // Other types of the same form read them, and the other way round.
        let payload = encode(&bytes).unwrap();
        prop_assert_eq!(std::collections::VecDeque::<u8>::decode(&payload).unwrap(), bytes.clone());
        let queue = std::collections::VecDeque::from(bytes.clone());
        prop_assert_eq!(Vec::<u8>::decode(&encode(&queue).unwrap()).unwrap(), bytes);
    }

    #[test]
    fn numbers_text_and_bytes_come_back(
        a in any::<(u8, u16, u32, u64, u128)>(), b in any::<(i8, i16, i32, i64, i128)>(),
        text in any::<String>(), bytes in vec(any::<u8>(), 0..300), map in btree_map(any::<i32>(), any::<String>(), 0..9),
    ) {
        comes_back(&a);
        comes_back(&b);
        comes_back(&text);
        comes_back(&bytes);
        comes_back(&map);
        prop_assert_eq!(String::decode(&encode(text.as_str()).unwrap()).unwrap(), text);
        prop_assert_eq!(Vec::<u8>::decode(&encode(bytes.as_slice()).unwrap()).unwrap(), bytes);
    }

    #[test]
    fn no_bytes_panic_or_abort_a_reader(mut bytes in vec(any::<u8>(), 0..200)) {
        for codec in [Codec::Bincode, Codec::Json] {
            if let Some(first) = bytes.first_mut() {
                *first = codec as u8;
            }
            let _ = Session::decode(&bytes);
            let _ = Json::<Session>::decode(&bytes);
            let _ = Vec::<String>::decode(&bytes);
            let _ = HashMap::<String, Option<Vec<u8>>>::decode(&bytes);
        }
    }

    #[test]
    fn a_cut_value_is_never_read(value in session(), cut in any::<prop::sample::Index>()) {
        let payload = encode(&value).unwrap();
        let read = Session::decode(&payload[..cut.index(payload.len())]);
        prop_assert!(matches!(read, Err(Error::Decode { .. })), "{read:?}");
    }
}

#[test]
fn a_slice_comes_back_as_a_vector() {
    let roles = [Role::Guest, Role::Named("x".into())];
    assert_eq!(Vec::<Role>::decode(&encode(roles.as_slice()).unwrap()).unwrap(), roles);
}

#[test]
fn skipped_fields_are_refused() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Skips {
        #[serde(skip_serializing_if = "Option::is_none")]
        nick: Option<String>,
        id: u8,
    }
    only_json_takes(Skips { nick: None, id: 1 });
    comes_back(&Skips { nick: Some("ann".into()), id: 1 });

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum SkipsInside {
        Person {
            #[serde(skip_serializing_if = "Option::is_none")]
            nick: Option<String>,
        },
    }
    only_json_takes(SkipsInside::Person { nick: None });
}

#[test]
fn a_field_that_is_only_written_or_only_read_is_refused() {
    #[derive(Debug, PartialEq, Default, Serialize, Deserialize)]
    struct Written {
        #[serde(skip_deserializing)]
        cache: u8,
        id: u16,
    }
    assert!(matches!(encode(&Written { cache: 9, id: 7 }), Err(Error::NotRoundTrip { .. })));

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Read {
        #[serde(skip_serializing, default)]
        cache: u8,
        id: u16,
    }
    assert!(matches!(encode(&Read { cache: 0, id: 7 }), Err(Error::NotRoundTrip { .. })));
}

#[test]
fn untagged_enums_are_refused() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Id {
        Number(u64),
        Text(String),
    }
    only_json_takes(Id::Number(1));
    only_json_takes(vec![Id::Text("a".into())]);
}

#[test]
fn internally_and_adjacently_tagged_enums_are_refused() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Internal {
        A { x: u8 },
    }
    only_json_takes(Internal::A { x: 1 });

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind", content = "with")]
    enum Adjacent {
        A { x: u8 },
    }
    only_json_takes(Adjacent::A { x: 1 });
}

#[test]
fn flattened_structs_are_refused() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Outer {
        id: u8,
        #[serde(flatten)]
        rest: BTreeMap<String, u8>,
    }
    only_json_takes(Outer { id: 1, rest: BTreeMap::from([("a".into(), 2)]) });
}

#[test]
fn dynamic_values_are_refused() {
    only_json_takes(serde_json::json!({ "a": [1, "b", null] }));
    only_json_takes(serde_json::json!(null));
}

#[test]
fn a_type_that_reads_itself_as_something_else_is_refused() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(from = "u8")]
    struct Forgets(u8);
    impl From<u8> for Forgets {
        fn from(_: u8) -> Self {
            Self(0)
        }
    }
    assert!(matches!(
        encode(&Forgets(5)),
        Err(Error::NotRoundTrip { reason: "it comes back as something else", .. })
    ));
    comes_back(&Forgets(0));
}

#[test]
fn a_sequence_of_another_length_than_it_says_is_refused() {
    use serde::ser::{SerializeSeq, Serializer};

    #[derive(Debug, Deserialize)]
    struct Liar(#[expect(dead_code, reason = "only its shape matters")] Vec<u8>);
    impl Serialize for Liar {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut seq = serializer.serialize_seq(Some(2))?;
            seq.serialize_element(&1u8)?;
            seq.end()
        }
    }
    assert!(matches!(encode(&Liar(vec![])), Err(Error::NotRoundTrip { .. })));
    let trusting = Policy { trusted: HashSet::from([TypeId::of::<Liar>()]), ..policy() };
    assert!(matches!(Liar(vec![]).encode(&trusting), Err(Error::NotRoundTrip { .. })));
}

#[test]
fn a_trusted_type_is_not_read_back() {
    #[derive(Debug, Serialize)]
    struct Unreadable(u8);
    impl<'de> Deserialize<'de> for Unreadable {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            panic!("a trusted type is not read back")
        }
    }
    let trusting = Policy { trusted: HashSet::from([TypeId::of::<Unreadable>()]), ..policy() };
    assert_eq!(*Unreadable(7).encode(&trusting).unwrap(), [Codec::Bincode as u8, 7]);
    assert!(Json(Unreadable(7)).encode(&trusting).is_ok());
}

#[test]
fn hash_maps_may_come_back_in_another_order() {
    // Enough entries that two maps with different seeds never agree on an order.
    let map: HashMap<u32, HashSet<u32>> = (0..100).map(|n| (n, (0..50).collect())).collect();
    comes_back(&map);
    comes_back(&(1u8, map, ["end"; 3].join("")));
}

#[test]
fn the_wrong_codec_is_named() {
    let binary = encode("text").unwrap();
    let json = encode(&Json("text".to_owned())).unwrap();
    assert!(matches!(
        Json::<String>::decode(&binary),
        Err(Error::WrongCodec { found: "bincode", expected: "JSON" })
    ));
    assert!(matches!(String::decode(&json), Err(Error::WrongCodec { found: "JSON", expected: "bincode" })));
    assert!(matches!(
        String::decode(&[9, 1]),
        Err(Error::WrongCodec { found: "an unknown codec", expected: "bincode" })
    ));
    assert!(matches!(String::decode(&[]), Err(Error::Decode { .. })));
}

#[test]
fn bytes_left_over_are_an_error() {
    let mut payload = encode(&(1u8, 2u8)).unwrap();
    assert!(matches!(u8::decode(&payload), Err(Error::Decode { reason: "bytes are left over", .. })));
    payload.push(0);
    assert!(matches!(<(u8, u8)>::decode(&payload), Err(Error::Decode { .. })));
}

#[test]
fn json_that_cannot_be_read_back_is_refused() {
    assert!(matches!(encode(&Json(HashMap::from([((1, 2), 3)]))), Err(Error::Encode { .. })));
}

#[test]
fn no_error_quotes_a_value() {
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(try_from = "String", into = "String")]
    struct Picky;
    impl TryFrom<String> for Picky {
        type Error = String;
        fn try_from(text: String) -> Result<Self, String> {
            Err(format!("refused: {text}"))
        }
    }
    impl From<Picky> for String {
        fn from(_: Picky) -> Self {
            "sentinel".into()
        }
    }
    impl Clone for Picky {
        fn clone(&self) -> Self {
            Self
        }
    }
    let text = encode("sentinel").unwrap();
    let json = encode(&Json("sentinel".to_owned())).unwrap();
    let errors = [
        encode(&Picky).unwrap_err(),
        encode(&Json(Picky)).unwrap_err(),
        Picky::decode(&text).unwrap_err(),
        Json::<Picky>::decode(&json).unwrap_err(),
        Json::<u32>::decode(&json).unwrap_err(),
    ];
    for error in errors {
        assert!(std::error::Error::source(&error).is_none(), "a source could quote the value");
        assert!(!format!("{error} {error:?}").contains("sentinel"), "{error:?}");
    }
}

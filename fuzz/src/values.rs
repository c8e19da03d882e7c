//! The codecs: what is inside the seal of a value, read as values of many types.

use std::collections::BTreeMap;
use std::fmt::Debug;

use roomkey_core::Kind;
use roomkey_crypto::Context;
use roomkey_vault::{Decode, Encode, Error, Expiry, Json};
use serde::{Deserialize, Serialize};

use crate::input::Input;
use crate::world::{NAME, World, ready};

/// Any payload inside the seal, read as one of some types.
///
/// - It is a value of the type, or [`Error::Decode`] or [`Error::WrongCodec`].
/// - What was read can be written, and reads back the same.
/// - Bytes, which take a shorter way, are read as the longer way reads them.
pub fn values(data: &[u8]) {
    let mut input = Input::new(data);
    let read = input.choose(TYPES);
    let payload = input.rest();
    let world = World::new();
    let key = world.key(Kind::Value);
    let sealed = world.space().seal(&Context::value(key.bytes()), &[payload]);
    world.put(&key, sealed.expect("the system has random bytes"));
    read(&world);
}

const TYPES: &[fn(&World)] = &[
    read::<String>,
    bytes,
    read::<Numbers>,
    read::<Tree>,
    read::<Session>,
    read::<Json<serde_json::Value>>,
    read::<Json<Session>>,
];

type Numbers = (bool, u64, Option<i128>, [f64; 2], char);

/// What services keep: a struct of most of what serde has.
#[derive(Debug, Serialize, Deserialize)]
struct Session {
    user: u64,
    name: String,
    roles: Vec<Role>,
    seen: Option<i64>,
    settings: BTreeMap<String, f64>,
    avatar: Vec<u8>,
    places: Option<Tree>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Role {
    Guest,
    Member(u16),
    Keeper { rooms: Vec<String>, until: Option<char> },
}

/// What nests as deep as its bytes say.
#[derive(Debug, Serialize, Deserialize)]
enum Tree {
    Leaf(i8),
    Box(Box<Self>),
    Branches(Vec<Self>),
}

fn read<T: Encode + Decode + Debug>(world: &World) {
    let value = match ready(world.vault.get::<T>(NAME)) {
        Ok(value) => value.expect("something is there"),
        Err(Error::Decode { .. } | Error::WrongCodec { .. }) => return,
        Err(other) => panic!("not an error of what is inside the seal: {other:?}"),
    };
    ready(world.vault.set("again", &value, Expiry::Never)).expect("what was read can be written");
    let again = ready(world.vault.get::<T>("again")).expect("what was written can be read");
    // As text: a number that is none (NaN) is not equal to itself.
    assert_eq!(format!("{again:?}"), format!("{:?}", Some(value)));
}

/// Bytes are read at once, and one by one where they are inside of another type.
fn bytes(world: &World) {
    #[derive(Debug, Serialize, Deserialize)]
    struct Within(Vec<u8>);
    let at_once = ready(world.vault.get::<Vec<u8>>(NAME));
    let one_by_one = ready(world.vault.get::<Within>(NAME)).map(|value| value.map(|Within(bytes)| bytes));
    match (at_once, one_by_one) {
        (Ok(at_once), Ok(one_by_one)) => assert_eq!(at_once, one_by_one),
        (Err(Error::Decode { .. }), Err(Error::Decode { .. }))
        | (Err(Error::WrongCodec { .. }), Err(Error::WrongCodec { .. })) => {}
        (at_once, one_by_one) => panic!("bytes are read as {at_once:?} and as {one_by_one:?}"),
    }
    read::<Vec<u8>>(world);
}

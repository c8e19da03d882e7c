//! What else a vault finds in a store: fields of hashes, elements of lists, counters, and the canary.

use bytes::Bytes;
use roomkey_core::{End, Key, Kind, Life, Op, Spread};
use roomkey_crypto::{Context, Tag};
use roomkey_vault::{Error, Vault};

use crate::input::Input;
use crate::world::{NAME, World, keyring, ready, run, store};

/// Any bytes in one of the structures, sealed for their place or not.
pub fn structures(data: &[u8]) {
    let mut input = Input::new(data);
    let (attack, raw) = (input.choose(ATTACKS), input.flag());
    attack(raw, input);
}

const ATTACKS: &[fn(bool, Input<'_>)] = &[hash, list, counter, canary, value];

/// A field: `hgetall` and `hget` agree on it, and what was read can be written under the name that it has inside.
fn hash(raw: bool, mut input: Input<'_>) {
    let world = World::new();
    let key = world.key(Kind::Map);
    let tag = field(&world, &key, "field");
    let foreign = input.flag();
    let tag: Vec<u8> = if foreign { input.take(16).to_vec() } else { tag.as_bytes().to_vec() };
    let bytes = stored(&world, &Context::field(key.bytes(), &tag), raw, input.rest());
    run(&world.store, Op::map_put(&key, Bytes::from(tag), bytes, Life::Never));

    let all = ready(world.vault.hgetall::<String>(NAME));
    let one = ready(world.vault.hget::<String>(NAME, "field"));
    match (all, one) {
        (Err(error), Ok(None)) if foreign => expected(&error, raw),
        (Ok(all), Ok(None)) if foreign => written_again(&world, all),
        (Err(error), Err(same)) => {
            assert_eq!(error.to_string(), same.to_string());
            expected(&error, raw);
        }
        (Ok(all), Ok(Some(value))) => {
            assert!(all.values().eq([&value]));
            written_again(&world, all);
        }
        (all, one) => panic!("a hash is read as {all:?}, and a field of it as {one:?}"),
    }
}

fn field(world: &World, key: &Key, name: &str) -> Tag {
    world.space().hide("field", &[key.bytes(), name.as_bytes()])
}

fn written_again(world: &World, fields: impl IntoIterator<Item = (String, String)>) {
    for (name, value) in fields {
        match ready(world.vault.hset("again", &name, &value)) {
            Ok(new) => assert!(new),
            Err(Error::EmptyName | Error::NameTooLong { .. }) => continue,
            Err(other) => panic!("what was read cannot be written: {other:?}"),
        }
        assert_eq!(
            ready(world.vault.hget("again", &name)).expect("what was written can be read"),
            Some(value)
        );
    }
}

/// An element: `lrange`, `lpop` and `rpop` agree on it.
fn list(raw: bool, input: Input<'_>) {
    let world = World::new();
    let key = world.key(Kind::List);
    let bytes = stored(&world, &Context::element(key.bytes()), raw, input.rest());
    let twice = || [bytes.clone(), bytes.clone()];
    run(&world.store, Op::push(&key, End::Back, twice().to_vec(), Life::Never));
    let all = ready(world.vault.lrange::<Vec<u8>>(NAME, 0, -1));
    let first = ready(world.vault.lpop::<Vec<u8>>(NAME));
    let last = ready(world.vault.rpop::<Vec<u8>>(NAME));
    match (all, first, last) {
        (Ok(all), Ok(Some(first)), Ok(Some(last))) => assert_eq!(all, [first, last]),
        (Err(error), Err(first), Err(last)) => {
            assert_eq!(error.to_string(), first.to_string());
            assert_eq!(error.to_string(), last.to_string());
            expected(&error, raw);
        }
        (all, first, last) => panic!("a list is read as {all:?}, its ends as {first:?} and {last:?}"),
    }
    assert_eq!(ready(world.vault.lpop::<Vec<u8>>(NAME)).expect("the list is gone"), None);
}

/// A counter: the vault and the store agree on what is a number, and on which one.
fn counter(_: bool, mut input: Input<'_>) {
    let world = World::new();
    let key = world.key(Kind::Value);
    let by = i64::from_be_bytes(input.array());
    let text = input.rest().to_vec();
    world.put(&key, text.clone());
    let found = ready(world.vault.counter(NAME));
    let added = ready(world.vault.incr_by(NAME, by));
    let after = ready(world.vault.counter(NAME));
    match (found, added) {
        (Ok(found), Ok(sum)) => {
            assert_eq!(found.to_string().as_bytes(), text, "a number is written in one way");
            assert_eq!(Some(sum), found.checked_add(by));
            assert_eq!(after.expect("a sum is a number"), sum);
        }
        (Ok(found), Err(Error::Overflow)) => {
            assert_eq!(found.checked_add(by), None);
            assert_eq!(after.expect("a number stays one"), found);
        }
        (Err(Error::NotANumber), Err(Error::NotANumber)) => {
            assert!(matches!(after, Err(Error::NotANumber)));
        }
        (found, added) => panic!("a counter is read as {found:?} and added to as {added:?}"),
    }
}

/// A canary: a vault opens over the one that its ring has left and over no other.
fn canary(raw: bool, mut input: Input<'_>) {
    let world = World::new();
    let space = world.vault.space("canary", Spread::over(1));
    let key = space.key(Kind::Value, Tag::from([0; Tag::LEN]));
    let context = Context::new(Context::FIRST_FREE, key.bytes(), b"");
    let song = run(&world.store, Op::get(&key)).into_bytes().expect("a vault leaves a canary");
    let song = space.open(&context, song.to_vec()).expect("its ring opens it");
    let mut sung = song.to_vec();
    // The fingerprint inside cannot be guessed: what is sung begins as it should, and goes on as the input says.
    sung.truncate(input.byte().into());
    sung.extend_from_slice(input.rest());
    let right = !raw && *sung == *song;
    let bytes = if raw { Bytes::from(sung) } else { sealed(&space, &context, &sung) };
    let elsewhere = store();
    run(&elsewhere, Op::put(&key, bytes, Life::Never));
    match ready(Vault::open(elsewhere, keyring())) {
        Ok(_) => assert!(right),
        Err(Error::Canary { .. } | Error::WrongKeyring { .. }) => assert!(!right),
        Err(other) => panic!("not an error of the canary: {other:?}"),
    }
}

/// A value that nobody sealed, or that was sealed as something else.
fn value(raw: bool, mut input: Input<'_>) {
    let world = World::new();
    let key = world.key(Kind::Value);
    // 1 is the kind of values.
    let kind = input.byte().max(2);
    let bytes = stored(&world, &Context::new(kind, key.bytes(), b""), raw, input.rest());
    world.put(&key, bytes);
    let one = ready(world.vault.get::<Vec<u8>>(NAME)).expect_err("it is no value");
    let many = ready(world.vault.get_many::<Vec<u8>, _>([NAME])).expect_err("it is none among others");
    assert_eq!(one.to_string(), many.to_string());
    expected(&one, true);
}

/// The bytes as they are, or sealed.
fn stored(world: &World, context: &Context<'_>, raw: bool, bytes: &[u8]) -> Bytes {
    if raw { Bytes::copy_from_slice(bytes) } else { sealed(&world.space(), context, bytes) }
}

fn sealed(space: &roomkey_vault::Space, context: &Context<'_>, bytes: &[u8]) -> Bytes {
    space.seal(context, &[bytes]).expect("the system has random bytes")
}

/// Asserts that an error is one of what does not open, or one of what is inside.
fn expected(error: &Error, raw: bool) {
    let inside = matches!(error, Error::UnknownFormat | Error::Decode { .. } | Error::WrongCodec { .. });
    let outside =
        matches!(error, Error::NotSealed | Error::UnknownFormat | Error::UnknownKey(_) | Error::Rejected);
    assert!(if raw { outside } else { inside }, "{error:?}");
}

//! Tokens that callers bring: their records and the index of their deadlines.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Key, Kind, Op, RankPut, Score, Spread};
use roomkey_crypto::{Context, Tag};
use roomkey_tokens::{Error, Tokens, TokensOptions};

use crate::input::Input;
use crate::world::{World, ready, run};

const SPREAD: Spread = Spread::over(4_096);
const TYPE: &str = "access";

/// Any record of a token, and any members of its index.
///
/// - The one record that makes a token valid is the one that is written; any other is [`Error::Record`].
/// - Whatever the record is, revoking removes it, and the token can be stored anew.
/// - Whatever the index holds, it makes no token valid, and is counted out once.
pub fn brought(data: &[u8]) {
    let mut input = Input::new(data);
    let world = World::new();
    let tokens = Tokens::with_options(world.vault.clone(), TokensOptions::new().track(true));
    let tokens = tokens.expect("there is no policy that could be wrong");
    let (raw, cleanup) = (input.flag(), input.byte() == u8::MAX);
    let (members, len) = (input.byte() % 8, input.byte() % 65);
    let token = String::from_utf8_lossy(input.take(len.into())).into_owned();
    let (tag, record) = record(&world, &token);
    let index = index(&world, &record);
    for _ in 0..members {
        let (score, len) = (i32::from_be_bytes(input.array()), input.byte() % 33);
        let member = Bytes::copy_from_slice(input.take(len.into()));
        run(&world.store, RankPut::new(&index, member, Score::Is(score.into())).into());
    }
    let inside = input.rest();
    let bytes = if raw {
        Bytes::copy_from_slice(inside)
    } else {
        let context = Context::new(Context::FIRST_FREE + 1, record.bytes(), b"");
        world.vault.space("t1", SPREAD).seal(&context, &[inside]).expect("the system has random bytes")
    };
    world.put(&record, bytes);

    let counts = !raw && inside == [1];
    match ready(tokens.is_valid(TYPE, &token)) {
        _ if token.is_empty() => return,
        Ok(valid) => assert!(valid && counts),
        Err(Error::Record(_)) => assert!(!counts),
        Err(other) => panic!("not an error of a record: {other:?}"),
    }
    let hour = Duration::from_secs(3_600);
    assert!(matches!(ready(tokens.store(TYPE, &token, hour)), Err(Error::AlreadyExists)));
    // It walks over all partitions, so not for many inputs.
    if cleanup {
        let cleaned = ready(tokens.cleanup_expired(TYPE)).expect("the store answers");
        assert!(cleaned <= members.into());
    }
    assert!(ready(tokens.revoke(TYPE, &token)).expect("the store answers"));
    assert!(!ready(tokens.is_valid(TYPE, &token)).expect("nothing is left"));
    ready(tokens.store(TYPE, &token, hour)).expect("its place is free");
    assert!(ready(tokens.is_valid(TYPE, &token)).expect("the record is ours"));
    let member = Bytes::copy_from_slice(tag.as_bytes());
    assert_eq!(run(&world.store, Op::rank_remove(&index, member)).number(), Some(1));
}

fn record(world: &World, token: &str) -> (Tag, Key) {
    let space = world.vault.space("t1", SPREAD);
    let tag = space.hide("token", &[TYPE.as_bytes(), token.as_bytes()]);
    (tag, space.key(Kind::Value, tag))
}

fn index(world: &World, record: &Key) -> Key {
    let space = world.vault.space("x1", SPREAD);
    space.key_in(record.partition(), Kind::Ranking, space.hide("token index", &[TYPE.as_bytes()]))
}

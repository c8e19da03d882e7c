//! Families of refresh tokens: their records, and what the last token was exchanged for.

use bytes::Bytes;
use roomkey_core::{Key, Kind, Life, Op, Reply};
use roomkey_crypto::Context;
use roomkey_tokens::{Error, Grant, Refresh};
use roomkey_vault::{Error as VaultError, Space};

use super::login::{CLAIMS, Login, SUBJECT, issue};
use super::record::{self, text, varint};
use crate::input::Input;
use crate::world::{ready, run};

/// The kinds of records of families, and of successors.
const KIND: u8 = Context::FIRST_FREE + 3;
const SUCCESSORS: u8 = Context::FIRST_FREE + 4;

/// Any bytes in place of the sealed record of a family.
pub(super) fn record(mut input: Input<'_>) {
    let (login, grant) = granted();
    let (space, key) = login.kept("f1", Kind::Map, grant.refresh.handle);
    let context = Context::new(KIND, key.bytes(), b"");
    let own = space.open(&context, field(&login, &key, "m").to_vec()).expect("the record is sealed");
    let (raw, counts) = (input.flag(), input.flag());
    let mut inside = Vec::new();
    if counts {
        inside.push(input.byte());
        inside.extend_from_slice(&own[1..9]);
    }
    inside.extend_from_slice(input.rest());
    let counts = !raw && inside.get(1..9) == Some(&own[1..9]);
    put(&login, &key, "m", stored(&space, &context, raw, &inside));

    let expected = record::read(&inside);
    match refresh(&login, grant.refresh.token.reveal()) {
        Ok(Refresh::Rotated { grant, session }) => {
            assert!(counts);
            expected.expect("what is read is a record").is(&session);
            // What follows is of the same family, and is exchanged as this was, if it has not ended on the way.
            assert!(matches!(
                refresh(&login, grant.refresh.token.reveal()),
                Ok(Refresh::Rotated { .. } | Refresh::Inactive)
            ));
        }
        Ok(Refresh::Inactive) => {
            assert!(expected.as_ref().map_or(raw, |record| !counts || record.has_ended()));
        }
        Err(Error::Record(VaultError::Decode { .. } | VaultError::WrongCodec { .. })) => {
            assert!(counts && expected.is_some());
        }
        Err(Error::Record(VaultError::UnknownFormat)) => assert!(raw || expected.is_none()),
        Err(Error::Record(VaultError::NotSealed | VaultError::Rejected)) => assert!(raw),
        other => panic!("{expected:?} is read as {other:?}"),
    }
}

/// Any bytes in place of the ids of the tokens of a family: only the token that is current is exchanged.
pub(super) fn ids(mut input: Input<'_>) {
    let (login, first) = granted();
    let (_, key) = login.kept("f1", Kind::Map, first.refresh.handle);
    let ids = [field(&login, &key, "c")];
    let second = rotated(&login, &first);
    let ids = [ids[0].clone(), field(&login, &key, "c")];
    let mut now = [ids[1].clone(), ids[0].clone()];
    for (place, name) in ["c", "p"].into_iter().enumerate() {
        match input.byte() % 4 {
            0 => continue,
            1 => now[place] = ids[0].clone(),
            2 => now[place] = ids[1].clone(),
            _ => now[place] = Bytes::copy_from_slice(input.take(16)),
        }
        put(&login, &key, name, now[place].clone());
    }
    let which = usize::from(input.flag());
    let presented = [&first, &second][which].refresh.token.reveal();
    match refresh(&login, presented) {
        Ok(Refresh::Rotated { .. }) => assert_eq!(now[0], ids[which]),
        Ok(Refresh::Replayed { grant, .. }) => {
            assert!(now[0] != ids[which] && now[1] == ids[which] && which == 0);
            assert_eq!(grant.refresh.token, second.refresh.token);
        }
        Ok(Refresh::Reuse) => {
            assert!(!now.contains(&ids[which]));
            let access = second.access.expect("the policy names a type of access tokens");
            assert!(verify(&login, access.token.reveal()).is_none(), "a family that ended lets nobody in");
        }
        // What the first token was exchanged for does not open for the second.
        Err(Error::Record(VaultError::Rejected)) => {
            assert!(now[0] != ids[which] && now[1] == ids[which] && which == 1);
        }
        other => panic!("{other:?}"),
    }
}

/// Any bytes in place of what a token was exchanged for.
pub(super) fn successors(mut input: Input<'_>) {
    let (login, first) = granted();
    let second = rotated(&login, &first);
    let token = first.refresh.token.reveal();
    let (space, key) = login.kept("n1", Kind::Value, first.refresh.handle);
    let space = space.bound_to(&secret(token));
    let context = Context::new(SUCCESSORS, key.bytes(), b"");
    let own = run(&login.world.store, Op::get(&key)).into_bytes().expect("there are successors");
    let own = space.open(&context, own.to_vec()).expect("they are sealed for who presents the token");
    let expected = read(&own).expect("they have the documented form");
    assert_eq!(expected[0], second.refresh.token.reveal());
    assert_eq!(
        expected.get(1).map(String::as_str),
        second.access.as_ref().map(|access| access.token.reveal())
    );

    let (raw, begun) = (input.flag(), input.byte());
    let mut inside = own[..own.len().min(begun.into())].to_vec();
    inside.extend_from_slice(input.rest());
    run(&login.world.store, Op::put(&key, stored(&space, &context, raw, &inside), Life::Keep));
    match (refresh(&login, token), read(&inside)) {
        (Ok(Refresh::Replayed { grant, session }), Some(texts)) if !raw => {
            assert_eq!((&*session.subject, &*session.claims), (SUBJECT, CLAIMS));
            let given = [Some(grant.refresh), grant.access].into_iter().flatten();
            assert!(given.map(|issued| issued.token.reveal().to_owned()).eq(texts));
        }
        (Err(Error::Record(VaultError::UnknownFormat)), texts) => assert!(raw || texts.is_none()),
        (Err(Error::Record(VaultError::NotSealed | VaultError::Rejected)), _) if raw => {}
        // The header names another key.
        (Ok(Refresh::Inactive), _) if raw => {}
        (other, texts) => panic!("{texts:?} is read as {other:?}"),
    }
    assert!(matches!(refresh(&login, second.refresh.token.reveal()), Ok(Refresh::Rotated { .. })));
}

/// A login with a family.
fn granted() -> (Login, Grant) {
    let login = Login::new("fixed");
    let granted = ready(login.tokens.grant("refresh", issue())).expect("the store answers");
    (login, granted)
}

fn rotated(login: &Login, grant: &Grant) -> Grant {
    match refresh(login, grant.refresh.token.reveal()) {
        Ok(Refresh::Rotated { grant, .. }) => grant,
        other => panic!("a refresh token is not exchanged: {other:?}"),
    }
}

fn refresh(login: &Login, token: &str) -> roomkey_tokens::Result<Refresh<String>> {
    ready(login.tokens.refresh("refresh", token))
}

fn verify(login: &Login, token: &str) -> Option<roomkey_tokens::Session<String>> {
    ready(login.tokens.verify("access", token)).expect("the store answers")
}

fn field(login: &Login, key: &Key, name: &'static str) -> Bytes {
    match run(&login.world.store, Op::map_get(key, Bytes::from_static(name.as_bytes()))) {
        Reply::Optionals(fields) => fields.into_iter().next().flatten().expect("a family has the field"),
        other => panic!("not the fields of a map: {other:?}"),
    }
}

fn put(login: &Login, key: &Key, name: &'static str, bytes: Bytes) {
    let name = Bytes::from_static(name.as_bytes());
    run(&login.world.store, Op::map_put(key, name, bytes, Life::Keep));
}

fn stored(space: &Space, context: &Context<'_>, raw: bool, bytes: &[u8]) -> Bytes {
    if raw {
        Bytes::copy_from_slice(bytes)
    } else {
        space.seal(context, &[bytes]).expect("the system has random bytes")
    }
}

/// The secret inside the text of a token of a family: bytes 28 to 51 of what stands there in base62.
fn secret(token: &str) -> Vec<u8> {
    let (_, digits) = token.rsplit_once('_').expect("a token has a prefix");
    let bytes: Vec<u8> = (0..8)
        .flat_map(|block| {
            let number = super::text::number(&digits[11 * block..][..11]);
            u64::try_from(number).expect("a block is 8 bytes").to_be_bytes()
        })
        .collect();
    bytes[28..52].to_vec()
}

/// `end | text, and once more`
fn read(mut inside: &[u8]) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    while !inside.is_empty() || texts.is_empty() {
        varint(&mut inside)?;
        texts.push(text(&mut inside)?);
    }
    (texts.len() <= 2).then_some(texts)
}

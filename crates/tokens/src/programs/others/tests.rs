//! The promises of ending the others: safe to repeat, and fit for a full store.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use roomkey_core::{Batch, Kind, Store};
use roomkey_memory::MemoryStore;
use roomkey_testkit::assert_retry_safe;
use roomkey_vault::{Keyring, Vault};

use super::*;
use crate::handle::{Handle, TypeTag};
use crate::keys::Keys;

const HOUR: Duration = Duration::from_secs(3_600);

fn text(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

/// A subject with a family, an access token of it, and another session.
async fn begun() -> (MemoryStore, Key, [Key; 2], Bytes) {
    let memory = MemoryStore::new();
    let vault = Vault::open(MemoryStore::new(), Keyring::from_key_bytes([7; 32])).await.unwrap();
    let keys = Keys::new(&vault, std::iter::empty());
    let (tag, handle) = (keys.subject_tag("alice"), Handle::new(TypeTag([1, 1]), [5; 9]));
    let (subject, family) = (keys.subject(tag), keys.family(tag, handle));
    let record = keys.record(tag, Handle::new(TypeTag([2, 2]), [6; 9]));
    let lives = Life::Set(HOUR.into());
    let members =
        |members: Vec<Bytes>, score| -> Op { RankPut::new(&subject, members, score).life(lives).into() };
    let ops = [
        members(vec![text("generatn")], Score::Is(GENERATION)),
        members(vec![text("ticket")], Score::Is(TICKET)),
        members(vec![handle.bytes(), text("another one")], Score::After(HOUR.into())),
        Op::map_put(&family, [text(CURRENT), text(SEALED)], [text("first"), text("family")], lives),
        Op::put(&record, text("access"), lives),
    ];
    for reply in memory.run(Batch::new(ops).unwrap()).await.unwrap() {
        reply.unwrap();
    }
    (memory, subject, [family, record], handle.bytes())
}

fn program(subject: &Key, [family, record]: &[Key; 2], handle: &Bytes, own: &'static str) -> OthersProgram {
    let remains =
        |key: &Key, of, seen, resealed| Remains { key: key.clone(), of, seen: text(seen), resealed };
    let resealed = |what| Bytes::from(format!("{what} {own}"));
    let family_of = RecordOf::Family { current: Some(text("first")) };
    let others = Others {
        subject,
        seen: text("generatn"),
        next: text(own),
        handle: handle.clone(),
        ends: StoreTime::MAX,
        remains: vec![
            remains(family, family_of, "family", resealed("family")),
            remains(record, RecordOf::Token, "access", resealed("access")),
        ],
    };
    OthersProgram::new(others).unwrap()
}

async fn read(memory: &MemoryStore, op: Op) -> Reply {
    memory.run(Batch::one(op).unwrap()).await.unwrap().remove(0).unwrap()
}

#[tokio::test]
async fn ending_the_others_twice_is_ending_them_once_and_tells_the_same() {
    let (memory, subject, keys, handle) = begun().await;
    assert_eq!(subject.kind(), Kind::Ranking);
    let mine = program(&subject, &keys, &handle, "new mine");
    assert!(assert_retry_safe(&memory, &mine.txn, |outcome| mine.ended(outcome)).await);
    let other = program(&subject, &keys, &handle, "newother");
    assert!(!assert_retry_safe(&memory, &other.txn, |outcome| other.ended(outcome)).await);
    let members = [text("new mine"), text("generatn"), handle, text("another one"), text("ticket")];
    let Reply::Scores(scores) = read(&memory, Op::rank_scores(&subject, members)).await else {
        panic!("scores were asked for")
    };
    assert_eq!((scores[0], scores[1], scores[3]), (Some(GENERATION), None, None));
    assert_eq!(scores[4], Some(TICKET), "what counts sessions goes on counting");
    assert!(scores[2].is_some_and(|deadline| deadline > 0), "the session keeps its place");
    assert_eq!(read(&memory, Op::get(&keys[1])).await, Reply::Bytes(Some(text("access new mine"))));
}

#[tokio::test]
async fn nothing_is_ended_once_what_it_rests_on_has_changed() {
    for how in 0..4 {
        let (memory, subject, keys, handle) = begun().await;
        let changed = match how {
            0 => Op::delete(&subject),
            1 => Op::delete(&keys[0]),
            2 => Op::map_put(&keys[0], CURRENT, text("another"), Life::Keep),
            _ => Op::put(&keys[1], text("another"), Life::Keep),
        };
        read(&memory, changed).await;
        let mine = program(&subject, &keys, &handle, "new mine");
        assert!(!assert_retry_safe(&memory, &mine.txn, |outcome| mine.ended(outcome)).await, "{how}");
    }
}

#[tokio::test]
async fn it_works_on_a_full_store() {
    let (memory, subject, keys, handle) = begun().await;
    memory.set_capacity(Some(0));
    let mine = program(&subject, &keys, &handle, "new mine");
    assert!(mine.ended(&memory.transact(&mine.txn).await.unwrap()));
}

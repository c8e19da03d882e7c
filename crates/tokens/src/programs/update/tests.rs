//! The promises of an update: safe to repeat, and never applied to what has changed or ended.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use roomkey_core::{Batch, ErrorKind, Key, Life, Op, Store};
use roomkey_memory::MemoryStore;
use roomkey_testkit::assert_retry_safe;
use roomkey_vault::{Keyring, Vault};

use super::*;
use crate::family::{CURRENT, SEALED};
use crate::handle::{Handle, TypeTag};
use crate::keys::Keys;
use crate::programs::RecordOf;

const HOUR: Duration = Duration::from_secs(3_600);

fn text(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

/// A token with its family, both holding "old".
async fn begun() -> (MemoryStore, Key, Key) {
    let memory = MemoryStore::new();
    let vault = Vault::open(MemoryStore::new(), Keyring::from_key_bytes([7; 32])).await.unwrap();
    let keys = Keys::new(&vault, std::iter::empty());
    let subject = keys.subject_tag("alice");
    let record = keys.record(subject, Handle::new(TypeTag([1, 1]), [5; 9]));
    let family = keys.family(subject, Handle::new(TypeTag([2, 2]), [6; 9]));
    let fields = [text(CURRENT), text(SEALED)];
    run(
        &memory,
        vec![
            Op::put(&record, "old", Life::Set(HOUR.into())),
            Op::map_put(&family, fields, [text("current"), text("old")], Life::Set(HOUR.into())),
        ],
    )
    .await;
    (memory, record, family)
}

async fn run(memory: &MemoryStore, ops: Vec<Op>) -> Vec<Reply> {
    let replies = memory.run(Batch::new(ops).unwrap()).await.unwrap();
    replies.into_iter().collect::<Result<_>>().unwrap()
}

fn of_token(record: &Key, to: &'static str) -> Remains {
    Remains { key: record.clone(), of: RecordOf::Token, seen: text("old"), resealed: text(to) }
}

fn of_family(family: &Key, current: Option<&'static str>, to: &'static str) -> Remains {
    let of = RecordOf::Family { current: current.map(text) };
    Remains { key: family.clone(), of, seen: text("old"), resealed: text(to) }
}

#[tokio::test]
async fn updating_twice_is_updating_once_and_tells_the_same() {
    for shape in 0..3 {
        let (memory, record, family) = begun().await;
        let records = |to| match shape {
            0 => vec![of_token(&record, to)],
            1 => vec![of_token(&record, to), of_family(&family, None, to)],
            _ => vec![of_family(&family, Some("current"), to)],
        };
        let update = UpdateProgram::new(records("new")).unwrap();
        assert!(assert_retry_safe(&memory, &update.txn, |outcome| update.updated(outcome)).await);
        // Another that saw the same as the first changes nothing.
        let late = UpdateProgram::new(records("late")).unwrap();
        assert!(!assert_retry_safe(&memory, &late.txn, |outcome| late.updated(outcome)).await);
        let held = run(&memory, vec![Op::get(&record), Op::map_get(&family, SEALED), Op::ttl(&record)]).await;
        let expected = |changed| Some(text(if changed { "new" } else { "old" }));
        assert_eq!(held[0], Reply::Bytes(expected(shape < 2)));
        assert_eq!(held[1], Reply::Optionals(vec![expected(shape > 0)]));
        assert!(matches!(held[2], Reply::Ttl(roomkey_core::Ttl::After(left)) if left <= HOUR));
    }
}

#[tokio::test]
async fn nothing_that_ended_or_went_on_is_updated() {
    let (memory, record, family) = begun().await;
    // The family went on to another token.
    let superseded = UpdateProgram::new(vec![of_family(&family, Some("previous"), "new")]).unwrap();
    assert!(!superseded.updated(&memory.transact(&superseded.txn).await.unwrap()));
    // Of a token whose family ended, nothing is written.
    run(&memory, vec![Op::delete(&family)]).await;
    let both = UpdateProgram::new(vec![of_token(&record, "new"), of_family(&family, None, "new")]).unwrap();
    assert!(!both.updated(&memory.transact(&both.txn).await.unwrap()));
    run(&memory, vec![Op::delete(&record)]).await;
    let alone = UpdateProgram::new(vec![of_token(&record, "new")]).unwrap();
    assert!(!alone.updated(&memory.transact(&alone.txn).await.unwrap()));
    let held = run(&memory, vec![Op::get(&record), Op::map_get(&family, SEALED)]).await;
    assert_eq!(held, [Reply::Bytes(None), Reply::Optionals(vec![None])]);
}

#[tokio::test]
async fn a_full_store_refuses_an_update() {
    let (memory, record, _) = begun().await;
    memory.set_capacity(Some(0));
    let update = UpdateProgram::new(vec![of_token(&record, "new")]).unwrap();
    assert_eq!(memory.transact(&update.txn).await.unwrap_err().kind(), ErrorKind::Full);
    assert_eq!(run(&memory, vec![Op::get(&record)]).await, [Reply::Bytes(Some(text("old")))]);
}

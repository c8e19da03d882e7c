//! The promises of an exchange: safe to repeat, and never applied to what has changed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use roomkey_core::{Batch, ErrorKind, Store};
use roomkey_memory::MemoryStore;
use roomkey_testkit::assert_retry_safe;
use roomkey_vault::{Keyring, Vault};

use super::super::issue::Written;
use super::*;
use crate::generations::GENERATION;
use crate::handle::Handle;
use crate::keys::Keys;

const HOUR: Duration = Duration::from_secs(3_600);
const REFRESH: TypeTag = TypeTag([1, 1]);
const ACCESS: TypeTag = TypeTag([2, 2]);

fn text(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

/// A family whose current token is "first", as a grant leaves it.
async fn begun() -> (MemoryStore, Keys, FamilyPlace, Handle) {
    let memory = MemoryStore::new();
    let vault = Vault::open(MemoryStore::new(), Keyring::from_key_bytes([7; 32])).await.unwrap();
    let keys = Keys::new(&vault, std::iter::empty());
    let (subject, handle) = (keys.subject_tag("alice"), Handle::new(REFRESH, [5; 9]));
    let place = FamilyPlace::new(&keys, subject, handle);
    let fields = [text(CURRENT), text(SEALED)];
    let generations = [(&place.subject, text("generatn")), (&place.subject, handle.bytes())];
    let mut ops = vec![
        Op::map_put(&place.family, fields, [text("first"), text("record")], Life::Set(HOUR.into())),
        Op::map_put(&place.types, REFRESH.bytes(), text("type"), Life::Keep),
    ];
    ops.extend(generations.map(|(key, member)| RankPut::new(key, member, Score::Is(GENERATION)).into()));
    run(&memory, ops).await;
    (memory, keys, place, handle)
}

async fn run(memory: &MemoryStore, ops: Vec<Op>) {
    for reply in memory.run(Batch::new(ops).unwrap()).await.unwrap() {
        reply.unwrap();
    }
}

fn program(keys: &Keys, place: &FamilyPlace, handle: Handle, next: &'static str) -> RotateProgram {
    let until = Until::In(HOUR);
    let subject = keys.subject_tag("alice");
    let access = keys.record(subject, Handle::new(ACCESS, [6; 9]));
    let rotate = Rotate {
        place,
        types: vec![REFRESH, ACCESS],
        handle: handle.bytes(),
        presented: text("first"),
        next: text(next),
        generation: text("generatn"),
        type_generations: vec![
            (REFRESH.bytes(), Generation::Seen(text("type"))),
            (ACCESS.bytes(), Generation::New(text("access"))),
        ],
        successors: Bytes::from(format!("successors of first: {next}")),
        grace: Until::In(Duration::from_secs(10)),
        sealed: text("record"),
        resealed: Some(text("record again")),
        until,
        access: Some(Write { key: access, what: Written::Record(text("access record")), until }),
        entry: Some(keys.issued_entry("refresh", subject, handle).unwrap()),
    };
    RotateProgram::new(rotate).unwrap()
}

/// What a caller makes of an outcome: whether it was exchanged by itself, or what stands there instead.
fn verdict(program: &RotateProgram, outcome: &Outcome, own: &'static str) -> Result<(), Option<Bytes>> {
    if program.rotated(outcome) {
        return Ok(());
    }
    let kept = program.kept(outcome.clone()).unwrap();
    if kept.successors == Some(format!("successors of first: {own}").into()) {
        Ok(())
    } else {
        Err(kept.current)
    }
}

#[tokio::test]
async fn exchanging_twice_is_exchanging_once_and_tells_the_same() {
    let (memory, keys, place, handle) = begun().await;
    let mine = program(&keys, &place, handle, "mine");
    assert_eq!(
        assert_retry_safe(&memory, &mine.txn, |outcome| verdict(&mine, outcome, "mine")).await,
        Ok(())
    );
    let other = program(&keys, &place, handle, "other");
    let told = assert_retry_safe(&memory, &other.txn, |outcome| verdict(&other, outcome, "other")).await;
    assert_eq!(told, Err(Some(text("mine"))));
    let read = KeptProgram::new(&place, &[REFRESH, ACCESS]).unwrap();
    let kept = assert_retry_safe(&memory, &read.txn, |outcome| {
        let Kept { current, previous, sealed, types, .. } = read.kept(outcome.clone()).unwrap();
        (current, previous, sealed, types)
    });
    let types = vec![Some(text("type")), Some(text("access"))];
    assert_eq!(kept.await, (Some(text("mine")), Some(text("first")), Some(text("record again")), types));
}

#[tokio::test]
async fn nothing_is_exchanged_once_what_it_rests_on_has_changed() {
    for how in 0..5 {
        let (memory, keys, place, handle) = begun().await;
        let revoked = match how {
            0 => Op::delete(&place.family),
            1 => Op::delete(&place.subject),
            2 => Op::map_remove(&place.types, REFRESH.bytes()),
            3 => Op::map_put(&place.types, ACCESS.bytes(), text("another"), Life::Keep),
            _ => Op::map_put(&place.family, CURRENT, text("another"), Life::Keep),
        };
        run(&memory, vec![revoked]).await;
        let mine = program(&keys, &place, handle, "mine");
        let told = assert_retry_safe(&memory, &mine.txn, |outcome| verdict(&mine, outcome, "mine")).await;
        assert!(told.is_err(), "{how}");
    }
}

#[tokio::test]
async fn a_full_store_refuses_an_exchange_as_a_whole() {
    let (memory, keys, place, handle) = begun().await;
    memory.set_capacity(Some(0));
    let mine = program(&keys, &place, handle, "mine");
    assert_eq!(memory.transact(&mine.txn).await.unwrap_err().kind(), ErrorKind::Full);
    let read = KeptProgram::new(&place, &[REFRESH]).unwrap();
    let kept = read.kept(memory.transact(&read.txn).await.unwrap()).unwrap();
    assert_eq!((kept.current, kept.previous, kept.successors), (Some(text("first")), None, None));
}

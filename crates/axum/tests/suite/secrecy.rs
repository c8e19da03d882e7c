//! Planted sentinels: ids and data that must not be seen anywhere.

use roomkey_axum::VaultSessionStore;
use roomkey_core::{Batch, Life, Op, Store};
use roomkey_testkit::{RecordingStore, read_state};
use time::Duration;
use tower_sessions_core::SessionStore;
use tower_sessions_core::session::Record;

use crate::common::{key, open, record};

const SENTINEL: &str = "sentinel";

/// The ways in which an id could be written down.
fn forms(record: &Record) -> [String; 5] {
    let id = record.id.0;
    let bytes = |bytes: [u8; 16]| format!("{bytes:?}").trim_matches(['[', ']']).to_owned();
    [
        record.id.to_string(),
        id.to_string(),
        format!("{id:032x}"),
        bytes(id.to_be_bytes()),
        bytes(id.to_le_bytes()),
    ]
}

#[track_caller]
fn assert_hidden(shown: &str, record: &Record) {
    assert!(!shown.contains(SENTINEL), "{shown}");
    for form in forms(record) {
        assert!(!shown.contains(&form), "{form}: {shown}");
    }
}

pub(crate) async fn no_id_or_data_reaches_the_store<S: Store>(store: S) {
    let store = RecordingStore::new(store);
    let vault = open(store.clone()).await;
    let sessions = VaultSessionStore::new(vault.clone());
    let mut record = record(SENTINEL, Duration::HOUR);
    record.data.insert(SENTINEL.into(), SENTINEL.into());
    sessions.create(&mut record).await.unwrap();
    sessions.save(&record).await.unwrap();
    sessions.load(&record.id).await.unwrap();
    let held = read_state(store.inner(), [key(&vault, record.id).bytes().clone()]).await;
    sessions.delete(&record.id).await.unwrap();

    let asked = format!("{:?}", store.history());
    assert!(asked.len() > 1_000, "the history holds what was sent");
    assert_hidden(&asked, &record);
    let held = format!("{held:?}");
    assert!(held.len() > 100, "the store held the session");
    assert_hidden(&held, &record);
}

pub(crate) async fn debug_and_errors_show_no_id_or_data<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let sessions = VaultSessionStore::new(vault.clone());
    let mut record = record(SENTINEL, Duration::HOUR);
    sessions.create(&mut record).await.unwrap();
    assert_hidden(&format!("{sessions:?} {sessions:#?}"), &record);

    let mut errors = Vec::new();
    let huge = Record { data: [(SENTINEL.to_owned(), "x".repeat(32 << 20).into())].into(), ..record.clone() };
    errors.push(sessions.save(&huge).await.unwrap_err());
    let plain = Op::put(&key(&vault, record.id), SENTINEL, Life::Never);
    store.run(Batch::one(plain).unwrap()).await.unwrap().remove(0).unwrap();
    errors.push(sessions.load(&record.id).await.unwrap_err());
    vault.set(crate::common::name(record.id), SENTINEL, std::time::Duration::from_secs(60)).await.unwrap();
    errors.push(sessions.load(&record.id).await.unwrap_err());
    for error in errors {
        let shown = format!("{error} {error:?}");
        assert!(shown.len() > 40, "it says something: {shown}");
        assert_hidden(&shown, &record);
    }
}

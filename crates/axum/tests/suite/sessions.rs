//! What `tower-sessions` expects of a store, and what its own stores leave open.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Bytes;
use roomkey_axum::VaultSessionStore;
use roomkey_core::{
    Batch, Health, Life, Op, Outcome, Page, Reply, Result as CoreResult, Scan, Step, Store, Txn, Wait, Woken,
};
use roomkey_crypto::SecretKey;
use roomkey_vault::{Keyring, Ttl, Vault};
use serde_json::json;
use time::{Duration, OffsetDateTime, PrimitiveDateTime, UtcOffset};
use tower_sessions_core::session::{Id, Record};
use tower_sessions_core::session_store::Error;
use tower_sessions_core::{Session, SessionStore};

use crate::assert_fails;
use crate::common::{fresh_app, key, name, open, record, redis, ring, sessions};

const HOUR: Duration = Duration::HOUR;

pub(crate) async fn a_created_session_is_loaded_as_it_was<S: Store>(store: S) {
    let sessions = sessions(store).await;
    let mut record = record("a", HOUR);
    sessions.create(&mut record).await.unwrap();
    assert_eq!(sessions.load(&record.id).await.unwrap(), Some(record.clone()));
    assert_eq!(sessions.load(&record.id).await.unwrap(), Some(record), "loading changes nothing");

    // The moment counts, not the offset in which it was told.
    let mut record = crate::common::record("b", HOUR);
    record.expiry_date = record.expiry_date.to_offset(UtcOffset::from_hms(5, 45, 0).unwrap());
    sessions.create(&mut record).await.unwrap();
    assert_eq!(sessions.load(&record.id).await.unwrap(), Some(record));
}

pub(crate) async fn any_data_comes_back<S: Store>(store: S) {
    let sessions = sessions(store).await;
    let mut record = Record { data: HashMap::new(), ..record((), HOUR) };
    sessions.create(&mut record).await.unwrap();
    assert_eq!(sessions.load(&record.id).await.unwrap().as_ref(), Some(&record), "an empty one too");
    for (n, value) in [
        json!(null),
        json!([1, -1, u64::MAX, i64::MIN, 0.1, 1e300]),
        json!({ "nested": { "": ["grüße", null, true] } }),
        json!("x".repeat(1 << 20)),
    ]
    .into_iter()
    .enumerate()
    {
        record.data.insert(format!("entry {n}"), value);
    }
    sessions.save(&record).await.unwrap();
    assert!(sessions.load(&record.id).await.unwrap() == Some(record.clone()));

    record.data.insert("huge".into(), json!("x".repeat(32 << 20)));
    assert_fails!(sessions.save(&record).await, Error::Encode(_));
    assert_fails!(sessions.create(&mut record).await, Error::Encode(_));
}

pub(crate) async fn an_unknown_session_is_none<S: Store>(store: S) {
    let sessions = sessions(store).await;
    for id in [Id(0), Id(-1), Id(i128::MAX), Id::default()] {
        assert_eq!(sessions.load(&id).await.unwrap(), None);
        sessions.delete(&id).await.unwrap();
    }
}

pub(crate) async fn saving_replaces_data_and_expiry<S: Store>(store: S) {
    let vault = open(store).await;
    let sessions = VaultSessionStore::new(vault.clone());
    let mut first = record("first", HOUR);
    first.data.insert("dropped".into(), json!(1));
    sessions.create(&mut first).await.unwrap();
    for lifetime in [HOUR * 10, HOUR / 2] {
        let second = Record { id: first.id, ..record("second", lifetime) };
        sessions.save(&second).await.unwrap();
        assert_eq!(sessions.load(&first.id).await.unwrap(), Some(second));
        let Ttl::After(left) = vault.ttl(name(first.id)).await.unwrap() else { panic!("it expires") };
        assert!(left <= lifetime && left > lifetime / 2, "{left:?}");
    }
}

pub(crate) async fn a_session_that_is_not_there_is_not_saved<S: Store>(store: S) {
    let sessions = sessions(store).await;
    let mut record = record("a", HOUR);
    // As in the project's own test of `save`, this is no error.
    sessions.save(&record).await.unwrap();
    assert_eq!(sessions.load(&record.id).await.unwrap(), None);
    sessions.create(&mut record).await.unwrap();
    sessions.delete(&record.id).await.unwrap();
    sessions.save(&record).await.unwrap();
    assert_eq!(sessions.load(&record.id).await.unwrap(), None, "it was deleted");
}

pub(crate) async fn a_save_under_way_does_not_bring_a_session_back<S: Store>(store: S) {
    let sessions = sessions(store).await;
    for _ in 0..50 {
        let mut record = record("a", HOUR);
        sessions.create(&mut record).await.unwrap();
        let saves: Vec<_> = (0..8)
            .map(|_| {
                let (sessions, record) = (sessions.clone(), record.clone());
                tokio::spawn(async move { sessions.save(&record).await.unwrap() })
            })
            .collect();
        sessions.delete(&record.id).await.unwrap();
        for save in saves {
            save.await.unwrap();
        }
        assert_eq!(sessions.load(&record.id).await.unwrap(), None);
    }
}

/// `clear` begins a session under the id of the cookie without looking whether there is one. Who has planted a cookie of
/// an id of his own would then be signed in with its owner.
pub(crate) async fn an_id_that_nobody_was_given_is_never_taken<S: Store>(store: S) {
    let sessions = sessions(store).await;
    let planted = Id(7);
    let session = Session::new(Some(planted), Arc::new(sessions.clone()), None);
    session.clear().await;
    session.insert("user", "alice").await.unwrap();
    session.save().await.unwrap();
    assert_eq!(sessions.load(&planted).await.unwrap(), None);
}

/// What the documentation warns of: the store sees two sessions.
pub(crate) async fn a_new_id_outlives_the_end_of_the_old_one<S: Store>(store: S) {
    let sessions = sessions(store).await;
    let mut record = record("a", HOUR);
    sessions.create(&mut record).await.unwrap();
    let session = Session::new(Some(record.id), Arc::new(sessions.clone()), None);
    session.load().await.unwrap();
    sessions.delete(&record.id).await.unwrap();
    session.cycle_id().await.unwrap();
    session.save().await.unwrap();
    let new = session.id().unwrap();
    assert_ne!(new, record.id);
    assert_eq!(sessions.load(&new).await.unwrap().unwrap().data, record.data);
}

pub(crate) async fn a_deleted_session_is_gone<S: Store>(store: S) {
    let sessions = sessions(store).await;
    let (mut one, mut other) = (record("one", HOUR), record("other", HOUR));
    sessions.create(&mut one).await.unwrap();
    sessions.create(&mut other).await.unwrap();
    sessions.delete(&one.id).await.unwrap();
    sessions.delete(&one.id).await.unwrap();
    assert_eq!(sessions.load(&one.id).await.unwrap(), None);
    assert_eq!(sessions.load(&other.id).await.unwrap(), Some(other));
}

pub(crate) async fn sessions_of_one_id_are_told_apart<S: Store>(store: S) {
    let sessions = sessions(store).await;
    let mut one = record("one", HOUR);
    sessions.create(&mut one).await.unwrap();
    let mut others: Vec<_> = (0..16).map(|n| Record { id: one.id, ..record(n, HOUR) }).collect();
    let tasks: Vec<_> = others
        .drain(..)
        .map(|mut record| {
            let sessions = sessions.clone();
            tokio::spawn(async move {
                sessions.create(&mut record).await.unwrap();
                record
            })
        })
        .collect();
    let mut ids = HashSet::from([one.id]);
    for task in tasks {
        let record = task.await.unwrap();
        assert!(ids.insert(record.id), "two sessions share an id");
        assert_eq!(sessions.load(&record.id).await.unwrap(), Some(record));
    }
    assert_eq!(sessions.load(&one.id).await.unwrap(), Some(one), "the first one is untouched");
}

/// A store in which the next so many new names are taken by somebody else just before they are claimed.
#[derive(Clone, Debug)]
struct Taking<S> {
    inner: S,
    left: Arc<AtomicUsize>,
}

impl<S: Store> Store for Taking<S> {
    async fn run(&self, batch: Batch) -> CoreResult<Vec<CoreResult<Reply>>> {
        self.inner.run(batch).await
    }

    async fn transact(&self, txn: &Txn) -> CoreResult<Outcome> {
        if let [Step::Fork(fork)] = txn.steps()
            && let [Step::Op(_, Op::Put { key, .. }), ..] = &fork.then[..]
            && self
                .left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                .is_ok()
        {
            let taken = Op::put(key, "somebody else's", Life::Never);
            self.inner.run(Batch::one(taken)?).await?;
        }
        self.inner.transact(txn).await
    }

    async fn scan(&self, scan: Scan) -> CoreResult<Page> {
        self.inner.scan(scan).await
    }

    async fn wait(&self, wait: Wait) -> CoreResult<Woken> {
        self.inner.wait(wait).await
    }

    async fn health(&self) -> CoreResult<Health> {
        self.inner.health().await
    }

    async fn close(&self) -> CoreResult<()> {
        self.inner.close().await
    }
}

pub(crate) async fn ids_that_are_taken_are_drawn_again<S: Store>(store: S) {
    let left = Arc::new(AtomicUsize::new(0));
    let sessions = sessions(Taking { inner: store, left: Arc::clone(&left) }).await;
    left.store(3, Ordering::Relaxed);
    let mut record = record("a", HOUR);
    sessions.create(&mut record).await.unwrap();
    assert_eq!(left.load(Ordering::Relaxed), 0, "three were taken");
    assert_eq!(sessions.load(&record.id).await.unwrap().as_ref(), Some(&record));

    left.store(usize::MAX, Ordering::Relaxed);
    assert_fails!(sessions.create(&mut record).await, Error::Backend(_));
}

pub(crate) async fn no_id_is_used_twice<S: Store>(store: S) {
    let sessions = sessions(store).await;
    let mut record = record("a", HOUR);
    sessions.create(&mut record).await.unwrap();
    let old = record.id;
    sessions.delete(&old).await.unwrap();
    // As `flush` and a new entry do it in one request.
    sessions.create(&mut record).await.unwrap();
    assert_ne!(record.id, old);
    assert_eq!(sessions.load(&old).await.unwrap(), None);
}

pub(crate) async fn a_session_expires_when_its_record_says<S: Store>(store: S) {
    let vault = open(store).await;
    let sessions = VaultSessionStore::new(vault.clone());
    for lifetime in [Duration::MINUTE, HOUR, Duration::WEEK * 2] {
        let mut record = record("a", lifetime);
        sessions.create(&mut record).await.unwrap();
        let Ttl::After(left) = vault.ttl(name(record.id)).await.unwrap() else { panic!("it expires") };
        assert!(left <= lifetime && left > lifetime / 2, "{left:?}");
    }
}

pub(crate) async fn what_is_over_is_not_kept<S: Store>(store: S) {
    let sessions = sessions(store).await;
    for over in [Duration::ZERO, -Duration::SECOND, -HOUR * 24 * 365 * 1_000] {
        let mut record = record("a", HOUR);
        sessions.create(&mut record).await.unwrap();
        sessions.save(&Record { expiry_date: OffsetDateTime::now_utc() + over, ..record }).await.unwrap();
        assert_eq!(sessions.load(&record.id).await.unwrap(), None);

        let mut record = Record { id: record.id, ..crate::common::record("b", over) };
        let brought = record.id;
        sessions.create(&mut record).await.unwrap();
        assert_ne!(record.id, brought, "nobody walks away with an id that may be another's");
        assert_eq!(sessions.load(&record.id).await.unwrap(), None);
    }
}

pub(crate) async fn an_end_that_is_far_away_is_within_reach<S: Store>(store: S) {
    let vault = open(store).await;
    let sessions = VaultSessionStore::new(vault.clone());
    let last = PrimitiveDateTime::MAX;
    let west = UtcOffset::from_hms(-23, -59, -59).unwrap();
    // The last date in UTC, and another that no date in UTC is as late as.
    for end in [last.assume_utc(), last.assume_offset(west)] {
        let mut record = Record { expiry_date: end, ..record("a", HOUR) };
        sessions.create(&mut record).await.unwrap();
        sessions.save(&record).await.unwrap();
        let loaded = sessions.load(&record.id).await.unwrap().unwrap();
        assert_eq!((loaded.expiry_date, loaded.data), (last.assume_utc(), record.data));
        let Ttl::After(left) = vault.ttl(name(record.id)).await.unwrap() else { panic!("it expires") };
        assert!(left <= roomkey_core::MAX_DURATION);
    }
}

pub(crate) async fn namespaces_do_not_meet<S: Store>(store: S) {
    let vault = open(store).await;
    let other = VaultSessionStore::new(vault.namespace("other").await.unwrap());
    let sessions = VaultSessionStore::new(vault);
    let mut record = record("a", HOUR);
    sessions.create(&mut record).await.unwrap();
    assert_eq!(other.load(&record.id).await.unwrap(), None);
    other.delete(&record.id).await.unwrap();
    assert!(sessions.load(&record.id).await.unwrap().is_some());
}

pub(crate) async fn a_damaged_session_is_an_error_and_not_none<S: Store>(store: S) {
    let vault = open(store.clone()).await;
    let sessions = VaultSessionStore::new(vault.clone());
    let (mut one, mut other) = (record("one", HOUR), record("other", HOUR));
    sessions.create(&mut one).await.unwrap();
    sessions.create(&mut other).await.unwrap();
    let raw = async |op| store.run(Batch::one(op).unwrap()).await.unwrap().remove(0).unwrap();

    // Another session's record, plaintext, and half a record.
    let foreign = raw(Op::get(&key(&vault, other.id))).await.into_bytes().unwrap();
    for bytes in [foreign.to_vec(), b"{\"data\":{}}".to_vec(), foreign[..40].to_vec(), vec![]] {
        raw(Op::put(&key(&vault, one.id), Bytes::from(bytes), Life::Never)).await;
        assert_fails!(sessions.load(&one.id).await, Error::Decode(_));
    }
    // Whole, but nothing that this crate wrote.
    vault.set(name(one.id), "text", std::time::Duration::from_secs(60)).await.unwrap();
    assert_fails!(sessions.load(&one.id).await, Error::Decode(_));
    vault.delete(name(one.id)).await.unwrap();
    vault.rpush(name(one.id), &1u8).await.unwrap();
    assert_fails!(sessions.load(&one.id).await, Error::Decode(_));
    // Deleting helps.
    sessions.delete(&one.id).await.unwrap();
    assert_eq!(sessions.load(&one.id).await.unwrap(), None);
    assert_eq!(sessions.load(&other.id).await.unwrap(), Some(other));
}

pub(crate) async fn a_session_under_a_lost_key_is_none<S: Store>(store: S) {
    let app = fresh_app();
    let at = async |keyring: Keyring| {
        VaultSessionStore::new(Vault::builder().app(&app).open(store.clone(), keyring).await.unwrap())
    };
    let key = |byte| SecretKey::from_bytes([byte; 32]);
    let before = at(ring(1)).await;
    let mut record = record("a", HOUR);
    before.create(&mut record).await.unwrap();

    let both = Keyring::builder(key(2)).retired(key(1)).names(key(1).name_key()).build().unwrap();
    assert_eq!(at(both).await.load(&record.id).await.unwrap().as_ref(), Some(&record));
    let without = Keyring::builder(key(2)).names(key(1).name_key()).build().unwrap();
    assert_eq!(at(without).await.load(&record.id).await.unwrap(), None);
}

/// On memory this is shown with a paused clock, see `session_trouble.rs`.
#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn what_has_expired_on_redis_does_not_come_back() {
    let sessions = sessions(redis().await).await;
    let mut record = record("a", Duration::milliseconds(300));
    sessions.create(&mut record).await.unwrap();
    while sessions.load(&record.id).await.unwrap().is_some() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    record.expiry_date += HOUR;
    sessions.save(&record).await.unwrap();
    assert_eq!(sessions.load(&record.id).await.unwrap(), None);
}

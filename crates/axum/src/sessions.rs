//! A session store of `tower-sessions` over a vault.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use roomkey_core::{MAX_DURATION, Store};
use roomkey_vault::{Error, Json, Name, Vault};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use tower_sessions_core::SessionStore;
use tower_sessions_core::session::{Id, Record};
use tower_sessions_core::session_store::{Error as SessionError, Result};

/// How many ids are drawn for a new session. That two of 128 random bits meet once does not happen, so a store in which
/// they meet so often has another problem.
const DRAWS: usize = 8;

/// The last second that can be read as a date everywhere: west of Greenwich there are later ones, and with a feature of
/// `time` that any crate may turn on. It is the end of the year 9999.
const LAST: i64 = 253_402_300_799;

/// Keeps the sessions of [`tower-sessions`](tower_sessions_core) in a [`Vault`].
///
/// The store sees a keyed hash of a session's id, and its data sealed. So who can read the store, its backups or its
/// traffic has neither an id that could be put into a cookie nor anything that a session holds.
///
/// Hand it to a `SessionManagerLayer`; a clone costs next to nothing. All processes of a service that use one store,
/// key ring and namespace share their sessions. To keep sessions of two kinds apart, give each a
/// [namespace](Vault::namespace) of its own.
///
/// # What it promises
/// - **A session that was deleted does not come back.** [`save`](SessionStore::save) writes only over a session that is
///   there, in one step: a request that was under way when somebody signed out cannot sign them in again. It is then
///   no error, and the data of that request is gone with the session.
/// - **No two sessions share an id**, and no id is used twice. [`create`](SessionStore::create) draws an id of its
///   own, whatever the record brought, and claims it in one step; one that is taken is drawn again. `flush` leaves the
///   old id in its record, so that a session begun in the same request would else carry on under an id that the
///   requests of the old session still hold.
/// - **Sessions expire on the store's clock**, as long after a write as the record's `expiry_date` lay ahead of this
///   machine's clock then, at most 100 years. A record that is over already is not written, and one that is there
///   removed. Nobody has to clean up.
/// - **Trouble is an error**, never "no session": nobody is signed out because a store is away.
///
/// What no store can promise: `cycle_id` ends one session and begins another with the data that the request has read, and
/// does so also if the session was ended by somebody else meanwhile. It is for signing in, where the session before is
/// one that nobody is signed in to.
///
/// # Errors
/// [`Backend`](SessionError::Backend) for trouble of the store, [`Encode`](SessionError::Encode) for data that cannot be
/// written (over 16 MiB, or nested deeper than about 120 levels), [`Decode`](SessionError::Decode) for a record that was altered,
/// moved or never written by this service. They show no id and no data. A session sealed under a key that has left the
/// key ring counts as none, as it has for good, and its user signs in again; the vault counts it in its metrics.
///
/// # With a cache
/// A `CachingSessionStore` answers from its cache and saves there without asking whether the session is still there, so it
/// breaks the first promise: an ended session lives on in the caches of other processes. Reading from this store is one
/// round trip; leave the cache out. As the cache itself this store stays empty, since what is not there is not saved.
#[derive(Clone, Debug)]
pub struct VaultSessionStore<S> {
    vault: Vault<S>,
}

impl<S: Store> VaultSessionStore<S> {
    /// Sessions in the namespace of a vault.
    #[must_use]
    pub const fn new(vault: Vault<S>) -> Self {
        Self { vault }
    }
}

#[async_trait]
impl<S: Store> SessionStore for VaultSessionStore<S> {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let lifetime = lifetime(record);
        for _ in 0..DRAWS {
            record.id = Id::default();
            let Some(lifetime) = lifetime else { return Ok(()) };
            if self
                .vault
                .set_if_absent(name(&record.id), &Stored::new(record), lifetime)
                .await
                .map_err(told)?
            {
                return Ok(());
            }
        }
        Err(SessionError::Backend("every id that was drawn is taken".into()))
    }

    async fn save(&self, record: &Record) -> Result<()> {
        match lifetime(record) {
            Some(lifetime) => self
                .vault
                .set_if_present(name(&record.id), &Stored::new(record), lifetime)
                .await
                .map(drop)
                .map_err(told),
            None => self.delete(&record.id).await,
        }
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        match self.vault.get::<Json<Stored>>(name(id)).await {
            Ok(found) => found.map(|Json(stored)| stored.into_record(*id)).transpose(),
            Err(Error::UnknownKey(_)) => Ok(None),
            Err(other) => Err(told(other)),
        }
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.vault.delete(name(id)).await.map(drop).map_err(told)
    }
}

/// What is sealed of a record. Its id is in the name, to which the seal is bound.
///
/// A form of its own rather than the record's: how `time` writes a date is chosen by features that any crate of a
/// program may turn on, and one process could then not read what another wrote.
#[derive(Serialize, Deserialize)]
struct Stored {
    data: HashMap<String, Value>,
    /// When the session ends: seconds since 1970, and nanoseconds on top of them.
    seconds: i64,
    nanoseconds: u32,
}

impl Stored {
    fn new(record: &Record) -> Json<Self> {
        Json(Self {
            data: record.data.clone(),
            seconds: record.expiry_date.unix_timestamp().min(LAST),
            nanoseconds: record.expiry_date.nanosecond(),
        })
    }

    fn into_record(self, id: Id) -> Result<Record> {
        let expiry_date = OffsetDateTime::from_unix_timestamp(self.seconds)
            .and_then(|date| date.replace_nanosecond(self.nanoseconds))
            .map_err(|_| SessionError::Decode("the session ends at no date".into()))?;
        Ok(Record { id, data: self.data, expiry_date })
    }
}

fn name(id: &Id) -> Name<'static> {
    Name::new("tower-sessions").bytes(id.0.to_be_bytes())
}

/// How long a session still lives; `None` if it is over.
fn lifetime(record: &Record) -> Option<Duration> {
    let left = Duration::try_from(record.expiry_date - OffsetDateTime::now_utc()).ok()?;
    (!left.is_zero()).then(|| left.min(MAX_DURATION))
}

/// The error in the words of `tower-sessions`, whose errors are text and have no source.
fn told(error: Error) -> SessionError {
    match &error {
        // The vault only points to it here.
        Error::Store(cause) => SessionError::Backend(cause.to_string()),
        Error::NotRoundTrip { .. } | Error::Encode { .. } | Error::TooLarge { .. } => {
            SessionError::Encode(error.to_string())
        }
        Error::WrongType
        | Error::NotSealed
        | Error::UnknownFormat
        | Error::Rejected
        | Error::WrongCodec { .. }
        | Error::Decode { .. } => SessionError::Decode(error.to_string()),
        _ => SessionError::Backend(error.to_string()),
    }
}

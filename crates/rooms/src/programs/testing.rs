//! A room on a store in memory, in which every program can be run from every state.

use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{Batch, Entry, Limit, LogId, MAX_LIMIT, Op, Order, Outcome, Reply, Store, Txn};
use roomkey_memory::MemoryStore;
use roomkey_testkit::assert_retry_safe;
use roomkey_vault::{Keyring, Vault};

use super::{
    Applicant, AwayProgram, Basis, ConfigureProgram, Configured, Entered, Guarded, JoinProgram, Program,
    QUEUE, ReserveProgram, Reserved, fence, stored_limit,
};
use crate::event::Kind;
use crate::id::{Form, RoomId};
use crate::invariants::assert_whole;
use crate::keys::{Keys, PoolKeys, RoomKeys};
use crate::record::Draft;
use crate::terms::Terms;

pub(super) const LEASE: Duration = Duration::from_secs(30);
pub(super) const HOLD: Duration = Duration::from_secs(15);
pub(super) const GRACE: Duration = Duration::from_secs(60);

pub(super) const TERMS: Terms =
    Terms { lease: LEASE, hold: HOLD, grace: GRACE, keep: Duration::from_secs(86_400) };

pub(super) const BASIS: Basis = Basis { terms: TERMS, limit: 100 };

/// One room, and all that programs about it need.
pub(super) struct Place {
    pub(super) vault: Vault<MemoryStore>,
    pub(super) keys: Keys,
    pub(super) room: RoomKeys,
}

/// A member, with the record of one of its leases.
#[derive(Clone, Debug)]
pub(super) struct Own {
    pub(super) member: Bytes,
    pub(super) sealed: Bytes,
}

impl Own {
    pub(super) fn pair(&self) -> (Bytes, Bytes) {
        (self.member.clone(), fence(&self.sealed))
    }
}

impl Place {
    /// A room of two seats, for which two may wait.
    pub(super) async fn new() -> Self {
        let place = Self::bare().await;
        place.configure(2, 2).await;
        place
    }

    /// The same as the first room of a pool.
    pub(super) async fn pooled() -> Self {
        let mut place = Self::bare().await;
        let pool = place.keys.pool_tag("pool").unwrap();
        place.room = place.keys.room(RoomId(Form::Pooled { pool, number: 1 }));
        place.configure(2, 2).await;
        place
    }

    /// A room that is not configured.
    pub(super) async fn bare() -> Self {
        let vault = Vault::open(MemoryStore::new(), Keyring::from_key_bytes([7; 32])).await.unwrap();
        let keys = Keys::new(&vault);
        let room = keys.room(keys.id("room").unwrap());
        Self { vault, keys, room }
    }

    pub(super) fn memory(&self) -> &MemoryStore {
        self.vault.store()
    }

    pub(super) fn pool(&self) -> &PoolKeys {
        self.room.pool.as_ref().unwrap()
    }

    pub(super) fn configuration(&self, limit: i64, queue: i64) -> ConfigureProgram {
        let draft = Draft::new(b"room", self.vault.encode(&()).unwrap());
        let sealed = self.keys.seal_room(&self.room, &draft).unwrap();
        let configured = Configured { room: &self.room, basis: BASIS, limit, queue, sealed };
        ConfigureProgram::new(configured).unwrap()
    }

    pub(super) async fn configure(&self, limit: i64, queue: i64) {
        self.memory().transact(&self.configuration(limit, queue).txn).await.unwrap();
    }

    /// A member with a new record.
    pub(super) fn own(&self, name: &str) -> Own {
        let tag = self.keys.member(&self.room, name).unwrap();
        let draft = Draft::new(name.as_bytes(), self.vault.encode(&()).unwrap());
        let sealed = self.keys.seal_member(&self.room, tag, &draft).unwrap();
        Own { member: Bytes::copy_from_slice(tag.as_bytes()), sealed }
    }

    /// Somebody who knows how the room is configured.
    pub(super) fn applicant(&self, own: &Own) -> Applicant<'_> {
        Applicant {
            room: &self.room,
            configured: Some(TERMS),
            basis: BASIS,
            member: own.member.clone(),
            sealed: own.sealed.clone(),
            limit: stored_limit(&self.room, 100),
            queue: Limit::Stored { key: self.room.config.clone(), field: QUEUE, or: 0 },
        }
    }

    pub(super) fn joining(&self, own: &Own) -> JoinProgram {
        JoinProgram::new(self.applicant(own)).unwrap()
    }

    pub(super) fn reserving(&self, own: &Own) -> ReserveProgram {
        ReserveProgram::new(self.applicant(own)).unwrap()
    }

    /// Proves that a program is safe to repeat from the state in which the room is; returns its verdict.
    pub(super) async fn twice<P: Guarded + Sync>(&self, program: &P) -> P::Verdict
    where
        P::Verdict: std::fmt::Debug + PartialEq + Send,
    {
        let verdict = |outcome: &Outcome| {
            assert_eq!(program.guard().stale(outcome), None, "the terms are those of the room");
            program.verdict(outcome)
        };
        self.safe(program.txn(), verdict).await.unwrap()
    }

    /// The same for any program.
    pub(super) async fn safe<V: std::fmt::Debug + PartialEq>(
        &self,
        txn: &Txn,
        verdict: impl Fn(&Outcome) -> V,
    ) -> V {
        let verdict = assert_retry_safe(self.memory(), txn, verdict).await;
        self.assert_whole().await;
        verdict
    }

    pub(super) async fn assert_whole(&self) {
        assert_whole(&self.vault).await;
    }

    pub(super) async fn join(&self, name: &str) -> (Own, Entered) {
        let own = self.own(name);
        let program = self.joining(&own);
        let outcome = self.memory().transact(program.txn()).await.unwrap();
        // No two end at the same moment, so it is known who ends first.
        self.pass(Duration::from_millis(1)).await;
        (own, program.verdict(&outcome).unwrap())
    }

    pub(super) async fn seat(&self, name: &str) -> Own {
        let (own, entered) = self.join(name).await;
        assert_eq!(entered, Entered::Seated, "{name}");
        own
    }

    pub(super) async fn wait(&self, name: &str) -> Own {
        let (own, entered) = self.join(name).await;
        assert!(matches!(entered, Entered::Waiting { .. }), "{name}: {entered:?}");
        own
    }

    pub(super) async fn hold(&self, name: &str) -> Own {
        let own = self.own(name);
        let program = self.reserving(&own);
        let outcome = self.memory().transact(program.txn()).await.unwrap();
        assert_eq!(program.verdict(&outcome), Some(Reserved::Held), "{name}");
        self.pass(Duration::from_millis(1)).await;
        own
    }

    pub(super) async fn away(&self, own: &Own) {
        let program = AwayProgram::new(&self.room, BASIS, own.pair()).unwrap();
        self.memory().transact(&program.txn).await.unwrap();
    }

    pub(super) async fn pass(&self, time: Duration) {
        tokio::time::advance(time).await;
    }

    pub(super) async fn read(&self, op: Op) -> Reply {
        self.memory().run(Batch::one(op).unwrap()).await.unwrap().remove(0).unwrap()
    }

    /// The scores of members, by a ranking.
    pub(super) async fn scores<const N: usize>(
        &self,
        key: &roomkey_core::Key,
        members: [&Own; N],
    ) -> [Option<i64>; N] {
        let members = members.map(|own| own.member.clone());
        match self.read(Op::rank_scores(key, members)).await {
            Reply::Scores(scores) => scores.try_into().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn counted(&self, key: &roomkey_core::Key) -> i64 {
        self.read(Op::rank_count(key)).await.number().unwrap()
    }

    /// Everything that was told of the room since it was configured: a letter and a name for each.
    pub(super) async fn told(&self) -> Vec<String> {
        let all = Op::log_range(&self.room.events, LogId::MIN, LogId::MAX, Order::Lowest, MAX_LIMIT);
        let Reply::Entries(entries) = self.read(all).await else { panic!("entries were asked for") };
        let told = |entry: &Entry| {
            let field = |name| entry.field(name).unwrap();
            let kind = Kind::read(field("k")).unwrap();
            let (name, _) = self.keys.open_member(&self.room, field("m"), field("i")).unwrap();
            format!("{} {name}", kind.code())
        };
        let of_members = |entry: &&Entry| entry.field("k").unwrap() != Kind::Changed.code().as_bytes();
        entries.iter().filter(of_members).map(told).collect()
    }
}

//! Replies of ops and outcomes of transactions.

use bytes::Bytes;

use crate::{BranchId, Cursor, Entry, LogId, OpId, StoreTime, Ttl, Txn};

/// What an op replies; each [`Op`](crate::Op) says which form is its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the forms are the contract")]
pub enum Reply {
    /// The op did nothing: its list was empty, its referenced number missing, or the key of an `Expire` missing.
    Skipped,
    /// `Ttl`.
    Ttl(Ttl),
    /// `Expire`, `Put`: done.
    Written,
    /// `Delete`: whether the key existed.
    Flag(bool),
    /// `Get`, `Take`: the value.
    Bytes(Option<Bytes>),
    /// `Add`, `MapPut`, `MapRemove`, `Push`, `RankRemove`, `RankCount`.
    Number(i64),
    /// `MapGet`: per field.
    Optionals(Vec<Option<Bytes>>),
    /// `MapAll`: fields with values, in any order.
    Fields(Vec<(Bytes, Bytes)>),
    /// `MapMatch`: per field.
    Matches(Vec<Match>),
    /// `Pop`, `Range`, `RankTake`.
    Items(Vec<Bytes>),
    /// `RankPut`: the members written, in the order given, and the score that they now have. With no member written
    /// there is no score to speak of.
    Ranked {
        /// The members written.
        members: Vec<Bytes>,
        /// Their score; `None` if none was written.
        score: Option<i64>,
    },
    /// `RankRange`: members with scores.
    Scored(Vec<(Bytes, i64)>),
    /// `RankScores`: per member.
    Scores(Vec<Option<i64>>),
    /// `RankPlace`: how many members come before.
    Place(Option<u64>),
    /// `Append`: the ids of the entries, in order.
    Ids(Vec<LogId>),
    /// `LogRange`.
    Entries(Vec<Entry>),
    /// `Walk`.
    Page(WalkPage),
}

impl Reply {
    /// The value of a `Get` or `Take`; `None` also for any other reply.
    #[must_use]
    pub fn into_bytes(self) -> Option<Bytes> {
        match self {
            Self::Bytes(bytes) => bytes,
            _ => None,
        }
    }

    /// The number of an op that replies one.
    #[must_use]
    pub const fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The answer of a `Delete`.
    #[must_use]
    pub const fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            _ => None,
        }
    }
}

/// How a field compares with its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the three answers are the contract")]
pub enum Match {
    /// The field begins with the prefix.
    Match,
    /// The field is there and begins otherwise.
    Differs,
    /// There is no such field.
    Absent,
}

/// One page of a [`Walk`](crate::Op::Walk).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a page is exactly its items and where to go on")]
pub struct WalkPage {
    /// What was found.
    pub items: WalkItems,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}

/// The items of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a walk is over a map or a ranking")]
pub enum WalkItems {
    /// Fields of a map with their values.
    Fields(Vec<(Bytes, Bytes)>),
    /// Members of a ranking with their scores.
    Members(Vec<(Bytes, i64)>),
}

/// What a transaction did: the branches taken, the replies of the ops on the path, and the store's time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    taken: Vec<bool>,
    replies: Vec<Option<Reply>>,
    now: Option<StoreTime>,
}

impl Outcome {
    /// The outcome of a transaction of which only the root branch was taken and no op has replied yet; a store fills it
    /// in.
    #[must_use]
    pub fn new(txn: &Txn, now: Option<StoreTime>) -> Self {
        let mut taken = vec![false; txn.branches()];
        taken[BranchId::ROOT.index()] = true;
        Self { taken, replies: vec![None; txn.ops()], now }
    }

    /// Notes that a branch was taken.
    ///
    /// # Panics
    /// If the branch is not one of the transaction.
    pub fn take_branch(&mut self, branch: BranchId) {
        self.taken[branch.index()] = true;
    }

    /// Notes the reply of an op.
    ///
    /// # Panics
    /// If the op is not one of the transaction.
    pub fn set_reply(&mut self, op: OpId, reply: Reply) {
        self.replies[op.index()] = Some(reply);
    }

    /// Whether a branch was on the path.
    #[must_use]
    pub fn took(&self, branch: BranchId) -> bool {
        self.taken.get(branch.index()).copied().unwrap_or(false)
    }

    /// The branches taken, by the index of their ids.
    #[must_use]
    pub fn path(&self) -> &[bool] {
        &self.taken
    }

    /// The reply of an op; `None` if it was not on the path, or is a [quiet one](crate::TxnBuilder::quiet_op).
    #[must_use]
    pub fn reply(&self, op: OpId) -> Option<&Reply> {
        self.replies.get(op.index())?.as_ref()
    }

    /// The reply of an op, taken out.
    pub fn take_reply(&mut self, op: OpId) -> Option<Reply> {
        self.replies.get_mut(op.index())?.take()
    }

    /// The store's time, if the program used the clock or asked for it.
    #[must_use]
    pub const fn now(&self) -> Option<StoreTime> {
        self.now
    }
}

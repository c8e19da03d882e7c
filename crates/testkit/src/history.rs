//! What many callers asked of a store, what they were told, and whether its state can be explained by that.
//!
//! Every write has an identity of its own, so that the state at the end tells which of them happened and how often. What
//! was acknowledged has to be there once, what was not executed not at all, and what is ambiguous at most once. Reads are
//! checked as they come. (The idea is that of Jepsen; registers have one writer each, so no search is needed.
//! [`linear`](crate::linear) does search, for the fewer calls whose every answer counts.)

mod check;
mod load;
mod report;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use roomkey_core::{Class, Error, Key};

pub use load::{Load, Running};
pub use report::{Report, Wrong};

/// One way in which a history and a state do not fit.
type Wrongs = Vec<Wrong>;

/// What a caller asks for.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the deeds that the checker knows how to check")]
pub enum Deed {
    /// Adds 1 to a counter.
    Add(Key),
    /// Pushes an element that nobody else pushes.
    Push(Key, Bytes),
    /// Puts a field of a map that nobody else puts.
    Field(Key, Bytes),
    /// Joins a ranking as a member that nobody else is.
    Join(Key, Bytes),
    /// Leaves a ranking; asked for after the join has been answered.
    Leave(Key, Bytes),
    /// Writes a version of a register; each is written by one caller only, in ascending order, one at a time.
    Write(Key, u64),
    /// Reads a register.
    Read(Key),
}

/// What the store answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the answers that the deeds have")]
pub enum Answer {
    /// It is done.
    Done,
    /// It was refused for want of room, and nothing was done.
    NoRoom,
    /// The counter's new value.
    Number(i64),
    /// The version that was read; `None` if there was none.
    Version(Option<u64>),
    /// What was read is nothing that a caller wrote there.
    Foreign,
}

/// What became of a deed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    Acknowledged,
    /// Failed, and nobody knows whether it happened; or given up by its caller.
    Ambiguous,
    /// Failed without having happened: `NotExecuted`, `Full` and everything permanent.
    NotDone,
}

/// A record of deeds, shared by all who act. Clones share it.
#[derive(Clone, Default)]
pub struct History {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    counters: BTreeMap<Key, Counter>,
    /// Lists, maps and rankings.
    members: BTreeMap<Key, BTreeMap<Bytes, Member>>,
    registers: BTreeMap<Key, Register>,
    /// Every call that has ended.
    calls: Vec<Call>,
    /// When faults ended.
    heals: Vec<Instant>,
    wrongs: Wrongs,
    /// The most members seen in any ranking.
    most: i64,
}

#[derive(Default)]
struct Counter {
    acknowledged: i64,
    ambiguous: i64,
    numbers: BTreeMap<i64, u32>,
}

#[derive(Default)]
struct Member {
    put: Option<(Fate, bool)>,
    removed: Option<Fate>,
}

#[derive(Default)]
struct Register {
    asked: u64,
    /// The newest version that is known to have been there: acknowledged, or read.
    known: u64,
}

struct Call {
    caller: usize,
    name: &'static str,
    fate: Fate,
    began: Instant,
    ended: Instant,
}

impl History {
    /// An empty record.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that a caller is about to ask. What is dropped without an [answer](Pending::answered) or an
    /// [error](Pending::failed) was given up by its caller, and is ambiguous.
    #[must_use = "what is dropped at once counts as given up"]
    pub fn ask(&self, caller: usize, deed: Deed) -> Pending {
        let floor = match &deed {
            Deed::Write(key, version) => {
                let mut inner = self.lock();
                let register = inner.registers.entry(key.clone()).or_default();
                register.asked = register.asked.max(*version);
                register.known
            }
            Deed::Read(key) => self.lock().registers.entry(key.clone()).or_default().known,
            _ => 0,
        };
        Pending { history: self.clone(), caller, deed, floor, began: Instant::now(), ended: false }
    }

    /// Notes that a fault has just ended: the time until every caller has an acknowledgement again counts from here.
    pub fn healed(&self) {
        self.lock().heals.push(Instant::now());
    }

    /// Notes how many members a ranking has that may have so many at most, as seen in the server itself.
    pub fn saw_members(&self, members: i64, limit: i64) {
        let mut inner = self.lock();
        inner.most = inner.most.max(members);
        if members > limit {
            inner.wrongs.push(Wrong::OverLimit { members, limit });
        }
    }

    /// How many calls were acknowledged so far.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        self.lock().calls.iter().filter(|call| call.fate == Fate::Acknowledged).count()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A caller that panicked has its own failure to report; what it noted is whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History").field("calls", &self.lock().calls.len()).finish_non_exhaustive()
    }
}

/// A deed that has no answer yet.
#[derive(Debug)]
pub struct Pending {
    history: History,
    caller: usize,
    deed: Deed,
    /// Of a read: the version that it may not be older than.
    floor: u64,
    began: Instant,
    ended: bool,
}

impl Pending {
    /// Notes the store's answer.
    pub fn answered(mut self, answer: Answer) {
        self.end(Fate::Acknowledged, Some(answer));
    }

    /// Notes the store's error.
    pub fn failed(mut self, error: &Error) {
        let fate = if error.class() == Class::Ambiguous { Fate::Ambiguous } else { Fate::NotDone };
        self.end(fate, None);
    }

    fn end(&mut self, fate: Fate, answer: Option<Answer>) {
        self.ended = true;
        let mut inner = self.history.lock();
        let inner = &mut *inner;
        match &self.deed {
            Deed::Add(key) => {
                let counter = inner.counters.entry(key.clone()).or_default();
                match fate {
                    Fate::Acknowledged => counter.acknowledged += 1,
                    Fate::Ambiguous => counter.ambiguous += 1,
                    Fate::NotDone => {}
                }
                if let Some(Answer::Number(number)) = answer {
                    *counter.numbers.entry(number).or_default() += 1;
                }
            }
            Deed::Push(key, id) | Deed::Field(key, id) | Deed::Join(key, id) => {
                let member = inner.members.entry(key.clone()).or_default().entry(id.clone()).or_default();
                member.put = Some((fate, answer != Some(Answer::NoRoom)));
            }
            Deed::Leave(key, id) => {
                let member = inner.members.entry(key.clone()).or_default().entry(id.clone()).or_default();
                member.removed = Some(fate);
            }
            Deed::Write(key, version) => {
                let register = inner.registers.entry(key.clone()).or_default();
                if fate == Fate::Acknowledged {
                    register.known = register.known.max(*version);
                }
            }
            Deed::Read(key) => {
                let register = inner.registers.entry(key.clone()).or_default();
                match answer {
                    Some(Answer::Version(version)) => {
                        let version = version.unwrap_or(0);
                        if version < self.floor {
                            inner.wrongs.push(Wrong::Stale { read: version, known: self.floor });
                        }
                        if version > register.asked {
                            inner.wrongs.push(Wrong::NeverWritten);
                        }
                        register.known = register.known.max(version);
                    }
                    Some(Answer::Foreign) => inner.wrongs.push(Wrong::Foreign),
                    _ => {}
                }
            }
        }
        let (caller, name, began) = (self.caller, self.deed.name(), self.began);
        inner.calls.push(Call { caller, name, fate, began, ended: Instant::now() });
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.ended {
            self.end(Fate::Ambiguous, None);
        }
    }
}

impl Deed {
    fn name(&self) -> &'static str {
        match self {
            Self::Add(_) => "add",
            Self::Push(..) => "push",
            Self::Field(..) => "field",
            Self::Join(..) => "join",
            Self::Leave(..) => "leave",
            Self::Write(..) => "write",
            Self::Read(_) => "read",
        }
    }
}

impl Call {
    fn took(&self) -> Duration {
        self.ended.duration_since(self.began)
    }
}

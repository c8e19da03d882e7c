//! Many callers that do everything the checker can check, until they are told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use roomkey_core::{
    Batch, BranchId, Key, Kind, Life, Namespace, Op, Partition, RankPut, Reply, Result, SLOTS, Score, Store,
    TxnBuilder, Until,
};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{Answer, Deed, History, Report};
use crate::server::Resp;

/// Longer than any test.
const HOUR: Duration = Duration::from_secs(3_600);

/// What the callers do. Begin with the default.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Load {
    /// How many callers there are, 1 to 250. Each has a register that only it writes.
    pub callers: usize,
    /// Over how many partitions, at equal distances, the keys lie.
    pub partitions: u16,
    /// How many members a ranking may have.
    pub limit: i64,
    /// How long every caller rests after a call.
    pub rest: Duration,
    /// Stands in every key, member and value, so that a test can look for it where it must not be.
    pub mark: &'static str,
}

impl Default for Load {
    fn default() -> Self {
        Self { callers: 16, partitions: 8, limit: 10, rest: Duration::from_millis(1), mark: "planted" }
    }
}

/// Callers at work.
#[derive(Debug)]
pub struct Running {
    load: Load,
    history: History,
    stop: Arc<AtomicBool>,
    callers: JoinSet<()>,
    lateness: tokio::task::JoinHandle<Duration>,
}

impl Load {
    /// Sends the callers off. `seen` is shown every error.
    ///
    /// # Panics
    /// Outside a runtime, and a caller when the store answers in a form that the op does not have.
    pub fn start<S: Store>(
        &self,
        store: &S,
        seen: impl Fn(&roomkey_core::Error) + Clone + Send + Sync + 'static,
    ) -> Running {
        let history = History::new();
        let stop = Arc::new(AtomicBool::new(false));
        let mut callers = JoinSet::new();
        for number in 0..self.callers {
            let caller = Caller {
                number,
                load: self.clone(),
                store: store.clone(),
                history: history.clone(),
                seen: seen.clone(),
            };
            let stop = Arc::clone(&stop);
            callers.spawn(async move {
                let mut round = 0;
                while !stop.load(Ordering::Relaxed) {
                    round += 1;
                    caller.round(round).await;
                }
            });
        }
        let lateness = tokio::spawn(lateness(Arc::clone(&stop)));
        Running { load: self.clone(), history, stop, callers, lateness }
    }

    /// The keys of all rankings, which have a limit.
    pub fn rankings(&self) -> impl Iterator<Item = Key> + use<'_> {
        (0..self.partitions).map(|partition| self.key(Kind::Ranking, partition, 0))
    }

    pub(super) fn key(&self, kind: Kind, partition: u16, number: u8) -> Key {
        let namespace = Namespace::new("test", "v1", self.mark).unwrap_or_else(|e| panic!("{e}"));
        let step = SLOTS / self.partitions;
        let slot = Partition::from_slot(partition * step + step / 2);
        let tag = [kind as u8 + 1, number, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7];
        Key::new(kind, &namespace, slot.unwrap_or_else(|| panic!("too many partitions")), tag)
    }
}

impl Running {
    /// The record of what is done.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Waits until so many more calls have been acknowledged.
    ///
    /// # Panics
    /// When that takes longer than a minute.
    pub async fn until_acknowledged(&self, more: usize) {
        let (before, began) = (self.history.acknowledged(), Instant::now());
        while self.history.acknowledged() < before + more {
            assert!(began.elapsed() < Duration::from_secs(60), "the callers do not get on");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Stops the callers, each after the round that it is in, and checks. Also tells how late this runtime's timers were
    /// at worst: by so much, calls were held up by the machine and not by the store.
    ///
    /// # Panics
    /// When a caller did.
    pub async fn finish(mut self, ask: impl FnMut(&Key, &[&[u8]]) -> Resp) -> (Report, Duration) {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(caller) = self.callers.join_next().await {
            caller.unwrap_or_else(|e| panic!("a caller failed: {e}"));
        }
        let late = self.lateness.await.unwrap_or_default();
        (self.history.check(ask), late)
    }

    /// What the callers do.
    #[must_use]
    pub fn load(&self) -> &Load {
        &self.load
    }
}

struct Caller<S, F> {
    number: usize,
    load: Load,
    store: S,
    history: History,
    seen: F,
}

impl<S: Store, F: Fn(&roomkey_core::Error) + Sync> Caller<S, F> {
    /// One of every deed, in places that change from round to round.
    async fn round(&self, round: u64) {
        // Both are small: a remainder, and at most 250 callers.
        let partition = ((round + self.number as u64) % u64::from(self.load.partitions)) as u16;
        let own = self.register(self.number);
        let id = Bytes::from(format!("{}:{}:{round}", self.load.mark, self.number));
        let counter = self.load.key(Kind::Value, partition, 255);
        let (list, map) = (self.load.key(Kind::List, partition, 0), self.load.key(Kind::Map, partition, 0));
        let ranking = self.load.key(Kind::Ranking, partition, 0);

        let write = Op::put(&own, value(&own, round, self.load.mark), Life::Never);
        self.run(Deed::Write(own, round), write, done).await;
        let other = self.register((self.number + round as usize) % self.load.callers);
        let read = |reply: Reply| match reply.into_bytes() {
            None => Answer::Version(None),
            Some(bytes) => version(&other, &bytes).map_or(Answer::Foreign, |v| Answer::Version(Some(v))),
        };
        self.run(Deed::Read(other.clone()), Op::get(&other), read).await;
        self.run(Deed::Add(counter.clone()), Op::add(&counter, 1, Life::Keep), number).await;
        let push = Op::push(&list, roomkey_core::End::Back, id.clone(), Life::Keep);
        self.run(Deed::Push(list, id.clone()), push, done).await;
        let field = Op::map_put(&map, id.clone(), id.clone(), Life::Keep);
        self.run(Deed::Field(map, id.clone()), field, done).await;
        self.join(&ranking, &id).await;
        // One of many stays, so that at the end there is something to find.
        if round % 64 != 63 {
            let leave = Op::rank_remove(&ranking, id.clone());
            self.run(Deed::Leave(ranking, id), leave, done).await;
        }
    }

    fn register(&self, caller: usize) -> Key {
        // At most 250 callers, and a remainder by a u16.
        let partition = (caller % usize::from(self.load.partitions)) as u16;
        self.load.key(Kind::Value, partition, caller as u8)
    }

    async fn run(&self, deed: Deed, op: Op, answer: impl FnOnce(Reply) -> Answer + Send) {
        let pending = self.history.ask(self.number, deed);
        let batch = Batch::one(op).unwrap_or_else(|e| panic!("the load is invalid: {e}"));
        let reply = match self.store.run(batch).await {
            Ok(mut replies) => replies.remove(0),
            Err(error) => Err(error),
        };
        match self.look(reply) {
            Ok(reply) => pending.answered(answer(reply)),
            Err(error) => pending.failed(&error),
        }
        sleep(self.load.rest).await;
    }

    async fn join(&self, ranking: &Key, id: &Bytes) {
        let mut txn = TxnBuilder::new("history.join");
        let put = RankPut::new(ranking, id.clone(), Score::After(Until::In(HOUR))).within(self.load.limit);
        let put = txn.op(BranchId::ROOT, put);
        // A member that is in already is let in again, so twice is as good as once.
        let txn = txn.retry_safe().build().unwrap_or_else(|e| panic!("the load is invalid: {e}"));
        let pending = self.history.ask(self.number, Deed::Join(ranking.clone(), id.clone()));
        match self.look(self.store.transact(&txn).await) {
            Ok(outcome) => match outcome.reply(put) {
                Some(Reply::Ranked { members, .. }) if members.is_empty() => pending.answered(Answer::NoRoom),
                Some(Reply::Ranked { .. }) => pending.answered(Answer::Done),
                _ => panic!("a join has another answer"),
            },
            Err(error) => pending.failed(&error),
        }
        sleep(self.load.rest).await;
    }

    fn look<T>(&self, result: Result<T>) -> Result<T> {
        result.inspect_err(|error| (self.seen)(error))
    }
}

fn done(_: Reply) -> Answer {
    Answer::Done
}

fn number(reply: Reply) -> Answer {
    reply.number().map_or(Answer::Foreign, Answer::Number)
}

/// What a register holds: whose it is, which version, and the mark.
fn value(key: &Key, version: u64, mark: &str) -> Bytes {
    Bytes::from(format!("{key} {version} {mark}"))
}

/// The version in a value, if it is one of this register.
pub(super) fn version(key: &Key, value: &[u8]) -> Option<u64> {
    let (whose, rest) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    let (version, _) = rest.split_once(' ')?;
    (whose == key.to_string()).then(|| version.parse().ok())?
}

/// How late a timer of this runtime was at worst.
async fn lateness(stop: Arc<AtomicBool>) -> Duration {
    const NAP: Duration = Duration::from_millis(5);
    let mut worst = Duration::ZERO;
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        sleep(NAP).await;
        worst = worst.max(began.elapsed().saturating_sub(NAP));
    }
    worst
}
